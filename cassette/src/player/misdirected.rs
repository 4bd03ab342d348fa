//! Finds requests that reached the wrong session. This happens if two tests run in parallel and share a client.
//!
//! Must not know: which sessions there are, the text of a note.

use std::collections::HashSet;

use super::Player;
use crate::tape::Request;

/// The greatest number of recordings that are read. To read all recordings of a long cassette takes too long for a
/// result that is only a note.
const LOOKED_AT: usize = 2_000;

impl Player {
    /// Returns the method and URI (`GET https://…`) of a request that was probably meant for the session of `other`. No
    /// recording of this cassette answers the request, and the cassette of `other` has an unused recording of it.
    ///
    /// If a developer changed a request in this test, the changed request may be on the other cassette by chance. But
    /// then this cassette still has an unused recording of the same endpoint from before the change. So the function
    /// ignores requests for which this cassette has such a recording.
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

    /// Whether this session answered a request that is also on the cassette of `other`, where its recording is still
    /// unused.
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

    /// Returns the requests of the recordings that are still unused.
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
