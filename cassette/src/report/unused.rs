//! Recordings that no request of the test used.
//!
//! Must not know: how requests are matched.

use std::path::PathBuf;

use super::page::{Help, Page};
use super::palette::paint;
use super::setup::path;
use super::text::{URI, clean, short};
use super::{TestSite, left_out};

/// The recordings that a test left unused.
#[derive(Clone, Debug)]
pub(crate) struct UnusedReport {
    /// The cassette.
    pub(crate) cassette: PathBuf,
    /// The number of recordings on the cassette.
    pub(crate) recorded: usize,
    /// The response headers that the recording left out.
    pub(crate) left_out: Vec<String>,
    /// The unused recordings, in recorded order. There is at least one.
    pub(crate) left: Vec<UnusedRecording>,
    /// The recording that answered the last request of the test. `None` if the test made no request.
    pub(crate) last: Option<UnusedRecording>,
}

/// A recording, identified by its request.
#[derive(Clone, Debug)]
pub(crate) struct UnusedRecording {
    /// The place of the recording on the cassette, from 0.
    pub(crate) index: usize,
    /// The method.
    pub(crate) method: http::Method,
    /// The URI, redacted.
    pub(crate) uri: String,
}

/// How many recordings a report shows.
const SHOWN: usize = 10;

impl UnusedReport {
    /// Removes the recordings that may stay unused. `None` if no other recording is unused.
    pub(crate) fn without(mut self, may_stay: impl Fn(usize) -> bool) -> Option<UnusedReport> {
        self.left.retain(|recording| !may_stay(recording.index));
        (!self.left.is_empty()).then_some(self)
    }

    pub(super) fn write(&self, page: &mut Page<'_>) {
        page.error(self.headline());
        page.fact("cassette", path(&self.cassette));
        left_out::write(page, &self.left_out);
        page.gap();
        self.write_left(page);
        self.write_suggestions(page);
    }

    pub(super) fn headline(&self) -> String {
        let (left, recorded) = (self.left.len(), self.recorded);
        match (left, recorded) {
            (1, 1) => "the one recording of the cassette was not used".to_owned(),
            (1, _) => format!("1 of {recorded} recordings was not used"),
            _ if left == recorded => format!("none of {recorded} recordings was used"),
            _ => format!("{left} of {recorded} recordings were not used"),
        }
    }

    pub(super) fn write_left(&self, page: &mut Page<'_>) {
        let left = self.left.len();
        page.line(2, "the test did not ask for");
        let width = (self.left.iter().take(SHOWN).chain(&self.last))
            .map(|r| (r.index + 1).to_string().len())
            .max()
            .unwrap_or(1);
        for recording in self.left.iter().take(SHOWN) {
            recording.write(page, width);
        }
        page.more(4, left, SHOWN, "");
        match &self.last {
            Some(last) => {
                page.line(2, "the last request that it made was answered by");
                last.write(page, width);
            }
            None => {
                page.line(2, "it made no request, or none that reached this session");
            }
        }
    }

    fn write_suggestions(&self, page: &mut Page<'_>) {
        page.gap();
        page.line(2, "if the test need not ask for them");
        let number = match &*self.left {
            [one] => format!("recording {}", one.index + 1),
            _ => "those recordings".to_owned(),
        };
        let key = paint(page.palette.emphasis, "\"optional\": true");
        page.line(4, format_args!("1. write {key} into {number} of the cassette"));
        let call = paint(page.palette.emphasis, ".unused(Unused::Warn)");
        page.line(4, format_args!("2. or let the test's `Config` only warn: {call}"));
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        let less = if self.last.is_some() { "less" } else { "nothing" };
        let name = clean(&site.cassette);
        Help {
            why: format!("if the test is meant to ask for {less} now, record `{name}` again"),
            command: site.record_command(),
        }
    }
}

impl UnusedRecording {
    /// Writes the recording with its number. Numbers in the report count from 1.
    fn write(&self, page: &mut Page<'_>, width: usize) {
        let number = format!("{:>width$}.", self.index + 1);
        let number = paint(page.palette.dim, number);
        page.line(4, format_args!("{number} {} {}", self.method, short(&self.uri, URI)));
    }
}
