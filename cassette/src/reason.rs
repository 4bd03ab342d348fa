//! The reason phrase of an HTTP/1 response, if it differs from the usual phrase for the status. hyper stores such a
//! phrase in the extensions of the response.
//!
//! Must not know: where a response comes from.

use http::{Extensions, HeaderValue};

/// Returns the reason phrase if it differs from the usual phrase. An empty phrase differs, too.
///
/// The result is a [`HeaderValue`], because a reason phrase and a header value may contain the same bytes (RFC 9112 §4,
/// RFC 9110 §5.5).
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
