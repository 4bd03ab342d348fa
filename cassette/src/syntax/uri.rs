//! Where the fragment of a URI begins.
//!
//! Must not know: how a URI is matched or redacted.

use crate::placeholder;

/// Where the fragment of a URI begins; its end, if it has none. The name of a secret in a placeholder may have a `#`.
pub(crate) fn fragment(uri: &str) -> usize {
    let placeholders: Vec<_> = placeholder::spans_of_secrets(uri).collect();
    let is_within = |at: usize| placeholders.iter().any(|span| span.contains(&at));
    uri.match_indices('#').map(|(at, _)| at).find(|at| !is_within(*at)).unwrap_or(uri.len())
}
