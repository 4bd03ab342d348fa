//! What a failed test wrote is kept where it can be looked at.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::error::{Error, Result};

/// Moves the directory to `to`, in the place of what an earlier run left there.
pub(crate) fn keep(from: &Path, to: &Path) -> Result<()> {
    let moved = clear(to).and_then(|()| match to.parent() {
        Some(parent) => fs::create_dir_all(parent),
        None => Ok(()),
    });
    let moved = moved.and_then(|()| match fs::rename(from, to) {
        Err(e) if e.kind() == ErrorKind::CrossesDevices => {
            copy(from, to).and_then(|()| fs::remove_dir_all(from))
        }
        renamed => renamed,
    });
    moved.map_err(|e| Error::io("keep what the test wrote", to, e))
}

fn clear(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_failure_replaces_the_one_before() {
        let dir = tempfile::tempdir().expect("a directory");
        let (from, to) = (dir.path().join("from"), dir.path().join("kept/output"));
        for file in ["first", "second"] {
            fs::create_dir_all(from.join("deep")).expect("made");
            fs::write(from.join("deep").join(file), "x").expect("written");
            keep(&from, &to).expect("kept");
        }
        assert!(!from.exists());
        assert!(!to.join("deep/first").exists());
        assert!(to.join("deep/second").exists());
    }

    #[test]
    fn a_copy_has_everything() {
        let dir = tempfile::tempdir().expect("a directory");
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("deep")).expect("made");
        fs::write(from.join("deep/file"), "x").expect("written");
        copy(&from, &to).expect("copied");
        assert_eq!(fs::read(to.join("deep/file")).expect("there"), b"x");
    }
}
