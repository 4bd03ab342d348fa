//! The meaning of a body that is too long to keep in memory: hashes, and the names of what was hashed.
//!
//! The tape carries this value together with the hash of the bytes, and the matcher computes and compares it. Must not
//! know: how a meaning is computed, which parts of it are ignored.

use std::fmt;
use std::sync::Arc;

/// The meaning of a long body. Hashes are stable only within a process, so a meaning is never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// One JSON document.
    Json(Summary),
    /// A URL-encoded form.
    Form(Summary),
    /// The parts in their order. Parts of a form that are ignored are left out.
    Multipart(Vec<LongPart>),
}

/// A hash of everything that is compared, and a sample of places that explains a difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) hash: u128,
    /// Whether nothing of the body is left to compare.
    pub(crate) is_empty: bool,
    /// Sorted by name.
    pub(crate) places: Vec<Place>,
    /// For each level, the greatest [`Place::rank`] that the sample has. Places with a greater rank may be missing.
    pub(crate) bounds: [u64; LEVELS],
}

/// The number of levels of a JSON document that a sample has.
pub(crate) const LEVELS: usize = 3;

/// A member or element of a JSON document, or a field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// A JSON pointer, or the name of a field.
    pub(crate) name: String,
    /// Counted from 0.
    pub(crate) level: usize,
    /// A hash of the name. A sample consists of the places with the smallest ranks, so two samples of similar bodies
    /// have the same places, whatever the order of the bodies.
    pub(crate) rank: u64,
    /// The hash of the value, or the sum of the hashes of all values of a field.
    pub(crate) hash: u128,
    /// The values, shortened.
    pub(crate) texts: Vec<String>,
}

/// One part of a long multipart body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LongPart {
    /// The name of a form's part. Empty in other multiparts.
    pub(crate) name: String,
    /// Normalised and sorted, each name once.
    pub(crate) headers: Vec<(String, String)>,
    /// As sent.
    pub(crate) content_type: String,
    pub(crate) content: PartContent,
}

/// The content of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PartContent {
    Short(Vec<u8>),
    Long {
        size: u64,
        /// Lower-case hex.
        sha256: String,
        /// `None` if the content is compared by its bytes.
        meaning: Option<Arc<Meaning>>,
    },
}

/// Takes the bytes of a body, and returns its meaning at the end.
pub(crate) trait Reader: Send + fmt::Debug {
    fn write(&mut self, bytes: &[u8]);

    /// `None` if the body has no meaning other than its bytes.
    fn finish(self: Box<Self>) -> Option<Meaning>;
}
