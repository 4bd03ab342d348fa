//! Every sentence that a user reads when something failed: pure functions from facts to text.
//!
//! Each text says which file it is about and why, and ends with one command to copy. It must not decide
//! anything; what failed has been found out elsewhere.

mod difference;
mod output;
mod unmatched;
mod words;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::player::{Unmatched, UnusedInteraction};
use crate::redact::Leak;
use crate::session::Summary;
use crate::snapshot::SnapshotDiff;
use crate::tape::TransportError;

pub(crate) use unmatched::unmatched;

/// More of a kind are counted, not shown.
const SHOWN: usize = 5;

/// Where a test stands, and how it is run again.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// The cassette's name.
    pub(crate) cassette: String,
    /// The cassette's document, once it is known.
    pub(crate) document: PathBuf,
    /// The path of the test in its crate; empty outside a test.
    pub(crate) test: String,
    pub(crate) package: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    /// The project's own command for recording.
    pub(crate) record_command: Option<String>,
    /// Does this session record?
    pub(crate) recording: bool,
}

/// Something that makes a session fail, or that is worth knowing when it has.
pub(crate) enum Finding {
    Unmatched(Vec<Unmatched>),
    Unused { unused: Vec<UnusedInteraction>, last: Option<UnusedInteraction> },
    Output { file: PathBuf, diff: SnapshotDiff, pending: bool },
    NoSnapshot { file: PathBuf, files: usize, pending: bool },
    Upstream(Vec<(String, TransportError)>),
    Leak { file: PathBuf, leak: Leak },
    Error(Error),
    RecordingKept(PathBuf),
    OutputKept(PathBuf),
}

impl Site {
    /// A session outside `#[cassette_test]`.
    pub(crate) fn unknown(name: &str) -> Site {
        Site {
            cassette: name.to_owned(),
            document: PathBuf::new(),
            test: String::new(),
            package: String::new(),
            file: String::new(),
            line: 0,
            record_command: None,
            recording: false,
        }
    }

    /// `tests/weather.rs:12`.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// The command that records this cassette.
    fn record(&self) -> String {
        match &self.record_command {
            Some(command) => command.clone(),
            None => format!("CASSETTE_MODE=record {}", self.run()),
        }
    }

    /// The command that runs this test again as it ran.
    fn again(&self) -> String {
        if self.recording { self.record() } else { self.run() }
    }

    /// The command that runs this test.
    fn run(&self) -> String {
        match (self.package.as_str(), self.test.as_str()) {
            (_, "") => "cargo test".to_owned(),
            ("", test) => format!("cargo test -- --exact {test}"),
            (package, test) => format!("cargo test -p {package} -- --exact {test}"),
        }
    }
}

/// The text of a session that failed. `body` is how the test's own body failed, as a sentence.
pub(crate) fn failure(site: &Site, body: Option<&str>, findings: &[Finding], notes: &[String]) -> String {
    let mut text = String::new();
    if let Some(body) = body {
        let _ = writeln!(text, "{body}\n");
    }
    let mut help = None;
    for finding in findings {
        let (said, command) = say(site, finding);
        let _ = writeln!(text, "{said}\n");
        help = help.or(command);
    }
    for note in notes {
        let _ = writeln!(text, "note: {note}");
    }
    if !findings.is_empty() {
        let _ = writeln!(text, "cassette: {}", site.document.display());
    }
    let help = help.unwrap_or_else(|| format!("to run this test again: {}", site.again()));
    let _ = write!(text, "help: {help}");
    text
}

/// A finding as text, and what helps, where it has something of its own.
fn say(site: &Site, finding: &Finding) -> (String, Option<String>) {
    let record = || Some(format!("if the change is meant, record again: {}", site.record()));
    match finding {
        Finding::Unmatched(requests) => (unmatched::several(requests), record()),
        Finding::Unused { unused, last } => (unmatched::unused(unused, last.as_ref()), record()),
        Finding::Output { file, diff, pending } => (output::changed(file, diff), Some(review(*pending, site))),
        Finding::NoSnapshot { file, files, pending } => {
            let files = words::count(*files, "file");
            let file = file.display();
            (
                format!("the test wrote {files}, and there is no snapshot to compare with: {file}"),
                Some(review(*pending, site)),
            )
        }
        Finding::Upstream(failures) => {
            let mut text = "requests that failed upstream:".to_owned();
            for (request, error) in failures.iter().take(SHOWN) {
                let _ = write!(text, "\n  {}\n    {error}", words::shortened(request));
            }
            text.push_str(&words::more(failures.len()));
            (text, None)
        }
        Finding::Leak { file, leak } => (
            format!(
                "the recording holds the secret `{}` ({}) in spite of redaction, at byte {} of {}\n  \
                 nothing was installed, and the recording has been removed",
                leak.name,
                leak.encoding,
                leak.offset,
                file.display(),
            ),
            Some(format!(
                "redact the field it stands in, with `Config::redact_field(\"…\")`, and record again: {}",
                site.record()
            )),
        ),
        Finding::Error(e) => (chain(e), e.help().map(str::to_owned).or_else(|| Some(damaged(site)))),
        Finding::RecordingKept(at) => {
            (format!("the recording was not installed; it is kept at {}", at.display()), None)
        }
        Finding::OutputKept(at) => (format!("what the test wrote is kept at {}", at.display()), None),
    }
}

fn review(pending: bool, site: &Site) -> String {
    if pending {
        "to look at the change and accept it: cargo insta review".to_owned()
    } else {
        format!("if the change is meant, record again: {}", site.record())
    }
}

/// What helps where a cassette can't be read.
pub(crate) fn damaged(site: &Site) -> String {
    if site.recording {
        format!("mend that, then record again: {}", site.record())
    } else {
        format!("restore the file from version control, or record again: {}", site.record())
    }
}

/// The text of a session that could not begin.
pub(crate) fn not_begun(site: &Site, e: &Error) -> String {
    let help = e.help().map_or_else(|| format!("to run this test again: {}", site.again()), str::to_owned);
    format!("the session of cassette `{}` could not begin\n\n{}\n\nhelp: {help}", site.cassette, chain(e))
}

/// There is nothing to replay.
pub(crate) fn no_cassette(site: &Site, document: &Path) -> Error {
    Error::new("there is no such cassette, and this test replays one")
        .at(document)
        .hint(format!("to record it: {}", site.record()))
}

/// The cassette is in use, or was, by another test of this process.
pub(crate) fn opened_twice(site: &Site, document: &Path, earlier: Option<&str>) -> Error {
    let message = match earlier {
        Some(place) if place == site.place() => format!(
            "the test at {place} is registered twice: `#[test]` stands above `#[cassette_test]`, which brings its own"
        ),
        Some(place) => format!("two tests share this cassette: the one at {place} and the one at {}", site.place()),
        None => "this cassette is already open in this process".to_owned(),
    };
    let hint = match earlier {
        Some(place) if place == site.place() => "remove `#[test]`, then run it again: ".to_owned() + &site.run(),
        _ => "give each test a cassette of its own, then record: ".to_owned() + &site.record(),
    };
    Error::new(message).at(document).hint(hint)
}

/// A crashed recording was found and moved.
pub(crate) fn journal_set_aside(journal: &Path) -> String {
    format!("a recording that had broken off was found here and kept as {}", journal.display())
}

/// One line about a recording that was installed.
pub(crate) fn recorded(summary: &Summary) -> String {
    let changed = if summary.changed { "recorded" } else { "recorded, unchanged:" };
    let mut text = format!(
        "{changed} {}: {}, {}",
        summary.name,
        words::count(summary.interactions, "interaction"),
        words::bytes(summary.bytes),
    );
    if !summary.redacted.is_empty() {
        let rules: Vec<&str> = summary.redacted.iter().map(|(rule, _)| rule.as_str()).collect();
        let _ = write!(text, ", redacted {}", rules.join(", "));
    }
    text
}

/// Tells the user beside a panic, or after a recording: through the test harness's capture.
#[expect(clippy::print_stderr, reason = "the one place that prints")]
pub(crate) fn print(text: &str) {
    eprintln!("{text}");
}

/// An error with everything beneath it.
fn chain(e: &Error) -> String {
    let mut text = e.to_string();
    let mut next = e.source();
    while let Some(source) = next {
        let _ = write!(text, ": {source}");
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests;
