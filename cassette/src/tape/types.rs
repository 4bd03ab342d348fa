//! The data of a cassette: its interactions. Each interaction is a request and its outcome.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};

use super::{Chunks, Turn};
use crate::meaning::Meaning;
use crate::transport_error::TransportError;

/// A recorded exchange: a request and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interaction {
    /// The request, redacted.
    pub request: Request,
    /// The response or the failure.
    pub outcome: Outcome,
    /// The order of messages, if the response began before the request had ended. Otherwise empty.
    pub turns: Vec<Turn>,
    /// How the interaction is replayed, as a person wrote it into the cassette.
    pub policy: Policy,
    /// Keys that this library does not know. They stay when the file is rewritten.
    pub extra: Map<String, Value>,
}

/// How one interaction is replayed, if that differs from the session's settings. People write these keys into a
/// cassette by hand, next to `request` and `response`. A new recording does not have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// `"optional": true`: the test passes even if it does not use the interaction.
    pub optional: bool,
    /// `"repeat": true`: when all recordings of the same request are used, the interaction answers further requests.
    pub repeat: bool,
    /// `"template": true`: a replay fills in expressions such as `{{request.query.nonce}}` in the response.
    pub template: bool,
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every outcome is a response, one is in memory at a time"
)]
pub enum Outcome {
    /// The server sent a response.
    Response(Response),
    /// No response came.
    Error(TransportError),
}

/// The recorded form of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: http::Method,
    /// The absolute URI, with scheme and host: `https://api.example.com/v1/items?page=2`.
    pub uri: String,
    /// If a header occurs several times, its values are in the order of the wire. The cassette has the names in sorted
    /// order.
    pub headers: HeaderMap,
    /// The body, decoded and redacted.
    pub body: Body,
}

/// The recorded form of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase of HTTP/1, if it is not the usual one of the status. It may be empty.
    pub reason: Option<HeaderValue>,
    /// The protocol version of the upstream's response.
    pub version: http::Version,
    /// The headers, in the same order as in [`Request::headers`].
    pub headers: HeaderMap,
    /// The body, decoded and redacted.
    pub body: Body,
    /// The trailers, which are headers that the server sent after the body (RFC 9110 §6.5).
    pub trailers: HeaderMap,
    /// The failure that cut the body off. `body` holds the bytes before the failure.
    pub cut: Option<TransportError>,
}

/// The exact bytes of a body. Depending on the bytes, the cassette shows the body as JSON, as text or as base64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// The bytes, or the file that holds them.
    pub content: Content,
    /// The `content-encoding` that the body had on the wire. The cassette has the decoded body.
    pub encoding: Option<String>,
    /// The ends of the chunks, if the body is a stream.
    pub chunks: Chunks,
}

/// The bytes of a [`Body`], or the file that holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The bytes of a body that is not longer than the inline limit. The document contains them. Empty if there is no
    /// body.
    Inline(Bytes),
    /// The file of a longer body.
    File(BodyFile),
}

/// The file of a body that is too long for the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyFile {
    /// The file's name inside the cassette's bodies folder: `<sha256>.<ext>`. Empty if the bytes were only hashed and
    /// not stored, as for the body of a request on replay.
    pub name: String,
    /// The length in bytes.
    pub size: u64,
    /// The SHA-256 hash in lower-case hexadecimal.
    pub sha256: String,
    /// The meaning of the body, for the request of a replay. `None` if it is not known, or if only the bytes count.
    pub(crate) meaning: Option<Arc<Meaning>>,
}

impl Interaction {
    /// An interaction of a request and its outcome.
    pub fn new(request: Request, outcome: Outcome) -> Interaction {
        Interaction { request, outcome, turns: Vec::new(), policy: Policy::default(), extra: Map::new() }
    }

    /// The body of the request, and the body of the response if there is one.
    pub fn bodies(&self) -> impl Iterator<Item = &Body> {
        let response = match &self.outcome {
            Outcome::Response(r) => Some(&r.body),
            Outcome::Error(_) => None,
        };
        std::iter::once(&self.request.body).chain(response)
    }
}

impl Default for Content {
    fn default() -> Self {
        Content::Inline(Bytes::new())
    }
}

impl Body {
    /// An inline body of these bytes, without a `content-encoding`.
    pub fn inline(bytes: impl Into<Bytes>) -> Body {
        Body { content: Content::Inline(bytes.into()), ..Body::default() }
    }

    /// The length in bytes, after decoding.
    pub fn size(&self) -> u64 {
        match &self.content {
            Content::Inline(b) => b.len() as u64,
            Content::File(f) => f.size,
        }
    }
}
