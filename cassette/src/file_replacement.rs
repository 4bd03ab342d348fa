//! Replaces files as a whole. At any time, the name of the file stands for the complete old file or the complete new
//! file.
//!
//! A rename alone does not survive a power failure. So this module flushes the contents before the rename, and the
//! folder after the rename.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Replaces a file with a new file that has these bytes. The new contents are on the disk when this function returns.
/// The folder must exist.
///
/// # Errors
///
/// The file cannot be written. Then the old file is unchanged.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!(".cassette-{}-{number}.tmp", process::id()));
    let write = || {
        let mut file = File::create_new(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, path)?;
        flush_folder(folder)
    };
    write().inspect_err(|_| {
        // If the temporary file cannot be removed, that error is ignored. The caller reports the first error.
        let _ = fs::remove_file(&temporary);
    })
}

/// Moves a file to `to`, and replaces the file there. If `to` is on another file system, copies the file and removes
/// the original.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(e) if e.kind() == io::ErrorKind::CrossesDevices => {
            copy(from, to)?;
            fs::remove_file(from)
        }
        renamed => renamed,
    }
}

/// Copies a file to `to`, and replaces the file there. The unfinished copy has the name `<to>.recording`.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut half = to.as_os_str().to_owned();
    half.push(".recording");
    let half = PathBuf::from(half);
    let copied = fs::copy(from, &half).and_then(|_| flush(&half)).and_then(|()| fs::rename(&half, to));
    if copied.is_err() {
        let _ = fs::remove_file(&half);
    }
    copied
}

/// Waits until the contents of a file are on the disk.
pub(crate) fn flush(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.sync_all()
}

/// Waits until renames in a folder are on the disk. Windows cannot open a folder as a file, so the function does
/// nothing there.
pub(crate) fn flush_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        for text in ["one", "another"] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        copy(&path, &dir.path().join("b")).unwrap();
        rename(&path, &dir.path().join("b")).unwrap();
        let names = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        write(&dir.path().join("a"), b"text").unwrap_err();
        copy(&dir.path().join("missing"), &dir.path().join("b")).unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
