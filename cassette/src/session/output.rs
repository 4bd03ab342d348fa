//! The output directory of a session. It is created when the test first asks for it. If the test fails, it is kept, and
//! if the test passes, it is removed.
//!
//! Must not know: how manifests are compared.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::handle::{Inner, Session};
use crate::error::{Error, Result};
use crate::snapshot;

impl Session {
    /// An empty directory for the files that the test writes. If the body passes, the session compares the manifest of
    /// the directory with the snapshot `<cassette>.output.snap`. A session that records stores the manifest as the
    /// snapshot.
    ///
    /// # Errors
    ///
    /// The directory could not be created below `target/`.
    pub fn output_dir(&self) -> Result<&Path> {
        directory(&self.0)
    }
}

/// The folder for the files of a failed test: `target/cassette/<name>`.
pub(super) fn aside(session: &Inner) -> PathBuf {
    session.target.join("cassette").join(&session.name)
}

/// The folder for the recording of a failed test.
pub(super) fn recording(session: &Inner) -> PathBuf {
    aside(session).join("recording")
}

/// The folder for the output of a failed test.
pub(super) fn kept(session: &Inner) -> PathBuf {
    let folder = if session.assignment.is_some() { "replayed-output" } else { "output" };
    aside(session).join(folder)
}

/// The output directory, which the first call creates.
fn directory(session: &Inner) -> Result<&Path> {
    if let Some(d) = session.output.get() {
        return Ok(d);
    }
    // The ids of the process and the session make the name unique. If the directory exists already, a killed process
    // has left it.
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

/// The manifest of the output, or `None` if the test never asked for the directory. Before the manifest is computed,
/// secrets in the files are replaced with placeholders. Otherwise the manifest would differ between a live and a
/// recorded response, which have different tokens, and between developers, who have different keys.
pub(super) fn manifest(session: &Inner) -> Result<Option<snapshot::Manifest>> {
    let Some(dir) = session.output.get() else { return Ok(None) };
    let redact = |from: &mut dyn Read, to: &mut dyn Write| session.redactor.copy(from, to);
    let filter = session.redactor.knows_values().then_some(&redact as snapshot::Filter<'_>);
    snapshot::Manifest::filtered(dir, &session.config.ignore_output, filter).map(Some)
}

/// Moves the output of a failed test to the folder where it is kept, and returns that folder.
pub(super) fn keep(session: &Inner) -> Result<Option<PathBuf>> {
    let Some(from) = session.output.get() else { return Ok(None) };
    let to = kept(session);
    snapshot::keep(from, &to)?;
    Ok(Some(to))
}

/// Removes the snapshot of a test that no longer writes output.
pub(super) fn remove_snapshot(file: &Path) -> Result<()> {
    snapshot::discard_pending(file)?;
    match std::fs::remove_file(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove the snapshot", file, e)),
        _ => Ok(()),
    }
}

/// Removes the output of a passing test.
pub(super) fn discard(session: &Inner) {
    if let Some(d) = session.output.get() {
        // A failed removal is ignored, because it only leaves one more stale folder below `target`.
        let _ = std::fs::remove_dir_all(d);
    }
}
