//! Compares two manifests. This module returns the differences as values, and `report` writes their text.

use std::cmp::Ordering;

use super::manifest::{Entry, Item, Manifest};

/// The differences between a directory and its expected manifest. Empty if they are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SnapshotDiff {
    /// Paths that are in both manifests, but with different items.
    pub(crate) changed: Vec<EntryChange>,
    /// Expected entries that the directory does not have.
    pub(crate) missing: Vec<Entry>,
    /// Entries of the directory that were not expected.
    pub(crate) unexpected: Vec<Entry>,
}

/// A path whose item differs from the expected item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntryChange {
    /// As in [`Entry::path`].
    pub(crate) path: String,
    /// The expected item.
    pub(crate) before: Item,
    /// The item in the directory.
    pub(crate) after: Item,
}

/// One aspect that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Fact {
    /// The kind of the item, by its name in the manifest: `file` became `symlink`.
    Kind {
        /// Expected.
        before: &'static str,
        /// Found.
        after: &'static str,
    },
    /// The number of records.
    Rows {
        /// Expected.
        before: u64,
        /// Found.
        after: u64,
    },
    /// The number of columns, or their names.
    Columns {
        /// Expected.
        before: u64,
        /// Found.
        after: u64,
        /// New names, in the order of the header.
        added: Vec<String>,
        /// Names that are gone. If no name was added or removed and the counts agree, the order changed.
        removed: Vec<String>,
    },
    /// The number of bytes.
    Size {
        /// Expected.
        before: u64,
        /// Found.
        after: u64,
    },
    /// The bytes differ, and their number is the same.
    Content,
    /// The target of the link.
    Target {
        /// Expected.
        before: String,
        /// Found.
        after: String,
    },
}

impl Manifest {
    /// The differences between this manifest, the expected one, and `found`.
    pub(crate) fn diff(&self, found: &Manifest) -> SnapshotDiff {
        let mut diff = SnapshotDiff::default();
        let (mut old, mut new) = (self.entries().iter().peekable(), found.entries().iter().peekable());
        loop {
            // Both manifests are sorted by path and have each path once.
            let order = match (old.peek(), new.peek()) {
                (None, None) => return diff,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(o), Some(n)) => o.path.cmp(&n.path),
            };
            match order {
                Ordering::Less => diff.missing.extend(old.next().cloned()),
                Ordering::Greater => diff.unexpected.extend(new.next().cloned()),
                Ordering::Equal => {
                    if let (Some(o), Some(n)) = (old.next(), new.next())
                        && o.item != n.item
                    {
                        let (before, after) = (o.item.clone(), n.item.clone());
                        diff.changed.push(EntryChange { path: o.path.clone(), before, after });
                    }
                }
            }
        }
    }
}

impl SnapshotDiff {
    /// Whether there are no differences.
    pub(crate) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.missing.is_empty() && self.unexpected.is_empty()
    }
}

impl EntryChange {
    /// The aspects that changed, the most informative first. Never empty.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        match (&self.before, &self.after) {
            (Item::File { size: before, table: old, .. }, Item::File { size: after, table: new, .. }) => {
                let mut facts = Vec::new();
                if let (Some(old), Some(new)) = (old, new) {
                    if old.rows != new.rows {
                        facts.push(Fact::Rows { before: old.rows, after: new.rows });
                    }
                    if (old.columns, &old.names) != (new.columns, &new.names) {
                        facts.push(Fact::Columns {
                            before: old.columns,
                            after: new.columns,
                            added: without(&new.names, &old.names),
                            removed: without(&old.names, &new.names),
                        });
                    }
                }
                if before != after {
                    facts.push(Fact::Size { before: *before, after: *after });
                }
                if facts.is_empty() {
                    facts.push(Fact::Content);
                }
                facts
            }
            (Item::Symlink { target: before }, Item::Symlink { target: after }) => {
                vec![Fact::Target { before: before.clone(), after: after.clone() }]
            }
            (before, after) => vec![Fact::Kind { before: before.kind(), after: after.kind() }],
        }
    }
}

/// The names of `some` that `others` lacks. If a name occurs twice in `some`, it must also occur twice in `others`.
fn without(some: &[String], others: &[String]) -> Vec<String> {
    let mut others: Vec<&String> = others.iter().collect();
    let beyond = some.iter().filter(|name| match others.iter().position(|o| o == name) {
        Some(at) => {
            others.swap_remove(at);
            false
        }
        None => true,
    });
    beyond.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::manifest::Table;

    fn file(size: u64, content: &str) -> Item {
        Item::File { size, sha256: content.to_owned(), table: None }
    }

    fn csv(rows: u64, names: &[&str]) -> Item {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let table = Table { rows, columns: names.len() as u64, names };
        Item::File { size: 1, sha256: format!("{rows}"), table: Some(table) }
    }

    fn link(target: &str) -> Item {
        Item::Symlink { target: target.to_owned() }
    }

    fn manifest(entries: &[(&str, Item)]) -> Manifest {
        let entry = |(path, item): &(&str, Item)| Entry { path: (*path).to_owned(), item: item.clone() };
        Manifest::from_entries(entries.iter().map(entry).collect())
    }

    #[track_caller]
    fn check(before: Item, after: Item, expected: &[Fact]) {
        let diff = manifest(&[("x", before)]).diff(&manifest(&[("x", after)]));
        assert_eq!((diff.changed.len(), diff.missing.len(), diff.unexpected.len()), (1, 0, 0));
        assert_eq!(diff.changed[0].facts(), expected);
    }

    #[test]
    fn a_change_says_what_changed() {
        let columns = |before, after, added: &[&str], removed: &[&str]| Fact::Columns {
            before,
            after,
            added: added.iter().map(|s| s.to_string()).collect(),
            removed: removed.iter().map(|s| s.to_string()).collect(),
        };
        check(file(1, "a"), file(2, "b"), &[Fact::Size { before: 1, after: 2 }]);
        check(file(1, "a"), file(1, "b"), &[Fact::Content]);
        check(file(1, "a"), link("b"), &[Fact::Kind { before: "file", after: "symlink" }]);
        check(csv(1, &["a"]), Item::Dir, &[Fact::Kind { before: "csv", after: "dir" }]);
        check(link("a"), link("b"), &[Fact::Target { before: "a".into(), after: "b".into() }]);
        check(csv(12, &["a"]), csv(13, &["a"]), &[Fact::Rows { before: 12, after: 13 }]);
        check(csv(1, &["a", "b"]), csv(1, &["b", "c", "d"]), &[columns(2, 3, &["c", "d"], &["a"])]);
        check(csv(1, &["a", "b"]), csv(1, &["b", "a"]), &[columns(2, 2, &[], &[])]);
        check(csv(1, &["a"]), csv(1, &["a", "a"]), &[columns(1, 2, &["a"], &[])]);
    }

    #[test]
    fn it_looks_both_ways() {
        let old = manifest(&[("a", Item::Dir), ("b", file(1, "1")), ("d", file(1, "1"))]);
        let new = manifest(&[("b", file(1, "2")), ("c", Item::Dir), ("d", file(1, "1")), ("e", Item::Dir)]);
        let paths = |entries: &[Entry]| entries.iter().map(|e| e.path.clone()).collect::<Vec<_>>();
        let diff = old.diff(&new);
        assert_eq!(paths(&diff.missing), ["a"]);
        assert_eq!(paths(&diff.unexpected), ["c", "e"]);
        assert_eq!(diff.changed.iter().map(|c| c.path.as_str()).collect::<Vec<_>>(), ["b"]);
        assert!(!diff.is_empty());
        assert!(old.diff(&old).is_empty());
        let diff = old.diff(&Manifest::default());
        assert_eq!((diff.changed.len(), diff.missing.len(), diff.unexpected.len()), (0, 3, 0));
    }

    #[test]
    fn a_row_more() {
        let before = Manifest::parse(r#"{"path":"a.csv","kind":"csv","size":9,"rows":1,"columns":["id"],"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}"#).unwrap();
        let after = Manifest::parse(r#"{"path":"a.csv","kind":"csv","size":11,"rows":2,"columns":["id"],"sha256":"486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7"}"#).unwrap();
        let diff = before.diff(&after);
        assert_eq!(diff.changed[0].facts()[0], Fact::Rows { before: 1, after: 2 });
    }
}
