//! Reads a directory into a manifest: lists it, then hashes its files.

use std::path::Path;

use super::glob::Ignore;
use super::manifest::Manifest;
use super::{digest, walk};
use crate::error::Result;

impl Manifest {
    /// Reads the directory `dir`, each file once, on all cores. The bytes of each file pass through the filter, if there
    /// is one.
    ///
    /// `ignore` holds patterns of paths to leave out: `*` and `?` match within a name, `**` matches any number of
    /// folders. A pattern without a slash matches at every depth, and an ignored folder is ignored with all its
    /// contents.
    ///
    /// # Errors
    ///
    /// An entry cannot be read or is neither file, directory nor link (a socket, a pipe), or a pattern is empty. The
    /// error names the path.
    pub(crate) fn filtered(
        dir: &Path,
        ignore: &[String],
        filter: Option<digest::Filter<'_>>,
    ) -> Result<Manifest> {
        let found = walk::walk(dir, &Ignore::new(ignore)?)?;
        digest::digest(found, filter).map(Manifest::from_entries)
    }

    #[cfg(test)]
    pub(super) fn of(dir: &Path, ignore: &[String]) -> Result<Manifest> {
        Manifest::filtered(dir, ignore, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Entry, Item};
    use std::fs;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    /// Makes files from `(path, contents)` and directories from paths that end in a slash.
    fn tree(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, contents) in files {
            let full = dir.path().join(path);
            if path.ends_with('/') {
                fs::create_dir_all(full).unwrap();
            } else {
                fs::create_dir_all(full.parent().unwrap()).unwrap();
                fs::write(full, contents).unwrap();
            }
        }
        dir
    }

    #[track_caller]
    fn check(files: &[(&str, &[u8])], ignore: &[&str], expected: &[&str]) {
        let dir = tree(files);
        let ignore: Vec<String> = ignore.iter().map(|i| (*i).to_owned()).collect();
        let manifest = Manifest::of(dir.path(), &ignore).unwrap();
        let lines: Vec<String> =
            manifest.entries().iter().map(|e| format!("{} {}", e.item.kind(), e.path)).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn directories_become_lists() {
        check(&[], &[], &[]);
        check(&[("d/", b"")], &[], &["dir d"]);
        check(&[("d/e/", b""), ("d/f/", b"")], &[], &["dir d/e", "dir d/f"]);
        // Entries are sorted by the bytes of the whole path: capitals come first, and `-` comes before `/`.
        check(
            &[("b", b""), ("a/x", b""), ("a-b", b""), ("B", b""), ("ž", b"")],
            &[],
            &["file B", "file a-b", "file a/x", "file b", "file ž"],
        );
        check(&[("a.csv", b"id\n"), (".hidden", b"")], &[], &["file .hidden", "csv a.csv"]);
        check(&[("a.log", b""), ("d/b.log", b""), ("c", b"")], &["*.log"], &["file c", "dir d"]);
        check(&[("logs/a", b""), ("logs/b/c", b""), ("d", b"")], &["logs/**"], &["file d"]);
    }

    #[test]
    fn a_file_is_hashed_and_measured() {
        let dir = tree(&[("a.txt", b"hello")]);
        let item = Item::File { size: 5, sha256: HELLO.to_owned(), table: None };
        assert_eq!(
            Manifest::of(dir.path(), &[]).unwrap().entries(),
            [Entry { path: "a.txt".to_owned(), item }]
        );
    }

    /// The files are large enough for several threads, and for several reads of a file.
    #[test]
    fn large_directories_are_shared_out() {
        let csv = "id,name\n".to_owned() + &"1,\"a \"\"quoted\"\"\nname\"\n".repeat(20_000);
        let files: Vec<(String, &[u8])> = (0..20)
            .map(|i| (format!("{i:02}.csv"), if i % 2 == 0 { csv.as_bytes() } else { b"id\n7\n" }))
            .collect();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(p, c)| (p.as_str(), *c)).collect();
        let dir = tree(&files);
        let manifest = Manifest::of(dir.path(), &[]).unwrap();
        assert_eq!(manifest.entries().len(), 20);
        for (i, entry) in manifest.entries().iter().enumerate() {
            let Item::File { size, table: Some(table), .. } = &entry.item else { panic!("{entry:?}") };
            let (expected, rows) = if i % 2 == 0 { (csv.len(), 20_000) } else { (5, 1) };
            assert_eq!((*size, table.rows), (expected as u64, rows), "{}", entry.path);
        }
        assert_eq!(manifest.entries()[0].item, manifest.entries()[2].item);
        assert_eq!(Manifest::parse(&manifest.to_text()).unwrap(), manifest);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let dir = tree(&[]);
        let gone = dir.path().join("gone");
        assert_eq!(Manifest::of(&gone, &[]).unwrap_err().path(), Some(gone.as_path()));
    }

    #[cfg(unix)]
    mod unix {
        use super::*;
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::symlink;

        #[test]
        fn links_are_recorded_and_not_followed() {
            let dir = tree(&[("real/a", b"hello")]);
            symlink("real", dir.path().join("link")).unwrap();
            symlink(dir.path().join("real/a"), dir.path().join("absolute")).unwrap();
            symlink("/nowhere/at all", dir.path().join("broken")).unwrap();
            symlink(dir.path(), dir.path().join("round")).unwrap();
            let text = Manifest::of(dir.path(), &[]).unwrap().to_text();
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[0], r#"{"path":"absolute","kind":"symlink","target":"{{output_dir}}/real/a"}"#);
            assert_eq!(lines[1], r#"{"path":"broken","kind":"symlink","target":"/nowhere/at all"}"#);
            assert_eq!(lines[2], r#"{"path":"link","kind":"symlink","target":"real"}"#);
            assert_eq!(lines[4], r#"{"path":"round","kind":"symlink","target":"{{output_dir}}"}"#);
            assert_eq!(lines.len(), 5);
        }

        #[test]
        fn names_that_are_not_text_survive() {
            let dir = tree(&[]);
            // Some file systems refuse such a name (APFS does). There the test checks nothing.
            if fs::write(dir.path().join(OsStr::from_bytes(b"caf\xe9")), "").is_ok() {
                fs::write(dir.path().join(r"caf\xe9"), "").unwrap();
                let manifest = Manifest::of(dir.path(), &[]).unwrap();
                let paths: Vec<&str> = manifest.entries().iter().map(|e| e.path.as_str()).collect();
                assert_eq!(paths, [r"caf\\xe9", r"caf\xe9"]);
                assert_eq!(Manifest::parse(&manifest.to_text()).unwrap(), manifest);
            }
        }

        #[test]
        fn a_socket_is_refused_unless_ignored() {
            let dir = tree(&[]);
            let path = dir.path().join("s.sock");
            let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
            let error = Manifest::of(dir.path(), &[]).unwrap_err();
            assert_eq!(error.path(), Some(path.as_path()));
            assert!(error.help().unwrap().contains("`/s.sock`"), "{error:?}");
            assert!(Manifest::of(dir.path(), &["/s.sock".to_owned()]).unwrap().entries().is_empty());
        }

        #[test]
        fn a_file_that_vanished_is_named() {
            let dir = tree(&[("a", b"hello")]);
            let found = walk::walk(dir.path(), &Ignore::new(&[]).unwrap()).unwrap();
            fs::remove_file(dir.path().join("a")).unwrap();
            let error = digest::digest(found, None).unwrap_err();
            assert_eq!(error.path(), Some(dir.path().join("a").as_path()));
        }
    }
}
