//! The canonical form of a body: what it means, as far as its content type or its shape tells.

use http::header::CONTENT_TYPE;
use sha2::{Digest, Sha256};

use super::form::Head;
use super::graphql;
use super::json::Tree;
use super::mismatch::BodyKind;
use super::multipart::{self, Part};
use super::options::InForce;
use super::pairs::{self, Pairs};
use super::xml::{self, Element};
use crate::syntax::parameters::Value;
use crate::tape::{Content, Request};
use crate::{json, media_type};

#[derive(Debug)]
pub(super) enum Body<'a> {
    /// Left out, or none.
    Nothing,
    Json(Tree<'a>),
    Form(Pairs<'a>),
    Multipart(Vec<Part<'a>>),
    Xml(Element),
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
    pub(super) fn new(options: &InForce<'_>, head: &Head<'_>, request: &'a Request) -> Self {
        if !options.body() {
            return Body::Nothing;
        }
        match &request.body.content {
            Content::Inline(bytes) => {
                let content_type = request.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
                let context = Context { options, graphql: head.is_graphql(), depth: 0 };
                Body::of_bytes(bytes, content_type.unwrap_or(""), context)
            }
            Content::File(file) => {
                let sha256 = file.sha256.to_ascii_lowercase();
                Body::Bytes(Raw { bytes: None, size: file.size, sha256 })
            }
        }
    }

    pub(super) fn of_bytes(bytes: &'a [u8], content_type: &str, context: Context<'_, '_>) -> Body<'a> {
        if bytes.is_empty() {
            return Body::Nothing;
        }
        let kind = Value::parse(content_type);
        if media_type::is_form(&kind.main) {
            let mut pairs = pairs::parse(bytes);
            pairs.retain(|(key, _)| context.options.form(key));
            return Body::Form(pairs);
        }
        if kind.main.starts_with("multipart/") && context.depth < MAX_NESTING {
            if let Some(parts) = multipart::parse(bytes, &kind, context) {
                return Body::Multipart(parts);
            }
        } else if let Some(value) = json_of(bytes, &kind.main, context.graphql) {
            return Body::Json(Tree::new(value, &context.options.json()));
        } else if (media_type::is_xml(&kind.main) || bytes.starts_with(b"<?xml"))
            && let Ok(text) = std::str::from_utf8(bytes)
            && let Some(root) = xml::parse(text, &context.options.xml())
        {
            return Body::Xml(root);
        }
        let sha256 = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        Body::Bytes(Raw { bytes: Some(bytes), size: bytes.len() as u64, sha256 })
    }

    /// Is there nothing in it to tell it from another of its kind?
    pub(super) fn is_hollow(&self) -> bool {
        match self {
            Body::Nothing => true,
            Body::Json(Tree::Ignored) => true,
            Body::Json(Tree::Object(members)) => members.is_empty(),
            Body::Json(Tree::Array(items)) => items.iter().all(|item| matches!(item, Tree::Ignored)),
            Body::Json(_) | Body::Bytes(_) => false,
            Body::Form(pairs) => pairs.is_empty(),
            Body::Multipart(parts) => parts.is_empty(),
            Body::Xml(root) => root.attributes.is_empty() && root.children.is_empty(),
        }
    }

    pub(super) fn kind(&self) -> BodyKind {
        match self {
            Body::Nothing => BodyKind::Empty,
            Body::Json(_) => BodyKind::Json,
            Body::Form(_) => BodyKind::Form,
            Body::Multipart(_) => BodyKind::Multipart,
            Body::Xml(_) => BodyKind::Xml,
            Body::Bytes(_) => BodyKind::Bytes,
        }
    }
}

/// What it takes to read a body, or a part of one.
#[derive(Clone, Copy)]
pub(super) struct Context<'o, 'm> {
    pub(super) options: &'o InForce<'m>,
    /// It goes to a GraphQL server.
    pub(super) graphql: bool,
    /// Of multiparts around it.
    pub(super) depth: usize,
}

/// The JSON value that a body is, with GraphQL in it normalised.
fn json_of<'a>(bytes: &'a [u8], essence: &str, endpoint: bool) -> Option<json::Value<'a>> {
    if essence == "application/graphql" {
        return std::str::from_utf8(bytes).ok().and_then(graphql::document);
    }
    if !media_type::is_json(essence) && !looks_like_json(bytes) {
        return None;
    }
    json::parse(bytes).ok().map(|value| graphql::in_json(value, endpoint))
}

/// An object or an array, as scalars can be anything: `1.0` in plain text is a text.
fn looks_like_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}
