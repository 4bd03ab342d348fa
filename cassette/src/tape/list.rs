//! Which cassettes there are below a directory, for tools that look after them.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::document::{Cassette, Limits};
use super::metadata::Metadata;
use crate::{Error, Result};

/// A cassette, as [`list`] found it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Listed {
    /// The document. If a directory could not be read, that directory.
    pub path: PathBuf,
    /// Bytes on disk, with the files of long bodies.
    pub size: u64,
    /// What is on it, or why that could not be read.
    pub summary: Result<Summary>,
}

/// What [`list`] says about a cassette.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Summary {
    /// How many interactions there are, counted.
    pub interactions: usize,
    /// What the cassette says about itself.
    pub metadata: Metadata,
}

/// Every cassette below `path`, or the one at `path`, sorted by path.
///
/// A cassette is a `*.json` file with a `_metadata` key near its start. Hidden directories, links, and
/// directories marked as a cache (<https://bford.info/cachedir/>, as cargo marks `target`) are left out.
/// The interactions of a cassette are counted, and not read one by one.
///
/// ```
/// # fn main() -> cassette::Result<()> {
/// let dir = tempfile::tempdir()?;
/// std::fs::write(dir.path().join("a.json"), r#"{"version": 2, "_metadata": {}, "interactions": []}"#)?;
/// std::fs::write(dir.path().join("package.json"), r#"{"version": "1.0.0"}"#)?;
/// let found = cassette::tape::list(dir.path())?;
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].summary.as_ref().unwrap().interactions, 0);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If there is nothing at `path`, or a file that is no cassette. What cannot be read below a directory is in
/// the list, with its error.
pub fn list(path: &Path) -> Result<Vec<Listed>> {
    if !fs::metadata(path).map_err(|e| Error::io("look for cassettes", path, e))?.is_dir() {
        return match inspect(path.to_path_buf()) {
            Some(listed) => Ok(vec![listed]),
            None => Err(Error::new("this is no cassette").at(path)),
        };
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        if let Err(e) = look_into(&folder, &mut folders, &mut found) {
            let summary = Err(Error::io("read the directory", &folder, e));
            found.push(Listed { path: folder, size: 0, summary });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn look_into(folder: &Path, folders: &mut Vec<PathBuf>, found: &mut Vec<Listed>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if kind.is_dir() && !hidden && !path.join("CACHEDIR.TAG").exists() {
            folders.push(path);
        } else if kind.is_file() && path.extension().is_some_and(|e| e == "json") {
            found.extend(inspect(path));
        }
    }
    Ok(())
}

/// `None` if it is some other file.
fn inspect(path: PathBuf) -> Option<Listed> {
    let bodies = path.with_extension("bodies");
    match looks_like_one(&path) {
        Ok(true) => {}
        Ok(false) => return None,
        // A file that is gone by now is none; one that cannot be read may be one.
        Err(e) if e.kind() == ErrorKind::NotFound => return None,
        Err(e) => {
            let summary = Err(Error::io("read the file", &path, e));
            return Some(Listed { path, size: 0, summary });
        }
    }
    let size = file_size(&path) + bodies_size(&bodies);
    let summary = Cassette::read(path.clone(), bodies, &Limits::default())
        .map(|c| Summary { interactions: c.len(), metadata: c.metadata().clone() });
    Some(Listed { path, size, summary })
}

/// Enough of a file to tell: keys are in a fixed order, and `_metadata` is the second.
fn looks_like_one(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(4096).read_to_end(&mut start)?;
    let has = |key: &str| memmem::find(&start, key.as_bytes()).is_some();
    Ok(has("\"version\"") && has("\"_metadata\""))
}

/// Sizes are for the reader's orientation; what cannot be looked at counts as nothing.
fn bodies_size(folder: &Path) -> u64 {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|e| file_size(&e.path())).sum()
}

fn file_size(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |m| m.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str =
        r#"{"version": 2, "_metadata": {"recorded_at": "2026-01-01T00:00:00Z"}, "interactions": []}"#;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &[(&str, u64, bool)]) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let found = list(dir.path()).unwrap();
        let found: Vec<(String, u64, bool)> = found
            .iter()
            .map(|l| {
                (l.path.strip_prefix(dir.path()).unwrap().display().to_string(), l.size, l.summary.is_ok())
            })
            .collect();
        let expected: Vec<(String, u64, bool)> =
            expected.iter().map(|(p, s, ok)| (p.to_string(), *s, *ok)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn cassettes_are_told_from_other_files() {
        let size = EMPTY.len() as u64;
        check(&[], &[]);
        check(&[("b.json", EMPTY), ("a/c.json", EMPTY)], &[("a/c.json", size, true), ("b.json", size, true)]);
        check(&[("v1.2.json", EMPTY), ("v1.2.bodies/x.bin", "12345")], &[("v1.2.json", size + 5, true)]);
        check(&[("package.json", r#"{"version": 2}"#), ("a.json", ""), ("a.txt", EMPTY)], &[]);
        check(&[("a.json.recording", EMPTY), (".git/a.json", EMPTY)], &[]);
        check(&[("target/CACHEDIR.TAG", ""), ("target/a.json", EMPTY)], &[]);
        check(&[("a.json", &EMPTY[..size as usize - 1])], &[("a.json", size - 1, false)]);
        check(&[("a.json", &EMPTY.replace("2,", "1,"))], &[("a.json", size, false)]);
    }

    #[test]
    fn one_file_by_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let (cassette, other) = (dir.path().join("a.json"), dir.path().join("b.json"));
        fs::write(&cassette, EMPTY).unwrap();
        fs::write(&other, "{}").unwrap();
        let found = list(&cassette).unwrap();
        let summary = found[0].summary.as_ref().unwrap();
        assert_eq!(summary.metadata.recorded_at.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(list(&other).unwrap_err().path(), Some(other.as_path()));
        let none = dir.path().join("none");
        assert_eq!(list(&none).unwrap_err().path(), Some(none.as_path()));
    }
}
