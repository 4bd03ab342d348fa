//! Which interactions answer which request: a queue for each key, in recorded order, and what happens at its end.
//!
//! Must not know: what a request looks like, how a miss is explained.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use super::keys::Keys;
use crate::config::Exhausted;
use crate::cores;
use crate::error::Result;
use crate::matcher::{Key, Matching, Sketch};
use crate::redact::Redactor;
use crate::tape::{Cassette, Policy};

/// Finds the next interaction of a key, in the same time however many there are.
#[derive(Debug, Default)]
pub(super) struct Index {
    queues: HashMap<Key, Queue, BuildHasherDefault<Hashed>>,
    /// Per interaction, the next one with the same key.
    after: Vec<Option<u32>>,
    /// The interactions of the keys with the numbers of placeholders, for the few requests that have any.
    exact: HashMap<Key, VecDeque<u32>, BuildHasherDefault<Hashed>>,
    sketches: Vec<Sketch>,
    /// Of the few interactions that say how they are replayed.
    policies: HashMap<usize, Policy>,
    exhausted: Exhausted,
}

#[derive(Debug)]
struct Queue {
    first: u32,
    /// Up to here all were taken.
    next: Option<u32>,
    last: u32,
    recorded: u32,
    /// The last one that repeats by itself.
    repeats: Option<u32>,
    /// The one whose turn it is once all were taken and they are gone through again.
    turn: Option<u32>,
}

/// What answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// An interaction that answered nothing yet.
    Fresh(usize),
    /// One that did, and does again.
    Again(usize),
}

/// Fewer than this are not worth a thread.
const SHARE: usize = 400;

impl Index {
    /// Keys every request of the cassette, on all cores.
    ///
    /// # Errors
    ///
    /// That of the first request that can't be read or is malformed.
    pub(super) fn new(cassette: &Cassette, matching: &Matching, redactor: &Redactor) -> Result<Index> {
        let shares: Vec<_> =
            (0..cassette.len()).step_by(SHARE).map(|at| at..(at + SHARE).min(cassette.len())).collect();
        let mut index = Index::default();
        for i in (0..cassette.len()).filter(|i| cassette.is_flagged(*i)) {
            index.policies.insert(i, cassette.interaction(i)?.policy);
        }
        let keys = cores::try_map(
            &shares,
            cassette.len() / SHARE,
            || (),
            |(), share| {
                let keys = |request: Result<_>| Ok(Keys::of(&request?, matching, redactor));
                cassette.requests(share.clone()).map(keys).collect::<Result<Vec<Keys>>>()
            },
        )?;
        index.after.reserve_exact(cassette.len());
        index.sketches.reserve_exact(cassette.len());
        keys.into_iter().for_each(|keys| index.add(keys));
        Ok(index)
    }

    /// What happens when all recordings of a request were taken.
    pub(super) fn exhausted(&mut self, policy: Exhausted) {
        self.exhausted = policy;
    }

    fn add(&mut self, keys: Vec<Keys>) {
        // A cassette can't have as many interactions as this could not count.
        for (i, keys) in (self.after.len() as u32..).zip(keys) {
            self.after.push(None);
            self.sketches.push(keys.sketch);
            if let Some(exact) = keys.exact {
                self.exact.entry(exact).or_default().push_back(i);
            }
            let repeats = self.policies.get(&(i as usize)).is_some_and(|p| p.repeat).then_some(i);
            self.queues
                .entry(keys.any)
                .and_modify(|queue| {
                    self.after[queue.last as usize] = Some(i);
                    queue.last = i;
                    queue.recorded += 1;
                    queue.repeats = repeats.or(queue.repeats);
                })
                .or_insert(Queue { first: i, next: Some(i), last: i, recorded: 1, repeats, turn: Some(i) });
        }
    }

    /// The next interaction of these keys that `accepts` does, among those that are not `taken` or, after them, those
    /// that answer again. Of those without the numbers of placeholders the one that has the same, if there is one left.
    pub(super) fn find(
        &mut self,
        keys: Keys,
        taken: impl Fn(usize) -> bool,
        accepts: impl Fn(usize) -> bool,
    ) -> Option<Lookup> {
        if let Some(same) = keys.exact.and_then(|exact| self.exact.get_mut(&exact)) {
            while same.front().is_some_and(|i| taken(*i as usize)) {
                same.pop_front();
            }
            if let Some(i) = same.iter().map(|i| *i as usize).find(|i| !taken(*i) && accepts(*i)) {
                return Some(Lookup::Fresh(i));
            }
        }
        let queue = self.queues.get_mut(&keys.any)?;
        while let Some(i) = queue.next.filter(|i| taken(*i as usize)) {
            queue.next = self.after[i as usize];
        }
        let chain =
            |from: Option<u32>| std::iter::successors(from, |i| self.after[*i as usize]).map(|i| i as usize);
        if let Some(i) = chain(queue.next).find(|i| !taken(*i) && accepts(*i)) {
            return Some(Lookup::Fresh(i));
        }
        let repeats = |i: &usize| self.policies.get(i).is_some_and(|p| p.repeat);
        let again = if queue.repeats.is_some_and(|i| accepts(i as usize)) {
            queue.repeats.map(|i| i as usize)
        } else {
            let own =
                || chain(queue.repeats.map(|_| queue.first)).filter(|i| repeats(i) && accepts(*i)).last();
            own().or_else(|| match self.exhausted {
                Exhausted::Fail => None,
                Exhausted::RepeatLast if accepts(queue.last as usize) => Some(queue.last as usize),
                Exhausted::RepeatLast => chain(Some(queue.first)).filter(|i| accepts(*i)).last(),
                Exhausted::Loop => {
                    let all = chain(queue.turn).chain(chain(Some(queue.first)));
                    let turn = { all }.find(|i| accepts(*i))?;
                    queue.turn = self.after[turn];
                    Some(turn)
                }
            })
        };
        again.map(Lookup::Again)
    }

    /// How many interactions have this key, taken ones too; `None` if there was never one.
    pub(super) fn recorded(&self, keys: Keys) -> Option<usize> {
        self.queues.get(&keys.any).map(|queue| queue.recorded as usize)
    }

    /// How an interaction is replayed.
    pub(super) fn policy(&self, i: usize) -> Policy {
        self.policies.get(&i).copied().unwrap_or_default()
    }

    /// Is there one that is filled in?
    pub(super) fn has_templates(&self) -> bool {
        self.policies.values().any(|policy| policy.template)
    }

    pub(super) fn sketches(&self) -> &[Sketch] {
        &self.sketches
    }
}

/// A key is a hash already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, half: u64) {
        self.0 ^= half;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::{
        Body, Files, Interaction, Journal, JournalOptions, Outcome, Request, TransportError,
        TransportErrorKind,
    };

    fn request(uri: &str) -> Request {
        let headers = [("content-type", "text/plain")];
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Request {
            method: http::Method::POST,
            uri: uri.to_owned(),
            headers: headers.into_iter().collect(),
            body: Body::inline("x".repeat(uri.len())),
        }
    }

    /// Every request as often as it was recorded, and in that order, on one thread and on several.
    #[track_caller]
    fn check(count: usize, different: usize) {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path(), &"a".parse().unwrap());
        let journal = Journal::create(&files, JournalOptions::default()).unwrap();
        let uri = |n: usize| format!("https://h/{}", n % different);
        for n in 0..count {
            let refused = TransportError { kind: TransportErrorKind::Connect, message: n.to_string() };
            let interaction = Interaction::new(request(&uri(n)), Outcome::Error(refused));
            journal.append(n as u64, &interaction).unwrap();
        }
        journal.prepare(Default::default()).unwrap().install().unwrap();
        let (matching, redactor) = (Matching::default(), redactor());
        let key = |uri: &str| Keys::of(&request(uri), &matching, &redactor);
        let mut index = Index::new(&Cassette::open(&files).unwrap(), &matching, &redactor).unwrap();
        let mut taken = vec![false; count];
        for n in 0..count {
            let found = index.find(key(&uri(n)), |i| taken[i], |_| true);
            assert_eq!(found, Some(Lookup::Fresh(n)), "{count} of {different}");
            taken[n] = true;
        }
        for n in 0..different.min(count) {
            let key = key(&uri(n));
            assert_eq!(index.find(key, |i| taken[i], |_| true), None);
            assert_eq!(index.recorded(key), Some((count - n).div_ceil(different)));
        }
        let other = key("https://h/other");
        assert_eq!((index.find(other, |i| taken[i], |_| true), index.recorded(other)), (None, None));
    }

    #[test]
    fn queues() {
        check(0, 1);
        check(1, 1);
        check(SHARE - 1, 7);
        check(SHARE * 3 + 1, 1);
        check(SHARE * 5, 200);
        check(SHARE * 2, SHARE * 2);
    }

    /// A cassette of this many equal requests, of which some repeat by themselves.
    fn equal(count: usize, repeating: &[usize], policy: Exhausted) -> (Index, Keys) {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path(), &"a".parse().unwrap());
        let journal = Journal::create(&files, JournalOptions::default()).unwrap();
        for n in 0..count {
            let refused = TransportError { kind: TransportErrorKind::Connect, message: n.to_string() };
            let mut interaction = Interaction::new(request("https://h/"), Outcome::Error(refused));
            interaction.policy.repeat = repeating.contains(&n);
            journal.append(n as u64, &interaction).unwrap();
        }
        journal.prepare(Default::default()).unwrap().install().unwrap();
        let (matching, redactor) = (Matching::default(), redactor());
        let mut index = Index::new(&Cassette::open(&files).unwrap(), &matching, &redactor).unwrap();
        index.exhausted(policy);
        (index, Keys::of(&request("https://h/"), &matching, &redactor))
    }

    /// The answers to equal requests: a digit each, `-` for none.
    #[track_caller]
    fn answers(policy: Exhausted, repeating: &[usize], accepts: fn(usize) -> bool, expected: &str) {
        let (mut index, key) = equal(3, repeating, policy);
        let mut taken = [false; 3];
        let mut found = String::new();
        for _ in 0..expected.len() {
            let answer = index.find(key, |i| taken[i], accepts);
            if let Some(Lookup::Fresh(i)) = answer {
                taken[i] = true;
            }
            found.push_str(&match answer {
                Some(Lookup::Fresh(i) | Lookup::Again(i)) => i.to_string(),
                None => "-".to_owned(),
            });
        }
        assert_eq!(found, expected, "{policy:?}, repeating {repeating:?}");
    }

    #[test]
    fn at_the_end_of_a_queue() {
        let all = |_| true;
        answers(Exhausted::Fail, &[], all, "012--");
        answers(Exhausted::RepeatLast, &[], all, "01222");
        answers(Exhausted::Loop, &[], all, "01201201");
        answers(Exhausted::Fail, &[0], all, "01200");
        answers(Exhausted::Loop, &[0, 1], all, "01211");
        // What a matcher refuses is not there.
        answers(Exhausted::Fail, &[], |i| i != 1, "02--");
        answers(Exhausted::RepeatLast, &[], |i| i != 2, "0111");
        answers(Exhausted::Loop, &[], |i| i != 1, "020202");
        answers(Exhausted::Fail, &[0, 2], |i| i != 2, "0100");
        answers(Exhausted::Loop, &[], |_| false, "--");
    }

    /// The numbers of placeholders decide where they can, and never stand in the way.
    #[test]
    fn placeholders() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path(), &"a".parse().unwrap());
        let journal = Journal::create(&files, JournalOptions::default()).unwrap();
        for (n, token) in [1, 2, 1, 3].into_iter().enumerate() {
            let refused = TransportError { kind: TransportErrorKind::Connect, message: n.to_string() };
            let request = request(&format!("https://h/?token=[token:{token}]"));
            journal.append(n as u64, &Interaction::new(request, Outcome::Error(refused))).unwrap();
        }
        journal.prepare(Default::default()).unwrap().install().unwrap();
        let (matching, redactor) = (Matching::default(), redactor());
        let key = |n: u32| Keys::of(&request(&format!("https://h/?token=[token:{n}]")), &matching, &redactor);
        let cassette = Cassette::open(&files).unwrap();
        let mut index = Index::new(&cassette, &matching, &redactor).unwrap();
        let mut taken = [false; 4];
        let mut take = |n| {
            let found = index.find(key(n), |i| taken[i], |_| true);
            if let Some(Lookup::Fresh(i)) = found {
                taken[i] = true;
            }
            found
        };
        let found: Vec<_> = [2, 1, 9, 1, 1].into_iter().map(&mut take).collect();
        let fresh = |i| Some(Lookup::Fresh(i));
        assert_eq!(found, [fresh(1), fresh(0), fresh(2), fresh(3), None]);
        assert_eq!(index.recorded(key(7)), Some(4));
    }

    fn redactor() -> Redactor {
        Redactor::new(crate::redact::Rules::default()).unwrap()
    }

    #[test]
    fn the_first_malformed_request_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path(), &"a".parse().unwrap());
        let mut text = String::from("{\"version\": 2, \"interactions\": [\n");
        for n in 0..SHARE * 3 {
            let method = if n % SHARE == 17 { "G T" } else { "GET" };
            let comma = if n == 0 { ' ' } else { ',' };
            text += &format!("{comma}{{\"request\": {{\"method\": \"{method}\", \"uri\": \"/\"}}}}\n");
        }
        std::fs::write(files.document(), text + "]}").unwrap();
        let cassette = Cassette::open(&files).unwrap();
        let found = Index::new(&cassette, &Matching::default(), &redactor()).unwrap_err();
        assert_eq!(found.position().map(|(line, _)| line), Some(2 + 17), "{found}");
    }
}
