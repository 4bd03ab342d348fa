//! The canonical form of a body. It represents the meaning of the body, if the content type or the first characters
//! show the format.
//!
//! Must not know: how bodies are compared.

use http::header::CONTENT_TYPE;
use sha2::{Digest, Sha256};

use super::graphql;
use super::json::Tree;
use super::mismatch::BodyKind;
use super::multipart;
use super::options::InForce;
use super::pairs::{self, Pairs};
use super::xml::{self, Element};
use crate::hex;
use crate::meaning::{LongPart, Meaning, PartContent, Summary};
use crate::syntax::parameters::Value;
use crate::tape::{Content, Request};
use crate::{json, media_type};

#[derive(Debug)]
pub(super) enum CanonicalBody<'a> {
    /// There is no body, or matching ignores it.
    Nothing,
    Json(Tree<'a>),
    Form(Pairs<'a>),
    Multipart(Vec<Part<'a>>),
    Xml(Element),
    Bytes(Raw<'a>),
    /// JSON or a form that is too long to keep, as its hash.
    Long(BodyKind, &'a Summary),
}

/// One part of a multipart body.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// The name of the part, if the multipart is a form. Otherwise it is empty, and the place identifies the part.
    pub(super) name: String,
    /// Headers with normalised values, sorted by name. Each name occurs once.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: CanonicalBody<'a>,
}

impl Part<'_> {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
    }
}

/// A body of unknown format, inline or in a file. Two such bodies are equal if their hashes are equal.
#[derive(Debug)]
pub(super) struct Raw<'a> {
    /// `None` if the body is in a file.
    pub(super) bytes: Option<&'a [u8]>,
    pub(super) size: u64,
    /// Lower-case hex.
    pub(super) sha256: String,
}

/// The greatest depth of multiparts within multiparts. Real bodies need less. The limit prevents that a hostile body
/// exhausts the stack.
pub(super) const MAX_NESTING: usize = 8;

impl<'a> CanonicalBody<'a> {
    /// `graphql` says whether the request goes to a GraphQL server.
    pub(super) fn new(options: &InForce<'_>, graphql: bool, request: &'a Request) -> Self {
        if !options.body() {
            return CanonicalBody::Nothing;
        }
        match &request.body.content {
            Content::Inline(bytes) => {
                let content_type = request.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
                let context = Context { options, graphql, depth: 0 };
                CanonicalBody::of_bytes(bytes, content_type.unwrap_or(""), context)
            }
            Content::File(file) => {
                let context = Context { options, graphql, depth: 0 };
                CanonicalBody::of_long(file.meaning.as_deref(), file.size, &file.sha256, context)
            }
        }
    }

    /// The canonical form of a body that is too long to keep.
    fn of_long(
        meaning: Option<&'a Meaning>,
        size: u64,
        sha256: &str,
        context: Context<'_, '_>,
    ) -> CanonicalBody<'a> {
        match meaning {
            None => CanonicalBody::Bytes(Raw { bytes: None, size, sha256: sha256.to_ascii_lowercase() }),
            Some(Meaning::Json(summary)) => CanonicalBody::Long(BodyKind::Json, summary),
            Some(Meaning::Form(summary)) => CanonicalBody::Long(BodyKind::Form, summary),
            Some(Meaning::Multipart(parts)) => {
                let context = Context { depth: context.depth + 1, ..context };
                let part = |part: &'a LongPart| Part {
                    name: part.name.clone(),
                    headers: part.headers.clone(),
                    body: match &part.content {
                        PartContent::Short(bytes) => {
                            CanonicalBody::of_bytes(bytes, &part.content_type, context)
                        }
                        PartContent::Long { size, sha256, meaning } => {
                            CanonicalBody::of_long(meaning.as_deref(), *size, sha256, context)
                        }
                    },
                };
                let mut parts: Vec<_> = parts.iter().map(part).collect();
                // The parts of other multiparts have no names and keep their order.
                parts.sort_by(|a, b| a.name.cmp(&b.name));
                CanonicalBody::Multipart(parts)
            }
        }
    }

    pub(super) fn of_bytes(
        bytes: &'a [u8],
        content_type: &str,
        context: Context<'_, '_>,
    ) -> CanonicalBody<'a> {
        if bytes.is_empty() {
            return CanonicalBody::Nothing;
        }
        let kind = Value::parse(content_type);
        if media_type::is_form(&kind.main) {
            let mut pairs = pairs::parse(bytes);
            pairs.retain(|(key, _)| context.options.form(key));
            return CanonicalBody::Form(pairs);
        }
        if kind.main.starts_with("multipart/") && context.depth < MAX_NESTING {
            if let Some(parts) = parts(bytes, &kind, context) {
                return CanonicalBody::Multipart(parts);
            }
        } else if let Some(value) = json_of(bytes, &kind.main, context.graphql) {
            return CanonicalBody::Json(Tree::new(value, &context.options.json()));
        } else if (media_type::is_xml(&kind.main) || bytes.starts_with(b"<?xml"))
            && let Ok(text) = std::str::from_utf8(bytes)
            && let Some(root) = xml::parse(text, &context.options.xml())
        {
            return CanonicalBody::Xml(root);
        }
        let sha256 = hex::encode(&Sha256::digest(bytes));
        CanonicalBody::Bytes(Raw { bytes: Some(bytes), size: bytes.len() as u64, sha256 })
    }

    /// Whether matching ignores everything in this body.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            CanonicalBody::Nothing => true,
            CanonicalBody::Json(Tree::Ignored) => true,
            CanonicalBody::Json(Tree::Object(members)) => members.is_empty(),
            CanonicalBody::Json(Tree::Array(items)) => items.iter().all(|item| matches!(item, Tree::Ignored)),
            CanonicalBody::Json(_) | CanonicalBody::Bytes(_) => false,
            CanonicalBody::Long(_, summary) => summary.is_empty,
            CanonicalBody::Form(pairs) => pairs.is_empty(),
            CanonicalBody::Multipart(parts) => parts.is_empty(),
            CanonicalBody::Xml(root) => root.attributes.is_empty() && root.children.is_empty(),
        }
    }

    pub(super) fn kind(&self) -> BodyKind {
        match self {
            CanonicalBody::Nothing => BodyKind::Empty,
            CanonicalBody::Json(_) => BodyKind::Json,
            CanonicalBody::Form(_) => BodyKind::Form,
            CanonicalBody::Multipart(_) => BodyKind::Multipart,
            CanonicalBody::Xml(_) => BodyKind::Xml,
            CanonicalBody::Bytes(_) => BodyKind::Bytes,
            CanonicalBody::Long(kind, _) => *kind,
        }
    }
}

/// What the reader of a body or of a part needs to know about its surroundings.
#[derive(Clone, Copy)]
pub(super) struct Context<'o, 'm> {
    pub(super) options: &'o InForce<'m>,
    /// Whether the request goes to a GraphQL server.
    pub(super) graphql: bool,
    /// The number of multiparts that enclose the body.
    pub(super) depth: usize,
}

/// Returns the parts of a multipart body. The parts of a form are sorted by name, other parts keep their order.
fn parts<'a>(bytes: &'a [u8], kind: &Value, context: Context<'_, '_>) -> Option<Vec<Part<'a>>> {
    let mut sections = multipart::parse(bytes, kind)?;
    if multipart::is_form(kind) {
        sections.retain(|section| context.options.form(section.name.as_bytes()));
        sections.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let context = Context { depth: context.depth + 1, ..context };
    let part = |multipart::Section { name, headers, content_type, content }| Part {
        name,
        headers,
        body: CanonicalBody::of_bytes(content, &content_type, context),
    };
    Some(sections.into_iter().map(part).collect())
}

/// Returns the value of a JSON or GraphQL body, with normalised GraphQL queries. Returns `None` if the body is not JSON
/// and not GraphQL.
fn json_of<'a>(bytes: &'a [u8], essence: &str, endpoint: bool) -> Option<json::Value<'a>> {
    if essence == "application/graphql" {
        return std::str::from_utf8(bytes).ok().and_then(graphql::document);
    }
    if !media_type::is_json(essence) && !looks_like_json(bytes) {
        return None;
    }
    json::parse(bytes).ok().map(|value| graphql::in_json(value, endpoint))
}

/// Whether the body begins like an object or an array. Without a content type, a scalar such as `1.0` does not count as
/// JSON, because it may be plain text.
fn looks_like_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}
