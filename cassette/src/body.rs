//! The streaming body that every way in and every way out speaks: boxed, so that one service fits them all.
//!
//! Must not know: where a body comes from or where it goes.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};

/// What can go wrong inside a body.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body of `Bytes` chunks, never held whole.
pub(crate) type Body = BoxBody<Bytes, BoxError>;

/// No body.
pub(crate) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// A body that is at hand whole.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}
