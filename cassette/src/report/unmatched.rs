//! Requests that match no recording. The report shows each request, the closest recording, the differences and
//! suggestions.
//!
//! Must not know: how the closest recording is found.

use std::path::PathBuf;

use http::StatusCode;

use super::TestSite;
use super::difference::{self, Sides};
use super::page::{Help, Page};
use super::palette::paint;
use super::setup::path;
use super::suggestions::{self, Suggestions};
use super::text::{URI, VALUE, clean, short, size};
use super::{Valueless, left_out, missing_secrets};
use crate::matcher::Mismatch;
use crate::placeholder;
use crate::tape::{Content, Outcome, Request, TransportErrorKind};

/// All requests of a test that matched no recording.
#[derive(Clone, Debug)]
pub(crate) struct Unmatched {
    /// The cassette.
    pub(crate) cassette: PathBuf,
    /// The number of recordings on the cassette.
    pub(crate) recorded: usize,
    /// The number of recordings that answered a request.
    pub(crate) used: usize,
    /// The options of matching that the configuration sets, as text. Empty if there are none.
    pub(crate) matching: String,
    /// The response headers that the recording left out.
    pub(crate) left_out: Vec<String>,
    /// The requests, in the order in which they came. There is at least one.
    pub(crate) requests: Vec<UnmatchedRequest>,
    /// Settings that would have made the requests match.
    pub(crate) suggestions: Suggestions,
}

/// A request that matched no recording.
#[derive(Clone, Debug)]
pub(crate) struct UnmatchedRequest {
    /// The request, redacted.
    pub(crate) request: Request,
    /// The reason why no recording answers it.
    pub(crate) reason: Reason,
    /// The most similar recordings, nearest first.
    pub(crate) near: Vec<Closest>,
    /// Secrets that the nearest recording contains and that have no value in this run. Without a value, the request
    /// cannot match.
    pub(crate) valueless: Vec<Valueless>,
    /// The values of the request that were replaced with recorded values before it was compared.
    pub(crate) renamed: Vec<Renamed>,
    /// Whether the client had not ended the request, and waited for the response.
    pub(crate) open: bool,
}

/// A value of a request, and the recorded value that it stands for. Responses to equal requests gave out these two
/// values, and the requests came in another order than while recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Renamed {
    /// The value in this run.
    pub(crate) live: String,
    /// The value in the recording.
    pub(crate) recorded: String,
}

/// The reason why no recording answers a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub(crate) enum Reason {
    /// The cassette has no recording for the host.
    NoneForHost {
        /// The host of the request.
        host: String,
        /// The hosts on the cassette.
        recorded: Vec<String>,
    },
    /// The request was recorded, but all its recordings are used.
    AllUsed {
        /// The number of recordings of this request.
        recorded: usize,
    },
    /// No recording is similar.
    NothingSimilar,
    /// Some recordings are similar.
    Differs,
    /// The configuration requires the recorded order, and the next recording in this order does not match the request.
    OutOfOrder {
        /// The place of the recording that matches the request, from 0.
        found: usize,
        /// The next recording in the order. `None` if all recordings were used.
        expected: Option<Expected>,
        /// The recording that answered the previous request.
        last: Option<Expected>,
    },
}

/// A recording, identified by its request.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// The place of the recording on the cassette, from 0.
    pub(crate) index: usize,
    /// The method.
    pub(crate) method: http::Method,
    /// The URI, redacted.
    pub(crate) uri: String,
}

/// A recording that is similar to a request.
#[derive(Clone, Debug)]
pub(crate) struct Closest {
    /// The place of the recording on the cassette, from 0.
    pub(crate) index: usize,
    /// The recorded request.
    pub(crate) request: Request,
    /// The differences.
    pub(crate) mismatch: Mismatch,
    /// The number of the request that this recording answered first, counted from 0 in this run. `None` if the
    /// recording is unused.
    pub(crate) used_by: Option<usize>,
    /// A short description of the recorded response.
    pub(crate) answer: RecordedAnswer,
}

/// A short description of a recorded response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecordedAnswer {
    /// A response.
    Response {
        /// The status code.
        status: u16,
        /// The size of the body, in bytes.
        size: u64,
        /// The beginning of the body. Empty if the body is not text, or is in a body file.
        beginning: String,
    },
    /// A transport error in place of a response.
    Error(TransportErrorKind),
}

/// How many requests a report shows.
const REQUESTS: usize = 5;
/// How many differences of one request a report shows.
const DIFFERENCES: usize = 6;
/// For each recording after the nearest one, a report names this many differences.
const NAMED: usize = 3;
/// How many renamed values of one request a report shows.
const RENAMED: usize = 3;
/// How many characters of a response a report shows.
const BEGINNING: usize = 100;

impl From<&Outcome> for RecordedAnswer {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Response(r) => {
                let bytes = match &r.body.content {
                    Content::Inline(bytes) => &bytes[..],
                    Content::File(_) => b"",
                };
                let first = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
                // The beginning of a binary body would be useless.
                let is_text = first.len() >= bytes.len().min(BEGINNING);
                let beginning: String = first.chars().take(if is_text { BEGINNING + 1 } else { 0 }).collect();
                RecordedAnswer::Response { status: r.status, size: r.body.size(), beginning }
            }
            Outcome::Error(e) => RecordedAnswer::Error(e.kind),
        }
    }
}

impl Unmatched {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        match self.requests.len() {
            1 => page.error("no recording answers this request"),
            n => page.error(format_args!("no recording answers {n} requests of this test")),
        }
        let (recorded, used) = (self.recorded, self.used);
        page.fact("cassette", path(&self.cassette));
        let left = recorded.saturating_sub(used);
        page.fact("recordings", format_args!("{recorded}, of which {used} used and {left} left"));
        if !self.matching.is_empty() {
            page.fact("matching", short(&self.matching, URI));
        }
        left_out::write(page, &self.left_out);
        let from = page.len();
        for request in self.requests.iter().take(REQUESTS) {
            page.gap();
            request.write(page, recorded);
        }
        if self.requests.len() > REQUESTS {
            page.gap();
            page.more(2, self.requests.len(), REQUESTS, "request");
        }
        if page.holds(placeholder::ANY, from) {
            page.gap();
            page.line(
                2,
                format_args!(
                    "{} stands for a redacted value: matching ignores the number in its placeholder",
                    placeholder::ANY
                ),
            );
        }
        missing_secrets::write(page, self.valueless());
        suggestions::write(page, &self.suggestions);
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        missing_secrets::help(self.valueless(), site).unwrap_or_else(|| Help {
            why: format!("if the test asks for this on purpose, record `{}` again", clean(&site.cassette)),
            command: site.record_command(),
        })
    }

    fn valueless(&self) -> impl Iterator<Item = &Valueless> {
        self.requests.iter().flat_map(|request| &request.valueless)
    }
}

impl UnmatchedRequest {
    fn write(&self, page: &mut Page<'_>, recorded: usize) {
        let emphasis = page.palette.emphasis;
        page.line(2, format_args!("requested  {}", paint(emphasis, head(&self.request))));
        if self.open {
            page.line(13, "the request did not end: the client sent this much, and waited for the response");
        }
        for Renamed { live, recorded } in self.renamed.iter().take(RENAMED) {
            let (live, recorded) = (short(live, VALUE), short(recorded, VALUE));
            page.line(13, format_args!("`{live}` stands for `{recorded}` of the recording:"));
        }
        page.more(13, self.renamed.len(), RENAMED, "value");
        if !self.renamed.is_empty() {
            page.line(13, "answers to equal requests gave out both, and the requests came in another order");
        }
        match &self.reason {
            Reason::NoneForHost { host, recorded } => {
                page.line(13, format_args!("nothing is recorded for the host {}", clean(host)));
                if !recorded.is_empty() {
                    page.line(13, format_args!("recorded hosts: {}", short(&recorded.join(", "), VALUE)));
                }
                return;
            }
            Reason::AllUsed { recorded: 1 } => page.line(13, "recorded once, and already used"),
            Reason::AllUsed { recorded } => {
                page.line(13, format_args!("recorded {recorded} times, and each already used"));
            }
            Reason::NothingSimilar => {
                page.line(13, "nothing similar is recorded");
                return write_others(page, "recorded for this host", &self.near, |_| String::new());
            }
            Reason::OutOfOrder { found, expected, last } => {
                let number = found + 1;
                return write_order(page, number, expected.as_ref(), last.as_ref());
            }
            Reason::Differs => {}
        }
        let Some((closest, others)) = self.near.split_first() else { return };
        closest.write(page, &self.request, recorded);
        if !closest.mismatch.is_match() {
            write_others(page, "also near", others, |other| {
                let differences = other.mismatch.differences();
                let mut names: Vec<_> = differences.iter().take(NAMED).map(difference::name).collect();
                names.dedup();
                if differences.len() > NAMED {
                    names.push(format!("{} more", differences.len() - NAMED));
                }
                let used = other.used_by.map(|_| ", used").unwrap_or_default();
                format!(": {}{used}", names.join(", "))
            });
        }
    }
}

fn write_order(page: &mut Page<'_>, number: usize, expected: Option<&Expected>, last: Option<&Expected>) {
    page.line(13, format_args!("out of order: this is recording {number}"));
    let mut row = |what: &str, recording: &Expected| {
        let request = format!("{} {}", recording.method, short(&recording.uri, URI));
        page.line(2, format_args!("{what:<10} {request}"));
        page.line(13, format_args!("recording {}", recording.index + 1));
    };
    if let Some(last) = last {
        row("after", last);
    }
    match expected {
        Some(expected) => row("expected", expected),
        None => page.line(2, "expected   no further request"),
    }
}

fn write_others(page: &mut Page<'_>, title: &str, others: &[Closest], more: impl Fn(&Closest) -> String) {
    if others.is_empty() {
        return;
    }
    page.line(2, title);
    for other in others {
        let number = paint(page.palette.dim, format_args!("{}.", other.index + 1));
        page.line(4, format_args!("{number} {}{}", head(&other.request), more(other)));
    }
}

impl Closest {
    fn write(&self, page: &mut Page<'_>, actual: &Request, recorded: usize) {
        let (number, answer) = (self.index + 1, &self.answer);
        let used = self.used_by.map(|by| format!("used by request {}", by + 1));
        let used = used.as_deref().unwrap_or("not used");
        let differences = self.mismatch.differences();
        if differences.is_empty() {
            page.line(13, format_args!("the last one is recording {number} of {recorded}, {used}: {answer}"));
            return;
        }
        page.line(2, format_args!("closest    {}", head(&self.request)));
        page.line(13, format_args!("recording {number} of {recorded}, {used}"));
        page.line(13, format_args!("answers {answer}"));
        let signs = format!(
            "({}, {})",
            paint(page.palette.removed, "- recorded"),
            paint(page.palette.added, "+ requested")
        );
        page.line(2, format_args!("differs in {signs}"));
        let sides = Sides { actual, recorded: &self.request };
        for difference in differences.iter().take(DIFFERENCES) {
            difference::write(page, 4, difference, sides);
        }
        page.more(4, differences.len(), DIFFERENCES, "place");
    }
}

impl std::fmt::Display for RecordedAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RecordedAnswer::Response { status, size: bytes, beginning } => {
                let reason = StatusCode::from_u16(*status).ok().and_then(|s| s.canonical_reason());
                let reason = reason.map(|r| format!(" {r}")).unwrap_or_default();
                write!(f, "{status}{reason}, {}", size(*bytes))?;
                let shown: String = beginning.chars().take(BEGINNING).collect();
                let more = if beginning.len() > shown.len() { "…" } else { "" };
                if shown.is_empty() { Ok(()) } else { write!(f, ": {}{more}", clean(shown.trim_end())) }
            }
            RecordedAnswer::Error(kind) => write!(f, "a transport error, {}", kind.name()),
        }
    }
}

fn head(request: &Request) -> String {
    format!("{} {}", request.method, short(&request.uri, URI))
}
