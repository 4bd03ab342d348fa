//! Where the values of secrets come from. The one file of `config` that reads files; `mode` reads variables for it.
//!
//! Must not know: what a secret looks like, what is redacted.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::mode::Environment;
use crate::redact::Rules;
use crate::report::{Absent, ValueFrom};

/// What the values of secrets come from, whether there are any or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(super) variables: BTreeSet<String>,
    /// Each with whether all its strings are secrets, or what is marked with `#`.
    pub(super) files: Vec<(PathBuf, bool)>,
    pub(super) named: BTreeSet<String>,
    /// Where there was nothing to take a secret from.
    absent: Vec<Absent>,
}

impl Sources {
    /// Where there was nothing, and nobody else gave the value of that name.
    pub(crate) fn absent(&self, rules: &Rules) -> Vec<Absent> {
        let has = |name: &String| rules.names().any(|known| known == name);
        let absent = self.absent.iter().filter(|absent| match absent {
            Absent::Unset(name) | Absent::Empty(name) | Absent::Value(name) => !has(name),
            Absent::File(_) | Absent::Unmarked(_) => true,
        });
        absent.cloned().collect()
    }

    /// Where the value of this secret comes from, or would.
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

/// The content of a file of secrets, and where it is: relative to the package, where Cargo runs its tests, which need
/// not be where they are started by hand.
pub(super) fn read_file(file: &Path) -> (PathBuf, io::Result<Vec<u8>>) {
    let path = Environment::manifest_dir().unwrap_or_default().join(file);
    let text = std::fs::read(&path);
    (path, text)
}
