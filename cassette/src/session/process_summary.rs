//! The summary of all tests of a process: the cassettes that they recorded, the recordings that they did not use, and
//! their notes. cassette prints it when the process exits, because test harnesses capture the output of passing tests.
//!
//! Must not know: the text of the summary.

use std::sync::{LazyLock, Mutex, OnceLock};

use super::failure::palette;
use super::registry;
use super::summary::Summary;
use crate::ambient;
use crate::poison::unpoisoned;
use crate::report::{self, Note, Palette, Totals};

/// The exit code of a test process that fails.
const FAILED: i32 = 101;

static TOTALS: LazyLock<Mutex<Totals>> = LazyLock::new(Mutex::default);

/// The colours of the summary. They are chosen early, because the environment must not be read at exit.
static PALETTE: OnceLock<Palette> = OnceLock::new();

/// The contribution of one session to the totals.
pub(super) struct Ended<'s> {
    /// The summary of the session, if the test passed.
    pub(super) passed: Option<&'s Summary>,
    /// The cassette's name.
    pub(super) cassette: &'s str,
    /// The number of unused recordings. 0 if the configuration allows them.
    pub(super) unused: usize,
}

/// Adds an ended session to the totals.
pub(super) fn add(ended: &Ended<'_>) {
    let mut totals = unpoisoned(TOTALS.lock());
    count(&mut totals, ended);
}

/// Arranges that the summary, and the sessions that are still open, are printed when the process ends.
pub(super) fn watch() {
    PALETTE.get_or_init(palette);
    // Registering the function again does no harm.
    ambient::at_exit(print);
}

/// Adds one session to the totals.
fn count(totals: &mut Totals, ended: &Ended<'_>) {
    let name = || ended.cassette.to_owned();
    if ended.unused > 0 {
        *totals.unused.entry(name()).or_default() += ended.unused;
    }
    let Some(summary) = ended.passed else { return };
    if summary.recorded {
        let kind = match (summary.is_new, summary.changed) {
            (true, _) => &mut totals.new,
            (false, true) => &mut totals.changed,
            (false, false) => &mut totals.unchanged,
        };
        *kind += 1;
        totals.interactions += summary.interactions;
        totals.size += summary.bytes;
        totals.cut += summary.cut;
        totals.unoptimized = cfg!(unoptimized);
        for (rule, times) in &summary.redacted {
            *totals.redacted.entry(rule.clone()).or_default() += times;
        }
    }
    totals.accepted += usize::from(summary.accepted && summary.output_changed);
    for note in &summary.notes {
        let of_its_kind = match note {
            Note::Expired { .. } => &mut totals.expired,
            Note::Drift { .. } => &mut totals.drifted,
            Note::NothingRecorded { .. } => &mut totals.empty,
            Note::Learned(places) => {
                totals.learned.extend(places.iter().cloned());
                continue;
            }
            Note::ProvedOnThread => {
                totals.on_thread.push(name());
                continue;
            }
            Note::GitAttributes(attributes) => {
                totals.git_attributes.insert(attributes.clone());
                continue;
            }
            Note::Absent(absent) => {
                totals.absent.insert(absent.clone());
                continue;
            }
            Note::DifferingHeaders(differing) => {
                totals.differing_headers.extend(differing.names.iter().cloned());
                continue;
            }
            _ => continue,
        };
        of_its_kind.push(name());
    }
}

/// Prints the summary and the sessions that are still open. If another thread holds the lock of the totals, the summary
/// is left out, because the exit must not wait.
///
/// Returns an exit code if a session is still open. Otherwise a test that calls `std::process::exit(0)` would pass.
fn print() -> Option<i32> {
    if let Ok(totals) = TOTALS.try_lock() {
        let palette = PALETTE.get().copied().unwrap_or(Palette::plain());
        if let Some(text) = totals.render(&palette) {
            report::print_now(&format!("{text}\n"));
        }
    }
    let open = registry::open();
    if open.is_empty() {
        return None;
    }
    report::print_now(&report::exited(&open));
    Some(FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::DifferingHeaders;

    /// If several recordings have the same differing header, the summary lists the header once.
    #[test]
    fn differing_headers() {
        let note = |name: &str| {
            Note::DifferingHeaders(DifferingHeaders { names: vec![name.to_owned()], example: [0, 1] })
        };
        let mut totals = Totals::default();
        for name in ["accept-language", "x-flavor", "accept-language"] {
            let summary = Summary { recorded: true, notes: vec![note(name)], ..Summary::default() };
            count(&mut totals, &Ended { passed: Some(&summary), cassette: "a", unused: 0 });
        }
        assert_eq!(totals.differing_headers, ["accept-language".to_owned(), "x-flavor".to_owned()].into());
    }
}
