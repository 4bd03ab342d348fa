//! The assignment of a session that plays a recording back before the recording is installed: where the recording is,
//! what is known about its first pass, and where the result goes.
//!
//! It crosses the border between two processes as a file. Must not know: how the session runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::recorder::Lost;
use crate::report::machine;

/// What the session shall play back, and what the recording session knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::session) struct Assignment {
    /// The path of the test for the harness.
    pub(in crate::session) test: String,
    /// The name of the cassette.
    pub(in crate::session) cassette: String,
    /// Interactions that the recording pass did not use either, because mode `append` keeps them.
    pub(in crate::session) may_stay_unused: Vec<usize>,
    /// What each interaction lacks of what the code under test was given while it was recorded.
    pub(in crate::session) lost: Vec<Lost>,
    /// The cassettes of the sessions that were open while this one recorded.
    pub(in crate::session) parallel: Vec<String>,
    /// The observations of the first replay, if this is the second one.
    pub(in crate::session) before: Option<Observed>,
    /// The folder of the assignment.
    #[serde(skip)]
    pub(in crate::session) folder: PathBuf,
}

/// The values in which a replay differed from the recording, as hashes. A second replay of the same recording shows
/// which of them differ in each run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::session) struct Observed {
    /// Values in requests, by their places.
    pub(in crate::session) requests: BTreeMap<String, String>,
    /// Files of the output, by their paths.
    pub(in crate::session) output: BTreeMap<String, String>,
}

const FILE: &str = "proof.json";

impl Assignment {
    pub(super) fn in_folder(self, folder: &Path) -> Assignment {
        Assignment { folder: folder.to_owned(), ..self }
    }

    /// Reads the assignment of this process.
    pub(in crate::session) fn read(file: &Path) -> Result<Assignment> {
        let text = fs::read(file).map_err(|e| Error::io("read the assignment of this process", file, e))?;
        let assignment: Assignment = serde_json::from_slice(&text)
            .map_err(|e| Error::with_source("could not read the assignment of this process", e).at(file))?;
        Ok(assignment.in_folder(file.parent().unwrap_or(Path::new("."))))
    }

    /// Writes the assignment for another process, and removes the traces of an earlier replay.
    pub(super) fn write(&self) -> Result<PathBuf> {
        for stale in [self.report(), self.mark()] {
            let _ = fs::remove_file(stale);
        }
        let file = self.folder.join(FILE);
        let text = serde_json::to_vec(self)
            .map_err(|e| Error::with_source("could not write the assignment of a replay", e))?;
        fs::write(&file, text).map_err(|e| Error::io("write the assignment of a replay", &file, e))?;
        Ok(file)
    }

    /// The directory with the cassette to play back.
    pub(in crate::session) fn directory(&self) -> PathBuf {
        self.folder.join("cassettes")
    }

    /// The file to which the session writes its line of the machine-readable report.
    pub(in crate::session) fn report(&self) -> PathBuf {
        self.folder.join("report")
    }

    /// Notes that the session has begun.
    pub(in crate::session) fn begun(&self) {
        // If the file cannot be written, the recording session finds the line of the report or reports its absence.
        let _ = fs::write(self.mark(), "");
    }

    pub(super) fn has_begun(&self) -> bool {
        self.mark().exists()
    }

    /// The line that the session has written.
    pub(super) fn result(&self) -> Option<Value> {
        let text = fs::read_to_string(self.report()).ok()?;
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.rfind(|line| line["test"] == *self.test && line["cassette"] == *self.cassette)
    }

    /// Writes the line of the session.
    pub(in crate::session) fn write_result(&self, line: &Value) {
        // Without the line the recording session reports that the replay has no result.
        let _ = machine::append(&self.report(), line);
    }

    fn mark(&self) -> PathBuf {
        self.folder.join("begun")
    }
}
