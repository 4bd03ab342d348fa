//! The canonical form of a body: what it means, as far as its content type or its shape tells.

use http::header::CONTENT_TYPE;
use sha2::{Digest, Sha256};

use super::json::Tree;
use super::mismatch::BodyKind;
use super::multipart::{self, Part};
use super::pairs::{self, Pairs};
use super::parameters::Value;
use super::{Matching, Pointer};
use crate::json;
use crate::tape::{Content, Request};

#[derive(Debug)]
pub(super) enum Body<'a> {
    /// Left out, or none.
    Nothing,
    Json(Tree<'a>),
    Form(Pairs<'a>),
    Multipart(Vec<Part<'a>>),
    Bytes(Raw<'a>),
}

/// Bytes without a meaning. Inline or in a file, they are the same by their hash.
#[derive(Debug)]
pub(super) struct Raw<'a> {
    /// Where they are at hand.
    pub(super) bytes: Option<&'a [u8]>,
    pub(super) size: u64,
    /// Lower-case hex.
    pub(super) sha256: String,
}

/// Multiparts within multiparts: enough for every real one, and an end for a hostile one.
const MAX_NESTING: usize = 8;

impl<'a> Body<'a> {
    pub(super) fn new(matching: &Matching, request: &'a Request) -> Self {
        if matching.ignored_body {
            return Body::Nothing;
        }
        match &request.body.content {
            Content::Inline(bytes) => {
                let content_type = request.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
                Body::of_bytes(bytes, content_type.unwrap_or(""), &matching.ignored_json, 0)
            }
            Content::File(file) => {
                let sha256 = file.sha256.to_ascii_lowercase();
                Body::Bytes(Raw { bytes: None, size: file.size, sha256 })
            }
        }
    }

    /// `depth`: of multiparts around it.
    pub(super) fn of_bytes(
        bytes: &'a [u8],
        content_type: &str,
        ignored: &[Pointer],
        depth: usize,
    ) -> Body<'a> {
        if bytes.is_empty() {
            return Body::Nothing;
        }
        let kind = Value::parse(content_type);
        if kind.main == "application/x-www-form-urlencoded" {
            return Body::Form(pairs::parse(bytes));
        }
        if kind.main.starts_with("multipart/") && depth < MAX_NESTING {
            if let Some(parts) = multipart::parse(bytes, &kind, ignored, depth) {
                return Body::Multipart(parts);
            }
        } else if (is_json(&kind.main) || looks_like_json(bytes))
            && let Ok(value) = json::parse(bytes)
        {
            return Body::Json(Tree::new(value, ignored));
        }
        let sha256 = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        Body::Bytes(Raw { bytes: Some(bytes), size: bytes.len() as u64, sha256 })
    }

    pub(super) fn kind(&self) -> BodyKind {
        match self {
            Body::Nothing => BodyKind::Empty,
            Body::Json(_) => BodyKind::Json,
            Body::Form(_) => BodyKind::Form,
            Body::Multipart(_) => BodyKind::Multipart,
            Body::Bytes(_) => BodyKind::Bytes,
        }
    }
}

/// The media type itself or the suffix of a structured one (RFC 6839 §3.1).
fn is_json(media_type: &str) -> bool {
    matches!(media_type, "application/json" | "text/json") || media_type.ends_with("+json")
}

/// An object or an array, as scalars can be anything: `1.0` in plain text is a text.
fn looks_like_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}
