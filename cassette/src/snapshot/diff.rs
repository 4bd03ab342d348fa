//! The differences of two manifests, as a value.

use std::collections::BTreeMap;

use super::manifest::Entry;

/// What differs between a snapshot and what was written. Empty if nothing does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotDiff {
    /// There before and now, but not the same.
    pub changed: Vec<Change>,
    /// There before, not now.
    pub missing: Vec<Entry>,
    /// Not there before.
    pub unexpected: Vec<Entry>,
}

/// One path, before and now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// In the snapshot.
    pub before: Entry,
    /// In the directory.
    pub after: Entry,
}

impl SnapshotDiff {
    pub(super) fn between(before: &[Entry], after: &[Entry]) -> SnapshotDiff {
        let mut now: BTreeMap<&str, &Entry> = after.iter().map(|e| (e.path.as_str(), e)).collect();
        let mut diff = SnapshotDiff::default();
        for before in before {
            match now.remove(before.path.as_str()) {
                None => diff.missing.push(before.clone()),
                Some(after) if after != before => {
                    diff.changed.push(Change { before: before.clone(), after: after.clone() });
                }
                Some(_) => {}
            }
        }
        diff.unexpected = now.into_values().cloned().collect();
        diff
    }

    /// Does nothing differ?
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.missing.is_empty() && self.unexpected.is_empty()
    }
}

impl Change {
    /// The facts that differ, as name, before and now: `("rows", "12", "13")`. A hash only where nothing
    /// else differs.
    pub fn facts(&self) -> Vec<(&'static str, String, String)> {
        let (b, a) = (&self.before, &self.after);
        let number = |n: Option<u64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
        let text = |t: &Option<String>| t.clone().unwrap_or_else(|| "none".to_owned());
        let columns =
            |c: &Option<Vec<String>>| c.as_ref().map_or_else(|| "none".to_owned(), |c| c.join(", "));
        let mut facts = vec![
            ("kind", format!("{:?}", b.kind).to_lowercase(), format!("{:?}", a.kind).to_lowercase()),
            ("size", number(b.size), number(a.size)),
            ("rows", number(b.rows), number(a.rows)),
            ("columns", columns(&b.columns), columns(&a.columns)),
            ("target", text(&b.target), text(&a.target)),
        ];
        facts.retain(|(_, before, after)| before != after);
        if facts.is_empty() {
            facts.push(("sha256", text(&b.sha256), text(&a.sha256)));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::super::Manifest;

    fn manifest(files: &[(&str, &str)]) -> Manifest {
        let dir = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        Manifest::of(dir.path(), &[]).expect("a manifest")
    }

    #[test]
    fn both_ways() {
        let before = manifest(&[("a.csv", "x\n1\n"), ("b/gone", "1"), ("same", "1")]);
        let after = manifest(&[("a.csv", "x\n1\n2\n"), ("c/new", "1"), ("same", "1")]);
        let diff = before.compare(&after);
        let paths = |e: &[super::Entry]| e.iter().map(|e| e.path.clone()).collect::<Vec<_>>();
        assert_eq!(paths(&diff.missing), ["b/gone"]);
        assert_eq!(paths(&diff.unexpected), ["c/new"]);
        assert_eq!(
            diff.changed[0].facts(),
            [("size", "4".into(), "6".into()), ("rows", "1".into(), "2".into())]
        );
        assert!(before.compare(&before).is_empty());
    }

    #[test]
    fn the_same_size_with_another_content_is_told_by_the_hash() {
        let (before, after) = (manifest(&[("a.csv", "x\n1\n")]), manifest(&[("a.csv", "x\n2\n")]));
        let diff = before.compare(&after);
        let facts = diff.changed[0].facts();
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].0, "sha256");
        assert_ne!(facts[0].1, facts[0].2);
    }
}
