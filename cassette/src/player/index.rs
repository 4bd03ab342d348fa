//! Looks up the interaction that answers a request. For each key there is a queue of interactions in recorded order.
//! Marks choose an interaction in the queue, and a policy says what happens at the end of the queue.
//!
//! Must not know: the content of requests, how a miss is explained.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::deciding::{Deciding, Group};
use super::keys::{Keys, Marked};
use super::marks::{Mark, Name};
use crate::config::Exhausted;
use crate::error::Result;
use crate::matcher::{Key, Matching, Sketch};
use crate::redact::Redactor;
use crate::tape::{Cassette, Policy};

/// Finds the next interaction with a key. The time of a lookup does not depend on the number of interactions.
#[derive(Debug, Default)]
pub(super) struct Index {
    queues: HashMap<Key, Queue, BuildHasherDefault<Hashed>>,
    /// For each interaction, the next interaction with the same key.
    after: Vec<Option<u32>>,
    /// For each queue whose interactions differ in their marks: how the marks decide. An entry is added when the queue
    /// is used for the first time. It is `None` if marks cannot decide in this queue.
    deciding: HashMap<Key, Option<Deciding>, BuildHasherDefault<Hashed>>,
    sketches: Vec<Sketch>,
    /// Interactions with long bodies whose meaning was not needed yet, by the key of their heads.
    pending: HashMap<Key, Vec<Pending>, BuildHasherDefault<Hashed>>,
    /// For the key with the hash of a long body's bytes, the key of its head.
    heads: HashMap<Key, Key, BuildHasherDefault<Hashed>>,
    /// The policies of the few interactions that have a policy on the cassette.
    policies: HashMap<usize, Policy>,
    exhausted: Exhausted,
}

/// An interaction with a long body that is in no queue yet.
#[derive(Debug)]
struct Pending {
    interaction: u32,
    /// The fingerprint of its marks.
    marks: u64,
    /// The key with the hash of the body's bytes.
    bytes: Key,
}

#[derive(Debug)]
struct Queue {
    first: u32,
    /// The interaction at which a lookup begins. All earlier interactions of the queue were taken.
    next: Option<u32>,
    last: u32,
    recorded: u32,
    /// The fingerprint of the marks of the first interaction.
    marks: u64,
    /// Whether the interactions of the queue differ in their marks.
    differs: bool,
    /// The last interaction with `"repeat": true`.
    repeats: Option<u32>,
    /// The interaction that answers next under [`Exhausted::Loop`], after all interactions were taken.
    turn: Option<u32>,
}

/// The marks that choose among interactions with the same key.
pub(super) struct Marks<'m> {
    /// The marks of the request.
    pub(super) asked: &'m dyn Fn() -> Vec<Mark>,
    /// The marks of an interaction.
    pub(super) recorded: &'m dyn Fn(usize) -> Vec<Mark>,
    /// Whether headers decide. The numbers of placeholders always decide.
    pub(super) headers: bool,
}

/// The interaction that answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// The interaction has not answered a request before.
    Fresh(usize),
    /// The interaction has answered a request before, and answers again.
    Again(usize),
}

impl Index {
    /// Computes the key of every request of the cassette, on all cores.
    ///
    /// # Errors
    ///
    /// A request cannot be read or is malformed. If there are several such requests, the error is about the first one.
    pub(super) fn new(cassette: &Cassette, matching: &Matching, redactor: &Redactor) -> Result<Index> {
        let mut index = Index::default();
        for i in (0..cassette.len()).filter(|i| cassette.is_flagged(*i)) {
            index.policies.insert(i, cassette.interaction(i)?.policy);
        }
        let keys = Keys::of_all(cassette, matching, redactor)?;
        index.after.reserve_exact(cassette.len());
        index.sketches.reserve_exact(cassette.len());
        keys.into_iter().for_each(|keys| index.add(keys));
        Ok(index)
    }

    /// Sets what happens to a request if all interactions with its key were taken.
    pub(super) fn exhausted(&mut self, policy: Exhausted) {
        self.exhausted = policy;
    }

    fn add(&mut self, keys: Vec<Marked>) {
        // A cassette never has so many interactions that a `u32` overflows.
        for (i, (keys, marks)) in (self.after.len() as u32..).zip(keys) {
            self.after.push(None);
            self.sketches.push(keys.sketch);
            if let Some(long) = keys.long {
                let pending = Pending { interaction: i, marks, bytes: long.bytes };
                self.pending.entry(long.head).or_default().push(pending);
                self.heads.insert(long.bytes, long.head);
                continue;
            }
            let repeats = self.policies.get(&(i as usize)).is_some_and(|p| p.repeat).then_some(i);
            self.queues
                .entry(keys.any)
                .and_modify(|queue| {
                    self.after[queue.last as usize] = Some(i);
                    queue.last = i;
                    queue.recorded += 1;
                    queue.differs |= queue.marks != marks;
                    queue.repeats = repeats.or(queue.repeats);
                })
                .or_insert(Queue::new(i, marks, repeats));
        }
    }

    /// Returns the interactions with long bodies whose meaning is needed to look up a request. If one of them has the
    /// bytes of the request, the meaning of no other one is needed, unless `all` says so.
    pub(super) fn needed(&self, keys: Keys, all: bool) -> Vec<usize> {
        let Some((long, pending)) = keys.long.and_then(|long| Some((long, self.pending.get(&long.head)?)))
        else {
            return Vec::new();
        };
        let others = pending.iter().filter(|pending| pending.bytes != long.bytes);
        let others: Vec<usize> = others.map(|pending| pending.interaction as usize).collect();
        if all || others.len() == pending.len() { others } else { Vec::new() }
    }

    /// Puts interactions with long bodies into the queues, before a request is looked up. If one of them has the bytes
    /// of the request, only this one, unless `all` says so. `meaning` computes the key of an interaction.
    pub(super) fn settle(&mut self, keys: Keys, all: bool, meaning: impl Fn(usize) -> Option<Key>) {
        let Some(long) = keys.long else { return self.settle_equal(keys.any) };
        let Some(pending) = self.pending.get_mut(&long.head) else { return };
        let same = pending.iter().position(|pending| pending.bytes == long.bytes);
        let settled = match same.filter(|_| !all) {
            Some(at) => vec![pending.remove(at)],
            None => std::mem::take(pending),
        };
        if pending.is_empty() {
            self.pending.remove(&long.head);
        }
        for pending in settled {
            let key = if pending.bytes == long.bytes {
                keys.any
            } else {
                meaning(pending.interaction as usize).unwrap_or(pending.bytes)
            };
            self.insert(key, pending.interaction, pending.marks);
        }
    }

    /// Puts interactions with long bodies into the queue of a short request that has the same bytes. The inline limit
    /// may have changed since the recording.
    fn settle_equal(&mut self, bytes: Key) {
        let Some(head) = self.heads.remove(&bytes) else { return };
        let Some(pending) = self.pending.get_mut(&head) else { return };
        let (settled, left) = std::mem::take(pending).into_iter().partition(|pending| pending.bytes == bytes);
        *pending = left;
        let settled: Vec<Pending> = settled;
        settled.into_iter().for_each(|pending| self.insert(bytes, pending.interaction, pending.marks));
    }

    /// Whether the meaning of other interactions with the head of this request was not needed yet.
    pub(super) fn is_pending(&self, keys: Keys) -> bool {
        keys.long.is_some_and(|long| self.pending.get(&long.head).is_some_and(|pending| !pending.is_empty()))
    }

    /// Adds an interaction to the queue of a key, at its place in the recorded order.
    fn insert(&mut self, key: Key, i: u32, marks: u64) {
        let repeats = self.policies.get(&(i as usize)).is_some_and(|p| p.repeat).then_some(i);
        let Some(queue) = self.queues.get_mut(&key) else {
            self.queues.insert(key, Queue::new(i, marks, repeats));
            return;
        };
        if i < queue.first {
            self.after[i as usize] = Some(queue.first);
            queue.first = i;
        } else {
            let mut before = if i > queue.last { queue.last } else { queue.first };
            while let Some(next) = self.after[before as usize].filter(|next| *next < i) {
                before = next;
            }
            self.after[i as usize] = self.after[before as usize].replace(i);
        }
        queue.last = queue.last.max(i);
        queue.next = Some(queue.next.map_or(i, |next| next.min(i)));
        queue.recorded += 1;
        queue.differs |= queue.marks != marks;
        queue.repeats = queue.repeats.max(repeats);
        self.deciding.remove(&key);
    }

    /// Finds the next interaction with this key for which `accepts` returns `true`. Interactions that are not `taken`
    /// come first, and then interactions that answer again. Among several interactions, the function returns the one
    /// whose marks agree best with the request. If several agree equally well, it returns the first in recorded order.
    pub(super) fn find(
        &mut self,
        keys: Keys,
        marks: &Marks<'_>,
        taken: impl Fn(usize) -> bool,
        accepts: impl Fn(usize) -> bool,
    ) -> Option<Lookup> {
        let queue = self.queues.get_mut(&keys.any)?;
        let after = &self.after;
        let deciding = if queue.differs {
            let all = || std::iter::successors(Some(queue.first), |i| after[*i as usize]).collect();
            self.deciding.entry(keys.any).or_insert_with(|| Deciding::new(all(), marks.recorded)).as_mut()
        } else {
            None
        };
        let mut deciding = deciding.map(|deciding| (deciding, (marks.asked)()));
        if let Some((deciding, asked)) = &mut deciding {
            let counts = |name: Name| marks.headers || !name.is_header();
            let fresh = |group: &mut Group| {
                let taken = |i: &u32| taken(*i as usize);
                group.next += group.members[group.next..].iter().take_while(|i| taken(i)).count();
                let mut rest = group.members[group.next..].iter();
                rest.find(|i| !taken(i) && accepts(**i as usize)).map(|i| *i as usize)
            };
            if let Some(i) = deciding.best(asked, counts, |group| fresh(group).is_some()).and_then(fresh) {
                return Some(Lookup::Fresh(i));
            }
        }
        while let Some(i) = queue.next.filter(|i| taken(*i as usize)) {
            queue.next = self.after[i as usize];
        }
        let chain =
            |from: Option<u32>| std::iter::successors(from, |i| self.after[*i as usize]).map(|i| i as usize);
        if let Some(i) = chain(queue.next).find(|i| !taken(*i) && accepts(*i)) {
            return Some(Lookup::Fresh(i));
        }
        let repeats = |i: &usize| self.policies.get(i).is_some_and(|p| p.repeat);
        // The numbers of placeholders do not decide which interaction answers again. Code that polls may send the
        // values of its first request each time, and would then get the first response each time.
        if let Some((deciding, asked)) = deciding.filter(|_| marks.headers) {
            let repeating = queue.repeats.is_some();
            let answer = |group: &mut Group| match self.exhausted {
                _ if repeating => group.members.iter().rev().find(|i| repeats(&(**i as usize))).copied(),
                Exhausted::Fail => None,
                Exhausted::RepeatLast => group.members.last().copied(),
                Exhausted::Loop => group.members.get(group.turn).copied(),
            };
            if let Some(group) = deciding.best(&asked, Name::is_header, |group| answer(group).is_some()) {
                let again = answer(group);
                group.turn = (group.turn + 1) % group.members.len();
                return again.map(|i| Lookup::Again(i as usize));
            }
        }
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

    /// Returns the number of interactions with this key, including taken interactions. Returns `None` if there are
    /// none.
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

    /// Whether any two interactions have the same key.
    pub(super) fn has_equal(&self) -> bool {
        self.after.iter().any(Option::is_some) || self.pending.values().any(|pending| pending.len() > 1)
    }

    pub(super) fn sketches(&self) -> &[Sketch] {
        &self.sketches
    }
}

impl Queue {
    fn new(first: u32, marks: u64, repeats: Option<u32>) -> Queue {
        let (next, turn) = (Some(first), Some(first));
        Queue { first, next, last: first, recorded: 1, marks, differs: false, repeats, turn }
    }
}

/// A hasher that returns the key unchanged, because the key is already a hash.
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
    use super::super::keys::SHARE;
    use super::super::marks;
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

    /// Checks that the index finds every request as often as it was recorded, and in recorded order. This must hold on
    /// one thread and on several threads.
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
            let found = index.find(key(&uri(n)), &PLAIN, |i| taken[i], |_| true);
            assert_eq!(found, Some(Lookup::Fresh(n)), "{count} of {different}");
            taken[n] = true;
        }
        for n in 0..different.min(count) {
            let key = key(&uri(n));
            assert_eq!(index.find(key, &PLAIN, |i| taken[i], |_| true), None);
            assert_eq!(index.recorded(key), Some((count - n).div_ceil(different)));
        }
        let other = key("https://h/other");
        assert_eq!((index.find(other, &PLAIN, |i| taken[i], |_| true), index.recorded(other)), (None, None));
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

    /// Makes the index of a cassette with `count` equal requests. The requests whose indices are in `repeating` have
    /// `"repeat": true`.
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
            let answer = index.find(key, &PLAIN, |i| taken[i], accepts);
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
        // The index skips interactions that a matcher does not accept.
        answers(Exhausted::Fail, &[], |i| i != 1, "02--");
        answers(Exhausted::RepeatLast, &[], |i| i != 2, "0111");
        answers(Exhausted::Loop, &[], |i| i != 1, "020202");
        answers(Exhausted::Fail, &[0, 2], |i| i != 2, "0100");
        answers(Exhausted::Loop, &[], |_| false, "--");
    }

    /// The replay of a cassette with some requests.
    struct Played {
        _dir: tempfile::TempDir,
        cassette: Cassette,
        index: Index,
        taken: Vec<bool>,
        matching: Matching,
        redactor: Redactor,
        /// How often the index asked whether an interaction was taken.
        steps: usize,
    }

    impl Played {
        fn new(requests: &[Request]) -> Played {
            let dir = tempfile::tempdir().unwrap();
            let files = Files::new(dir.path(), &"a".parse().unwrap());
            let journal = Journal::create(&files, JournalOptions::default()).unwrap();
            for (n, request) in requests.iter().enumerate() {
                let refused = TransportError { kind: TransportErrorKind::Connect, message: n.to_string() };
                let interaction = Interaction::new(request.clone(), Outcome::Error(refused));
                journal.append(n as u64, &interaction).unwrap();
            }
            journal.prepare(Default::default()).unwrap().install().unwrap();
            let cassette = Cassette::open_files(&files).unwrap();
            let (matching, redactor) = (Matching::default(), redactor());
            let index = Index::new(&cassette, &matching, &redactor).unwrap();
            let taken = vec![false; cassette.len()];
            Played { _dir: dir, index, taken, cassette, matching, redactor, steps: 0 }
        }

        fn take_with(&mut self, request: &Request, headers: bool) -> Option<Lookup> {
            let (matching, redactor) = (&self.matching, &self.redactor);
            let keys = Keys::of(request, matching, redactor);
            let of = |request: &Request| marks::of(request, matching, redactor);
            let (asked, recorded) = (|| of(request), |i| of(&self.cassette.request(i).unwrap()));
            let marks = Marks { asked: &asked, recorded: &recorded, headers };
            let steps = std::cell::Cell::new(0);
            let taken = |i: usize| {
                steps.set(steps.get() + 1);
                self.taken[i]
            };
            let found = self.index.find(keys, &marks, taken, |_| true);
            self.steps += steps.get();
            if let Some(Lookup::Fresh(i)) = found {
                self.taken[i] = true;
            }
            found
        }

        fn take(&mut self, request: &Request) -> Option<Lookup> {
            self.take_with(request, true)
        }
    }

    fn with(headers: &[(&'static str, &str)]) -> Request {
        let mut request = request("https://h/");
        for (name, value) in headers {
            request.headers.append(*name, value.parse().unwrap());
        }
        request
    }

    /// Checks the answers to requests that are equal apart from headers. `expected` has one character for each request:
    /// the index of the recording that answers, in brackets if it answers again, or `-`.
    #[track_caller]
    fn decides(
        policy: Exhausted,
        recorded: &[&[(&'static str, &str)]],
        asked: &[&[(&'static str, &str)]],
        expected: &str,
    ) {
        let mut played = Played::new(&recorded.iter().map(|headers| with(headers)).collect::<Vec<_>>());
        played.index.exhausted(policy);
        let answers = asked.iter().map(|headers| match played.take(&with(headers)) {
            Some(Lookup::Fresh(i)) => i.to_string(),
            Some(Lookup::Again(i)) => format!("({i})"),
            None => "-".to_owned(),
        });
        assert_eq!(answers.collect::<String>(), expected);
    }

    const DE: &[(&str, &str)] = &[("accept-language", "de")];
    const EN: &[(&str, &str)] = &[("accept-language", "en")];

    #[test]
    fn headers_decide_among_equal_recordings() {
        let fail = |recorded: &[&[(&'static str, &str)]], asked: &[&[(&'static str, &str)]], expected| {
            decides(Exhausted::Fail, recorded, asked, expected);
        };
        fail(&[DE, EN], &[EN, DE, DE], "10-");
        fail(&[DE, EN, DE, EN], &[EN, EN, DE, DE], "1302");
        // An absent header is a value like any other.
        fail(&[DE, &[]], &[&[], DE], "10");
        // No request fails. If several recordings agree equally well, the recorded order decides.
        fail(&[DE, EN, EN], &[&[("accept-language", "fr")], DE, DE], "012");
        fail(&[DE, EN], &[DE, DE], "01");
        fail(&[DE, DE, EN], &[EN, EN, EN], "201");
        // Several headers decide together. A header in which no recording agrees with the request does not decide.
        let both: &[_] = &[("accept-language", "de"), ("x-flavor", "b")];
        fail(&[DE, EN, both], &[both, EN, DE], "210");
        fail(&[both, &[("x-flavor", "a")]], &[&[("accept-language", "fr"), ("x-flavor", "a")]], "1");
    }

    #[test]
    fn volatile_headers_do_not_decide() {
        let recorded: &[&[_]] = &[
            &[("date", "1"), ("x-request-id", "1"), ("user-agent", "a/1")],
            &[("date", "2"), ("x-request-id", "2"), ("user-agent", "a/2")],
        ];
        decides(Exhausted::Fail, recorded, &[recorded[1], recorded[0]], "01");
        // `x-count` counts the requests, so it agrees with the wrong recording. `accept-language` has fewer values, so
        // it is more reliable.
        let of = |language, n| [("accept-language", language), ("x-count", n)];
        let recorded = [of("de", "1"), of("en", "2"), of("de", "3")];
        let asked = [of("en", "1"), of("de", "2"), of("de", "3")];
        let recorded: Vec<&[_]> = recorded.iter().map(|r| &r[..]).collect();
        let asked: Vec<&[_]> = asked.iter().map(|r| &r[..]).collect();
        decides(Exhausted::Fail, &recorded, &asked, "102");
        // The values of a new run agree with no recording.
        let new: &[_] = &[("accept-language", "en"), ("x-count", "7")];
        decides(Exhausted::Fail, &recorded, &[new], "1");
    }

    #[test]
    fn headers_decide_which_recording_answers_again() {
        decides(Exhausted::RepeatLast, &[DE, DE, EN], &[EN, DE, DE, DE, EN, &[]], "201(1)(2)(2)");
        decides(Exhausted::Loop, &[DE, EN, DE], &[DE, EN, DE, DE, EN, DE, DE], "012(0)(1)(2)(0)");
    }

    /// A long queue of equal requests. Each request has a different id, and the languages come in another order than in
    /// the recording. The number of steps grows with the number of requests, and not with its square.
    #[test]
    fn long_queues() {
        const REQUESTS: usize = 2_000;
        let of =
            |language: &str, id: usize| with(&[("accept-language", language), ("x-id", &id.to_string())]);
        let language = |n: usize| if n.is_multiple_of(2) { "de" } else { "en" };
        let mut played = Played::new(&(0..REQUESTS).map(|n| of(language(n), n)).collect::<Vec<_>>());
        for n in 0..REQUESTS {
            let asked = if n < REQUESTS / 2 { "en" } else { "de" };
            let expected = if asked == "en" { 2 * n + 1 } else { 2 * n - REQUESTS };
            assert_eq!(played.take(&of(asked, REQUESTS + n)), Some(Lookup::Fresh(expected)));
        }
        assert!(played.steps < 20 * REQUESTS, "{} steps", played.steps);
    }

    #[test]
    fn headers_do_not_decide_if_the_recorded_order_or_a_matcher_does() {
        let mut played = Played::new(&[with(DE), with(EN)]);
        assert_eq!(played.take_with(&with(EN), false), Some(Lookup::Fresh(0)));
    }

    /// The numbers of placeholders choose among equal recordings, but never prevent a match.
    #[test]
    fn placeholders() {
        let numbered = |n: u32| request(&format!("https://h/?token=[token:{n}]"));
        let mut played = Played::new(&[1, 2, 1, 3].map(numbered));
        let found: Vec<_> = [2, 1, 9, 1, 1].into_iter().map(|n| played.take(&numbered(n))).collect();
        let fresh = |i| Some(Lookup::Fresh(i));
        assert_eq!(found, [fresh(1), fresh(0), fresh(2), fresh(3), None]);
        let keys = Keys::of(&numbered(7), &played.matching, &redactor());
        assert_eq!(played.index.recorded(keys), Some(4));
    }

    #[test]
    fn numbers_in_headers() {
        let bearer = |n: u32| with(&[("authorization", &format!("Bearer [authorization:{n}]"))]);
        let mut played = Played::new(&[bearer(1), bearer(2), with(&[("authorization", "{{secret.KEY}}")])]);
        let found = [with(&[("authorization", "{{secret.KEY}}")]), bearer(2), bearer(5)];
        let found: Vec<_> = found.iter().map(|request| played.take(request)).collect();
        assert_eq!(found, [2, 1, 0].map(|i| Some(Lookup::Fresh(i))));
    }

    /// Marks for a request and recordings that have none.
    const PLAIN: Marks<'static> = Marks { asked: &Vec::new, recorded: &|_| Vec::new(), headers: true };

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
