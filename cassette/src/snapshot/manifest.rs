//! The manifest: one line of JSON for each file, so that a change of one file is a diff of one line.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::diff::SnapshotDiff;
use super::scan;
use crate::error::{Error, Result};

/// What is in a directory: every file with its size and hash, sorted by path.
///
/// ```
/// use cassette::snapshot::Manifest;
///
/// let dir = tempfile::tempdir()?;
/// std::fs::write(dir.path().join("cities.csv"), "city,degrees\nBerlin,21\nPrague,24\n")?;
/// let manifest = Manifest::of(dir.path(), &[])?;
/// let cities = &manifest.entries()[0];
/// assert_eq!((cities.path.as_str(), cities.rows), ("cities.csv", Some(2)));
/// # Ok::<(), cassette::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<Entry>,
}

/// One file of a [`Manifest`], or one empty directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Entry {
    /// Relative to the directory, with forward slashes. Bytes of a name that are not UTF-8 stand as `%XX`, and
    /// `%` as `%25` in such a name.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Bytes of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Of a CSV file: its records, the first one not counted, since it is the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Of a CSV file: the fields of its first record, at most 64 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// Of a file, lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where a symbolic link points. It is not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// What a path of a [`Manifest`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// A file.
    File,
    /// A file of comma or tab separated values, by its name: `.csv`, `.tsv`.
    Csv,
    /// A directory with nothing in it.
    Dir,
    /// A symbolic link.
    Symlink,
}

impl Manifest {
    /// Reads a directory, files in parallel, each in one pass of 64 KiB reads. Paths that match a glob of
    /// `ignore` are left out: `*` and `?` stay within a folder's name, `**` crosses folders.
    ///
    /// # Errors
    ///
    /// Something in the directory can't be read.
    pub fn of(dir: &Path, ignore: &[String]) -> Result<Manifest> {
        let mut entries = scan::entries(dir, ignore)?;
        entries.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        Ok(Manifest { entries })
    }

    /// The entries, sorted by path.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Nothing was written?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The text form: a line of JSON for each entry.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            // Strings and numbers always serialise.
            let line = serde_json::to_string(entry).unwrap_or_default();
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// A line is not an entry: the error has its number.
    pub fn parse(text: &str) -> Result<Manifest> {
        let mut entries = Vec::new();
        for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
            let entry = serde_json::from_str(line)
                .map_err(|e| Error::new(format!("not an entry of a manifest: {e}")).at_position(i + 1, 1))?;
            entries.push(entry);
        }
        Ok(Manifest { entries })
    }

    /// Compares both ways: what changed, what is missing in `actual`, what is only there.
    pub fn compare(&self, actual: &Manifest) -> SnapshotDiff {
        SnapshotDiff::between(&self.entries, &actual.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_read_back() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("a b.csv"), "x,\"y\"\"z\"\n1,2\n").expect("written");
        std::fs::write(dir.path().join("notes"), "").expect("written");
        let manifest = Manifest::of(dir.path(), &[]).expect("a manifest");
        assert_eq!(Manifest::parse(&manifest.to_text()).expect("parsed"), manifest);
    }

    #[test]
    fn a_line_that_is_no_entry_is_named() {
        let error = Manifest::parse("\n{\"path\": 1}\n").expect_err("no entry");
        assert_eq!(error.position(), Some((2, 1)));
    }
}
