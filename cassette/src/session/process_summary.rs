//! What the tests of this process have written and left, told once when it ends: a test harness keeps to itself what
//! tests print that pass.
//!
//! Must not know: how it is worded.

use std::sync::{LazyLock, Mutex, OnceLock};

use super::Summary;
use crate::ambient;
use crate::mode::Environment;
use crate::poison::unpoisoned;
use crate::report::{self, Note, Palette, Totals};

static TOTALS: LazyLock<Mutex<Totals>> = LazyLock::new(Mutex::default);

/// Chosen before the end: the environment is not to be read then.
static PALETTE: OnceLock<Palette> = OnceLock::new();

/// What one session adds.
pub(super) struct Ended<'s> {
    /// What it did, if the test passed.
    pub(super) passed: Option<&'s Summary>,
    /// The cassette's name.
    pub(super) cassette: &'s str,
    /// Recordings that nobody asked for, where that isn't allowed.
    pub(super) unused: usize,
}

/// Adds a session.
pub(super) fn add(ended: &Ended<'_>) {
    let mut totals = unpoisoned(TOTALS.lock());
    if totals.add(ended) {
        PALETTE.get_or_init(Environment::palette);
        // Once; there is no harm in more.
        ambient::at_exit(tell);
    }
}

impl Totals {
    /// Was there anything to tell?
    fn add(&mut self, ended: &Ended<'_>) -> bool {
        let name = || ended.cassette.to_owned();
        let mut told = ended.unused > 0;
        if told {
            *self.unused.entry(name()).or_default() += ended.unused;
        }
        let Some(summary) = ended.passed else { return told };
        if summary.recorded {
            let kind = match (summary.is_new, summary.changed) {
                (true, _) => &mut self.new,
                (false, true) => &mut self.changed,
                (false, false) => &mut self.unchanged,
            };
            *kind += 1;
            self.interactions += summary.interactions;
            self.size += summary.bytes;
            for (rule, times) in &summary.redacted {
                *self.redacted.entry(rule.clone()).or_default() += times;
            }
        }
        let accepted = summary.accepted && summary.output_changed;
        self.accepted += usize::from(accepted);
        told |= summary.recorded || accepted;
        for note in &summary.notes {
            let of_its_kind = match note {
                Note::Expired { .. } => &mut self.expired,
                Note::Drift { .. } => &mut self.drifted,
                Note::Absent(absent) => {
                    self.absent.insert(absent.clone());
                    continue;
                }
                _ => continue,
            };
            of_its_kind.push(name());
            told = true;
        }
        told
    }
}

/// A thread that is left behind may be adding just now: then it's told without.
fn tell() {
    let Ok(totals) = TOTALS.try_lock() else { return };
    let palette = PALETTE.get().copied().unwrap_or(Palette::plain());
    if let Some(text) = totals.render(&palette) {
        report::print_now(&format!("{text}\n"));
    }
}
