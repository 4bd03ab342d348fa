//! A sketch is a small summary of a recording. If no recording matches a request, the sketches select a few recordings
//! to compare with the request, so the player need not read a large cassette again.
//!
//! Must not know: how differences are found.

use super::body::{CanonicalBody, Part};
use super::canonical::CanonicalRequest;
use super::json::Tree;
use super::pairs::Pairs;
use super::uri::Target;
use super::xml::{Element, Node};

/// A summary of a request in 24 bytes. Equal parts have equal hashes, but different parts may have equal hashes, too.
/// So sketches only rank recordings, and never decide whether a recording matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sketch {
    method: u32,
    host: u32,
    path: u32,
    /// The path without its last segment.
    parent: u32,
    /// A set of items, as bits: each pair of a query or a form, and each leaf of JSON or XML, sets one bit. If there
    /// are at most a few dozen items, the number of common bits shows how many items two requests have in common.
    items: u64,
}

impl Sketch {
    pub(super) fn of(canonical: &CanonicalRequest<'_>) -> Sketch {
        let mut sketch =
            Sketch { method: hash(0, canonical.head.method.as_bytes()) as u32, ..Sketch::default() };
        match &canonical.head.target {
            Target::Text(text) => sketch.path = hash(0, text.as_bytes()) as u32,
            Target::Parts(parts) => {
                sketch.host = hash(1, parts.host.as_bytes()) as u32;
                sketch.path = hash(0, parts.path.as_bytes()) as u32;
                let parent = parts.path.rsplit_once('/').map_or("", |(parent, _)| parent);
                sketch.parent = hash(0, parent.as_bytes()) as u32;
                sketch.pairs(&parts.query);
            }
        }
        sketch.body(&canonical.body);
        sketch
    }

    /// How much two requests have in common. The number has no unit and serves only to rank recordings.
    pub(crate) fn likeness(&self, other: &Sketch) -> u32 {
        let (shared, all) = (self.items & other.items, self.items | other.items);
        let items = if all == 0 { 100 } else { 100 * shared.count_ones() / all.count_ones() };
        let path = if self.path == other.path { 400 } else { 150 * u32::from(self.parent == other.parent) };
        1000 * u32::from(self.host == other.host)
            + path
            + 200 * u32::from(self.method == other.method)
            + items
    }

    /// Whether two requests have the same method, host and path.
    pub(crate) fn is_same_place(&self, other: &Sketch) -> bool {
        (self.method, self.host, self.path) == (other.method, other.host, other.path)
    }

    /// The hash of the host.
    pub(crate) fn host(&self) -> u32 {
        self.host
    }

    fn item(&mut self, seed: u64, bytes: &[u8]) {
        // The function uses the upper six bits, because the hash mixes its upper bits best.
        self.items |= 1 << (hash(seed, bytes) >> 58);
    }

    fn pairs(&mut self, pairs: &Pairs<'_>) {
        for (key, value) in pairs {
            self.item(hash(2, key), value);
        }
    }

    fn body(&mut self, body: &CanonicalBody<'_>) {
        match body {
            CanonicalBody::Nothing => {}
            CanonicalBody::Json(tree) => self.tree(3, tree),
            CanonicalBody::Form(pairs) => self.pairs(pairs),
            CanonicalBody::Multipart(parts) => parts.iter().for_each(|Part { name, body, .. }| {
                self.item(4, name.as_bytes());
                self.body(body);
            }),
            CanonicalBody::Xml(element) => self.element(element),
            CanonicalBody::Long(_, summary) => self.item(5, &summary.hash.to_le_bytes()),
            CanonicalBody::Bytes(raw) => self.item(5, raw.sha256.as_bytes()),
        }
    }

    /// Adds the leaves of a JSON value. `name` is the hash of the name of the member that contains the value. The place
    /// in the document makes no difference.
    fn tree(&mut self, name: u64, tree: &Tree<'_>) {
        match tree {
            Tree::Ignored => {}
            Tree::Null => self.item(name, b"null"),
            Tree::Bool(b) => self.item(name, &[u8::from(*b)]),
            Tree::Number(text) => self.item(name, text.as_bytes()),
            Tree::String(text) => self.item(name, text.as_bytes()),
            Tree::Array(items) => items.iter().for_each(|item| self.tree(name, item)),
            Tree::Object(members) => {
                members.iter().for_each(|(name, value)| self.tree(hash(3, name.as_bytes()), value));
            }
        }
    }

    fn element(&mut self, element: &Element) {
        let name = hash(6, element.name.as_bytes());
        for (attribute, value) in &element.attributes {
            self.item(name ^ hash(7, attribute.as_bytes()), value.as_bytes());
        }
        for child in &element.children {
            match child {
                Node::Element(element) => self.element(element),
                Node::Text(text) | Node::Instruction(text) => self.item(name, text.as_bytes()),
            }
        }
    }
}

/// A fast hash that multiplies and rotates eight bytes at a time. It does not resist attacks.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = seed.wrapping_add(bytes.len() as u64).wrapping_mul(K);
    for chunk in bytes.chunks(8) {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(eight)).wrapping_mul(K);
    }
    (hash ^ (hash >> 29)).wrapping_mul(K)
}
