//! Finds requests that reached the wrong one of two parallel sessions, because the tests share a client.
//!
//! Must not know: which sessions there are, the text of a note.

use std::collections::HashSet;

use super::Player;
use crate::tape::Request;

/// The greatest number of recordings that are compared. Reading all recordings of a long cassette takes time, and the
/// result is only a note.
const LOOKED_AT: usize = 2_000;

impl Player {
    /// The method and URI (`GET https://…`) of a request that no recording of this cassette answers, and whose
    /// recording on the cassette of `other` is still unused.
    ///
    /// A request that a developer changed in this test may be on the other cassette by chance. But then this cassette
    /// has an unused recording of the same endpoint, from before the change. So requests with such a recording are left
    /// out.
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

    /// Whether this session answered a request whose recording on the cassette of `other` is still unused.
    pub(crate) fn answered_for(&self, other: &Player) -> bool {
        let used: Vec<_> = {
            let state = self.state();
            (0..state.used.len().min(LOOKED_AT)).filter(|i| state.used[*i].is_some()).collect()
        };
        let awaited: HashSet<_> = other.awaited().into_iter().map(|r| (r.method, r.uri)).collect();
        let mut answered = used.into_iter().filter_map(|i| self.cassette.request(i).ok());
        answered.any(|r| awaited.contains(&(r.method, r.uri)))
    }

    /// Whether this cassette has a recording of a request to the host.
    pub(crate) fn knows_host(&self, host: &str) -> bool {
        let all = 0..self.cassette.len().min(LOOKED_AT);
        let mut uris = all.filter_map(|i| self.cassette.request(i).ok()?.uri.parse::<http::Uri>().ok());
        uris.any(|uri| uri.host().is_some_and(|h| h.trim_matches(['[', ']']).eq_ignore_ascii_case(host)))
    }

    /// The requests of recordings that are unused so far.
    fn awaited(&self) -> Vec<Request> {
        let unused: Vec<_> = {
            let state = self.state();
            (0..state.used.len().min(LOOKED_AT)).filter(|i| state.used[*i].is_none()).collect()
        };
        unused.into_iter().filter_map(|i| self.cassette.request(i).ok()).collect()
    }
}

/// The method and URL of a request, without the query.
fn endpoint(request: &Request) -> (http::Method, String) {
    let path = request.uri.split('?').next().unwrap_or_default();
    (request.method.clone(), path.to_owned())
}
