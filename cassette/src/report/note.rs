//! What a reader should know although it isn't what failed.

use std::path::PathBuf;

use super::page::Page;
use super::setup::path;
use super::text::{URI, VALUE, clean, count, short};
use super::unused::UnusedReport;
use super::{Absent, DriftReport, Expired, RefusedHost};
use crate::tape::TransportError;

/// A remark.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Note {
    /// The test failed while recording: the recording is kept aside, and the cassette is as it was.
    RecordingKept {
        /// The journal.
        at: PathBuf,
        /// How many it holds.
        interactions: usize,
    },
    /// A recording that a killed process left behind was in the way.
    StaleJournal {
        /// Where it was moved.
        moved_to: PathBuf,
    },
    /// Requests that got no answer while recording: their failures are on the cassette, and will be replayed.
    UpstreamFailures(Vec<UpstreamFailure>),
    /// `CI` is set, where only the variable makes anything write.
    ReplayedInCi {
        /// What the test's own code asks for.
        asked: String,
    },
    /// Recordings that nobody asked for, which the project takes for no failure.
    Unused {
        /// Which they are.
        facts: UnusedReport,
        /// The cassette's name.
        cassette: String,
        /// The command that records it.
        command: String,
    },
    /// The cassette is older than it may be.
    Expired {
        /// How old.
        facts: Expired,
        /// Its name.
        cassette: String,
        /// What records it again.
        command: String,
    },
    /// The cassette was recorded under other redaction rules, so that what it has may not match for that alone.
    OtherRules {
        /// Rules that it names, and that are not in force.
        gone: Vec<String>,
        /// Rules of the project that fired in this run, and that it doesn't name.
        new: Vec<String>,
        /// What records it again.
        command: String,
    },
    /// Secrets that the test names and that are not there: nothing was searched for them while recording.
    Absent(Absent),
    /// Requests that only one of the two passes of mode `learn` made.
    Unpaired(Vec<(http::Method, String)>),
    /// The real servers answer otherwise today.
    Drift {
        /// How.
        facts: DriftReport,
        /// The cassette's name.
        cassette: String,
        /// What records it again.
        command: String,
    },
    /// The file that `CASSETTE_REPORT` names can't be written.
    ReportUnwritten {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// Requests to ignored hosts, which got no answer.
    Refused(Vec<RefusedHost>),
    /// A request that this test's cassette doesn't have, and that of a test at the same time does.
    OfAnother {
        /// Method and URI.
        request: String,
        /// The other cassette's name.
        other: String,
    },
    /// A request that this test's cassette has came to the session of a test at the same time.
    ToAnother {
        /// Method and URI.
        request: String,
        /// The other cassette's name.
        other: String,
    },
    /// No request came at all, while another test ran.
    NoneCame {
        /// The other cassette's name.
        other: String,
    },
    /// While the test ran, a thread of one that had ended before wanted a connection.
    RefusedMeanwhile {
        /// A name, or an address without brackets.
        host: String,
        /// Where it wanted to go.
        port: u16,
    },
    /// Files of the output that are kept for a look.
    OutputKept {
        /// The directory.
        at: PathBuf,
    },
}

/// A request that got no answer.
#[derive(Clone, Debug)]
pub struct UpstreamFailure {
    /// The method.
    pub method: http::Method,
    /// The URI, redacted.
    pub uri: String,
    /// Why.
    pub error: TransportError,
}

/// Failures that are shown.
const SHOWN: usize = 5;

impl Note {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        match self {
            Note::RecordingKept { at, interactions } => {
                page.note(
                    "a failed test does not replace its cassette; the new recording is kept in another place",
                );
                page.fact("kept", format_args!("{}, {}", path(at), count(*interactions, "interaction")));
            }
            Note::StaleJournal { moved_to } => {
                page.note("a recording that was never finished has been moved out of the way");
                page.fact("moved to", path(moved_to));
                page.fact(
                    "to make it the cassette",
                    format_args!("cargo cassette recover {}", path(moved_to)),
                );
            }
            Note::UpstreamFailures(failures) => {
                let requests = count(failures.len(), "request");
                page.note(format_args!("{requests} got no response from the real server"));
                for UpstreamFailure { method, uri, error } in failures.iter().take(SHOWN) {
                    page.line(2, format_args!("{method} {}", short(uri, URI)));
                    page.line(4, format_args!("{}: {}", error.kind.name(), short(&error.message, VALUE)));
                }
                page.more(2, failures.len(), SHOWN, "");
            }
            Note::ReplayedInCi { asked } => {
                page.note(format_args!(
                    "`CI` is set, so this test replays instead of running in its own mode, `{}`",
                    clean(asked)
                ));
                page.fact("to record", "set CASSETTE_MODE=record");
            }
            Note::Unused { facts, cassette, command } => {
                page.note(facts.headline());
                page.fact("cassette", path(&facts.cassette));
                facts.write_left(page);
                page.fact(&format!("to record `{}` again", clean(cassette)), clean(command));
            }
            Note::Expired { facts, cassette, command } => facts.write_note(page, cassette, command),
            Note::Drift { facts, cassette, command } => facts.write_note(page, cassette, command),
            Note::OtherRules { gone, new, command } => {
                page.note(
                    "the cassette was recorded under other redaction rules, which alone can prevent a match",
                );
                for (name, rules) in [("not in force now", gone), ("not on the cassette", new)] {
                    if !rules.is_empty() {
                        page.fact(name, short(&rules.join(", "), URI));
                    }
                }
                page.fact("to record under the present rules", clean(command));
            }
            Note::Absent(absent) => absent.write(page),
            Note::Unpaired(requests) => {
                let n = count(requests.len(), "request");
                page.note(format_args!(
                    "{n} came in only one of the two passes; compared were method, host and path"
                ));
                for (method, uri) in requests.iter().take(SHOWN) {
                    page.line(2, format_args!("{method} {}", short(uri, URI)));
                }
                page.more(2, requests.len(), SHOWN, "");
                page.fact("hint", "if a part of the path varies, ignore it with `Config::ignore_path`");
            }
            Note::ReportUnwritten { file, reason } => {
                page.note("the file that `CASSETTE_REPORT` names can't be written");
                page.fact("file", path(file));
                page.fact("reason", clean(reason));
            }
            Note::Refused(requests) => {
                let n = count(requests.len(), "request");
                page.note(format_args!("{n} to ignored hosts got no response: `Config::ignore_host`"));
                for request in requests.iter().take(SHOWN) {
                    page.line(2, format_args!("{} {}", request.method, short(&request.uri, URI)));
                }
                page.more(2, requests.len(), SHOWN, "");
            }
            Note::OfAnother { request, other } => {
                page.note(format_args!(
                    "this session got a request that is recorded on the cassette `{}`",
                    clean(other)
                ));
                page.fact("request", short(request, URI));
                write_shared(page);
            }
            Note::ToAnother { request, other } => {
                page.note(format_args!(
                    "the session of `{}` got a request that is recorded on this cassette",
                    clean(other)
                ));
                page.fact("request", short(request, URI));
                write_shared(page);
            }
            Note::NoneCame { other } => {
                page.note(format_args!(
                    "this session got no request at all, while the session of `{}` ran at the same time",
                    clean(other)
                ));
                write_shared(page);
            }
            Note::RefusedMeanwhile { host, port } => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                page.note(format_args!(
                    "during this test cassette refused a connection to {}:{port}: the test of its thread had ended",
                    clean(&host)
                ));
                write_shared(page);
            }
            Note::OutputKept { at } => {
                page.note("the files that this test wrote are kept");
                page.fact("kept", path(at));
            }
        }
    }
}

/// What all of these come from, and the way out.
fn write_shared(page: &mut Page<'_>) {
    page.fact(
        "likely cause",
        "a client or a runtime in a `static`: it belongs to the test that used it first",
    );
    page.fact("to fix it", "build the client in each test, or run each test in a process: cargo nextest run");
}
