//! Finds out why a request has no answer, and which recordings are most similar to it.
//!
//! The sketches in the index select a few recordings, and only these are read and compared. So the time hardly depends
//! on the size of the cassette. Must not know: the text of a failure.

use std::collections::BTreeMap;

use super::keys::{Keys, unnumbered};
use super::{Lazy, OutOfOrder, Player, State, suggestions};
use crate::matcher::{Difference, Mismatch, Sketch};
use crate::report::{Closest, Expected, Reason, RecordedAnswer, Renamed, Unmatched, UnmatchedRequest};
use crate::tape::{Content, Request};

/// The greatest number of recordings that are read and compared for one request.
const CANDIDATES: usize = 32;
/// The greatest number of similar recordings in a report.
const SHOWN: usize = 3;
/// The greatest number of requests for which similar recordings are searched. If more requests of a test have no
/// answer, most of them have the same cause.
const EXPLAINED: usize = 20;
/// The greatest number of bytes of long bodies that are read to explain one request.
const MOST_READ: u64 = 256 << 20;
/// The greatest number of hosts that a report lists.
const HOSTS: usize = 8;

impl Player {
    /// Notes a request that no recording answers, and explains why. `open` says that the request has not ended.
    pub(super) fn unmatched_request(&self, request: Request, keys: Keys, open: bool) -> Unmatched {
        // The values of this run in the request are replaced by the recorded values, so that they are no differences.
        let (compared, renamed) = match &self.state().renaming {
            Lazy::Active(renaming) => renaming.translated(&request),
            Lazy::NotNeeded | Lazy::Impossible => (request.clone(), Vec::new()),
        };
        let keys = if renamed.is_empty() { keys } else { self.keys(&compared) };
        let renamed = renamed.into_iter().map(|(live, recorded)| Renamed { live, recorded }).collect();
        let sketch = keys.sketch;
        let (near, recorded, hosts, explained) = {
            let state = self.state();
            let explained = state.unmatched.len() < EXPLAINED;
            let near = if explained { candidates(&state, &sketch) } else { Vec::new() };
            let same = |other: &Sketch| other.host() == sketch.host();
            let known = state.index.sketches().iter().any(same);
            let hosts = (!known).then(|| some_of_each_host(state.index.sketches()));
            (near, state.index.recorded(keys), hosts, explained)
        };
        let near = self.closest(&compared, &near);
        let is_equal = near.first().is_some_and(|closest| closest.mismatch.is_match());
        let reason = match recorded {
            // A recording has the key of the request. If the nearest recording still differs, a matcher did not accept
            // it.
            Some(recorded) if near.is_empty() || is_equal => Reason::AllUsed { recorded },
            None if hosts.is_some() => {
                let recorded = self.hosts(hosts.unwrap_or_default());
                Reason::NoneForHost { host: host(&request.uri), recorded }
            }
            _ if explained && !near.first().is_some_and(|closest| could_be_meant(&closest.mismatch)) => {
                Reason::NothingSimilar
            }
            _ => Reason::Differs,
        };
        self.noted(request, reason, near, renamed, open)
    }

    /// Notes a request that came out of order.
    pub(super) fn out_of_order(&self, request: Request, left: &OutOfOrder) -> Unmatched {
        let described = |index: usize| {
            let recorded = self.cassette.request(index).ok()?;
            Some(Expected { index, method: recorded.method, uri: recorded.uri })
        };
        let expected = (left.expected < self.cassette.len()).then_some(left.expected).and_then(described);
        let last = self.state().last_served.and_then(described);
        self.noted(
            request,
            Reason::OutOfOrder { found: left.found, expected, last },
            Vec::new(),
            Vec::new(),
            false,
        )
    }

    fn noted(
        &self,
        request: Request,
        reason: Reason,
        near: Vec<Closest>,
        renamed: Vec<Renamed>,
        open: bool,
    ) -> Unmatched {
        let valueless = self.missing_secrets(&request, &reason, near.first());
        let unmatched = UnmatchedRequest { request, reason, near, valueless, renamed, open };
        {
            let mut state = self.state();
            let requests = state.requests;
            state.first_unmatched.get_or_insert(requests);
            state.unmatched.push(unmatched.clone());
        }
        self.account(vec![unmatched])
    }

    pub(super) fn account(&self, requests: Vec<UnmatchedRequest>) -> Unmatched {
        Unmatched {
            cassette: self.cassette.path().to_owned(),
            recorded: self.cassette.len(),
            used: self.used(),
            matching: self.matching.to_string(),
            left_out: self.left_out(),
            suggestions: suggestions::of(&requests),
            requests,
        }
    }

    /// Returns the candidates that differ least from the request, the most similar first.
    fn closest(&self, request: &Request, candidates: &[usize]) -> Vec<Closest> {
        let read = |i: &usize| Some((*i, self.cassette.request(*i).ok()?));
        let mut recorded: Vec<(usize, Request)> = candidates.iter().filter_map(read).collect();
        if matches!(request.body.content, Content::File(_)) {
            let mut left = MOST_READ;
            for (_, recorded) in &mut recorded {
                let Content::File(file) = &recorded.body.content else { continue };
                if recorded.method == request.method && file.size <= left {
                    left -= file.size;
                    *recorded = self.with_meaning(recorded.clone()).unwrap_or_else(|| recorded.clone());
                }
            }
        }
        // Keys do not contain the numbers of placeholders, so this comparison ignores them, too.
        let alike: Vec<_> = recorded.iter().map(|(i, r)| (*i, unnumbered(r, &self.redactor))).collect();
        let wanted = unnumbered(request, &self.redactor);
        let nearest = self.matching.nearest(&wanted, alike.iter().map(|(i, r)| (*i, r.as_ref())), SHOWN);
        let closest = |(index, mismatch)| {
            let interaction = self.cassette.interaction(index).ok()?;
            let answer = RecordedAnswer::from(&interaction.outcome);
            let used_by = self.state().used[index];
            Some(Closest { index, request: interaction.request, mismatch, used_by, answer })
        };
        nearest.into_iter().filter_map(closest).collect()
    }

    /// Returns the hosts of the recordings with these indices.
    fn hosts(&self, of: Vec<usize>) -> Vec<String> {
        let requests = of.into_iter().filter_map(|i| self.cassette.request(i).ok());
        let mut hosts: Vec<String> = requests.map(|request| host(&request.uri)).collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }
}

/// Chooses the recordings to compare with a request by the likeness of their sketches. Among recordings of the same
/// likeness, unused recordings come first, and then recordings near the recording that was played last. If any chosen
/// recording has the host of the request, the function leaves out recordings of other hosts.
fn candidates(state: &State, sketch: &Sketch) -> Vec<usize> {
    let place = state.last_served.unwrap_or(0);
    let rank = |(i, other): (usize, &Sketch)| {
        let unlike = u32::MAX - sketch.likeness(other);
        (unlike, state.used[i].is_some(), i.abs_diff(place) as u32, i as u32)
    };
    let mut ranked: Vec<_> = state.index.sketches().iter().enumerate().map(rank).collect();
    if ranked.len() > CANDIDATES {
        ranked.select_nth_unstable(CANDIDATES);
        ranked.truncate(CANDIDATES);
    }
    let of_host = |(.., i): &(_, _, _, u32)| state.index.sketches()[*i as usize].host() == sketch.host();
    if ranked.iter().any(of_host) {
        ranked.retain(of_host);
    }
    ranked.sort_unstable_by_key(|(_, used, _, i)| (*used, *i));
    ranked.into_iter().map(|(.., i)| i as usize).collect()
}

/// Returns the first recording of each host, for at most `HOSTS` hosts.
fn some_of_each_host(sketches: &[Sketch]) -> Vec<usize> {
    let mut first = BTreeMap::new();
    for (i, sketch) in sketches.iter().enumerate() {
        if first.len() < HOSTS {
            first.entry(sketch.host()).or_insert(i);
        }
    }
    first.into_values().collect()
}

/// Whether the test may have meant this recording with the request: both have the same host, and their paths are equal
/// or have a segment in common.
fn could_be_meant(mismatch: &Mismatch) -> bool {
    mismatch.differences().iter().all(|difference| match difference {
        Difference::Host { .. } | Difference::Uri { .. } => false,
        Difference::Path { actual, recorded } => {
            let pairs = actual.split('/').zip(recorded.split('/'));
            pairs.skip(1).any(|(a, r)| a == r && !a.is_empty())
        }
        _ => true,
    })
}

/// Returns the host and the port of a URI as they are written in it.
fn host(uri: &str) -> String {
    let authority = uri.parse::<http::Uri>().ok().and_then(|u| u.authority().map(ToString::to_string));
    authority.unwrap_or_else(|| uri.to_owned())
}
