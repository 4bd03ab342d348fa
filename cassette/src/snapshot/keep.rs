//! Keeps the output of a test whose comparison failed in a place where a developer can look at the files.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Error, Result};

/// Moves the directory `output_dir` to `target`, and replaces the output that an earlier run left there. If the
/// directory cannot be moved, for example to another file system, it is copied and then removed.
///
/// # Errors
///
/// `output_dir` cannot be read, or `target` cannot be written.
pub(crate) fn keep(output_dir: &Path, target: &Path) -> Result<()> {
    clear(target)?;
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(|e| Error::io("create the folder for kept output", parent, e))?;
    }
    match fs::rename(output_dir, target) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound => Err(Error::io("keep the output", output_dir, e)),
        // Another file system, a mount point, or a file that is still open on Windows: copying may work.
        Err(_) => {
            copy(output_dir, target)?;
            // An error is ignored, because the files have been copied, and the owner of the temporary directory removes
            // it anyway.
            let _ = fs::remove_dir_all(output_dir);
            Ok(())
        }
    }
}

fn clear(target: &Path) -> Result<()> {
    let failed = |e| Error::io("remove the output kept by an earlier run", target, e);
    match fs::symlink_metadata(target) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(target).map_err(failed),
        Ok(_) => fs::remove_file(target).map_err(failed),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(failed(e)),
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).map_err(|e| Error::io("create the folder for kept output", to, e))?;
    let reading = |e| Error::io("read the directory", from, e);
    for entry in fs::read_dir(from).map_err(reading)? {
        let entry = entry.map_err(reading)?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(|e| Error::io("look at the entry", &from, e))?;
        if kind.is_dir() {
            copy(&from, &to)?;
        } else if kind.is_symlink() {
            copy_link(&from, &to)?;
        } else if kind.is_file() {
            fs::copy(&from, &to).map_err(|e| Error::io("copy the file", &from, e))?;
        }
        // Sockets and pipes are skipped, because they have no contents.
    }
    Ok(())
}

#[cfg(unix)]
fn copy_link(from: &Path, to: &Path) -> Result<()> {
    let copied = fs::read_link(from).and_then(|target| std::os::unix::fs::symlink(target, to));
    copied.map_err(|e| Error::io("copy the link", from, e))
}

/// On Windows, a program needs a privilege to create a link. So the copy is a text file with the target of the link.
#[cfg(not(unix))]
fn copy_link(from: &Path, to: &Path) -> Result<()> {
    let copied = fs::read_link(from).and_then(|target| fs::write(to, target.to_string_lossy().as_bytes()));
    copied.map_err(|e| Error::io("copy the link", from, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Manifest;

    fn output(dir: &Path) -> Manifest {
        fs::create_dir_all(dir.join("sub/empty")).unwrap();
        fs::write(dir.join("sub/a.csv"), "id\n1\n").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("nowhere", dir.join("link")).unwrap();
        Manifest::of(dir, &[]).unwrap()
    }

    #[test]
    fn moved_in_place_of_the_old() {
        let dir = tempfile::tempdir().unwrap();
        let (out, target) = (dir.path().join("out"), dir.path().join("target/cassette/x"));
        let before = output(&out);
        fs::create_dir_all(&target).unwrap();
        fs::write(target.join("old.txt"), "").unwrap();

        keep(&out, &target).unwrap();
        assert_eq!(Manifest::of(&target, &[]).unwrap(), before);
        assert!(!out.exists());
    }

    #[test]
    fn copied_where_it_cannot_be_moved() {
        let dir = tempfile::tempdir().unwrap();
        let (out, target) = (dir.path().join("out"), dir.path().join("kept"));
        let before = output(&out);
        copy(&out, &target).unwrap();
        assert_eq!(Manifest::of(&target, &[]).unwrap(), before);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (out, target, precious) =
            (dir.path().join("out"), dir.path().join("kept"), dir.path().join("precious"));
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("x"), "").unwrap();
        std::os::unix::fs::symlink(&precious, &target).unwrap();
        let before = output(&out);

        keep(&out, &target).unwrap();
        assert!(precious.join("x").exists());
        assert_eq!(Manifest::of(&target, &[]).unwrap(), before);
    }

    #[test]
    fn no_output_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let error = keep(&dir.path().join("none"), &dir.path().join("kept")).unwrap_err();
        assert_eq!(error.path(), Some(dir.path().join("none").as_path()));
    }
}
