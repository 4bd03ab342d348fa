//! Generates tests from configurations: reads definitions, writes a test tree and thin `#[cassette_test]`s.
//!
//! Must not know: transports, and what the component under test does.

mod case;
mod definitions;
mod generate;
mod write;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub use case::Case;
pub use definitions::Definition;
pub use write::{ChangeKind, FileChange};

use crate::error::{Error, Result};

/// Turns a file of configurations into tests.
///
/// ```no_run
/// use cassette::scaffold::Scaffold;
///
/// # fn main() -> cassette::TestResult {
/// let plan = Scaffold::new("prices/definitions.json", "tests/prices", "tests/prices.rs")
///     .harness("cassette_examples::harness")
///     .command("cargo run --example scaffold")
///     .plan()?;
/// for change in plan.write()? {
///     println!("{change}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Scaffold {
    definitions: PathBuf,
    tree: PathBuf,
    test_file: PathBuf,
    harness: String,
    command: String,
    freeze_time: Option<String>,
    package_dir: PathBuf,
}

/// The work that a [`Scaffold`] is going to do. All definitions have been read and validated; nothing has been written.
#[derive(Clone, Debug)]
pub struct Plan {
    scaffold: Scaffold,
    cases: Vec<Case>,
    files: Vec<(PathBuf, String)>,
    test_file: PathBuf,
}

impl Scaffold {
    /// A scaffold from this file of definitions. Cases are written below `tree`, their tests to `test_file`. Paths are
    /// relative to the package's directory.
    pub fn new(
        definitions: impl Into<PathBuf>,
        tree: impl Into<PathBuf>,
        test_file: impl Into<PathBuf>,
    ) -> Scaffold {
        Scaffold {
            definitions: definitions.into(),
            tree: tree.into(),
            test_file: test_file.into(),
            harness: "crate::harness".to_owned(),
            command: "cargo run --example scaffold".to_owned(),
            freeze_time: None,
            package_dir: crate::mode::Environment::manifest_dir().unwrap_or_else(|| PathBuf::from(".")),
        }
    }

    /// The module that generated tests call. Its function `config()` returns the [`Config`](crate::Config), and its
    /// function `run(session, case)` runs the component.
    #[must_use]
    pub fn harness(mut self, path: &str) -> Scaffold {
        self.harness = path.to_owned();
        self
    }

    /// The command that runs the scaffolder, for the generated file and for error messages.
    #[must_use]
    pub fn command(mut self, command: &str) -> Scaffold {
        self.command = command.to_owned();
        self
    }

    /// The instant, in RFC 3339, at which the clock stands in every case whose definition names no other instant. With
    /// a frozen clock, a new recording sends the same requests to the API.
    #[must_use]
    pub fn freeze_time(mut self, at: &str) -> Scaffold {
        self.freeze_time = Some(at.to_owned());
        self
    }

    /// The directory of the package. Default: the value of `CARGO_MANIFEST_DIR`.
    #[must_use]
    pub fn package_dir(mut self, dir: impl Into<PathBuf>) -> Scaffold {
        self.package_dir = dir.into();
        self
    }

    /// Reads and validates all definitions.
    ///
    /// # Errors
    ///
    /// The definitions cannot be read, or one of them is wrong. The message has the file and the place in it
    /// (`definitions.json: [3].name: …`).
    pub fn plan(&self) -> Result<Plan> {
        let file = self.package_dir.join(&self.definitions);
        let mut definitions = definitions::read(&file)?;
        if let Some(at) = &self.freeze_time {
            crate::clock::parse_rfc3339(at)?;
            for definition in &mut definitions {
                definition.freeze_time.get_or_insert_with(|| at.clone());
            }
        }
        let tree = self.package_dir.join(&self.tree);
        let cases: Vec<Case> = definitions.into_iter().map(|d| Case::new(&tree, d)).collect();
        let mut files = Vec::new();
        for case in &cases {
            files.extend(case.files());
        }
        let source = generate::test_file(&cases, &self.harness, &self.command, &self.definitions);
        let test_file = self.package_dir.join(&self.test_file);
        Ok(Plan { scaffold: self.clone(), cases, files, test_file: test_file.clone() }
            .with_tests(test_file, source))
    }
}

impl Plan {
    /// The cases in the order of the definitions.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Writes the files that differ, and returns for each file whether it was created, updated or unchanged.
    ///
    /// # Errors
    ///
    /// A file cannot be written, or a file that was not generated is at the path of the test file.
    pub fn write(&self) -> Result<Vec<FileChange>> {
        self.refuse_foreign_test_file()?;
        self.files.iter().map(|(path, text)| write::write(path, text, &self.scaffold.package_dir)).collect()
    }

    /// Compares the files without writing them. Finds missing and different files, cases without a recording, and case
    /// folders without a definition.
    ///
    /// # Errors
    ///
    /// The comparison finds something. The message names every file and folder found, and the command that updates the
    /// files.
    pub fn check(&self) -> Result<()> {
        let root = &self.scaffold.package_dir;
        let mut drift = Vec::new();
        for (path, text) in &self.files {
            match write::compare(path, text)? {
                ChangeKind::Unchanged => {}
                ChangeKind::Created => drift.push(format!("{}: missing", relative(path, root))),
                ChangeKind::Updated => drift.push(format!("{}: differs", relative(path, root))),
            }
        }
        for case in &self.cases {
            if !case.cassette_file().is_file() {
                drift.push(format!("{}: not recorded yet", relative(&case.cassette_file(), root)));
            }
        }
        for orphan in self.orphans()? {
            drift.push(format!("{}: no longer defined, remove it", relative(&orphan, root)));
        }
        if drift.is_empty() {
            return Ok(());
        }
        let definitions = self.scaffold.definitions.display();
        let message =
            format!("the generated tests have drifted from {definitions}:\n  {}", drift.join("\n  "));
        Err(Error::new(message).hint(format!("run `{}`", self.scaffold.command)))
    }

    /// The folders below the tree whose case has no definition. cassette reports these folders, and never removes them.
    ///
    /// # Errors
    ///
    /// The tree cannot be read.
    pub fn orphans(&self) -> Result<Vec<PathBuf>> {
        let tree = self.scaffold.package_dir.join(&self.scaffold.tree);
        let defined: BTreeSet<&Path> = self.cases.iter().map(Case::dir).collect();
        let entries = match std::fs::read_dir(&tree) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io("read the test tree", &tree, e)),
        };
        let mut orphans = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| Error::io("read the test tree", &tree, e))?.path();
            if path.is_dir() && !defined.contains(path.as_path()) {
                orphans.push(path);
            }
        }
        orphans.sort();
        Ok(orphans)
    }

    fn with_tests(mut self, path: PathBuf, source: String) -> Plan {
        self.files.push((path, source));
        self
    }

    fn refuse_foreign_test_file(&self) -> Result<()> {
        match std::fs::read_to_string(&self.test_file) {
            Ok(text) if !text.starts_with(generate::HEADER) => {
                Err(Error::new("is at the path of the generated tests, but was not generated")
                    .at(&self.test_file)
                    .hint("move the file, or give the scaffolder another path for the tests"))
            }
            _ => Ok(()),
        }
    }
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
