//! Responses of real servers that differ from the recorded responses, for mode `verify`.
//!
//! Must not know: how differences are found.

use std::path::PathBuf;

use super::TestSite;
use super::page::{Help, Page};
use super::palette::paint;
use super::setup::path;
use super::text::{URI, VALUE, clean, count, short};
use crate::drift::{AnswerChange, AnswerPlace};

/// All responses that differ from the recorded responses of one cassette.
#[derive(Clone, Debug)]
pub(crate) struct DriftReport {
    /// The cassette.
    pub(crate) cassette: PathBuf,
    /// The responses that differ, in recorded order. There is at least one.
    pub(crate) drifted: Vec<Drifted>,
}

/// One response that differs from the recorded response.
#[derive(Clone, Debug)]
pub(crate) struct Drifted {
    /// The place of the recording on the cassette, from 0.
    pub(crate) index: usize,
    /// The method of the request.
    pub(crate) method: http::Method,
    /// The URI of the request, redacted.
    pub(crate) uri: String,
    /// The differences. There is at least one.
    pub(crate) changes: Vec<AnswerChange>,
    /// Whether `changes` contains all differences.
    pub(crate) complete: bool,
}

/// How many groups of responses with the same changes a report shows.
const SHOWN: usize = 20;
/// How many responses of one group a report shows.
const ALIKE: usize = 3;

impl DriftReport {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        page.error(self.headline());
        page.fact("cassette", path(&self.cassette));
        page.gap();
        self.write_table(page);
    }

    /// Writes the note for a test that passes.
    pub(super) fn write_note(&self, page: &mut Page<'_>, cassette: &str, command: &str) {
        page.note(self.headline());
        page.fact("cassette", path(&self.cassette));
        self.write_table(page);
        page.fact(&format!("to record `{}` again", clean(cassette)), clean(command));
    }

    fn headline(&self) -> String {
        let (n, differ) = match self.drifted.len() {
            1 => (1, "response differs"),
            n => (n, "responses differ"),
        };
        format!("the API has changed: {n} {differ} from the recording")
    }

    /// Writes one table for all responses with the same changes, because all pages of a list usually change in the same
    /// way.
    fn write_table(&self, page: &mut Page<'_>) {
        let mut groups: Vec<Vec<&Drifted>> = Vec::new();
        for drifted in &self.drifted {
            match groups.iter_mut().find(|group| group[0].changes == drifted.changes) {
                Some(group) => group.push(drifted),
                None => groups.push(vec![drifted]),
            }
        }
        for group in groups.iter().take(SHOWN) {
            for drifted in group.iter().take(ALIKE) {
                let number = paint(page.palette.dim, format_args!("{}.", drifted.index + 1));
                page.line(2, format_args!("{number} {} {}", drifted.method, short(&drifted.uri, URI)));
            }
            if group.len() > ALIKE {
                let left = count(group.len() - ALIKE, "more response");
                page.line(2, paint(page.palette.dim, format_args!("… and {left} with the same changes")));
            }
            group[0].write(page);
        }
        if groups.len() > SHOWN {
            let left: usize = groups[SHOWN..].iter().map(Vec::len).sum();
            page.line(2, paint(page.palette.dim, format_args!("… and {}", count(left, "more response"))));
        }
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        Help {
            why: format!(
                "if the code under test handles this change, record `{}` again",
                clean(&site.cassette)
            ),
            command: site.record_command(),
        }
    }
}

impl Drifted {
    /// Writes one line for each difference, with three columns: the place, the recorded value and the live value.
    fn write(&self, page: &mut Page<'_>) {
        let side =
            |text: &Option<String>| text.as_deref().map_or("(absent)".to_owned(), |t| short(t, VALUE / 2));
        let rows: Vec<_> =
            self.changes.iter().map(|c| (place(&c.place), side(&c.recorded), side(&c.live))).collect();
        let wide = |of: fn(&(String, String, String)) -> &String| {
            rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0)
        };
        let (first, second) = (wide(|r| &r.0), wide(|r| &r.1));
        for (place, recorded, live) in &rows {
            let recorded = paint(page.palette.removed, format_args!("{recorded:<second$}"));
            let live = paint(page.palette.added, live);
            page.line(5, format_args!("{place:<first$}  {recorded}  →  {live}"));
        }
        if !self.complete {
            page.line(5, paint(page.palette.dim, "… and more"));
        }
    }
}

fn place(place: &AnswerPlace) -> String {
    match place {
        AnswerPlace::Answer => "response".to_owned(),
        AnswerPlace::Status => "status".to_owned(),
        AnswerPlace::Header(name) => format!("header {}", clean(name)),
        AnswerPlace::Body => "body".to_owned(),
        AnswerPlace::Json(pointer) if pointer.is_empty() => "JSON, the whole document".to_owned(),
        AnswerPlace::Json(pointer) => format!("JSON {}", short(pointer, VALUE)),
    }
}
