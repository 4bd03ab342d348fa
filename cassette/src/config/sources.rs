//! The sources of secret values: environment variables, files and code. Failures and notes name the source of a missing
//! value.
//!
//! This is the only module of `config` that reads files. The module `mode` reads the variables. Must not know: what a
//! secret looks like, what is redacted.

use std::collections::BTreeSet;
#[cfg(feature = "proxy")]
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::Config;
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
    /// The dummies of variables without a value.
    dummies: Vec<(String, String)>,
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

    /// The variables that name a secret, and that are not set or empty.
    pub(crate) fn unset(&self, rules: &Rules) -> Vec<String> {
        let absent = self.absent(rules);
        let names = absent.into_iter().filter_map(|absent| match absent {
            Absent::Unset(name) | Absent::Empty(name) => Some(name),
            _ => None,
        });
        names.collect()
    }

    /// The variables without a value, each with the dummy that a replay shows in its place.
    #[cfg(feature = "intercept")]
    pub(crate) fn dummies(&self) -> &[(String, String)] {
        &self.dummies
    }

    /// The dummies for a new process: those of variables that the test has not set in the meantime.
    #[cfg(feature = "proxy")]
    pub(crate) fn missing_dummies(&self) -> impl Iterator<Item = (String, OsString)> {
        let missing = self.dummies.iter().filter(|(name, _)| !Environment::has(name));
        missing.map(|(name, dummy)| (name.clone(), dummy.into()))
    }

    /// Whether the secret has a dummy in place of a value.
    pub(crate) fn has_dummy(&self, name: &str) -> bool {
        self.dummies.iter().any(|(known, _)| known == name)
    }

    pub(super) fn note_absent(&mut self, absent: Absent) {
        if !self.absent.contains(&absent) {
            self.absent.push(absent);
        }
    }
}

impl Config {
    /// The settings of a replay: each variable of [`secret_from_env`](Config::secret_from_env) without a value gets a
    /// dummy, which redaction then replaces as it would the value. `unset` lists variables that had no value while
    /// recording either: the code under test must not see more than it did then.
    pub(crate) fn with_dummies(mut self, unset: &[String]) -> Config {
        for name in self.sources.unset(&self.rules) {
            let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !is_plain || unset.contains(&name) {
                continue;
            }
            let dummy = format!("dummy-{name}-value");
            // The name and the value are valid, so this does not fail; and a replay works without a dummy.
            match self.rules.clone().secret_or_unusable(&name, &dummy) {
                Ok(rules) => self.rules = rules,
                Err(_) => continue,
            }
            self.sources.dummies.push((name, dummy));
        }
        self
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
