//! Writes the text of every [`Problem`] and every [`Note`], and the command to run next. An [`Error`] of another module
//! has its own message and at most one hint. It is reported as [`Problem::Other`].
//!
//! The functions that make the texts are pure. Nothing in this module reads a file, an environment variable or a clock.
//!
//! Must not know: how anything was detected or decided.

#![cfg_attr(
    not(all(feature = "proxy", feature = "intercept")),
    allow(
        dead_code,
        unused_imports,
        reason = "without these features nothing has the problems that they bring"
    )
)]

mod absent;
mod cassette;
mod cause;
mod difference;
mod drift;
mod expired;
mod foreign;
mod hosts;
mod leaks;
mod left_out;
pub(crate) mod machine;
mod missing_secrets;
mod note;
mod obstacle;
mod output;
mod page;
mod palette;
mod setup;
mod site;
mod suggestions;
mod summary;
mod text;
mod totals;
mod unfilled;
mod unmatched;
mod unproved;
mod untrusted;
mod unused;

pub(crate) use absent::Absent;
pub(crate) use cassette::{AlreadyOpen, MalformedCassette, MissingCassette, RecordedMeanwhile};
pub(crate) use cassette::{waiting, waiting_for_turn};
pub(crate) use cause::{Answer, Cause};
pub(crate) use drift::{DriftReport, Drifted};
pub(crate) use expired::Expired;
pub(crate) use foreign::{Foreign, ForeignConnection, ForeignSign};
pub(crate) use hosts::RefusedHost;
pub(crate) use leaks::{Leak, LeakPart, LeakPlace, Leaks};
pub(crate) use missing_secrets::{ValueFrom, Valueless};
#[cfg(feature = "intercept")]
pub(crate) use note::Refusal;
pub(crate) use note::{DifferingHeaders, DroppedBytes, GitAttributes, Note, UpstreamFailure};
pub(crate) use obstacle::Obstacle;
pub(crate) use output::{ChangedFile, FieldChange, MissingSnapshot, OutputChange};
pub(crate) use palette::Palette;
pub(crate) use setup::{UnknownMode, Unwritable};
pub(crate) use site::TestSite;
pub(crate) use suggestions::{Repeat, RequestPlace, Suggestions};
pub(crate) use summary::Recorded;
pub(crate) use totals::Totals;
pub(crate) use unfilled::Unfilled;
pub(crate) use unmatched::{Closest, Expected, Reason, RecordedAnswer, Renamed, Unmatched, UnmatchedRequest};
pub(crate) use unproved::{ProvedBy, Unproved, WhyUnproved};
pub(crate) use untrusted::{RefusedCertificate, Untrusted};
pub(crate) use unused::{UnusedRecording, UnusedReport};

use crate::error::Error;
use page::{Help, Page};

/// All problems of one test.
#[derive(Debug)]
pub(crate) struct FailureReport {
    /// The test.
    pub(crate) site: TestSite,
    /// The problems, in the order of the report. The command at the end comes from the first problem that is not
    /// [`Problem::Body`].
    pub(crate) problems: Vec<Problem>,
    /// Notes that follow the problems.
    pub(crate) notes: Vec<Note>,
    /// The text of the panic, if the test panicked. The panic has printed it already.
    pub(crate) panic: Option<String>,
}

/// A reason why a test fails.
#[derive(Debug)]
#[non_exhaustive]
pub(crate) enum Problem {
    /// The body of the test returned an error. Contains the text of the error.
    Body(String),
    /// Requests that match no recording.
    Unmatched(Unmatched),
    /// Clients that did not trust the session's certificate, so they sent no request.
    Untrusted(Untrusted),
    /// A connection uses a protocol other than HTTP.
    Foreign(Foreign),
    /// Recordings that no request used.
    Unused(UnusedReport),
    /// There is no cassette.
    Missing(MissingCassette),
    /// The cassette cannot be read.
    Malformed(MalformedCassette),
    /// The cassette is older than the configuration allows.
    Expired(Expired),
    /// The responses of the real servers differ from the recorded responses.
    Drift(DriftReport),
    /// A request to an ignored or pass-through host, which a replay refuses.
    RefusedHost(RefusedHost),
    /// A recorded response has an expression for which the request has no value.
    Unfilled(Unfilled),
    /// Another process has recorded the cassette while this process waited to record it.
    RecordedMeanwhile(RecordedMeanwhile),
    /// Another test of this process has the cassette open.
    AlreadyOpen(AlreadyOpen),
    /// The value of `CASSETTE_MODE` is not a mode.
    UnknownMode(UnknownMode),
    /// A directory cannot be written.
    Unwritable(Unwritable),
    /// The output of the test differs from its snapshot.
    Output(OutputChange),
    /// The output of the test has no snapshot.
    MissingSnapshot(MissingSnapshot),
    /// The recording contains a secret.
    Leaks(Leaks),
    /// The new recording does not replay.
    Unproved(Unproved),
    /// The session, or one of its requests, cannot continue because of a setting or a mode.
    Obstacle(Obstacle),
    /// Any other error, with its own message.
    Other(Error),
}

impl From<Error> for Box<Problem> {
    fn from(error: Error) -> Self {
        Box::new(Problem::Other(error))
    }
}

impl FailureReport {
    /// The whole report: each problem, then the notes, then one command.
    pub(crate) fn render(&self, palette: &Palette) -> String {
        let mut page = Page::new(palette, Some(&self.site));
        for problem in &self.problems {
            problem.write(&mut page, &self.site);
        }
        for note in &self.notes {
            note.write(&mut page);
        }
        let helps = self.problems.iter().filter(|problem| !matches!(problem, Problem::Body(_)));
        let help = helps.map(|problem| problem.help(&self.site)).next();
        page.help(&help.unwrap_or_else(|| run_again(&self.site)));
        page.finish()
    }
}

/// The text of these notes without a problem, for example on a test that passed. Empty if there are no notes.
pub(crate) fn notes(notes: &[Note], palette: &Palette) -> String {
    let mut page = Page::new(palette, None);
    for note in notes {
        note.write(&mut page);
    }
    page.finish()
}

impl Problem {
    fn write(&self, page: &mut Page<'_>, site: &TestSite) {
        match self {
            Problem::Body(text) => {
                page.error("the test itself failed");
                page.gap();
                page.quote(2, text);
            }
            Problem::Unmatched(problem) => problem.write(page),
            Problem::Untrusted(problem) => problem.write(page),
            Problem::Foreign(problem) => problem.write(page),
            Problem::Unused(problem) => problem.write(page),
            Problem::Missing(problem) => problem.write(page, site),
            Problem::Malformed(problem) => problem.write(page, site),
            Problem::Expired(problem) => problem.write(page, site),
            Problem::Drift(problem) => problem.write(page),
            Problem::RefusedHost(problem) => problem.write(page),
            Problem::Unfilled(problem) => problem.write(page),
            Problem::RecordedMeanwhile(problem) => problem.write(page, site),
            Problem::AlreadyOpen(problem) => problem.write(page, site),
            Problem::UnknownMode(problem) => problem.write(page),
            Problem::Unwritable(problem) => problem.write(page),
            Problem::Output(problem) => problem.write(page),
            Problem::MissingSnapshot(problem) => problem.write(page),
            Problem::Leaks(problem) => problem.write(page, site),
            Problem::Unproved(problem) => problem.write(page),
            Problem::Obstacle(problem) => problem.write(page),
            Problem::Other(error) => {
                page.error(text::clean(&setup::message(error)));
                if let Some(file) = error.path() {
                    page.fact("file", setup::path(file));
                }
                setup::write_causes(page, error);
            }
        }
    }

    fn help(&self, site: &TestSite) -> Help {
        match self {
            Problem::Unmatched(problem) => problem.help(site),
            Problem::Untrusted(problem) => problem.help(site),
            Problem::Foreign(problem) => problem.help(site),
            Problem::Unused(problem) => problem.help(site),
            Problem::Missing(problem) => problem.help(site),
            Problem::Malformed(problem) => problem.help(site),
            Problem::Expired(problem) => problem.help(site),
            Problem::Drift(problem) => problem.help(site),
            Problem::RefusedHost(problem) => problem.help(site),
            Problem::Unfilled(problem) => problem.help(site),
            Problem::RecordedMeanwhile(problem) => problem.help(site),
            Problem::AlreadyOpen(problem) => problem.help(site),
            Problem::UnknownMode(problem) => problem.help(site),
            Problem::Unwritable(problem) => problem.help(),
            Problem::Output(problem) => problem.help(site),
            Problem::MissingSnapshot(problem) => problem.help(site),
            Problem::Leaks(problem) => problem.help(site),
            Problem::Unproved(problem) => problem.help(site),
            Problem::Body(_) | Problem::Obstacle(_) | Problem::Other(_) => run_again(site),
        }
    }
}

fn run_again(site: &TestSite) -> Help {
    Help { why: "run this test alone".to_owned(), command: site.again_command() }
}

/// Prints a text, such as the line about a recording. A test harness captures it together with the output of the test.
#[expect(clippy::print_stderr, reason = "the one place that prints")]
pub(crate) fn print(text: &str) {
    eprintln!("{text}");
}

/// Reports a connection that cassette refuses because it is unknown which session its thread belongs to. Any thread may
/// open such a connection, so this function must not panic if stderr is closed.
#[cfg(feature = "intercept")]
pub(crate) fn print_refused(host: &str, port: u16, refusal: Refusal) {
    print_now(&format!(
        "error: a connection to {} was refused: {refusal}\n   \
         = to fix it: build the client, and the runtime it runs on, in each test\n\n\
         help: or run each test in a process of its own:\n    cargo nextest run",
        authority(host, port)
    ));
}

/// Reports a connection that cassette refuses because the tests of the process use too many hosts.
#[cfg(feature = "intercept")]
pub(crate) fn print_too_many_hosts(host: &str, port: u16) {
    print_now(&format!(
        "error: a connection to {} was refused: the tests of this process use too many hosts\n\n\
         help: run each test in a process of its own:\n    cargo nextest run",
        authority(host, port)
    ));
}

/// Host and port as in a URL, with an IPv6 address in brackets.
fn authority(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{}]:{port}", text::clean(host))
    } else {
        format!("{}:{port}", text::clean(host))
    }
}

/// The message that a process prints if it ends while sessions are open.
pub(crate) fn exited(open: &[String]) -> String {
    format!(
        "error: the process ended while the session of {} was open\n   \
         = reason: the code under test called `std::process::exit`, or the test harness did not wait for the test\n   \
         = consequence: the test was not checked, and nothing was recorded; the process ends with code 101\n\n\
         help: return the exit code from the code under test, or run its program with `std::process::Command`",
        text::quoted(open)
    )
}

/// Prints a text at once, for example why a test waits. A test harness does not capture this text.
pub(crate) fn print_now(text: &str) {
    use std::io::Write as _;
    // If stderr is closed, nobody reads the text.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests;
