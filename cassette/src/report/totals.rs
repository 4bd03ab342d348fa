//! The text of the summary at the end of a process. If there is nothing to report, there is no summary.
//!
//! Must not know: when the summary is printed.

use std::collections::{BTreeMap, BTreeSet};

use super::page::Page;
use super::palette::Palette;
use super::summary::{cut, times};
use super::text::{clean, count, more, size};
use super::{Absent, GitAttributes};

/// The totals of all sessions of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    /// The number of recorded cassettes that did not exist before.
    pub(crate) new: usize,
    /// The number of recorded cassettes that differ from the cassettes that they replaced.
    pub(crate) changed: usize,
    /// The number of recorded cassettes that are the same as before.
    pub(crate) unchanged: usize,
    /// The number of interactions on all recorded cassettes.
    pub(crate) interactions: usize,
    /// The size of the files of all recorded cassettes, in bytes.
    pub(crate) size: u64,
    /// The number of responses that were cut where their clients left, on all recorded cassettes.
    pub(crate) cut: usize,
    /// The rules and secrets that redacted something in all recordings, and how often.
    pub(crate) redacted: BTreeMap<String, u64>,
    /// The number of snapshots that were replaced without a recording.
    pub(crate) accepted: usize,
    /// The number of unused recordings of each cassette that has some, by the name of the cassette.
    pub(crate) unused: BTreeMap<String, usize>,
    /// Cassettes of passing tests that are older than the configuration allows.
    pub(crate) expired: Vec<String>,
    /// Cassettes of passing tests whose responses from real servers differ from the recorded responses.
    pub(crate) drifted: Vec<String>,
    /// Cassettes without an interaction, although their tests sent requests or opened connections, or ran while another
    /// session recorded.
    pub(crate) empty: Vec<String>,
    /// New cassettes that were played back on a thread of this process before they were installed, because the test
    /// could not run in a new process.
    pub(crate) on_thread: Vec<String>,
    /// The places that mode `learn` found, each with the requests in which it occurs.
    pub(crate) learned: BTreeSet<String>,
    /// Whether cassette is compiled without optimization.
    pub(crate) unoptimized: bool,
    /// What keeps Git from changing the body files of new recordings.
    pub(crate) git_attributes: BTreeSet<GitAttributes>,
    /// Secrets that had no value while recording.
    pub(crate) absent: BTreeSet<Absent>,
    /// Headers that matching does not compare. Some recordings of the same request differ in these headers.
    pub(crate) differing_headers: BTreeSet<String>,
}

/// From this size of all recordings on, in bytes, the summary says that cassette is compiled without optimization.
const LARGE: u64 = 20_000_000;

/// How many names the summary lists in one line.
const SHOWN: usize = 10;

impl Totals {
    /// The text of the summary. `None` if there is nothing to report.
    pub(crate) fn render(&self, palette: &Palette) -> Option<String> {
        let headline = self.headline();
        if headline.is_empty() {
            return None;
        }
        let mut page = Page::new(palette, None);
        page.summary(headline.join(", "));
        if self.recorded() > 0 {
            let what = count(self.interactions, "interaction");
            let cut = cut(self.cut).map_or_else(String::new, |cut| format!(", {cut}"));
            page.fact("recorded", format_args!("{what}, {}{cut}", size(self.size)));
            if self.unoptimized && self.size > LARGE {
                page.fact(
                    "slow",
                    "cassette is compiled without optimization; to record and replay long bodies ten times as fast, add \
                     `[profile.dev.package.cassette-vcr]` with `opt-level = 3` to the Cargo.toml of the workspace",
                );
            }
        }
        let redacted = self.redacted.iter().map(|(name, n)| times(name, *n));
        let unused = self.unused.iter().map(|(name, n)| format!("{} ({n})", clean(name)));
        list(&mut page, "redacted", redacted);
        list(
            &mut page,
            "missing secrets",
            self.absent.iter().map(ToString::to_string).collect::<Vec<_>>().into_iter(),
        );
        list(
            &mut page,
            "equal recordings differ in headers, to compare them",
            self.differing_headers.iter().map(|name| format!(".require_header({name:?})")),
        );
        list(&mut page, "no interaction", self.empty.iter().map(|name| clean(name).into_owned()));
        list(&mut page, "unused", unused);
        list(&mut page, "too old", self.expired.iter().map(|name| clean(name).into_owned()));
        list(&mut page, "drifted", self.drifted.iter().map(|name| clean(name).into_owned()));
        list(&mut page, "learned to ignore", self.learned.iter().map(|place| clean(place).into_owned()));
        list(
            &mut page,
            "played back on a thread",
            self.on_thread.iter().map(|name| clean(name).into_owned()),
        );
        list(
            &mut page,
            "Git attributes",
            self.git_attributes.iter().map(ToString::to_string).collect::<Vec<_>>().into_iter(),
        );
        Some(page.finish())
    }

    fn recorded(&self) -> usize {
        self.new + self.changed + self.unchanged
    }

    fn headline(&self) -> Vec<String> {
        let kinds = [(self.new, "new"), (self.changed, "changed"), (self.unchanged, "unchanged")];
        let kinds: Vec<_> = kinds.into_iter().filter(|(n, _)| *n > 0).collect();
        let kinds = match &*kinds {
            [(1, kind)] => (*kind).to_owned(),
            [(_, kind)] => format!("all {kind}"),
            kinds => kinds.iter().map(|(n, kind)| format!("{n} {kind}")).collect::<Vec<_>>().join(", "),
        };
        let recorded = format!("{} recorded ({kinds})", count(self.recorded(), "cassette"));
        let unused = self.unused.values().sum();
        let rest = [
            (self.accepted, "snapshot", "accepted"),
            (unused, "recording", "unused"),
            (self.expired.len(), "cassette", "too old"),
            (self.drifted.len(), "cassette", "drifted"),
        ];
        let rest = rest.into_iter().filter(|(n, ..)| *n > 0);
        let rest = rest.map(|(n, noun, what)| format!("{} {what}", count(n, noun)));
        Some(recorded).filter(|_| self.recorded() > 0).into_iter().chain(rest).collect()
    }
}

fn list(page: &mut Page<'_>, name: &str, items: impl ExactSizeIterator<Item = String>) {
    let more = more(items.len(), SHOWN, "");
    let shown: Vec<String> = items.take(SHOWN).chain(more).collect();
    if !shown.is_empty() {
        page.fact(name, shown.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(totals: Totals, expected: &str) {
        assert_eq!(totals.render(&Palette::plain()).as_deref(), Some(expected));
    }

    #[test]
    fn each_kind() {
        check(
            Totals { changed: 1, interactions: 1, size: 900, ..Totals::default() },
            "summary: 1 cassette recorded (changed)\n   = recorded: 1 interaction, 900 B",
        );
        check(
            Totals { unchanged: 2, ..Totals::default() },
            "summary: 2 cassettes recorded (all unchanged)\n   = recorded: 0 interactions, 0 B",
        );
        let absent = [Absent::Unset("API_KEYY".into()), Absent::File("tests/secretz.json".into())];
        check(
            Totals { new: 1, absent: absent.into(), ..Totals::default() },
            "summary: 1 cassette recorded (new)\n   = recorded: 0 interactions, 0 B\n   \
             = missing secrets: API_KEYY is not set, tests/secretz.json does not exist",
        );
        check(
            Totals { new: 1, differing_headers: ["accept".into(), "x-b".into()].into(), ..Totals::default() },
            "summary: 1 cassette recorded (new)\n   = recorded: 0 interactions, 0 B\n   \
             = equal recordings differ in headers, to compare them: .require_header(\"accept\"), \
             .require_header(\"x-b\")",
        );
        let long = Totals { new: 1, size: LARGE + 1, unoptimized: true, ..Totals::default() };
        let slow = |totals: &Totals| {
            totals
                .render(&Palette::plain())
                .is_some_and(|text| text.contains("\n   = slow: cassette is compiled"))
        };
        assert!(slow(&long));
        assert!(
            !slow(&Totals { unoptimized: false, ..long.clone() }) && !slow(&Totals { size: LARGE, ..long })
        );
        check(Totals { accepted: 1, ..Totals::default() }, "summary: 1 snapshot accepted");
        check(
            Totals { expired: vec!["a".into()], drifted: vec!["b".into(), "c".into()], ..Totals::default() },
            "summary: 1 cassette too old, 2 cassettes drifted\n   = too old: a\n   = drifted: b, c",
        );
    }

    #[test]
    fn many_names_are_cut() {
        let unused = (10..22).map(|n| (format!("c{n}"), 1)).collect();
        check(
            Totals { unused, ..Totals::default() },
            "summary: 12 recordings unused\n   = unused: c10 (1), c11 (1), c12 (1), c13 (1), c14 (1), c15 (1), \
             c16 (1), c17 (1), c18 (1), c19 (1), … and 2 more",
        );
    }

    #[test]
    fn the_summary_of_a_process() {
        let totals = Totals {
            new: 1,
            unchanged: 2,
            interactions: 41,
            size: 48_213,
            redacted: [("secret.API_KEY".to_owned(), 12), ("CAS0012 header authorization".to_owned(), 1)]
                .into(),
            unused: [("weather/berlin".to_owned(), 3)].into(),
            ..Totals::default()
        };
        assert_eq!(
            totals.render(&Palette::plain()).unwrap(),
            "\
summary: 3 cassettes recorded (1 new, 2 unchanged), 3 recordings unused
   = recorded: 41 interactions, 48 kB
   = redacted: CAS0012 header authorization, secret.API_KEY (12 times)
   = unused: weather/berlin (3)"
        );
        assert_eq!(Totals::default().render(&Palette::plain()), None);
    }
}
