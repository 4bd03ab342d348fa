//! The fragment of a URI.
//!
//! Must not know: how a URI is matched or redacted.

use crate::placeholder;

/// The offset of the fragment, or the length of the URI if there is none. A `#` in a placeholder begins no fragment;
/// placeholders in older cassettes may have a `#`.
pub(crate) fn fragment(uri: &str) -> usize {
    let placeholders: Vec<_> = placeholder::spans_of_secrets(uri).collect();
    let is_within = |at: usize| placeholders.iter().any(|span| span.contains(&at));
    uri.match_indices('#').map(|(at, _)| at).find(|at| !is_within(*at)).unwrap_or(uri.len())
}
