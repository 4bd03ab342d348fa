//! Looks up the interaction that answers a request: a queue for each key, in recorded order, and the policy for the end
//! of a queue.
//!
//! Must not know: the content of requests, how a miss is explained.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use super::keys::Keys;
use crate::config::Exhausted;
use crate::cores;
use crate::error::Result;
use crate::matcher::{Key, Matching, Sketch};
use crate::redact::Redactor;
use crate::tape::{Cassette, Policy};

/// Finds the next interaction of a key. The time of a lookup does not depend on the number of interactions.
#[derive(Debug, Default)]
pub(super) struct Index {
    queues: HashMap<Key, Queue, BuildHasherDefault<Hashed>>,
    /// For each interaction, the next interaction with the same key.
    after: Vec<Option<u32>>,
    /// Interactions by the key that includes the numbers of placeholders. Only few requests have such numbers.
    exact: HashMap<Key, VecDeque<u32>, BuildHasherDefault<Hashed>>,
    sketches: Vec<Sketch>,
    /// The policies of interactions that have one on the cassette, which are few.
    policies: HashMap<usize, Policy>,
    exhausted: Exhausted,
}

#[derive(Debug)]
struct Queue {
    first: u32,
    /// The interaction at which a lookup begins. All interactions of the queue before it were taken.
    next: Option<u32>,
    last: u32,
    recorded: u32,
    /// The last interaction with `"repeat": true`.
    repeats: Option<u32>,
    /// The next interaction for [`Exhausted::Loop`], after all were taken.
    turn: Option<u32>,
}

/// The interaction that answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// It has not answered a request before.
    Fresh(usize),
    /// It has answered a request before, and answers again.
    Again(usize),
}

/// The number of interactions in each share of the work. A smaller share is not worth a thread.
const SHARE: usize = 400;

impl Index {
    /// Computes the key of every request of the cassette, on all cores.
    ///
    /// # Errors
    ///
    /// A request cannot be read or is malformed. The error is that of the first such request.
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

    /// Sets what happens if all recordings of a request were taken.
    pub(super) fn exhausted(&mut self, policy: Exhausted) {
        self.exhausted = policy;
    }

    fn add(&mut self, keys: Vec<Keys>) {
        // A cassette never has so many interactions that a `u32` overflows.
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

    /// The next interaction with these keys that `accepts` agrees to. Interactions that are not `taken` come first,
    /// then interactions that answer again. An interaction with the same numbers of placeholders is preferred.
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

    /// How many interactions have this key, including taken ones; `None` if there is none.
    pub(super) fn recorded(&self, keys: Keys) -> Option<usize> {
        self.queues.get(&keys.any).map(|queue| queue.recorded as usize)
    }

    /// The policy of an interaction.
    pub(super) fn policy(&self, i: usize) -> Policy {
        self.policies.get(&i).copied().unwrap_or_default()
    }

    /// Whether any interaction is a template.
    pub(super) fn has_templates(&self) -> bool {
        self.policies.values().any(|policy| policy.template)
    }

    pub(super) fn sketches(&self) -> &[Sketch] {
        &self.sketches
    }
}

/// Passes a key through unchanged, because it is already a hash.
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

    /// The index finds every request as often as it was recorded, and in the recorded order, on one thread and on
    /// several.
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
        let mut index = Index::new(&Cassette::open_files(&files).unwrap(), &matching, &redactor).unwrap();
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

    /// The index of a cassette with this many equal requests. `"repeat": true` is set on the requests with an index in
    /// `repeating`.
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
        let mut index = Index::new(&Cassette::open_files(&files).unwrap(), &matching, &redactor).unwrap();
        index.exhausted(policy);
        (index, Keys::of(&request("https://h/"), &matching, &redactor))
    }

    /// Checks the answers to equal requests. `expected` has one character for each request: the index of the
    /// interaction that answers, or `-` for no answer.
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
        // The index skips interactions that a matcher refuses.
        answers(Exhausted::Fail, &[], |i| i != 1, "02--");
        answers(Exhausted::RepeatLast, &[], |i| i != 2, "0111");
        answers(Exhausted::Loop, &[], |i| i != 1, "020202");
        answers(Exhausted::Fail, &[0, 2], |i| i != 2, "0100");
        answers(Exhausted::Loop, &[], |_| false, "--");
    }

    /// The numbers of placeholders choose among equal recordings, but never prevent a match.
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
        let cassette = Cassette::open_files(&files).unwrap();
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
        let cassette = Cassette::open_files(&files).unwrap();
        let found = Index::new(&cassette, &Matching::default(), &redactor()).unwrap_err();
        assert_eq!(found.position().map(|(line, _)| line), Some(2 + 17), "{found}");
    }
}
