//! Decides whether a recording answers a request. Compares the meaning of the recorded and the actual request, and
//! explains the differences.
//!
//! Each request has one canonical form. `Matching::key` hashes the canonical form for the index, and
//! `Matching::compare` compares two canonical forms part by part. Both functions read the same canonical form, so they
//! cannot disagree.
//!
//! Must not know: files, sockets, which recordings are used up, the text of a failure.

mod body;
mod canonical;
mod compare;
mod comparison;
mod custom;
mod graphql;
mod json;
mod key;
mod long;
mod matching;
mod mismatch;
mod multipart;
mod options;
mod pairs;
mod path_pattern;
mod scope;
mod sketch;
mod summaries;
mod uri;
mod xml;

use crate::syntax::pointer::Pointer;
pub use custom::Matcher;
pub(crate) use key::Key;
pub use matching::Matching;
pub(crate) use matching::{check_header, check_path, check_place};
pub(crate) use mismatch::{BodyKind, Difference, Mismatch, PartDifference};

pub(crate) use scope::{is_scope, scope_of};
pub(crate) use sketch::Sketch;
pub(crate) use xml::without_numbers;

#[cfg(test)]
mod tests;
