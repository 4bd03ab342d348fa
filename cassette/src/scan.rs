//! Finds secrets in existing files, for `cargo cassette scan`.
//!
//! Must not know: what a cassette is. Any file of a repository may contain a leaked secret.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::redact::{Leak, LeakCheck, Redactor, Seen};

/// The result of a scan.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Scanned {
    /// The secrets that were found, sorted by path and by place in the file.
    pub found: Vec<FoundSecret>,
    /// Files and folders that could not be read. They may contain more secrets.
    pub unread: Vec<Error>,
    /// The number of files that were read.
    pub files: u64,
}

/// A secret in a file.
#[derive(Debug)]
#[non_exhaustive]
pub struct FoundSecret {
    /// The path of the file.
    pub path: PathBuf,
    /// The secret and its place. If the file is compressed with gzip or zstd, the place is in the decompressed content.
    /// If compressed data is in base64 in the file, the place is the start of the base64.
    pub leak: Leak,
    /// Whether the secret is in compressed data.
    pub packed: bool,
}

/// Folders that are not scanned, because they are never committed and contain many files.
const PASSED_OVER: [&str; 3] = ["target", "node_modules", ".git"];

/// Scans files and folders for secrets. In a folder, scans all files at any depth, and does not follow symbolic links.
/// The memory that a scan needs does not depend on the size of the files.
///
/// ```
/// use cassette::__support::{Redactor, Rules, scan};
///
/// let dir = tempfile::tempdir()?;
/// std::fs::write(dir.path().join("notes.txt"), "one\nkey: pk-2f9a77c1\n")?;
/// let redactor = Redactor::new(Rules::default().secret("KEY", "pk-2f9a77c1")?)?;
/// let scanned = scan([dir.path()], &redactor)?;
/// assert_eq!((scanned.found[0].leak.line, scanned.found[0].leak.column), (2, 6));
/// # Ok::<(), cassette::TestError>(())
/// ```
///
/// # Errors
///
/// There are too many secrets to look for. A file that cannot be read is not an error. [`Scanned::unread`] lists such
/// files.
pub fn scan<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>, redactor: &Redactor) -> Result<Scanned> {
    let paths: Vec<P> = paths.into_iter().collect();
    // If several paths lead to the same file, the file is scanned only once.
    let read = (paths.len() > 1).then(HashSet::new);
    let mut scanner = Scanner { check: redactor.leak_check()?, scanned: Scanned::default(), read };
    for path in &paths {
        let path = path.as_ref();
        match fs::metadata(path) {
            Ok(data) if data.is_dir() => scanner.folder(path),
            Ok(data) if data.is_file() => scanner.file(path),
            // The scan does not open a pipe, because that may block for ever.
            Ok(_) => scanner.scanned.unread.push(
                Error::new(format!("{} is neither a file nor a folder", path.display()))
                    .hint("write its contents to a file and scan that file"),
            ),
            Err(e) => scanner.scanned.unread.push(unread("read", path, e)),
        }
    }
    Ok(scanner.scanned)
}

fn unread(doing: &str, path: &Path, e: std::io::Error) -> Error {
    let missing = e.kind() == std::io::ErrorKind::NotFound;
    Error::io(doing, path, e).hint(match missing {
        true => "correct the path; a relative path starts at the current directory",
        false => "make it readable and scan again: it may hold secrets",
    })
}

struct Scanner {
    check: LeakCheck,
    scanned: Scanned,
    /// If there are several paths: the canonical paths of the files that have been read.
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
            Seen::Broken => Err(std::io::Error::other("its compressed data is incomplete or corrupt")),
            Seen::TooLong => Err(std::io::Error::other("it decompresses to more than 1 GiB")),
        }
    }
}
