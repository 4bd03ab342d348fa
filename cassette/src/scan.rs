//! Secrets in files that are there already: what `cargo cassette scan` looks for.
//!
//! Must not know: what a cassette is. Whatever a repository holds may leak.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::redact::{Leak, LeakCheck, Redactor, Seen};

/// What a scan found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Scanned {
    /// Every place, in the order of paths and of places in a file.
    pub found: Vec<FoundSecret>,
    /// Files and folders that could not be read: there may be more.
    pub unread: Vec<Error>,
    /// Files that were read.
    pub files: u64,
}

/// A secret in a file.
#[derive(Debug)]
#[non_exhaustive]
pub struct FoundSecret {
    /// The file.
    pub path: PathBuf,
    /// What was found, and where. Of a file that is packed with gzip or zstd, in what it unpacks to; of base64 that packs
    /// something, where that begins.
    pub leak: Leak,
    /// It is in something that is packed.
    pub packed: bool,
}

/// Folders that are not a part of what is committed, and hold many files.
const PASSED_OVER: [&str; 3] = ["target", "node_modules", ".git"];

/// Reads files, and all below folders, in a window of memory each. Symbolic links are not followed below a folder.
///
/// ```
/// use cassette::redact::{Redactor, Rules};
///
/// let dir = tempfile::tempdir()?;
/// std::fs::write(dir.path().join("notes.txt"), "one\nkey: pk-2f9a77c1\n")?;
/// let redactor = Redactor::new(Rules::default().secret("KEY", "pk-2f9a77c1")?)?;
/// let scanned = cassette::scan::scan([dir.path()], &redactor)?;
/// assert_eq!((scanned.found[0].leak.line, scanned.found[0].leak.column), (2, 6));
/// # Ok::<(), cassette::TestError>(())
/// ```
///
/// # Errors
///
/// There are too many secrets to look for. What can't be read is told in [`Scanned::unread`].
pub fn scan<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>, redactor: &Redactor) -> Result<Scanned> {
    let paths: Vec<P> = paths.into_iter().collect();
    // What is named once is met once.
    let read = (paths.len() > 1).then(HashSet::new);
    let mut scanner = Scanner { check: redactor.leak_check()?, scanned: Scanned::default(), read };
    for path in &paths {
        let path = path.as_ref();
        match fs::metadata(path) {
            Ok(data) if data.is_dir() => scanner.folder(path),
            Ok(data) if data.is_file() => scanner.file(path),
            // To open a pipe may be to wait for ever.
            Ok(_) => scanner.scanned.unread.push(
                Error::new(format!("{} is neither a file nor a folder", path.display()))
                    .hint("write what it gives into a file, and scan that"),
            ),
            Err(e) => scanner.scanned.unread.push(unread("read", path, e)),
        }
    }
    Ok(scanner.scanned)
}

fn unread(doing: &str, path: &Path, e: std::io::Error) -> Error {
    let missing = e.kind() == std::io::ErrorKind::NotFound;
    Error::io(doing, path, e).hint(match missing {
        true => "correct the path: a relative one begins where the command runs",
        false => "see to it that it can be read, and scan again: it may hold secrets",
    })
}

struct Scanner {
    check: LeakCheck,
    scanned: Scanned,
    /// Where several are named: the files that have been read, under the paths that they really have.
    read: Option<HashSet<PathBuf>>,
}

impl Scanner {
    fn folder(&mut self, folder: &Path) {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(e) => return self.scanned.unread.push(unread("read the folder", folder, e)),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    if !PASSED_OVER.iter().any(|name| entry.file_name() == *name) {
                        self.folder(&entry.path());
                    }
                }
                Ok(kind) if kind.is_file() => self.file(&entry.path()),
                Ok(_) => {}
                Err(e) => self.scanned.unread.push(unread("read", &entry.path(), e)),
            }
        }
    }

    fn file(&mut self, path: &Path) {
        if let Some(read) = &mut self.read
            && path.canonicalize().is_ok_and(|path| !read.insert(path))
        {
            return;
        }
        match self.read(path) {
            Ok(()) => self.scanned.files += 1,
            Err(e) => self.scanned.unread.push(unread("scan", path, e)),
        }
    }

    fn read(&mut self, path: &Path) -> std::io::Result<()> {
        let open = |at: u64| -> std::io::Result<File> {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(at))?;
            Ok(file)
        };
        let found = |leak, packed| FoundSecret { path: path.to_owned(), leak, packed };
        let Scanner { check, scanned, .. } = self;
        let seen = check.packed(open, |leak| {
            scanned.found.push(found(leak, true));
            ControlFlow::Continue(())
        })?;
        scanned.found.extend(check.scan_all(open(0)?)?.into_iter().map(|leak| found(leak, false)));
        match seen {
            Seen::Whole => Ok(()),
            Seen::Broken => Err(std::io::Error::other("it can't be unpacked to its end")),
            Seen::TooLong => Err(std::io::Error::other("it unpacks to more than 1 GiB")),
        }
    }
}
