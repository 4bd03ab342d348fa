//! Notes are facts that the reader of a report should know in addition to the problems. A test that passed can have
//! notes, too.
//!
//! Must not know: when a note applies.

use std::fmt;
use std::path::PathBuf;

use super::page::Page;
use super::setup::path;
use super::suggestions::RequestPlace;
use super::text::{URI, VALUE, clean, count, short};
use super::unused::UnusedReport;
use super::{Absent, Cause, DriftReport, Expired, RefusedHost, authority, left_out};
use crate::tape::{TransportError, TransportErrorKind};

/// A note on a test.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub(crate) enum Note {
    /// The test failed while recording. The recording is kept in another place, and the cassette is unchanged.
    RecordingKept {
        /// The file of the recording.
        at: PathBuf,
        /// The number of interactions in the recording.
        interactions: usize,
    },
    /// A recording that a killed process left behind was renamed, because the new recording uses its name.
    StaleJournal {
        /// The new path of the recording.
        moved_to: PathBuf,
    },
    /// Requests that got no response while recording. Their transport errors are on the cassette, and a replay repeats
    /// them.
    UpstreamFailures(Vec<UpstreamFailure>),
    /// The server sent bytes after the end of compressed bodies. These bytes are not on the cassette.
    BytesDropped(Vec<DroppedBytes>),
    /// The variable `CI` is set, so the test replays, although its code asks for another mode. In CI, a test records
    /// only if `CASSETTE_MODE` says so.
    ReplayedInCi {
        /// The mode that the code of the test asks for.
        asked: String,
    },
    /// Unused recordings, which the configuration does not count as a failure.
    Unused {
        /// The unused recordings.
        unused: UnusedReport,
        /// The cassette's name.
        cassette: String,
        /// The command that records the cassette again.
        command: String,
    },
    /// The cassette is older than the configuration allows.
    Expired {
        /// The age of the cassette, and the limit.
        expired: Expired,
        /// The name of the cassette.
        cassette: String,
        /// The command that records the cassette again.
        command: String,
    },
    /// The cassette was recorded with other redaction rules. This difference can be the only reason why a request does
    /// not match.
    OtherRules {
        /// Rules that the cassette lists, but that the project does not have now.
        gone: Vec<String>,
        /// Rules of the project that redacted something in this run, but that the cassette does not list.
        new: Vec<String>,
        /// The command that records the cassette again.
        command: String,
    },
    /// Recordings of the same request that differ only in headers that matching does not compare.
    DifferingHeaders(DifferingHeaders),
    /// A secret that the configuration names, but that has no value. So redaction did not search for it.
    Absent(Absent),
    /// Places that mode `learn` found, each with the requests in which it occurs.
    Learned(Vec<String>),
    /// Requests that only one of the two passes of mode `learn` sent. The second list has the parts of their paths that
    /// differ between the passes. Mode `learn` cannot ignore a path, so the note suggests the option for it.
    Unpaired(Vec<(http::Method, String)>, Vec<RequestPlace>),
    /// The responses of the real servers differ from the recorded responses.
    Drift {
        /// The differences.
        drift: DriftReport,
        /// The cassette's name.
        cassette: String,
        /// The command that records the cassette again.
        command: String,
    },
    /// The file that `CASSETTE_REPORT` names can't be written.
    ReportUnwritten {
        /// The file.
        file: PathBuf,
        /// The reason.
        reason: String,
    },
    /// Requests to ignored hosts, which got no response.
    Refused(Vec<RefusedHost>),
    /// This session got a request that is on the cassette of a parallel test, and not on its own.
    RequestOfParallelTest {
        /// Method and URI.
        request: String,
        /// The other cassette's name.
        other: String,
    },
    /// The session of a parallel test got a request that is on the cassette of this test.
    RequestToParallelTest {
        /// Method and URI.
        request: String,
        /// The other cassette's name.
        other: String,
    },
    /// This session got no request, but the session of a parallel test answered a request that is on this cassette.
    NoRequest {
        /// The other cassette's name.
        other: String,
    },
    /// While this test ran, cassette refused a connection, because it was unknown which session its thread belonged to.
    ConnectionRefused {
        /// The name or the address of the server, without brackets.
        host: String,
        /// The port of the server.
        port: u16,
        /// Why the session was unknown.
        refusal: Refusal,
    },
    /// The session recorded no interaction.
    NothingRecorded {
        /// The name of the cassette of another session, which recorded something at the same time.
        other: Option<String>,
        /// The number of requests to hosts that the configuration ignores or passes through.
        unrecorded: usize,
        /// The number of connections to this machine that were not intercepted.
        direct: usize,
    },
    /// The test failed on replay, and the recording left out headers of answers.
    LeftOut {
        /// The names of the headers.
        names: Vec<String>,
        /// The command that records the cassette again.
        command: String,
    },
    /// The test failed, and the replay gave it JWTs whose signatures are not valid.
    Unsigned {
        /// The names in the placeholders of these JWTs.
        names: Vec<String>,
        /// The command that records the cassette again.
        command: String,
    },
    /// A cause of a failed replay.
    Cause(Cause),
    /// Git could change the line ends of the body files of this recording.
    GitAttributes(GitAttributes),
    /// A recording was played back on a thread, and not in a new process.
    ProvedOnThread,
    /// The test failed on replay, and the code under test read dummies in place of these variables.
    Dummies(Vec<String>),
    /// The output of a failed test is kept.
    OutputKept {
        /// The directory.
        at: PathBuf,
    },
}

/// Why it is unknown which session the thread of a connection belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The session of the thread has ended. Now no session is open, or several are.
    Ended,
    /// The thread had no session, and several sessions are open.
    Unclear,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Ended => "the test of its thread had ended, and not exactly one other test ran",
            Refusal::Unclear => "no test had started its thread, and several tests ran",
        })
    }
}

/// A request that got no response.
#[derive(Clone, Debug)]
pub(crate) struct UpstreamFailure {
    /// The method.
    pub(crate) method: http::Method,
    /// The URI, redacted.
    pub(crate) uri: String,
    /// The reason.
    pub(crate) error: TransportError,
}

impl UpstreamFailure {
    /// Whether the certificate of the server comes from an authority that the machine does not know.
    pub(crate) fn is_by_issuer(&self) -> bool {
        self.error.kind == TransportErrorKind::Tls && self.error.message.contains("UnknownIssuer")
    }
}

/// Headers in which some recordings of the same request differ, and that matching does not compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DifferingHeaders {
    /// The names in lower case, sorted. There is at least one.
    pub(crate) names: Vec<String>,
    /// The places of two such recordings on the cassette, from 0.
    pub(crate) example: [usize; 2],
}

/// Bytes after the end of a compressed body.
#[derive(Clone, Debug)]
pub(crate) struct DroppedBytes {
    /// The method of the request.
    pub(crate) method: http::Method,
    /// The URI of the request, redacted.
    pub(crate) uri: String,
    /// The number of bytes.
    pub(crate) bytes: u64,
}

/// The line that keeps Git from changing the line ends of body files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GitAttributes {
    /// The file for the line.
    pub(crate) file: PathBuf,
    /// The line.
    pub(crate) line: &'static str,
    /// Whether cassette has made the file. Otherwise the user has to add the line.
    pub(crate) made: bool,
}

/// What the summary of a process says about the file.
impl fmt::Display for GitAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.made {
            true => write!(f, "{} is new: commit it", path(&self.file)),
            false => write!(f, "{} lacks the line `{}`", path(&self.file), self.line),
        }
    }
}

/// How many requests a note shows.
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
                if failures.iter().any(UpstreamFailure::is_by_issuer) {
                    page.fact("reason", "no authority that this machine knows has signed the certificate");
                    page.fact("to trust a private authority", ".extra_root(std::fs::read(\"ca.pem\")?)");
                }
            }
            Note::BytesDropped(dropped) => {
                let bodies = count(dropped.len(), "compressed body");
                page.note(format_args!(
                    "bytes after the end of {bodies} are not recorded: clients ignore them as well"
                ));
                for DroppedBytes { method, uri, bytes } in dropped.iter().take(SHOWN) {
                    page.line(2, format_args!("{method} {}: {bytes} bytes", short(uri, URI)));
                }
                page.more(2, dropped.len(), SHOWN, "");
            }
            Note::ReplayedInCi { asked } => {
                page.note(format_args!(
                    "`CI` is set, so this test replays instead of running in its own mode, `{}`",
                    clean(asked)
                ));
                page.fact("to record", "set CASSETTE_MODE=record");
            }
            Note::Unused { unused, cassette, command } => {
                page.note(unused.headline());
                page.fact("cassette", path(&unused.cassette));
                unused.write_left(page);
                page.fact(&format!("to record `{}` again", clean(cassette)), clean(command));
            }
            Note::Expired { expired, cassette, command } => expired.write_note(page, cassette, command),
            Note::Drift { drift, cassette, command } => drift.write_note(page, cassette, command),
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
            Note::DifferingHeaders(DifferingHeaders { names, example: [one, other] }) => {
                page.note("some recordings are equal apart from headers that matching does not compare");
                page.fact("headers", short(&names.join(", "), VALUE));
                page.fact("for example", format_args!("recordings {} and {}", one + 1, other + 1));
                page.fact(
                    "on replay",
                    "the recording answers whose headers agree best with those of the request",
                );
                let first = names.first().map_or("", String::as_str);
                page.fact("to compare a header", format_args!(".require_header({first:?})"));
                page.fact("if it varies by itself", format_args!(".ignore_header({first:?})"));
            }
            Note::Absent(absent) => absent.write(page),
            Note::Learned(places) => {
                page.note("from now on, matching ignores what differed between the two passes");
                for place in places.iter().take(4 * SHOWN) {
                    page.line(2, short(place, URI));
                }
                page.more(2, places.len(), 4 * SHOWN, "");
            }
            Note::Unpaired(requests, places) => {
                let n = count(requests.len(), "request");
                page.note(format_args!(
                    "{n} came in only one of the two passes; compared were method, host and path"
                ));
                for (method, uri) in requests.iter().take(SHOWN) {
                    page.line(2, format_args!("{method} {}", short(uri, URI)));
                }
                page.more(2, requests.len(), SHOWN, "");
                for place in places {
                    page.fact("varies, and mode `learn` cannot ignore it", clean(&place.name()));
                    page.fact("to ignore it", clean(&place.ignore()));
                }
                if places.is_empty() {
                    page.fact("hint", "if a part of the path varies, ignore it with `Config::ignore_path`");
                }
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
            Note::RequestOfParallelTest { request, other } => {
                page.note(format_args!(
                    "this session got a request that is recorded on the cassette `{}`",
                    clean(other)
                ));
                page.fact("request", short(request, URI));
                write_shared(page);
            }
            Note::RequestToParallelTest { request, other } => {
                page.note(format_args!(
                    "the session of `{}` got a request that is recorded on this cassette",
                    clean(other)
                ));
                page.fact("request", short(request, URI));
                write_shared(page);
            }
            Note::NoRequest { other } => {
                page.note(format_args!(
                    "this session got no request at all, while the session of `{}` answered one that is recorded on both \
                     cassettes",
                    clean(other)
                ));
                write_shared(page);
            }
            Note::ConnectionRefused { host, port, refusal } => {
                page.note(format_args!(
                    "during this test cassette refused a connection to {}: {refusal}",
                    authority(host, *port)
                ));
                write_shared(page);
            }
            Note::LeftOut { names, command } => {
                page.note("code that reads a header that the recording left out fails on replay");
                left_out::write(page, names);
                if let Some(first) = names.first() {
                    let option = format!(".allow_header({:?})", clean(first));
                    page.fact(
                        "to keep one",
                        format_args!("add `{option}` to the `Config`, then record again"),
                    );
                }
                page.fact("to record again", clean(command));
            }
            Note::NothingRecorded { other, unrecorded, direct } => {
                page.note("this session recorded no interaction");
                if let Some(other) = other {
                    page.fact(
                        "meanwhile",
                        format_args!(
                            "the session of `{}` recorded; if both tests use a client or a runtime in a `static`, \
                             record them one after the other, without Config::record_in_parallel()",
                            clean(other)
                        ),
                    );
                }
                if *unrecorded > 0 {
                    let n = count(*unrecorded, "request");
                    page.fact(
                        "not recorded",
                        format_args!("{n} to hosts that the `Config` ignores or passes through"),
                    );
                }
                if *direct > 0 {
                    let n = count(*direct, "connection");
                    page.fact(
                        "not recorded",
                        format_args!("{n} to this machine; to record them: Config::intercept_loopback()"),
                    );
                }
            }
            Note::GitAttributes(attributes) => {
                page.note(
                    "Git must not change the line ends of body files, which a replay compares byte by byte",
                );
                page.fact("Git attributes", attributes);
            }
            Note::Cause(cause) => cause.write(page),
            Note::ProvedOnThread => {
                page.note(
                    "the recording was played back on a thread, because no new process could run this test",
                );
                page.fact("not covered", "a cache or a client in a `static` may have helped the replay");
                page.fact("to switch it off", "`prove = false` in the attribute");
            }
            Note::Unsigned { names, command } => {
                page.note("on replay the test gets tokens (JWT) without a valid signature");
                page.fact("redacted", clean(&names.join(", ")));
                for name in names {
                    let option = match name.as_str() {
                        "jwt" => ".without_rule(\"CAS0501\")".to_owned(),
                        name => format!(".keep_field({name:?})"),
                    };
                    page.fact("if the code verifies it, keep it", clean(&option));
                }
                page.fact("then record again", clean(command));
            }
            Note::Dummies(names) => {
                page.note("the code under test read a dummy in place of a secret whose variable is not set");
                page.fact("variable", clean(&names.join(", ")));
                page.fact(
                    "if the code needs another syntax",
                    "set the variable to any value with that syntax",
                );
            }
            Note::OutputKept { at } => {
                page.note("the files that this test wrote are kept");
                page.fact("kept", path(at));
            }
        }
    }
}

/// Writes the likely cause and the remedy, which are the same for all notes about parallel sessions.
pub(super) fn write_shared(page: &mut Page<'_>) {
    page.fact(
        "likely cause",
        "a client or a runtime in a `static`: its connections belong to the test that opened them",
    );
    page.fact("to fix it", "build the client in each test, or run each test in a process: cargo nextest run");
}
