//! The file of trusted certificates, for clients that take the path of such a file from an environment variable.
//!
//! The file holds certificates and never a key. Each process has a directory of its own for the file, in the system's
//! temporary directory. The file and the directory are removed when the last session that needs them ends. If a process
//! is killed, a later process removes its directory. The next session of this process puts the file in the same place
//! again, because some clients read the variable only once in a process (the curl crate does).
//!
//! Must not know: sessions, and the variables that name the file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Once};

use rustls::pki_types::CertificateDer;

use super::ca::{self, Ca};
use super::{outside, trust};
use crate::error::{Error, Result};
use crate::poison::unpoisoned;

/// The certificates that the clients of a session trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Only the session's authority. A client that bypasses the session fails in its handshake. A new client reads only
    /// one certificate. To read all certificates of the machine would take 10 to 20 ms in a debug build.
    Session,
    /// The session's authority and the machine's roots: for processes while recording, and for clients whose connections
    /// to pass-through hosts reach the real servers.
    SessionAndMachine,
}

impl Trust {
    /// The trust that a session's clients need. `live` says whether the session reaches real servers.
    pub(crate) fn of(live: bool) -> Trust {
        if live { Trust::SessionAndMachine } else { Trust::Session }
    }
}

/// A handle to the file. The file is removed when the last handle is dropped.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// The index of the file's place.
    place: usize,
    file: PathBuf,
}

/// The directory of a file with these certificates, and the number of handles to the file. If there is no handle, the
/// directory is the last one that held the file.
struct Place {
    trust: Trust,
    /// Further roots.
    roots: Vec<CertificateDer<'static>>,
    directory: Option<PathBuf>,
    handles: usize,
}

/// The places of the files, one for each set of certificates. A place is never removed, because clients remember it.
fn places() -> MutexGuard<'static, Vec<Place>> {
    static PLACES: Mutex<Vec<Place>> = Mutex::new(Vec::new());
    unpoisoned(PLACES.lock())
}

const FILE: &str = "ca.pem";

/// The start of the directory's name. The process id and a random number follow.
const PREFIX: &str = "cassette-ca-";

impl Bundle {
    /// A handle to the file of this process. Writes the file, unless another handle exists already.
    ///
    /// # Errors
    ///
    /// The temporary directory cannot be written.
    pub(crate) fn get(trust: Trust) -> Result<Arc<Bundle>> {
        Bundle::with_roots(trust, Vec::new())
    }

    /// The file with further roots, each file of which is PEM or DER.
    ///
    /// # Errors
    ///
    /// A root is not a certificate, or the temporary directory cannot be written.
    pub(crate) fn with_extra(trust: Trust, files: &[Vec<u8>]) -> Result<Arc<Bundle>> {
        Bundle::with_roots(trust, trust::roots(files)?)
    }

    fn with_roots(trust: Trust, roots: Vec<CertificateDer<'static>>) -> Result<Arc<Bundle>> {
        static SWEPT: Once = Once::new();
        let mut places = places();
        let found = places.iter().position(|place| place.trust == trust && place.roots == roots);
        let index = found.unwrap_or(places.len());
        if found.is_none() {
            places.push(Place { trust, roots, directory: None, handles: 0 });
        }
        let place = &mut places[index];
        let directory = match place.directory.take() {
            Some(directory) if place.handles > 0 => directory,
            before => {
                let temporary = std::env::temp_dir();
                SWEPT.call_once(|| sweep(&temporary));
                write(before, &temporary, &text(trust, &place.roots))
                    .map_err(|e| Error::io("write the certificates of the session below", &temporary, e))?
            }
        };
        let file = directory.join(FILE);
        place.directory = Some(directory);
        place.handles += 1;
        Ok(Arc::new(Bundle { place: index, file }))
    }

    /// The absolute path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.file
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let place = &mut places()[self.place];
        place.handles -= 1;
        if place.handles == 0 {
            // If the removal fails, a process that starts later removes the directory.
            let _ = fs::remove_file(&self.file);
            let _ = self.file.parent().map(fs::remove_dir);
        }
    }
}

/// Creates the previous directory again and writes the file into it. Creates a directory with a new name instead if
/// there is no previous directory, or if its name is taken. Returns the directory.
fn write(before: Option<PathBuf>, temporary: &Path, text: &str) -> io::Result<PathBuf> {
    let directory = match before.filter(|before| fs::create_dir(before).is_ok()) {
        Some(directory) => directory,
        None => {
            // Creating the directory fails if the name is taken. So nobody else can have placed a file there for us to
            // write into.
            let random = ca::random().map_err(io::Error::other)?;
            let name = format!("{PREFIX}{}-{random:016x}", std::process::id());
            let directory = std::path::absolute(temporary)?.join(name);
            fs::create_dir(&directory)?;
            directory
        }
    };
    let file = directory.join(FILE);
    if let Err(e) = fs::write(&file, text) {
        let _ = fs::remove_file(&file);
        let _ = fs::remove_dir(&directory);
        return Err(e);
    }
    Ok(directory)
}

fn text(trust: Trust, roots: &[CertificateDer<'static>]) -> String {
    let mut text = Ca::get().pem().to_owned();
    roots.iter().for_each(|root| text += &ca::pem(root));
    if trust == Trust::SessionAndMachine {
        // The roots are loaded outside of the session, because inside of it `SSL_CERT_FILE` may name the file that is
        // being written. Roots that cannot be loaded are left out, even if no root remains.
        for root in outside(rustls_native_certs::load_native_certs).certs {
            text += &ca::pem(&root);
        }
    }
    text
}

/// Removes the directories of processes that have ended.
fn sweep(temporary: &Path) {
    for entry in fs::read_dir(temporary).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|n| n.strip_prefix(PREFIX)) else { continue };
        let number = rest.split('-').next().and_then(|n| n.parse::<u32>().ok());
        if number.is_some_and(|n| n != std::process::id() && is_gone(n, &entry)) {
            let _ = fs::remove_file(entry.path().join(FILE));
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Whether the process has ended. If the system has `/proc`, the process must be listed there. Otherwise the directory
/// counts as left behind when it is older than a day, because no test runs that long.
fn is_gone(process: u32, entry: &fs::DirEntry) -> bool {
    if Path::new("/proc/self").exists() {
        return !Path::new("/proc").join(process.to_string()).exists();
    }
    let age = entry.metadata().and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
    age.is_some_and(|age| age.as_secs() > 24 * 60 * 60)
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;

    use super::*;

    fn certificates(bundle: &Bundle) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(bundle.path()).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn it_holds_the_authority_and_no_key_until_nobody_needs_it() {
        let first = Bundle::get(Trust::Session).unwrap();
        let second = Bundle::get(Trust::Session).unwrap();
        assert_eq!(first.path(), second.path());
        assert_eq!(certificates(&first), [Ca::get().der().clone()]);
        assert!(!fs::read_to_string(first.path()).unwrap().contains("PRIVATE"));
        let file = first.file.clone();
        drop(first);
        assert!(file.exists());
        drop(second);
        // The file is gone, unless a test of another module has asked for it meanwhile.
        assert!(!file.exists() || Bundle::get(Trust::Session).is_ok());
        assert_eq!(Bundle::get(Trust::Session).unwrap().file, file, "clients remember the name");
    }

    #[test]
    fn it_never_lies_in_a_directory_that_was_there() {
        let temporary = tempfile::tempdir().unwrap();
        let first = write(None, temporary.path(), "1").unwrap();
        // While the previous directory exists, a new one is created. Once it is gone, its name is used again.
        let taken = write(Some(first.clone()), temporary.path(), "2").unwrap();
        assert_ne!(first, taken);
        fs::remove_dir_all(&first).unwrap();
        assert_eq!(write(Some(first.clone()), temporary.path(), "3").unwrap(), first);
        assert_eq!(fs::read(first.join(FILE)).unwrap(), b"3");
    }

    #[test]
    fn the_machines_roots_come_with_it_where_asked_for() {
        let machine = rustls_native_certs::load_native_certs().certs;
        let bundle = Bundle::get(Trust::SessionAndMachine).unwrap();
        let found = certificates(&bundle);
        assert_eq!(found.len(), 1 + machine.len());
        assert_eq!(found[0], *Ca::get().der());
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let temporary = tempfile::tempdir().unwrap();
        // No process has the highest number: Linux ends at 2^22, other systems earlier.
        let (left, own) = (format!("{PREFIX}4294967295-00"), format!("{PREFIX}{}-00", std::process::id()));
        for name in [left.as_str(), own.as_str(), "cassette-ca-x", "other"] {
            fs::create_dir(temporary.path().join(name)).unwrap();
            fs::write(temporary.path().join(name).join("ca.pem"), "").unwrap();
        }
        sweep(temporary.path());
        let is_there = |name: &str| temporary.path().join(name).exists();
        assert_eq!(is_there(&left), !Path::new("/proc/self").exists());
        assert!([own.as_str(), "cassette-ca-x", "other"].into_iter().all(is_there));
    }
}
