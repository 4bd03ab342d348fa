//! The types of a snapshot: a directory as a sorted list of its entries.

/// The contents of a directory: every file, link and empty directory below it that is not ignored, sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    // Sorted by the bytes of the path, each path once.
    entries: Vec<Entry>,
}

/// One line of a [`Manifest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Relative to the directory, with forward slashes. A byte that is not UTF-8 is written `\xNN` and a backslash
    /// `\\`, so that no two names look the same.
    pub(crate) path: String,
    /// The item at the path.
    pub(crate) item: Item,
}

/// The item at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Item {
    /// A file. It has a `table` if its name ends in `.csv` or `.tsv`.
    File {
        /// The length in bytes.
        size: u64,
        /// The SHA-256 hash in lower-case hexadecimal.
        sha256: String,
        /// Rows and columns of a CSV file.
        table: Option<Table>,
    },
    /// A directory that is empty, or contains only ignored files.
    Dir,
    /// A symbolic link, which is never followed.
    Symlink {
        /// Its target, escaped like [`Entry::path`]. An absolute target inside the directory starts with
        /// `{{output_dir}}`, because the directory's path differs in each run.
        target: String,
    },
}

/// The rows and columns of a CSV file (RFC 4180). In `.tsv` files the separator is a tab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// The number of records after the header. Blank lines do not count.
    pub(crate) rows: u64,
    /// The number of columns in the header.
    pub(crate) columns: u64,
    /// The first [`Table::MAX_NAMES`] names of the header, each cut at [`Table::MAX_NAME_BYTES`] bytes and escaped like
    /// [`Entry::path`].
    pub(crate) names: Vec<String>,
}

impl Manifest {
    /// The entries, sorted by path.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn from_entries(mut entries: Vec<Entry>) -> Manifest {
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Manifest { entries }
    }
}

impl Table {
    /// The greatest number of column names that a line lists, so that the line stays readable.
    pub(crate) const MAX_NAMES: usize = 64;
    /// The greatest number of bytes of one name. Without this limit, a file that is not really CSV could give one
    /// endless name.
    pub(crate) const MAX_NAME_BYTES: usize = 256;
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn the_manifest_of_a_table() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("cities.csv"), "id,name\n1,Berlin\n2,Brno\n").unwrap();
        let manifest = Manifest::of(dir.path(), &["*.log".to_owned()]).unwrap();

        assert_eq!(manifest.entries().len(), 1);
        assert!(manifest.to_text().starts_with(
            r#"{"path":"cities.csv","kind":"csv","size":24,"rows":2,"columns":["id","name"],"sha256":""#
        ));
    }
}
