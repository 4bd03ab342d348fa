//! What is on a cassette: interactions, each a request and what came of it. Plain data.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value};

use crate::transport_error::TransportError;

/// One exchange as recorded: a request and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interaction {
    /// The request, redacted.
    pub request: Request,
    /// What came of it.
    pub outcome: Outcome,
    /// What somebody wrote about its replay, by hand.
    pub policy: Policy,
    /// Keys that mean nothing here, kept when the file is rewritten.
    pub extra: Map<String, Value>,
}

/// How one interaction is replayed, where that is not as the session says: keys beside `request` and `response`,
/// written into a cassette by hand. A new recording doesn't have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// `"optional": true`: a test needn't ask for it.
    pub optional: bool,
    /// `"repeat": true`: once all equal recordings are used, it answers again.
    pub repeat: bool,
    /// `"template": true`: expressions such as `{{request.query.nonce}}` in its response are filled in.
    pub template: bool,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every outcome is a response, one is in memory at a time"
)]
pub enum Outcome {
    /// The server answered.
    Response(Response),
    /// It did not.
    Error(TransportError),
}

/// The recorded form of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: http::Method,
    /// Absolute, with scheme and host: `https://api.example.com/v1/items?page=2`.
    pub uri: String,
    /// In the order of the wire for one name; names are sorted when written.
    pub headers: HeaderMap,
    /// Decoded, redacted.
    pub body: Body,
}

/// The recorded form of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The protocol version of the upstream's answer.
    pub version: http::Version,
    /// As for the request.
    pub headers: HeaderMap,
    /// Decoded, redacted.
    pub body: Body,
    /// Sent after the body (RFC 9110 §6.5).
    pub trailers: HeaderMap,
    /// The body broke off here: what `body` holds came first, then this failure.
    pub cut: Option<TransportError>,
}

/// A body, byte-exact. How it is shown in a cassette (JSON in place, text, base64) follows from its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// The bytes, or where they are.
    pub content: Content,
    /// The `content-encoding` that the wire had before the body was decoded for the cassette.
    pub encoding: Option<String>,
}

/// The bytes of a [`Body`], or where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Up to the inline limit: in the document itself. Empty where there is no body.
    Inline(Bytes),
    /// Above it: in a file of its own.
    File(BodyFile),
}

/// A body too long for the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyFile {
    /// The file's name inside the cassette's bodies folder: `<sha256>.<ext>`. Empty where the bytes were
    /// only hashed (a request while replaying).
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Lower-case hex.
    pub sha256: String,
}

impl Interaction {
    /// A request and what came of it.
    pub fn new(request: Request, outcome: Outcome) -> Interaction {
        Interaction { request, outcome, policy: Policy::default(), extra: Map::new() }
    }

    /// Every body of the interaction, the request's first.
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
    /// A body of these bytes, inline, that was not compressed.
    pub fn inline(bytes: impl Into<Bytes>) -> Body {
        Body { content: Content::Inline(bytes.into()), encoding: None }
    }

    /// Bytes, after decoding.
    pub fn size(&self) -> u64 {
        match &self.content {
            Content::Inline(b) => b.len() as u64,
            Content::File(f) => f.size,
        }
    }
}
