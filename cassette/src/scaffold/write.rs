//! The only code that writes generated files. A file that already has the new text is not touched.

use std::fmt;
use std::path::Path;

use super::relative;
use crate::error::{Error, Result};

/// The effect on a generated file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The file was missing.
    Created,
    /// The file had another text.
    Updated,
    /// The file had the new text already.
    Unchanged,
}

/// A generated file and the effect on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The path relative to the package, with forward slashes.
    pub path: String,
    /// The effect on the file.
    pub change: ChangeKind,
}

impl fmt::Display for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.change {
            ChangeKind::Created => "created",
            ChangeKind::Updated => "updated",
            ChangeKind::Unchanged => "unchanged",
        };
        write!(f, "{word:<9} {}", self.path)
    }
}

pub(super) fn compare(path: &Path, text: &str) -> Result<ChangeKind> {
    match std::fs::read(path) {
        Ok(before) if before == text.as_bytes() => Ok(ChangeKind::Unchanged),
        Ok(_) => Ok(ChangeKind::Updated),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(ChangeKind::Created),
        Err(e) => Err(Error::io("read", path, e)),
    }
}

pub(super) fn write(path: &Path, text: &str, root: &Path) -> Result<FileChange> {
    let change = compare(path, text)?;
    if change != ChangeKind::Unchanged {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| Error::io("make the folder", parent, e))?;
        }
        std::fs::write(path, text).map_err(|e| Error::io("write", path, e))?;
    }
    Ok(FileChange { path: relative(path, root).replace('\\', "/"), change })
}
