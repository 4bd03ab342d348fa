//! The streaming body that every part passes on. Nothing here holds more than one chunk.

use bytes::Bytes;
use http_body_util::BodyExt as _;

/// Why a body broke off.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A streaming body: of a request on its way up, of a response on its way down.
pub(crate) type Body = http_body_util::combinators::BoxBody<Bytes, BoxError>;

/// A body without bytes.
pub(crate) fn empty() -> Body {
    http_body_util::Empty::new().map_err(|never| match never {}).boxed()
}

/// A body of these bytes.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    http_body_util::Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}
