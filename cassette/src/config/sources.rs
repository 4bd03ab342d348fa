//! The sources of secret values: environment variables, files and code. Failures and notes name the source of a missing
//! value.
//!
//! This is the only module of `config` that reads files. The module `mode` reads the variables. Must not know: what a
//! secret looks like, what is redacted.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::mode::Environment;
use crate::redact::Rules;
use crate::report::{Absent, ValueFrom};

/// The sources that a `Config` names, including sources without a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(super) variables: BTreeSet<String>,
    /// The path of a file, and whether all strings in the file are secrets. If it is `false`, only the values of keys
    /// that begin with `#` are secrets.
    pub(super) files: Vec<(PathBuf, bool)>,
    pub(super) named: BTreeSet<String>,
    /// Sources that held no value.
    absent: Vec<Absent>,
}

impl Sources {
    /// Returns the sources that held no value. If a secret got its value from another source, its empty source is not
    /// listed.
    pub(crate) fn absent(&self, rules: &Rules) -> Vec<Absent> {
        let has = |name: &String| rules.names().any(|known| known == name);
        let absent = self.absent.iter().filter(|absent| match absent {
            Absent::Unset(name) | Absent::Empty(name) | Absent::Value(name) => !has(name),
            Absent::File(_) | Absent::Unmarked(_) => true,
        });
        absent.cloned().collect()
    }

    /// Returns the source from which this secret's value comes, or would come. The report of a replay without the value
    /// names this source.
    pub(crate) fn of(&self, name: &str) -> ValueFrom {
        if self.variables.contains(name) {
            return ValueFrom::Variable;
        }
        let may_hold = |all: &bool| *all || name.contains('#');
        let files = self.files.iter().filter(|(_, all)| may_hold(all) && !self.named.contains(name));
        let files: Vec<PathBuf> = files.map(|(file, _)| file.clone()).collect();
        if files.is_empty() { ValueFrom::Config } else { ValueFrom::Files(files) }
    }

    pub(super) fn note_absent(&mut self, absent: Absent) {
        if !self.absent.contains(&absent) {
            self.absent.push(absent);
        }
    }
}

/// Returns the path and the content of a secrets file. A relative path starts at the package's directory and not at the
/// working directory. Cargo runs tests in the package's directory, but somebody may start a test by hand in another
/// directory.
pub(super) fn read_file(file: &Path) -> (PathBuf, io::Result<Vec<u8>>) {
    let path = Environment::manifest_dir().unwrap_or_default().join(file);
    let text = std::fs::read(&path);
    (path, text)
}
