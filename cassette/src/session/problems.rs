//! Turns errors into [`Problem`]s, which the module `report` turns into text.
//!
//! Must not know: the text of a report.

use std::error::Error as _;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::PathBuf;

use crate::error::Error;
use crate::mode::{Mistake, Mode};
use crate::player::Fault;
use crate::report::{
    ChangedFile, FieldChange, MalformedCassette, Obstacle, OutputChange, Problem, UnknownMode, Unwritable,
};
use crate::snapshot::{Entry, EntryChange, Fact, Item, SnapshotDiff};

/// The number of bytes of a line that are read for a report. Lines of an intact cassette are shorter.
const LONGEST_LINE: u64 = 1 << 20;

/// The problem of a mistake in the environment variables.
pub(super) fn mistake(mistake: Mistake) -> Box<Problem> {
    Box::new(match mistake {
        Mistake::UnknownMode(value) => {
            Problem::UnknownMode(UnknownMode { value, valid: Mode::names().map(str::to_owned).to_vec() })
        }
        Mistake::UnknownVariable { name, nearest } => {
            Problem::Obstacle(Obstacle::UnknownVariable { name, nearest })
        }
    })
}

/// The problem of a cassette that cannot be read. It contains the text of the line with the error.
pub(super) fn malformed(error: Error) -> Box<Problem> {
    let line = error.path().zip(error.position()).and_then(|(path, (line, _))| read_line(path, line));
    Box::new(Problem::Malformed(MalformedCassette { error, line }))
}

/// The problem of a recorded response that could not be replayed.
pub(super) fn fault(fault: Fault) -> Problem {
    match fault {
        Fault::Unreadable(error) => *malformed(error),
        Fault::Unfilled(unfilled) => Problem::Unfilled(unfilled),
    }
}

/// The problem of a file or directory that cannot be written, if `error` has a path and comes from the system. Any
/// other error is [`Problem::Other`].
pub(super) fn unwritable(what: &str, error: Error) -> Box<Problem> {
    let io = error.source().and_then(|e| e.downcast_ref::<io::Error>()).map(|e| (e.kind(), e.to_string()));
    Box::new(match (io, error.path().map(PathBuf::from)) {
        (Some((kind, message)), Some(path)) => {
            // If the file does not exist, the system refused to create it, so the report names the directory.
            let parent = path.parent().map(PathBuf::from).filter(|_| path.symlink_metadata().is_err());
            let directory = parent.unwrap_or(path);
            Problem::Unwritable(Unwritable { what: what.to_owned(), directory, kind, message })
        }
        _ => Problem::Other(error),
    })
}

/// Converts a refusal of the session's certificate for the report.
#[cfg(feature = "proxy")]
pub(super) fn refused(refused: crate::transport::CertificateRefusal) -> crate::report::RefusedCertificate {
    crate::report::RefusedCertificate { host: refused.host, alert: refused.alert.map(str::to_owned) }
}

/// Converts a connection that does not speak HTTP for the report.
#[cfg(feature = "proxy")]
pub(super) fn foreign(foreign: crate::transport::Foreign, passed: bool) -> crate::report::ForeignConnection {
    let sign = match foreign.sent.is_empty() {
        true => crate::report::ForeignSign::Silence,
        false => crate::report::ForeignSign::Bytes(foreign.sent),
    };
    crate::report::ForeignConnection { server: foreign.server, sign, passed }
}

/// The differences between the output of the test and its snapshot.
pub(super) fn output(
    diff: SnapshotDiff,
    snapshot: PathBuf,
    kept_in: PathBuf,
    review_command: Option<String>,
) -> OutputChange {
    let changed = |change: &EntryChange| ChangedFile {
        path: change.path.clone(),
        fields: change.facts().iter().map(|fact| field(fact, change)).collect(),
        diff: None,
        sha256: sha256(&change.after),
    };
    let paths = |entries: Vec<Entry>| entries.into_iter().map(|e| e.path).collect();
    OutputChange {
        snapshot,
        changed: diff.changed.iter().map(changed).collect(),
        missing: paths(diff.missing),
        unexpected: paths(diff.unexpected),
        kept_in,
        review_command,
    }
}

fn field(fact: &Fact, change: &EntryChange) -> FieldChange {
    let of = |what: &str, before: String, after: String| FieldChange { what: what.to_owned(), before, after };
    match fact {
        Fact::Kind { before, after } => of("kind", (*before).to_owned(), (*after).to_owned()),
        Fact::Rows { before, after } => of("rows", before.to_string(), after.to_string()),
        Fact::Columns { .. } => of("columns", columns(&change.before), columns(&change.after)),
        Fact::Size { before, after } => of("size", before.to_string(), after.to_string()),
        Fact::Target { before, after } => of("target", before.clone(), after.clone()),
        Fact::Content => of("sha256", sha256(&change.before), sha256(&change.after)),
    }
}

fn columns(item: &Item) -> String {
    match item {
        Item::File { table: Some(table), .. } if table.columns as usize > table.names.len() => {
            format!("{} columns, the first are {}", table.columns, table.names.join(", "))
        }
        Item::File { table: Some(table), .. } => table.names.join(", "),
        _ => String::new(),
    }
}

fn sha256(item: &Item) -> String {
    match item {
        Item::File { sha256, .. } => sha256.to_string(),
        _ => String::new(),
    }
}

fn read_line(path: &std::path::Path, line: usize) -> Option<String> {
    let mut lines = BufReader::new(File::open(path).ok()?);
    let mut text = Vec::new();
    for _ in 0..line {
        text.clear();
        let mut limited = io::Read::take(&mut lines, LONGEST_LINE);
        limited.read_until(b'\n', &mut text).ok()?;
    }
    Some(String::from_utf8_lossy(&text).trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_made_is_refused_by_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        let check = |path: PathBuf, expected: &std::path::Path| {
            let error = Error::io("lock", &path, io::ErrorKind::PermissionDenied.into());
            let Problem::Unwritable(unwritable) = *unwritable("cassettes", error) else { panic!("{path:?}") };
            assert_eq!(unwritable.directory, expected);
        };
        check(dir.path().join("berlin.lock.recording"), dir.path());
        check(dir.path().to_owned(), dir.path());
    }
}
