//! Which test each cassette belongs to, noted in the target directory, so that a second test is refused that runs in
//! another process: under nextest, or in another file of `tests/`.
//!
//! The note of a test counts for one run of cargo or nextest, and only while the test still exists: its executable is
//! the one that wrote the note, and its source file is there. Otherwise a renamed test would be refused.
//!
//! Must not know: what a session is.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::hex;
use crate::mode::{Environment, Mode};
use crate::report::TestSite;

/// The note of a test about its cassette.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    run: String,
    executable: PathBuf,
    /// Nanoseconds since 1970.
    built: u128,
    package: String,
    file: String,
    line: u32,
    test: String,
}

/// Notes that the cassette belongs to this test. Returns the other test to which it belongs already.
///
/// A note that cannot be written, or read, refuses no test.
pub(super) fn claim(target: &Path, package_dir: &Path, document: &Path, site: &TestSite) -> Option<TestSite> {
    let note = Note::of(site, Environment::run()?)?;
    claimed(&target.join("cassette/.tests"), package_dir, document, &note).ok().flatten()
}

fn claimed(notes: &Path, package_dir: &Path, document: &Path, note: &Note) -> io::Result<Option<TestSite>> {
    let document = std::path::absolute(document)?;
    let name = hex::encode(&Sha256::digest(document.as_os_str().as_encoded_bytes()));
    fs::create_dir_all(notes)?;
    let file = notes.join(&name[..32]);
    let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(file)?;
    file.lock()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let found: Option<Note> = serde_json::from_str(&text).ok();
    if let Some(found) = &found {
        if found == note {
            return Ok(None);
        }
        if found.run == note.run && !found.is_same_test(note) && found.still_exists(package_dir) {
            return Ok(Some(found.site()));
        }
    }
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec(note)?)?;
    Ok(None)
}

impl Note {
    fn of(site: &TestSite, run: String) -> Option<Note> {
        let executable = std::env::current_exe().ok()?;
        let built = built(&executable)?;
        let TestSite { package, file, line, test, .. } = site.clone();
        Some(Note { run, executable, built, package, file, line, test })
    }

    fn is_same_test(&self, other: &Note) -> bool {
        (&self.package, &self.file, &self.test) == (&other.package, &other.file, &other.test)
    }

    fn still_exists(&self, package_dir: &Path) -> bool {
        // The path of the source file starts at the workspace, which is the package's directory or above it.
        let mut folders = package_dir.ancestors();
        built(&self.executable) == Some(self.built) && folders.any(|folder| folder.join(&self.file).is_file())
    }

    fn site(&self) -> TestSite {
        TestSite {
            cassette: String::new(),
            test: self.test.clone(),
            package: self.package.clone(),
            file: self.file.clone(),
            line: self.line,
            record_command: None,
            mode: Mode::Replay,
        }
    }
}

fn built(executable: &Path) -> Option<u128> {
    let modified = fs::metadata(executable).ok()?.modified().ok()?;
    Some(modified.duration_since(UNIX_EPOCH).ok()?.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Project(tempfile::TempDir);

    impl Project {
        fn new() -> Project {
            let project = Project(tempfile::tempdir().unwrap());
            for file in ["a.rs", "b.rs", "a.exe", "b.exe"] {
                fs::write(project.path(file), "").unwrap();
            }
            project
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// The note of the test in this file, in this run.
        fn note(&self, name: &str, run: &str) -> Note {
            let executable = self.path(&format!("{name}.exe"));
            let built = built(&executable).unwrap();
            let (run, package, test) = (run.to_owned(), "p".to_owned(), format!("{name}::berlin"));
            Note { run, executable, built, package, file: format!("{name}.rs"), line: 7, test }
        }

        /// The name of the test that the cassette belongs to, if that is another one.
        fn claim(&self, note: &Note) -> Option<String> {
            let document = self.path("berlin.json");
            let site = claimed(&self.path("notes"), &self.path("package"), &document, note).unwrap();
            site.map(|site| site.test)
        }
    }

    #[test]
    fn a_second_test_is_refused_in_the_same_run() {
        let project = Project::new();
        let (a, b) = (project.note("a", "1"), project.note("b", "1"));
        assert_eq!(project.claim(&a), None);
        assert_eq!(project.claim(&a), None, "the same test");
        assert_eq!(project.claim(&b).as_deref(), Some("a::berlin"));
        assert_eq!(project.claim(&a), None, "the first test keeps the cassette");
        let moved = Note { line: 8, executable: project.path("b.exe"), ..a };
        assert_eq!(project.claim(&moved), None, "the same test in another executable");
    }

    #[test]
    fn another_run_starts_anew() {
        let project = Project::new();
        assert_eq!(project.claim(&project.note("a", "1")), None);
        assert_eq!(project.claim(&project.note("b", "2")), None);
        assert_eq!(project.claim(&project.note("a", "2")).as_deref(), Some("b::berlin"));
    }

    #[test]
    fn a_test_that_no_longer_exists_owns_nothing() {
        let project = Project::new();
        assert_eq!(project.claim(&project.note("a", "1")), None);
        fs::remove_file(project.path("a.rs")).unwrap();
        assert_eq!(project.claim(&project.note("b", "1")), None, "the source file was renamed");
        fs::remove_file(project.path("b.exe")).unwrap();
        assert_eq!(project.claim(&project.note("a", "1")), None, "the executable is gone");
        fs::write(project.path("notes").read_dir().unwrap().next().unwrap().unwrap().path(), "{").unwrap();
        fs::write(project.path("b.exe"), "").unwrap();
        assert_eq!(project.claim(&project.note("b", "1")), None, "the note is damaged");
    }
}
