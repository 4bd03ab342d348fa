//! The result of a passing session, for the person who runs the test.
//!
//! Must not know: how a session ends.

use std::time::Duration;

use crate::report::{self, Note, Palette, Recorded};

/// The result of a session that passed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// The cassette's name.
    pub name: String,
    /// The number of interactions that were recorded or replayed.
    pub interactions: usize,
    /// The size on disk of the recorded cassette and its body files, in bytes.
    pub bytes: u64,
    /// Whether the new recording differs from the old cassette in more than times.
    pub changed: bool,
    /// The rules that redacted something while recording, and how often. It contains no redacted value.
    pub redacted: Vec<(String, u64)>,
    /// The number of files in the output directory, if the test asked for the directory.
    pub output_files: Option<usize>,
    /// How long the session lasted.
    pub elapsed: Duration,
    /// Whether the session recorded.
    pub recorded: bool,
    /// Whether there was no cassette before.
    pub(crate) is_new: bool,
    /// The number of interactions that were not on the cassette before. Smaller than `interactions` only in mode
    /// [`Append`](crate::Mode::Append).
    pub added: usize,
    /// Whether the session replaced only the snapshot of the output, and not the cassette.
    pub accepted: bool,
    /// Whether the new snapshot differs from the old one.
    pub(crate) output_changed: bool,
    /// The number of responses that are cut in the recording, because their clients left before the end.
    pub cut: usize,
    /// Notes to print although the test passed.
    pub(crate) notes: Vec<Note>,
}

impl Summary {
    pub(super) fn as_recorded(&self) -> Recorded {
        Recorded {
            cassette: self.name.clone(),
            interactions: self.interactions,
            size: self.bytes,
            cut: self.cut,
            redacted: self.redacted.clone(),
        }
    }

    /// The text to print: a line about the recording, then the notes. `None` if there are neither.
    pub(crate) fn text(&self, palette: &Palette) -> Option<String> {
        let recorded = self.recorded.then(|| self.as_recorded().render(palette));
        let notes = Some(report::notes(&self.notes, palette)).filter(|text| !text.is_empty());
        recorded.into_iter().chain(notes).reduce(|recorded, notes| format!("{recorded}\n\n{notes}"))
    }
}
