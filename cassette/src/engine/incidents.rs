//! Collects the problems that the engine detects, until the session takes them. Problems of the recorder and the player
//! are in other lists.
//!
//! Must not know: what the session does with a problem.

use std::sync::{Mutex, MutexGuard};

use crate::poison::unpoisoned;
use crate::report::{Drifted, Problem, RefusedHost};

#[derive(Default)]
pub(super) struct Incidents(Mutex<Collected>);

#[derive(Default)]
struct Collected {
    problems: Vec<Problem>,
    refused: Vec<RefusedHost>,
    drifted: Vec<Drifted>,
}

impl Incidents {
    pub(super) fn problem(&self, problem: Problem) {
        self.collected().problems.push(problem);
    }

    pub(super) fn refused(&self, refused: RefusedHost) {
        self.collected().refused.push(refused);
    }

    pub(super) fn drifted(&self, drifted: Drifted) {
        self.collected().drifted.push(drifted);
    }

    pub(super) fn take_problems(&self) -> Vec<Problem> {
        std::mem::take(&mut self.collected().problems)
    }

    pub(super) fn take_refused(&self) -> Vec<RefusedHost> {
        std::mem::take(&mut self.collected().refused)
    }

    /// Removes and returns the live answers that differed from the recorded answers, sorted by their place on the
    /// cassette.
    pub(super) fn take_drifted(&self) -> Vec<Drifted> {
        let mut drifted = std::mem::take(&mut self.collected().drifted);
        drifted.sort_by_key(|drifted| drifted.index);
        drifted
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        unpoisoned(self.0.lock())
    }
}
