//! The reason phrase of an HTTP/1 response, if it is not the usual one of its status. hyper keeps it among the
//! extensions of a response.
//!
//! Must not know: where a response comes from.

use http::{Extensions, HeaderValue};

/// The reason phrase that differs from the usual one. An empty reason phrase differs as well.
///
/// The result is a [`HeaderValue`], because the same bytes are allowed in both (RFC 9112 §4, RFC 9110 §5.5).
pub(crate) fn of(extensions: &Extensions) -> Option<HeaderValue> {
    #[cfg(feature = "proxy")]
    if let Some(reason) = extensions.get::<hyper::ext::ReasonPhrase>() {
        return HeaderValue::from_bytes(reason.as_bytes()).ok();
    }
    let _ = extensions;
    None
}

/// Gives a response this reason phrase.
pub(crate) fn set(extensions: &mut Extensions, reason: &HeaderValue) {
    #[cfg(feature = "proxy")]
    if let Ok(reason) = hyper::ext::ReasonPhrase::try_from(reason.as_bytes()) {
        extensions.insert(reason);
    }
    #[cfg(not(feature = "proxy"))]
    let _ = (extensions, reason);
}
