//! The names of the headers that a session leaves out of what it stores.
//!
//! Must not know: why a header is left out.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::redact::side::Side;

/// The names of left-out headers, of requests and of responses.
#[derive(Default)]
pub(crate) struct LeftOut(Mutex<Names>);

#[derive(Default)]
struct Names {
    request: BTreeSet<String>,
    response: BTreeSet<String>,
}

/// More names are not noted: a server may invent names.
const MOST: usize = 500;

impl LeftOut {
    pub(crate) fn add(&self, side: Side, name: &str) {
        let mut names = self.names();
        let names = match side {
            Side::Request => &mut names.request,
            Side::Response => &mut names.response,
        };
        // Nearly always the name is known already.
        if !names.contains(name) && names.len() < MOST {
            names.insert(name.to_owned());
        }
    }

    /// The names, sorted: of requests, and of responses.
    pub(crate) fn sorted(&self) -> (Vec<String>, Vec<String>) {
        let names = self.names();
        (names.request.iter().cloned().collect(), names.response.iter().cloned().collect())
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_by_side() {
        let left_out = LeftOut::default();
        for name in ["via", "age", "via"] {
            left_out.add(Side::Response, name);
        }
        left_out.add(Side::Request, "user-agent");
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(left_out.sorted(), (names(&["user-agent"]), names(&["age", "via"])));
        (0..2 * MOST).for_each(|n| left_out.add(Side::Response, &format!("x-{n}")));
        assert_eq!(left_out.sorted().1.len(), MOST);
    }
}
