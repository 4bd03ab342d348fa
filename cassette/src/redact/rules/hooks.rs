//! The hooks of a project: closures that redact heads and whole bodies, and the types of their arguments.
//!
//! Must not know: when a hook runs, what becomes of its result.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};

use crate::media_type;
use crate::redact::rules::label::Label;
use crate::redact::side::Side;

/// The head of a request, as the code under test sent it. cassette stores and matches the hook's result; the server
/// gets the original.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method. A hook cannot change it.
    pub method: Method,
    /// The whole URL: `https://api.example.com/users?page=2`.
    pub uri: String,
    /// The headers.
    pub headers: HeaderMap,
}

/// The head of a response, as the server sent it. cassette stores the hook's result; while recording, the code under
/// test gets the original.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ResponseHead {
    /// The URL of the request as it is stored: redacted.
    pub uri: String,
    /// The status. A hook cannot change it.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
}

/// The context of a body: whether it belongs to a request or a response, the URL and the headers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BodyHead {
    /// Whether the body belongs to the request or to the response.
    pub side: Side,
    /// The URL of the request as it is stored: redacted.
    pub uri: String,
    /// The headers of the same message, not redacted.
    pub headers: HeaderMap,
}

impl BodyHead {
    /// The media type of `content-type`, without parameters and in lower case (RFC 9110 §8.3.1): `application/pdf`.
    /// Empty if the header is missing.
    pub fn content_type(&self) -> String {
        let value = self.headers.get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        media_type::essence(value.unwrap_or(""))
    }
}

/// The longest body that a hook can redact, in bytes after decoding: 16 MiB. cassette holds such a body in memory.
pub const MOST_HOOKED: usize = 16 << 20;

pub(crate) type HeadHook<H> = Hook<dyn Fn(&mut H) + Send + Sync>;

/// All hooks of a project.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hooks {
    pub(crate) requests: Vec<HeadHook<RequestHead>>,
    pub(crate) responses: Vec<HeadHook<ResponseHead>>,
    pub(crate) bodies: Vec<Hook<dyn BodyHook>>,
}

pub(crate) struct Hook<F: ?Sized> {
    pub(crate) name: Arc<str>,
    pub(crate) run: Arc<F>,
}

impl<F: ?Sized> Hook<F> {
    pub(crate) fn new(name: &str, run: Arc<F>) -> Hook<F> {
        Hook { name: name.into(), run }
    }

    /// The label in `_metadata.redaction`.
    pub(crate) fn label(&self) -> Label {
        label(&self.name)
    }
}

pub(crate) fn label(name: &str) -> Label {
    Label::own("hook", name)
}

impl<F: ?Sized> Clone for Hook<F> {
    fn clone(&self) -> Hook<F> {
        Hook { name: self.name.clone(), run: self.run.clone() }
    }
}

impl<F: ?Sized> fmt::Debug for Hook<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A pair of closures: the first closure selects bodies, and the second closure changes these bodies.
pub(crate) trait BodyHook: Send + Sync {
    fn wants(&self, head: &BodyHead) -> bool;
    fn change(&self, head: &BodyHead, body: Vec<u8>) -> Vec<u8>;
}

impl<W, C> BodyHook for (W, C)
where
    W: Fn(&BodyHead) -> bool + Send + Sync,
    C: Fn(&BodyHead, Vec<u8>) -> Vec<u8> + Send + Sync,
{
    fn wants(&self, head: &BodyHead) -> bool {
        self.0(head)
    }

    fn change(&self, head: &BodyHead, body: Vec<u8>) -> Vec<u8> {
        self.1(head, body)
    }
}
