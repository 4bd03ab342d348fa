//! Lists the cassettes below a folder.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Cassette, Files, Metadata, Name};
use crate::error::{Error, Result};

/// A cassette that [`list`] found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Listed {
    /// The path of the cassette's document.
    pub path: PathBuf,
    /// The number of interactions.
    pub interactions: usize,
    /// The size on the disk in bytes, with the body files.
    pub bytes: u64,
    /// The cassette's metadata.
    pub metadata: Metadata,
}

/// Folders that are not searched. They hold many files, but no cassettes of a project.
const PASSED_OVER: [&str; 3] = ["target", "node_modules", ".git"];
/// The number of bytes in which the keys `version` and `_metadata` of a cassette must begin.
const HEAD: u64 = 512;

/// Finds the cassettes below `folder`, sorted by path. If a cassette cannot be read, the list has an error in its
/// place.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let folder = dir.path();
/// for cassette in cassette::__support::list(folder)? {
///     let cassette = cassette?;
///     println!("{}: {} interactions", cassette.path.display(), cassette.interactions);
/// }
/// # Ok::<(), cassette::TestError>(())
/// ```
///
/// # Errors
///
/// `folder` does not exist, or it or a folder below it cannot be read.
pub fn list(folder: impl AsRef<Path>) -> Result<Vec<Result<Listed>>> {
    let folder = folder.as_ref();
    if let Err(e) = fs::metadata(folder) {
        let hint = "correct the path; a relative path starts at the current directory";
        return Err(Error::io("read the folder", folder, e).hint(hint));
    }
    let mut documents = Vec::new();
    walk(folder, &mut documents)?;
    documents.sort();
    Ok(documents.iter().map(|path| listed(path)).collect())
}

fn walk(folder: &Path, documents: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |e| Error::io("read the folder", folder, e);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(failed(e)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let path = entry.path();
        if kind.is_dir() {
            if !PASSED_OVER.iter().any(|name| entry.file_name() == *name) {
                walk(&path, documents)?;
            }
        } else if kind.is_file() && path.extension().is_some_and(|e| e == "json") && is_cassette(&path) {
            documents.push(path);
        }
    }
    Ok(())
}

/// Recognises a cassette by its first keys, which are always `version` and then `_metadata`.
fn is_cassette(path: &Path) -> bool {
    let mut head = Vec::new();
    // After a read error `head` has only the bytes before it, and the file does not count as a cassette.
    let _ = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    // A character may be cut at the end of `head`.
    let head = String::from_utf8_lossy(&head);
    let mut text = head.split_whitespace();
    text.next() == Some("{") && text.next() == Some("\"version\":") && head.contains("\"_metadata\"")
}

fn listed(path: &Path) -> Result<Listed> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name: Name = stem.parse().map_err(|e: Error| e.at(path))?;
    let files = Files::new(path.parent().unwrap_or(Path::new(".")), &name);
    let cassette = Cassette::open_files(&files)?;
    let mut bytes = fs::metadata(path).map_err(|e| Error::io("read", path, e))?.len();
    for body in fs::read_dir(files.bodies()).into_iter().flatten().flatten() {
        bytes += body.metadata().map_or(0, |m| m.len());
    }
    Ok(Listed {
        path: path.to_owned(),
        interactions: cassette.len(),
        bytes,
        metadata: cassette.metadata().clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::{Journal, JournalOptions};

    #[test]
    fn cassettes_are_found_and_other_json_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["b", "deep/a"] {
            let files = Files::new(dir.path(), &name.parse().expect("a name"));
            let journal = Journal::create(&files, JournalOptions::default()).expect("a journal");
            journal.prepare(Metadata::default()).and_then(|p| p.install()).expect("installed");
        }
        fs::write(dir.path().join("other.json"), "{\"version\": 2}").expect("written");
        fs::write(dir.path().join("torn.json"), "{\n  \"version\": 2,\n  \"_metadata\": {").expect("written");
        let found = list(dir.path()).expect("a list");
        let paths: Vec<_> = found
            .iter()
            .map(|c| match c {
                Ok(c) => c.path.strip_prefix(dir.path()).expect("below").display().to_string(),
                Err(e) => format!("error at {:?}", e.position()),
            })
            .collect();
        assert_eq!(paths, ["b.json", "deep/a.json", "error at Some((3, 17))"]);
        // A character that the first bytes of the file cut.
        let mut text = "{\n  \"version\": 2,\n  \"_metadata\": {\"".to_owned();
        text.extend(std::iter::repeat_n('a', HEAD as usize - 1 - text.len()));
        fs::write(dir.path().join("wide.json"), text + "é").expect("written");
        assert_eq!(list(dir.path()).expect("a list").len(), 4);
        let error = list(dir.path().join("nothing")).unwrap_err();
        assert!(error.help().is_some_and(|hint| hint.starts_with("correct the path")), "{error:?}");
    }
}
