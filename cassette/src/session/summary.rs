//! What a passing session did, for who runs it.
//!
//! Must not know: how a session ends.

use std::time::Duration;

use crate::report::{self, Note, Palette, Recorded};

/// What a session did, once it passed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// The cassette's name.
    pub name: String,
    /// Interactions recorded, or replayed.
    pub interactions: usize,
    /// Bytes on disk of a recorded cassette with its body files.
    pub bytes: u64,
    /// Whether the recording differs from the cassette before it in more than when it was made.
    pub changed: bool,
    /// What was redacted while recording, by rule, with counts. Never a value.
    pub redacted: Vec<(String, u64)>,
    /// Files in the output directory, where the test asked for one.
    pub output_files: Option<usize>,
    /// How long the session lasted.
    pub elapsed: Duration,
    /// Whether this session recorded.
    pub recorded: bool,
    /// Whether there was no cassette before.
    pub(crate) is_new: bool,
    /// Interactions of a recording that were not on the cassette before: fewer than `interactions` in mode
    /// [`Append`](crate::Mode::Append) only.
    pub added: usize,
    /// Whether this session replaced the snapshot of the output, and nothing else.
    pub accepted: bool,
    /// Whether that snapshot says something else than before.
    pub(crate) output_changed: bool,
    /// What is to be told though the test passed.
    pub(crate) notes: Vec<Note>,
}

impl Summary {
    pub(super) fn as_recorded(&self) -> Recorded {
        Recorded {
            cassette: self.name.clone(),
            interactions: self.interactions,
            size: self.bytes,
            redacted: self.redacted.clone(),
        }
    }

    /// What there is to tell of a recording, or of a test that passed all the same; `None` of anything else.
    pub(crate) fn text(&self, palette: &Palette) -> Option<String> {
        let recorded = self.recorded.then(|| self.as_recorded().render(palette));
        let notes = Some(report::notes(&self.notes, palette)).filter(|text| !text.is_empty());
        recorded.into_iter().chain(notes).reduce(|recorded, notes| format!("{recorded}\n\n{notes}"))
    }
}
