//! A lock file, so that only one test at a time records a cassette, even if tests run in several processes. The system
//! releases the lock when the process that holds it ends, so nothing has to be cleaned up after a crash.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::Files;
use crate::error::{Error, Result};

/// The right to record a cassette. Dropping it releases the right.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
    path: PathBuf,
    waited: bool,
}

/// How long a test waits before it announces that it waits.
const PATIENCE: Duration = Duration::from_secs(1);

impl Lock {
    /// Takes the lock, without waiting.
    ///
    /// # Errors
    ///
    /// Another test or process holds the lock, or the file cannot be written.
    pub(super) fn acquire(path: PathBuf) -> Result<Lock> {
        Lock::take(path, |path, file| match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                Err(Error::new("another test or process is recording this cassette")
                    .at(path)
                    .hint("wait until it has finished, or give the two tests different cassettes"))
            }
            Err(TryLockError::Error(e)) => unlockable(path, e),
            Ok(()) => Ok(false),
        })
    }

    /// Takes the lock as soon as nobody else holds it. After a second of waiting it calls `announce` with the lock's
    /// file and, if it can be read, the number of the process that holds the lock.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn wait(files: &Files, announce: impl Fn(&Path, Option<u32>) + Sync) -> Result<Lock> {
        let folder = files.folder();
        fs::create_dir_all(&folder)
            .map_err(|e| Error::io("create the directory of the cassette", &folder, e))?;
        Lock::take(files.lock(), |path, file| match file.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::Error(e)) => unlockable(path, e),
            Err(TryLockError::WouldBlock) => thread::scope(|scope| {
                let (over, waiting) = mpsc::channel::<()>();
                let announce = &announce;
                scope.spawn(move || {
                    if waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                        announce(path, holder(path));
                    }
                });
                let locked = file.lock();
                drop(over);
                locked.map(|()| true).or_else(|e| unlockable(path, e))
            }),
        })
    }

    /// Whether another test or process held the lock first.
    pub(crate) fn waited(&self) -> bool {
        self.waited
    }

    fn take(path: PathBuf, lock: impl Fn(&Path, &File) -> Result<bool>) -> Result<Lock> {
        let failed = |e| failed(&path, e);
        let mut waited = false;
        loop {
            let mut file =
                OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
            waited |= lock(&path, &file)?;
            // The previous holder may have removed the file after we opened it. Then we hold the lock of a removed
            // file, which protects nothing, so the loop opens the file again.
            if is_at(&file, &path).map_err(failed)? {
                // Tests that wait for the lock report this process number. The lock works without the number.
                let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                return Ok(Lock { _file: file, path, waited });
            }
        }
    }
}

/// The number of the process that holds the lock, if the file contains it.
fn holder(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The result if the file cannot be locked. Some network file systems have no locks. A test may record there without a
/// lock, because an error would help nobody.
fn unlockable(path: &Path, e: io::Error) -> Result<bool> {
    if e.kind() == io::ErrorKind::Unsupported { Ok(false) } else { Err(failed(path, e)) }
}

fn failed(path: &Path, e: io::Error) -> Error {
    Error::io("lock the cassette for recording", path, e)
}

impl Drop for Lock {
    fn drop(&mut self) {
        // On Windows the file stays. Otherwise Windows would refuse a new file of this name until every handle of the
        // removed file is closed.
        if cfg!(unix) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let held = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (held.dev(), held.ino())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}
