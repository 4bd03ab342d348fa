//! Which interactions answer which request: a queue for each key, in recorded order.
//!
//! Must not know: what a request looks like, how a miss is explained.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use super::anonymous::Keys;
use crate::error::Result;
use crate::matcher::{Key, Matching};
use crate::redact::Redactor;
use crate::tape::Cassette;

/// Finds the next interaction of a key, in the same time however many there are.
#[derive(Debug, Default)]
pub(super) struct Index {
    queues: HashMap<Key, Queue, BuildHasherDefault<Hashed>>,
    /// Per interaction, the next one with the same key.
    after: Vec<Option<u32>>,
    /// The same of the keys with the numbers of placeholders, for the few requests that have any.
    exact: HashMap<Key, VecDeque<u32>, BuildHasherDefault<Hashed>>,
    /// Those that were taken out of turn, by their exact key.
    taken: HashSet<u32>,
}

#[derive(Debug)]
struct Queue {
    /// The first one that is not taken.
    next: Option<u32>,
    last: u32,
    recorded: u32,
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
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (cassette.len() / SHARE).clamp(1, cores);
        let share = cassette.len().div_ceil(threads);
        let keys = |n: usize| -> Result<Vec<Keys>> {
            let range = (n * share).min(cassette.len())..((n + 1) * share).min(cassette.len());
            cassette.requests(range).map(|request| Ok(Keys::of(&request?, matching, redactor))).collect()
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|n| scope.spawn(move || keys(n))).collect();
            let mut index = Index { after: Vec::with_capacity(cassette.len()), ..Index::default() };
            index.add(keys(0)?);
            for other in others {
                index.add(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(index)
        })
    }

    fn add(&mut self, keys: Vec<Keys>) {
        // A cassette can't have as many interactions as this could not count.
        for (i, keys) in (self.after.len() as u32..).zip(keys) {
            self.after.push(None);
            if let Some(exact) = keys.exact {
                self.exact.entry(exact).or_default().push_back(i);
            }
            self.queues
                .entry(keys.any)
                .and_modify(|queue| {
                    self.after[queue.last as usize] = Some(i);
                    queue.last = i;
                    queue.recorded += 1;
                })
                .or_insert(Queue { next: Some(i), last: i, recorded: 1 });
        }
    }

    /// Takes the next interaction of these keys: of those without the numbers of placeholders the one that has the
    /// same, if there is one left.
    pub(super) fn take(&mut self, keys: Keys) -> Option<usize> {
        let i = self.take_exact(keys).or_else(|| self.take_next(keys.any))?;
        Some(i as usize)
    }

    fn take_exact(&mut self, keys: Keys) -> Option<u32> {
        let same = self.exact.get_mut(&keys.exact?)?;
        while let Some(i) = same.pop_front() {
            // What was taken in turn is behind the head of its queue.
            let left = self.queues.get(&keys.any).and_then(|queue| queue.next).is_some_and(|next| next <= i);
            if left && self.taken.insert(i) {
                return Some(i);
            }
        }
        None
    }

    fn take_next(&mut self, key: Key) -> Option<u32> {
        let queue = self.queues.get_mut(&key)?;
        loop {
            let i = queue.next?;
            queue.next = self.after[i as usize];
            if !self.taken.remove(&i) {
                return Some(i);
            }
        }
    }

    /// How many interactions have this key, taken ones too; `None` if there was never one.
    pub(super) fn recorded(&self, keys: Keys) -> Option<usize> {
        self.queues.get(&keys.any).map(|queue| queue.recorded as usize)
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
        for n in 0..count {
            assert_eq!(index.take(key(&uri(n))), Some(n), "{count} of {different}");
        }
        for n in 0..different.min(count) {
            let key = key(&uri(n));
            assert_eq!(index.take(key), None);
            assert_eq!(index.recorded(key), Some((count - n).div_ceil(different)));
        }
        let other = key("https://h/other");
        assert_eq!((index.take(other), index.recorded(other)), (None, None));
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
        let taken: Vec<_> = [2, 1, 9, 1, 1].into_iter().map(|n| index.take(key(n))).collect();
        assert_eq!(taken, [Some(1), Some(0), Some(2), Some(3), None]);
        assert_eq!(index.recorded(key(7)), Some(4));
    }

    fn redactor() -> Redactor {
        Redactor::new(crate::redact::Rules::default()).unwrap()
    }

    #[test]
    fn the_first_malformed_request_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path(), &"a".parse().unwrap());
        let mut text = String::from("{\"version\": 2, \"interactions\": [\n");
        for n in 0..SHARE * 3 {
            let method = if n % SHARE == 17 { "G T" } else { "GET" };
            let comma = if n == 0 { ' ' } else { ',' };
            text += &format!("{comma}{{\"request\": {{\"method\": \"{method}\", \"uri\": \"/\"}}}}\n");
        }
        std::fs::write(files.document(), text + "]}").unwrap();
        let told =
            Index::new(&Cassette::open(&files).unwrap(), &Matching::default(), &redactor()).unwrap_err();
        assert_eq!(told.position().map(|(line, _)| line), Some(2 + 17), "{told}");
    }
}
