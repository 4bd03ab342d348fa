//! The secrets that the sessions of this process name. A test may show a secret that only another test names, so the
//! final leak check of every session searches for all of them.
//!
//! Must not know: how a secret is searched for.

use std::sync::Mutex;

use crate::poison::unpoisoned;
use crate::redact::{Rules, Secret};

/// The secrets of all sessions that have begun, open ones and ended ones.
static NAMED: Mutex<Vec<Secret>> = Mutex::new(Vec::new());

/// Notes the secrets of a session that begins.
pub(super) fn note(rules: &Rules) {
    let mut named = unpoisoned(NAMED.lock());
    for secret in &rules.secrets {
        if !named.iter().any(|known| known.value == secret.value) {
            named.push(secret.clone());
        }
    }
}

/// The secrets of other sessions that these rules do not have.
pub(super) fn of_others(rules: &Rules) -> Vec<Secret> {
    let mut others = unpoisoned(NAMED.lock()).clone();
    others.retain(|secret| !rules.secrets.iter().any(|own| own.value == secret.value));
    others
}
