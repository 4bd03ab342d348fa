//! Requests that came to the wrong session.
//!
//! Must not know: which sessions there are, what a note reads like.

use std::collections::HashSet;

use super::Player;
use crate::tape::Request;

/// Recordings of a cassette that are looked at. Reading all would keep a long cassette's test waiting for a remark.
const LOOKED_AT: usize = 2_000;

impl Player {
    /// A request without an answer here that the other one's cassette still waits for: `GET https://…`.
    ///
    /// A request of this test's own that has changed may be on the other one's cassette as well. It leaves its own
    /// recording unused, which one that strayed here does not.
    pub(crate) fn misdirected(&self, other: &Player) -> Option<String> {
        let unmatched: Vec<_> = self.state().unmatched.iter().map(|u| u.request.clone()).collect();
        if unmatched.is_empty() {
            return None;
        }
        let awaited_there: HashSet<_> = other.awaited().into_iter().map(|r| (r.method, r.uri)).collect();
        let awaited_here: HashSet<_> = self.awaited().iter().map(endpoint).collect();
        let misdirected = unmatched.into_iter().filter(|r| !awaited_here.contains(&endpoint(r)));
        let mut misdirected = misdirected.map(|r| (r.method, r.uri));
        misdirected.find(|key| awaited_there.contains(key)).map(|(method, uri)| format!("{method} {uri}"))
    }

    /// The requests whose recordings were not used, up to now.
    fn awaited(&self) -> Vec<Request> {
        let unused: Vec<_> = {
            let state = self.state();
            (0..state.used.len().min(LOOKED_AT)).filter(|i| state.used[*i].is_none()).collect()
        };
        unused.into_iter().filter_map(|i| self.cassette.request(i).ok()).collect()
    }
}

/// What a request is to, whatever its parameters.
fn endpoint(request: &Request) -> (http::Method, String) {
    let path = request.uri.split('?').next().unwrap_or_default();
    (request.method.clone(), path.to_owned())
}
