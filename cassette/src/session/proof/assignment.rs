//! The assignment of a session that plays a recording back before it is installed. The assignment says where the
//! recording is, what is known from the recording pass, and where to write the result.
//!
//! If the session runs in another process, the assignment is passed to it as a file. Must not know: how the session
//! runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::recorder::Lost;
use crate::report::machine;

/// The recording to play back, and what the recording session knows about it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::session) struct Assignment {
    /// The path of the test, as the test harness takes it.
    pub(in crate::session) test: String,
    /// The name of the cassette.
    pub(in crate::session) cassette: String,
    /// Interactions that the replay need not use. Mode `append` keeps them from the old cassette, although its own pass
    /// did not use them.
    pub(in crate::session) may_stay_unused: Vec<usize>,
    /// For each interaction, what the code under test got while recording and the cassette does not contain.
    pub(in crate::session) lost: Vec<Lost>,
    /// The cassettes of the sessions that were open at the same time as the recording session.
    pub(in crate::session) parallel: Vec<String>,
    /// The observations of the first replay. Set if this is the second replay.
    pub(in crate::session) before: Option<Observed>,
    /// The folder that contains the assignment, the cassette to play back and the result.
    #[serde(skip)]
    pub(in crate::session) folder: PathBuf,
}

/// Hashes of the values that differed between a replay and the recording. If a value is different again in a second
/// replay, it differs in each run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::session) struct Observed {
    /// The values in requests. The key is the place of the value.
    pub(in crate::session) requests: BTreeMap<String, String>,
    /// The files of the output. The key is the path of the file.
    pub(in crate::session) output: BTreeMap<String, String>,
}

const FILE: &str = "proof.json";

impl Assignment {
    pub(super) fn in_folder(self, folder: &Path) -> Assignment {
        Assignment { folder: folder.to_owned(), ..self }
    }

    /// Reads the assignment that another process has written for this process.
    pub(in crate::session) fn read(file: &Path) -> Result<Assignment> {
        let text = fs::read(file).map_err(|e| Error::io("read the assignment of this process", file, e))?;
        let assignment: Assignment = serde_json::from_slice(&text)
            .map_err(|e| Error::with_source("could not read the assignment of this process", e).at(file))?;
        Ok(assignment.in_folder(file.parent().unwrap_or(Path::new("."))))
    }

    /// Writes the assignment to a file for another process. Removes the files of an earlier replay.
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

    /// Creates a file that shows that the session has begun.
    pub(in crate::session) fn begun(&self) {
        // An error is ignored. The recording session then finds the result of the session, or reports that there is
        // none.
        let _ = fs::write(self.mark(), "");
    }

    pub(super) fn has_begun(&self) -> bool {
        self.mark().exists()
    }

    /// The line of the report that the session has written.
    pub(super) fn result(&self) -> Option<Value> {
        let text = fs::read_to_string(self.report()).ok()?;
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.rfind(|line| line["test"] == *self.test && line["cassette"] == *self.cassette)
    }

    /// Writes the session's line of the report.
    pub(in crate::session) fn write_result(&self, line: &Value) {
        // If the line cannot be written, the recording session reports that the replay has no result.
        let _ = machine::append(&self.report(), line);
    }

    fn mark(&self) -> PathBuf {
        self.folder.join("begun")
    }
}
