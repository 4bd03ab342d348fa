//! One recording of a cassette at a time, whatever process it is in. The system gives the lock up when its
//! holder dies, so nothing has to be cleaned up after a crash.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::PathBuf;

use crate::{Error, Result};

/// The right to record. Given up when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    path: PathBuf,
}

impl Lock {
    pub(super) fn acquire(path: PathBuf) -> Result<Lock> {
        let failed = |e| Error::io("lock the cassette for recording", &path, e);
        loop {
            let file =
                OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::new("another test or process is recording this cassette")
                        .at(&path)
                        .hint("wait until it has finished, or give the two tests different cassettes"));
                }
                // Some network file systems have no locks; to refuse to record there would help nobody.
                Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(e)) => return Err(failed(e)),
            }
            // The holder before us may have removed the file after we opened it: then the lock is on nothing.
            if is_at(&file, &path).map_err(failed)? {
                return Ok(Lock { _file: file, path });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // On Windows a file of this name would stay refused until every handle is closed: it is left there.
        if cfg!(unix) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &std::path::Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let held = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (held.dev(), held.ino())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &std::path::Path) -> io::Result<bool> {
    Ok(true)
}
