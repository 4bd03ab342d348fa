//! Reports on a test that cannot begin, because its mode is unknown or a directory cannot be written. Also formats
//! paths and errors for the other reports.
//!
//! Must not know: how the problem was found.

use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};

use super::TestSite;
use super::page::{Help, Page};
use super::text::{VALUE, clean, nearest, short};
use crate::error::Error;

/// The variable `CASSETTE_MODE` names a mode that does not exist. In the attribute and in `Config`, only existing modes
/// can be written.
#[derive(Clone, Debug)]
pub(crate) struct UnknownMode {
    /// The value as given.
    pub(crate) value: String,
    /// The names of all modes.
    pub(crate) valid: Vec<String>,
}

/// A directory that cannot be written.
#[derive(Clone, Debug)]
pub(crate) struct Unwritable {
    /// The purpose of the directory: `cassettes`, `output`.
    pub(crate) what: String,
    /// The directory.
    pub(crate) directory: PathBuf,
    /// The kind of the system's error.
    pub(crate) kind: io::ErrorKind,
    /// The message of the system's error.
    pub(crate) message: String,
}

impl UnknownMode {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        page.error(format_args!("`{}` is not a mode", short(&self.value, VALUE)));
        page.fact("set by", "the variable CASSETTE_MODE");
        page.fact("valid", self.valid.join(", "));
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        match nearest(&self.value, &self.valid) {
            Some(mode) => Help { why: format!("did you mean `{mode}`?"), command: site.mode_command(mode) },
            None => Help {
                why: "without the variable the test replays".to_owned(),
                command: format!("env -u CASSETTE_MODE {}", site.run_command()),
            },
        }
    }
}

impl Unwritable {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        page.error(format_args!("the directory for {} cannot be written", clean(&self.what)));
        page.fact("directory", path(&self.directory));
        page.fact("reason", clean(&self.message));
    }

    pub(super) fn help(&self) -> Help {
        let directory = quoted(&self.directory);
        let (why, command) = match self.kind {
            io::ErrorKind::PermissionDenied => {
                ("give yourself permission to write", format!("chmod u+w {directory}"))
            }
            io::ErrorKind::NotFound => ("create it", format!("mkdir -p {directory}")),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                ("free some space; this shows how much is left", format!("df -h {directory}"))
            }
            io::ErrorKind::ReadOnlyFilesystem => ("check how it is mounted", format!("df {directory}")),
            _ => ("check what is at this path", format!("ls -ld {directory}")),
        };
        Help { why: why.to_owned(), command }
    }
}

/// A path, with control characters escaped.
pub(super) fn path(path: &Path) -> String {
    clean(&path.display().to_string()).into_owned()
}

/// The message of an error without its causes and without the name of the file. Reports show the file in a separate
/// line.
pub(super) fn message(error: &Error) -> String {
    let text = error.to_string();
    let Some(file) = error.path() else { return text };
    let place = match error.position() {
        Some((line, column)) => format!("{}:{line}:{column}: ", file.display()),
        None => format!("{}: ", file.display()),
    };
    text.strip_prefix(&place).map_or_else(|| text.clone(), str::to_owned)
}

/// Writes the causes and the hint of an error.
pub(super) fn write_causes(page: &mut Page<'_>, error: &Error) {
    let mut next = error.source();
    while let Some(cause) = next {
        page.fact("cause", short(&cause.to_string(), 4 * VALUE));
        next = cause.source();
    }
    if let Some(hint) = error.help() {
        page.fact("hint", short(hint, 4 * VALUE));
    }
}

/// The path as one word of a shell command.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.chars().all(|c| c.is_alphanumeric() || "/._-+@:".contains(c)) && !text.is_empty() {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
