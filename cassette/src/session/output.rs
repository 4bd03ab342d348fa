//! The output directory of a session, from its making to its end.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::handle::{Inner, Session};
use crate::error::{Error, Result};
use crate::snapshot;

impl Session {
    /// A fresh directory for what the test writes. After a passing body its manifest is compared with the
    /// snapshot `<cassette>.output.snap`, or becomes it while recording.
    ///
    /// # Errors
    ///
    /// The directory could not be made below `target/`.
    pub fn output_dir(&self) -> Result<&Path> {
        directory(&self.0)
    }
}

/// Where what a failed test leaves behind is kept: `target/cassette/<name>`.
pub(super) fn aside(session: &Inner) -> PathBuf {
    session.target.join("cassette").join(&session.name)
}

/// Where the files are kept that a failed test wrote.
pub(super) fn kept(session: &Inner) -> PathBuf {
    aside(session).join("output")
}

/// The fresh directory, made when first asked for.
fn directory(session: &Inner) -> Result<&Path> {
    if let Some(d) = session.output.get() {
        return Ok(d);
    }
    // The process and the session make it unique; what a killed process left under that name is stale.
    let unique = format!("{}-{}", std::process::id(), session.id);
    let fresh = session.target.join("cassette").join(".running").join(unique);
    let fail = |e| {
        Error::io("make the output directory", &fresh, e).hint("check that the target directory is writable")
    };
    if let Err(e) = std::fs::remove_dir_all(&fresh)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        return Err(fail(e));
    }
    std::fs::create_dir_all(&fresh).map_err(fail)?;
    Ok(session.output.get_or_init(|| fresh))
}

/// What the test wrote, or `None` if it never asked for the directory. With placeholders for secrets: a token of a real
/// answer is one in a recorded answer, and everybody has a key of their own.
pub(super) fn manifest(session: &Inner) -> Result<Option<snapshot::Manifest>> {
    let Some(dir) = session.output.get() else { return Ok(None) };
    let redact = |from: &mut dyn Read, to: &mut dyn Write| session.redactor.copy(from, to);
    let filter = session.redactor.knows_values().then_some(&redact as snapshot::Filter<'_>);
    snapshot::Manifest::filtered(dir, &session.config.ignore_output, filter).map(Some)
}

/// Moves the files of a failed test to where they can be looked at, and says where that is.
pub(super) fn keep(session: &Inner) -> Result<Option<PathBuf>> {
    let Some(from) = session.output.get() else { return Ok(None) };
    let to = kept(session);
    snapshot::keep(from, &to)?;
    Ok(Some(to))
}

/// Removes the snapshot of a test that writes nothing any more.
pub(super) fn remove_snapshot(file: &Path) -> Result<()> {
    snapshot::discard_pending(file)?;
    match std::fs::remove_file(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove the snapshot", file, e)),
        _ => Ok(()),
    }
}

/// Removes the files of a passed test.
pub(super) fn discard(session: &Inner) {
    if let Some(d) = session.output.get() {
        // Left behind, it is one more stale folder under target.
        let _ = std::fs::remove_dir_all(d);
    }
}
