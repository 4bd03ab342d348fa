//! Secrets that the configuration names, but that have no value while a test records.
//!
//! Must not know: where secrets are read.

use std::fmt;
use std::path::PathBuf;

use super::page::Page;
use super::setup::path;
use super::text::clean;

/// A source that should give the value of a secret, but does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub(crate) enum Absent {
    /// The environment variable with this name is not set.
    Unset(String),
    /// The environment variable with this name is empty.
    Empty(String),
    /// The code of the test gives the secret with this name an empty value.
    Value(String),
    /// The file does not exist.
    File(PathBuf),
    /// The configuration file marks nothing as a secret.
    Unmarked(PathBuf),
}

/// Names the source and the mistake, such as `API_KEY is not set`.
impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Absent::Unset(name) => write!(f, "{} is not set", clean(name)),
            Absent::Empty(name) | Absent::Value(name) => write!(f, "{} is empty", clean(name)),
            Absent::File(file) => write!(f, "{} does not exist", path(file)),
            Absent::Unmarked(file) => write!(f, "{} has no key that begins with `#`", path(file)),
        }
    }
}

impl Absent {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        match self {
            Absent::Unset(_) | Absent::Empty(_) => {
                page.note(format_args!("{self}, so cassette did not search for this secret"));
                page.fact("to redact it", "set the variable, or correct its name in `secret_from_env`");
            }
            Absent::Value(_) => {
                page.note(format_args!("{self}, so cassette did not search for this secret"));
                page.fact("to redact it", "check where the test's `Config` takes its value from");
            }
            Absent::Unmarked(_) => {
                page.note(format_args!("{self}, so cassette takes no secrets from it"));
                page.fact(
                    "if it has secrets",
                    "begin their keys with `#`, or read the whole file with `secrets_file`",
                );
            }
            Absent::File(_) => {
                page.note(format_args!("{self}, so cassette takes no secrets from it"));
                page.fact("if it has secrets", "create it, or correct its path in the test's `Config`");
            }
        }
    }
}
