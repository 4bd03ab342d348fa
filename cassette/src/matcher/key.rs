//! Hashes a canonical request to a key, for the index of a cassette.
//!
//! Must not know: how a canonical request is made.

use std::hash::{DefaultHasher, Hasher};

use super::body::CanonicalBody;
use super::canonical::CanonicalRequest;
use super::json::Tree;
use super::mismatch::BodyKind;
use super::uri::Target;
use super::xml::{Element, Node};
use crate::json::canonical_number;

/// A 128-bit hash of a canonical request. Under one [`Matching`](super::Matching), equal requests have equal keys, and
/// in practice different requests have different keys. Another process may compute other keys, so do not store them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key(u64, u64);

pub(super) fn of(canonical: &CanonicalRequest<'_>) -> Key {
    let mut hash = Pair::new();
    hash.bytes(canonical.head.method.as_bytes());
    match &canonical.head.target {
        Target::Text(text) => {
            hash.tag(0);
            hash.bytes(text.as_bytes());
        }
        Target::Parts(parts) => {
            hash.tag(1);
            hash.bytes(parts.scheme.as_bytes());
            hash.bytes(parts.host.as_bytes());
            hash.bytes(parts.path.as_bytes());
            hash.pairs(&parts.query);
        }
    }
    hash.length(canonical.head.headers.len());
    for (name, value) in &canonical.head.headers {
        hash.bytes(name.as_bytes());
        hash.bytes(value);
    }
    hash.body(&canonical.body);
    hash.flush();
    Key(hash.a.finish(), hash.b.finish())
}

/// A 128-bit hasher that consists of two 64-bit hashers with different initial states.
struct Pair {
    a: DefaultHasher,
    b: DefaultHasher,
    /// A buffer for short pieces. To copy many pieces and hash them together is faster than to hash each piece.
    gathered: Vec<u8>,
}

/// The size of the buffer, in bytes.
const PIECE: usize = 1024;

impl Pair {
    fn new() -> Self {
        let mut b = DefaultHasher::new();
        b.write_u64(0x9e37_79b9_7f4a_7c15);
        Pair { a: DefaultHasher::new(), b, gathered: Vec::with_capacity(PIECE) }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.gathered.len() + bytes.len() > PIECE {
            self.flush();
        }
        if bytes.len() > PIECE {
            self.a.write(bytes);
            self.b.write(bytes);
        } else {
            self.gathered.extend_from_slice(bytes);
        }
    }

    fn flush(&mut self) {
        self.a.write(&self.gathered);
        self.b.write(&self.gathered);
        self.gathered.clear();
    }

    fn tag(&mut self, tag: u8) {
        self.write(&[tag]);
    }

    fn length(&mut self, length: usize) {
        self.write(&(length as u64).to_le_bytes());
    }

    /// Hashes the length before the bytes, so that different sequences of pieces have different hashes.
    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.write(bytes);
    }

    fn pairs(&mut self, pairs: &super::pairs::Pairs<'_>) {
        self.length(pairs.len());
        for (key, value) in pairs {
            self.bytes(key);
            self.bytes(value);
        }
    }

    fn body(&mut self, body: &CanonicalBody<'_>) {
        match body {
            CanonicalBody::Nothing => self.tag(0),
            CanonicalBody::Json(tree) => {
                self.tag(1);
                self.tree(tree);
            }
            CanonicalBody::Form(pairs) => {
                self.tag(2);
                self.pairs(pairs);
            }
            CanonicalBody::Multipart(parts) => {
                self.tag(3);
                self.length(parts.len());
                for part in parts {
                    self.bytes(part.name.as_bytes());
                    self.length(part.headers.len());
                    for (name, value) in &part.headers {
                        self.bytes(name.as_bytes());
                        self.bytes(value.as_bytes());
                    }
                    self.body(&part.body);
                }
            }
            CanonicalBody::Xml(root) => {
                self.tag(5);
                self.element(root);
            }
            CanonicalBody::Long(kind, summary) => {
                self.tag(if *kind == BodyKind::Form { 7 } else { 6 });
                self.write(&summary.hash.to_le_bytes());
            }
            CanonicalBody::Bytes(raw) => {
                self.tag(4);
                self.length(usize::try_from(raw.size).unwrap_or(usize::MAX));
                self.bytes(raw.sha256.as_bytes());
            }
        }
    }

    fn element(&mut self, element: &Element) {
        self.bytes(element.name.as_bytes());
        self.length(element.attributes.len());
        for (name, value) in &element.attributes {
            self.bytes(name.as_bytes());
            self.bytes(value.as_bytes());
        }
        self.length(element.children.len());
        for child in &element.children {
            match child {
                Node::Element(element) => {
                    self.tag(0);
                    self.element(element);
                }
                Node::Text(text) => {
                    self.tag(1);
                    self.bytes(text.as_bytes());
                }
                Node::Instruction(text) => {
                    self.tag(2);
                    self.bytes(text.as_bytes());
                }
            }
        }
    }

    fn tree(&mut self, tree: &Tree<'_>) {
        match tree {
            Tree::Ignored => self.tag(0),
            Tree::Null => self.tag(1),
            Tree::Bool(b) => self.tag(2 + u8::from(*b)),
            Tree::Number(text) => {
                self.tag(4);
                self.bytes(canonical_number(text).as_bytes());
            }
            Tree::String(text) => {
                self.tag(5);
                self.bytes(text.as_bytes());
            }
            Tree::Array(items) => {
                self.tag(6);
                self.length(items.len());
                for item in items {
                    self.tree(item);
                }
            }
            Tree::Object(members) => {
                self.tag(7);
                self.length(members.len());
                for (name, value) in members {
                    self.bytes(name.as_bytes());
                    self.tree(value);
                }
            }
        }
    }
}
