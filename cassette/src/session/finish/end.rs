//! The steps that end a session collect their problems and notes here.
//!
//! Must not know: which step a problem comes from.

use crate::report::{Note, Problem};
use crate::session::summary::Summary;

/// How the body of a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// The body passed.
    Passed,
    /// The body returned an error with this text, which the session must report.
    Returned(String),
    /// The body panicked with this text. The panic has printed the text already.
    Panicked(String),
}

/// The problems, the notes and the summary that the steps collect.
#[derive(Default)]
pub(super) struct End {
    pub(super) body_failed: bool,
    /// The text of the panic, if the body panicked.
    pub(super) panic: Option<String>,
    /// Set if the cassette is too old. This problem comes last in the report.
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
