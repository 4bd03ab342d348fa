//! Requests that no recording answers: the request, the closest recording, what differs, the ways out.

use std::path::PathBuf;

use http::StatusCode;

use super::TestSite;
use super::difference::{self, Sides};
use super::page::{Help, Page};
use super::palette::paint;
use super::setup::path;
use super::text::{URI, VALUE, clean, count, short, size};
use crate::matcher::{Difference, Mismatch};
use crate::tape::{Outcome, Request, TransportErrorKind};

/// All requests of a test that no recording answered.
#[derive(Clone, Debug)]
pub struct Unmatched {
    /// The cassette.
    pub cassette: PathBuf,
    /// How many recordings it holds.
    pub recorded: usize,
    /// How many of them answered a request.
    pub used: usize,
    /// In order; at least one.
    pub requests: Vec<UnmatchedRequest>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct UnmatchedRequest {
    /// The request, redacted.
    pub request: Request,
    /// Why there is no answer.
    pub reason: Reason,
    /// The closest recording, if there is one worth showing.
    pub closest: Option<Closest>,
}

/// Why a request has no answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The cassette does not know the host.
    NoneForHost {
        /// The host asked for.
        host: String,
        /// Those it knows.
        recorded: Vec<String>,
    },
    /// The same request was recorded, but fewer times.
    AllUsed {
        /// How many times.
        recorded: usize,
    },
    /// Nothing that could have been meant.
    NothingSimilar,
    /// There are similar ones.
    Differs,
}

/// The recording nearest to a request.
#[derive(Clone, Debug)]
pub struct Closest {
    /// Its place on the cassette, from 0.
    pub index: usize,
    /// Its request.
    pub request: Request,
    /// What differs.
    pub mismatch: Mismatch,
    /// Which request of this run it answered already, from 0.
    pub used_by: Option<usize>,
    /// What it answers.
    pub answer: Answer,
}

/// What a recording answers, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A response.
    Response {
        /// The status code.
        status: u16,
        /// Of the body, in bytes.
        size: u64,
    },
    /// A failure to get one.
    Error(TransportErrorKind),
}

/// Requests that are shown.
const REQUESTS: usize = 5;
/// Differences of one request that are shown.
const DIFFERENCES: usize = 6;
/// With more differences than this, a request is another one, and ignoring them is no way out.
const NOISE: usize = 3;

impl From<&Outcome> for Answer {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Response(r) => Answer::Response { status: r.status, size: r.body.size() },
            Outcome::Error(e) => Answer::Error(e.kind),
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
        for request in self.requests.iter().take(REQUESTS) {
            page.gap();
            request.write(page, recorded);
        }
        if self.requests.len() > REQUESTS {
            page.gap();
            let left = count(self.requests.len() - REQUESTS, "more request");
            page.line(2, paint(page.palette.dim, format_args!("… and {left}")));
        }
        self.write_ways_out(page);
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        Help {
            why: format!("if the test asks for this on purpose, record `{}` again", clean(&site.cassette)),
            command: site.record_command(),
        }
    }

    /// Options that would have made the requests match, if what differs may well be different in every run.
    fn write_ways_out(&self, page: &mut Page<'_>) {
        let mut options: Vec<(String, String)> = Vec::new();
        for closest in self.requests.iter().filter_map(|r| r.closest.as_ref()) {
            let differences = closest.mismatch.differences();
            let noise: Option<Vec<_>> = differences.iter().map(option).collect();
            for option in noise.filter(|noise| noise.len() <= NOISE).into_iter().flatten() {
                if !options.contains(&option) {
                    options.push(option);
                }
            }
        }
        if options.is_empty() || options.len() > NOISE {
            return;
        }
        page.gap();
        page.line(2, "if that differs in every run, let the test's `Config` ignore it");
        let options = options.iter().enumerate();
        for (number, (what, call)) in options {
            let call = paint(page.palette.emphasis, clean(call));
            page.line(4, format_args!("{}. {}: {call}", number + 1, clean(what)));
        }
    }
}

impl UnmatchedRequest {
    fn write(&self, page: &mut Page<'_>, recorded: usize) {
        let emphasis = page.palette.emphasis;
        page.line(2, format_args!("requested  {}", paint(emphasis, head(&self.request))));
        match &self.reason {
            Reason::NoneForHost { host, recorded } => {
                page.line(13, format_args!("nothing is recorded for the host {}", clean(host)));
                if !recorded.is_empty() {
                    page.line(13, format_args!("recorded hosts: {}", short(&recorded.join(", "), VALUE)));
                }
            }
            Reason::AllUsed { recorded: 1 } => page.line(13, "recorded once, and used already"),
            Reason::AllUsed { recorded } => {
                page.line(13, format_args!("recorded {recorded} times, and all of them used already"));
            }
            Reason::NothingSimilar => page.line(13, "nothing similar is recorded"),
            Reason::Differs => {}
        }
        if let Some(closest) = &self.closest {
            closest.write(page, &self.request, recorded);
        }
    }
}

impl Closest {
    fn write(&self, page: &mut Page<'_>, actual: &Request, recorded: usize) {
        let (number, answer) = (self.index + 1, &self.answer);
        let used = self.used_by.map(|by| format!("used by request {}", by + 1));
        let used = used.as_deref().unwrap_or("not used");
        let differences = self.mismatch.differences();
        if differences.is_empty() {
            page.line(13, format_args!("last as recording {number} of {recorded}, {used}: {answer}"));
            return;
        }
        page.line(2, format_args!("closest    {}", head(&self.request)));
        page.line(13, format_args!("recording {number} of {recorded}, {used}: {answer}"));
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
        if differences.len() > DIFFERENCES {
            let left = count(differences.len() - DIFFERENCES, "more place");
            page.line(4, paint(page.palette.dim, format_args!("… and {left}")));
        }
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Answer::Response { status, size: bytes } => {
                let reason = StatusCode::from_u16(*status).ok().and_then(|s| s.canonical_reason());
                let reason = reason.map(|r| format!(" {r}")).unwrap_or_default();
                write!(f, "{status}{reason}, {}", size(*bytes))
            }
            Answer::Error(kind) => write!(f, "a failure, {}", kind.name()),
        }
    }
}

fn head(request: &Request) -> String {
    format!("{} {}", request.method, short(&request.uri, URI))
}

/// What to ignore, and the call on `Matching` that does.
fn option(difference: &Difference) -> Option<(String, String)> {
    match difference {
        Difference::Query { key, .. } => {
            Some((format!("the query key `{key}`"), format!(".ignore_query({key:?})")))
        }
        Difference::Json { pointer, .. } if !pointer.is_empty() => {
            let pointer = any_index(pointer);
            Some((format!("the JSON at {pointer}"), format!(".ignore_json({pointer:?})")))
        }
        Difference::Json { .. }
        | Difference::Form { .. }
        | Difference::Multipart { .. }
        | Difference::Bytes { .. } => Some(("the body".to_owned(), ".ignore_body()".to_owned())),
        _ => None,
    }
}

/// What varies in one element of an array varies in all of them.
fn any_index(pointer: &str) -> String {
    let is_index = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let segments: Vec<_> = pointer.split('/').map(|s| if is_index(s) { "*" } else { s }).collect();
    segments.join("/")
}
