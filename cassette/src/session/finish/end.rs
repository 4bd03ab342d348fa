//! What comes together while a session ends.
//!
//! Must not know: where it comes from.

use crate::report::{Note, Problem};
use crate::session::summary::Summary;

/// How the body of a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// As it should.
    Passed,
    /// With an error, which the session has to tell.
    Returned(String),
    /// With a panic, which has been told already.
    Panicked,
}

/// What comes together while a session ends.
#[derive(Default)]
pub(super) struct End {
    pub(super) body_failed: bool,
    /// The cassette is too old, which is told last.
    pub(super) expired: Option<Problem>,
    pub(super) problems: Vec<Problem>,
    pub(super) notes: Vec<Note>,
    pub(super) summary: Summary,
}

impl End {
    pub(super) fn failed(&self) -> bool {
        self.body_failed || !self.problems.is_empty()
    }
}
