//! Reads a directory: the walk first, then every file once, in parallel, hash and CSV in the same pass.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

use super::glob;
use super::manifest::{Entry, Kind};
use crate::error::{Error, Result};

const READ: usize = 64 * 1024;
/// More names than that make a snapshot unreadable.
const MAX_COLUMNS: usize = 64;

/// Every entry below `dir`, in no particular order.
pub(super) fn entries(dir: &Path, ignore: &[String]) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut files = Vec::new();
    walk(dir, "", ignore, &mut entries, &mut files)?;
    entries.extend(read_all(&files)?);
    Ok(entries)
}

fn walk(
    dir: &Path,
    prefix: &str,
    ignore: &[String],
    entries: &mut Vec<Entry>,
    files: &mut Vec<(PathBuf, String)>,
) -> Result<()> {
    let failed = |e| Error::io("read the output directory", dir, e);
    let mut empty = true;
    for found in fs::read_dir(dir).map_err(failed)? {
        let found = found.map_err(failed)?;
        empty = false;
        let path = format!("{prefix}{}", name(&found.file_name()));
        if ignore.iter().any(|g| glob::matches(g, &path)) {
            continue;
        }
        let kind = found.file_type().map_err(failed)?;
        if kind.is_symlink() {
            let target =
                fs::read_link(found.path()).map_err(|e| Error::io("read the link", &found.path(), e))?;
            let target = Some(name(target.as_os_str()));
            entries.push(Entry { target, ..entry(path, Kind::Symlink) });
        } else if kind.is_dir() {
            walk(&found.path(), &format!("{path}/"), ignore, entries, files)?;
        } else {
            files.push((found.path(), path));
        }
    }
    if empty && !prefix.is_empty() {
        entries.push(entry(prefix.trim_end_matches('/').to_owned(), Kind::Dir));
    }
    Ok(())
}

fn entry(path: String, kind: Kind) -> Entry {
    Entry { path, kind, size: None, rows: None, columns: None, sha256: None, target: None }
}

fn read_all(files: &[(PathBuf, String)]) -> Result<Vec<Entry>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(files.len());
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Ok(Vec::with_capacity(files.len())));
    let work = || {
        let mut buffer = vec![0; READ];
        while let Some((file, path)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let read = read(file, path, &mut buffer).map_err(|e| Error::io("read the output file", file, e));
            let mut found = found.lock().unwrap_or_else(|e| e.into_inner());
            match (read, &mut *found) {
                (Ok(entry), Ok(entries)) => entries.push(entry),
                (Err(e), Ok(_)) => *found = Err(e),
                (_, Err(_)) => return,
            }
        }
    };
    if threads <= 1 {
        work();
    } else {
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    }
    found.into_inner().unwrap_or_else(|e| e.into_inner())
}

fn read(file: &Path, path: &str, buffer: &mut [u8]) -> std::io::Result<Entry> {
    let mut open = File::open(file)?;
    let mut table = Table::of(path);
    let mut hash = Sha256::new();
    let mut size = 0;
    loop {
        let n = open.read(buffer)?;
        if n == 0 {
            break;
        }
        size += n as u64;
        hash.update(&buffer[..n]);
        if let Some(table) = &mut table {
            table.push(&buffer[..n]);
        }
    }
    let kind = if table.is_some() { Kind::Csv } else { Kind::File };
    let (rows, columns) = table.map(Table::finish).unzip();
    let sha256 = Some(hash.finalize().iter().map(|b| format!("{b:02x}")).collect());
    Ok(Entry { size: Some(size), rows, columns, sha256, ..entry(path.to_owned(), kind) })
}

/// Counts the records of a CSV file as it streams by, and keeps the names of the first one.
struct Table {
    reader: csv_core::Reader,
    records: u64,
    columns: Vec<String>,
    field: Vec<u8>,
    chunk: [u8; 1024],
}

impl Table {
    fn of(path: &str) -> Option<Table> {
        let extension = Path::new(path).extension()?.to_str()?.to_ascii_lowercase();
        let delimiter = match extension.as_str() {
            "csv" => b',',
            "tsv" => b'\t',
            _ => return None,
        };
        let reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Some(Table { reader, records: 0, columns: Vec::new(), field: Vec::new(), chunk: [0; 1024] })
    }

    fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let read = self.step(bytes);
            bytes = &bytes[read..];
        }
    }

    /// Tells how much was read. Nothing is given to say that the file ends here.
    fn step(&mut self, bytes: &[u8]) -> usize {
        let (result, read, written) = self.reader.read_field(bytes, &mut self.chunk);
        if self.records == 0 && self.columns.len() < MAX_COLUMNS {
            self.field.extend_from_slice(&self.chunk[..written]);
        }
        if let csv_core::ReadFieldResult::Field { record_end } = result {
            if self.records == 0 && self.columns.len() < MAX_COLUMNS {
                let field = std::mem::take(&mut self.field);
                self.columns.push(String::from_utf8_lossy(&field).trim_start_matches('\u{feff}').to_owned());
            }
            self.records += u64::from(record_end);
        }
        read
    }

    fn finish(mut self) -> (u64, Vec<String>) {
        self.step(&[]);
        (self.records.saturating_sub(1), self.columns)
    }
}

/// A file's name as text. A name that is not UTF-8 has its odd bytes as `%XX`.
fn name(name: &std::ffi::OsStr) -> String {
    if let Some(name) = name.to_str() {
        return name.to_owned();
    }
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        chunk.invalid().iter().for_each(|b| text.push_str(&format!("%{b:02X}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn table(path: &str, text: &str, rows: u64, columns: &[&str]) {
        let mut table = Table::of(path).expect("a table");
        // One byte at a time: where a chunk ends must not matter.
        text.bytes().for_each(|b| table.push(&[b]));
        assert_eq!(table.finish(), (rows, columns.iter().map(|c| (*c).to_owned()).collect()), "{text:?}");
    }

    #[test]
    fn tables() {
        table("a.csv", "", 0, &[]);
        table("a.csv", "x,y\n", 0, &["x", "y"]);
        table("a.csv", "x,y\n1,2\n3,4", 2, &["x", "y"]);
        table("a.csv", "x,y\r\n1,\"two\nlines\"\r\n", 1, &["x", "y"]);
        table("a.csv", "\"x,1\",\"y\"\"2\"\n1,2\n\n", 1, &["x,1", "y\"2"]);
        table("a.tsv", "x,y\tz\n1\t2\n", 1, &["x,y", "z"]);
    }

    #[test]
    fn a_long_header_is_cut_and_a_long_field_is_not() {
        let long = "c".repeat(5000);
        table("a.csv", &format!("{long}\n1\n"), 1, &[&long]);
        let many = (0..70).map(|i| i.to_string()).collect::<Vec<_>>();
        let mut cut = Table::of("a.csv").expect("a table");
        cut.push(many.join(",").as_bytes());
        assert_eq!(cut.finish().1, many[..64]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed_and_odd_names_survive() {
        use std::os::unix::ffi::OsStrExt as _;
        let dir = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink("/nowhere", dir.path().join("link")).expect("a link");
        std::os::unix::fs::symlink("..", dir.path().join("up")).expect("a link");
        fs::create_dir_all(dir.path().join("a/empty")).expect("made");
        fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"5%\xff")), "x").expect("written");
        let mut found = entries(dir.path(), &[]).expect("entries");
        found.sort_by(|a, b| a.path.cmp(&b.path));
        let seen: Vec<_> = found.iter().map(|e| (e.path.as_str(), e.kind, e.target.as_deref())).collect();
        assert_eq!(
            seen,
            [
                ("5%25%FF", Kind::File, None),
                ("a/empty", Kind::Dir, None),
                ("link", Kind::Symlink, Some("/nowhere")),
                ("up", Kind::Symlink, Some("..")),
            ]
        );
    }

    #[test]
    fn what_is_ignored_is_not_read() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(dir.path().join("logs")).expect("made");
        for file in ["a.csv", "a.log", "logs/b.log"] {
            fs::write(dir.path().join(file), "x").expect("written");
        }
        let found = entries(dir.path(), &["**/*.log".to_owned()]).expect("entries");
        assert_eq!(found.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(), ["a.csv"]);
    }

    #[test]
    fn the_hash_is_that_of_the_bytes() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("abc"), "abc").expect("written");
        let found = entries(dir.path(), &[]).expect("entries");
        // FIPS 180-4's example.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(found[0].sha256.as_deref(), Some(expected));
    }
}
