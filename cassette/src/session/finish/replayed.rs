//! Ends a replay. Reports unmatched requests, unused recordings, and responses of real servers that differ from the
//! recorded responses.
//!
//! Must not know: how differences are found.

use super::end::End;
use crate::config::{Drift, Unused};
use crate::error::Result;
use crate::mode::Mode;
use crate::player::Player;
use crate::report::{DriftReport, Drifted, Note, Problem};
use crate::session::handle::Session;
use crate::session::problems;

impl Session {
    pub(super) fn finish_replay(&self, player: &Player, end: &mut End) -> Result<()> {
        end.problems.extend(player.faults().into_iter().map(problems::fault));
        if let Some(unmatched) = player.unmatched() {
            end.problems.push(Problem::Unmatched(unmatched));
            let (gone, new) = self.0.redactor.other_rules(player.redaction());
            let command = self.0.site.record_command();
            let other = !gone.is_empty() || !new.is_empty();
            end.notes.extend(other.then_some(Note::OtherRules { gone, new, command }));
        }
        let left_out = player.left_out();
        if end.body_failed && player.unmatched().is_none() && !left_out.is_empty() {
            let command = self.0.site.record_command();
            end.notes.push(Note::LeftOut { names: left_out, command });
        }
        if end.failed() {
            // Because of this failure, recordings may be unused and the output may differ. So the session reports
            // neither of these.
            return Ok(());
        }
        end.summary.interactions = player.used();
        let may_stay =
            |index: usize| self.0.assignment.as_ref().is_some_and(|a| a.may_stay_unused.contains(&index));
        let unused = || player.unused().map(|unused| unused?.without(may_stay));
        match self.0.config.unused {
            Unused::Fail => end.problems.extend(unused()?.map(Problem::Unused)),
            Unused::Warn => {
                let (cassette, command) = (self.0.name.clone(), self.0.site.record_command());
                let note = |unused| Note::Unused { unused, cassette, command };
                end.summary.notes.extend(unused()?.map(note));
            }
            Unused::Allow => {}
        }
        if self.0.mode == Mode::Accept { self.accept_output(end) } else { self.compare_output(end) }
    }

    /// Reports how the responses of the real servers differ from the recorded responses.
    pub(super) fn finish_verify(&self, drifted: Vec<Drifted>, policy: Drift, end: &mut End) {
        if drifted.is_empty() {
            return;
        }
        let drift = DriftReport { cassette: self.0.files.document(), drifted };
        match policy {
            Drift::Fail => end.problems.push(Problem::Drift(drift)),
            Drift::Warn => {
                let (cassette, command) = (self.0.name.clone(), self.0.site.record_command());
                end.summary.notes.push(Note::Drift { drift, cassette, command });
            }
        }
    }
}
