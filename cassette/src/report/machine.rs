//! The machine-readable report for editors and CI. Each session appends one line of JSON to the file that
//! `CASSETTE_REPORT` names. A line is written in one call, so that the lines of parallel tests and processes do not
//! mix.
//!
//! Must not know: who reads the report.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use serde_json::{Value, json};

use super::page::Page;
use super::{FailureReport, Note, Palette, Problem, Recorded, TestSite};

/// The version of the format. It increases if a field changes its meaning or is removed, but not if a field is added.
const VERSION: u32 = 1;

impl FailureReport {
    /// The line of a failed test. `redact` redacts every text that may contain text of the code under test or of a
    /// server.
    pub(crate) fn line(&self, redact: impl Fn(&str) -> String) -> Value {
        let mut line = head(&self.site, "failed");
        let problems = self.problems.iter().map(|problem| {
            let text = problem.alone(&self.site);
            let title = text.lines().next().unwrap_or_default();
            let help = problem.help(&self.site);
            json!({
                "kind": problem.kind(),
                "title": redact(title.strip_prefix("error: ").unwrap_or(title)),
                "text": redact(&text),
                "help": { "why": help.why, "command": redact(&help.command) },
            })
        });
        line["problems"] = problems.collect();
        line["panic"] = self.panic.as_deref().map(&redact).into();
        let causes = self.notes.iter().filter_map(|note| match note {
            Note::Cause(cause) => Some(json!({
                "kind": cause.kind(),
                "text": redact(&super::notes(std::slice::from_ref(note), &Palette::plain())),
            })),
            _ => None,
        });
        line["causes"] = causes.collect();
        line["text"] = redact(&self.render(&Palette::plain())).into();
        line
    }
}

/// The line of a test that passed. `recorded` is set if the test recorded its cassette. Its second value says whether
/// the cassette has changed.
pub(crate) fn passed(site: &TestSite, interactions: usize, recorded: Option<(&Recorded, bool)>) -> Value {
    let mut line = head(site, "passed");
    line["interactions"] = interactions.into();
    line["recorded"] = recorded.map_or(Value::Null, |(recorded, changed)| {
        let redacted: Vec<Value> =
            recorded.redacted.iter().map(|(rule, times)| json!({ "rule": rule, "times": times })).collect();
        json!({ "bytes": recorded.size, "changed": changed, "redacted": redacted })
    });
    line
}

/// Appends a line to the file, and creates the file if necessary.
pub(crate) fn append(file: &Path, line: &Value) -> io::Result<()> {
    let mut text = line.to_string();
    text.push('\n');
    OpenOptions::new().append(true).create(true).open(file)?.write_all(text.as_bytes())
}

fn head(site: &TestSite, event: &str) -> Value {
    json!({
        "version": VERSION,
        "event": event,
        "cassette": site.cassette,
        "mode": site.mode.name(),
        "test": site.test,
        "package": site.package,
        "file": site.file,
        "line": site.line,
        "commands": { "again": site.again_command(), "record": site.record_command() },
    })
}

impl Problem {
    /// The text of this problem only, without the location of the test and without the command.
    fn alone(&self, site: &TestSite) -> String {
        let palette = Palette::plain();
        let mut page = Page::new(&palette, None);
        self.write(&mut page, site);
        page.finish()
    }

    /// The name of this kind of problem in the report. The names must never change.
    fn kind(&self) -> &'static str {
        match self {
            Problem::Body(_) => "test",
            Problem::Unmatched(_) => "unmatched",
            Problem::Untrusted(_) => "untrusted",
            Problem::Foreign(_) => "not_http",
            Problem::Unused(_) => "unused",
            Problem::Missing(_) => "missing_cassette",
            Problem::Malformed(_) => "malformed_cassette",
            Problem::Drift(_) => "drifted",
            Problem::Expired(_) => "expired",
            Problem::RefusedHost(_) => "refused_host",
            Problem::Unfilled(_) => "unfilled_template",
            Problem::RecordedMeanwhile(_) => "recorded_meanwhile",
            Problem::AlreadyOpen(_) => "already_open",
            Problem::UnknownMode(_) => "unknown_mode",
            Problem::Unwritable(_) => "unwritable",
            Problem::Output(_) => "output",
            Problem::MissingSnapshot(_) => "missing_snapshot",
            Problem::Leaks(_) => "leaks",
            Problem::Unproved(_) => "unproved",
            Problem::Obstacle(_) | Problem::Other(_) => "other",
        }
    }
}
