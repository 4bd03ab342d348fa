//! Search for many needles at once, made for text in which there are next to none: it looks at one window of a
//! few bytes out of several, and only where that window is part of a needle at the text around it.
//!
//! Must not know: what the needles mean.

use std::cmp::Ordering;

use crate::{Error, Result};

/// A set of byte needles, none of them empty.
///
/// Every needle has at least `window + stride - 1` bytes, and so holds a whole window that begins at a multiple of
/// `stride`, wherever these multiples are counted from. All windows of a needle that can be the one are in
/// `sieve` and `slots`. This is the idea of Wu and Manber ("A fast algorithm for multi-needle searching", 1994)
/// the other way round: the stride is fixed, and the table tells a hit from a miss.
pub(crate) struct Search {
    /// In order of their (folded) bytes.
    needles: Vec<Needle>,
    longest: usize,
    window: usize,
    stride: usize,
    /// One bit for each hash of a window.
    sieve: Vec<u64>,
    /// By hash, the next one if it is taken.
    slots: Vec<Slot>,
}

struct Needle {
    bytes: Box<[u8]>,
    /// Its place in the list that was given.
    id: u32,
    /// Of the others that this one begins with (or equals), the longest.
    shorter: Option<u32>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    tag: u32,
    /// How far into needles the window lies: one bit for each distance. 0: a free slot.
    offsets: u16,
}

/// Set in every byte that is compared: it makes ASCII letters equal but for case, and some other pairs of characters
/// too, so that a hit must be looked at.
const FOLD: u8 = 0x20;

pub(crate) struct Hit {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) id: usize,
}

/// Bits of [`Slot::offsets`].
const MAX_STRIDE: usize = 16;

/// More windows than this make the stride shorter: 512 KiB of slots, 64 KiB of sieve.
const MAX_WINDOWS: usize = 1 << 15;

impl Search {
    /// # Errors
    ///
    /// More than 2^32 needles.
    pub(crate) fn new<'a>(needles: impl IntoIterator<Item = &'a [u8]>) -> Result<Search> {
        let mut all = Vec::new();
        for (id, bytes) in needles.into_iter().enumerate() {
            let id =
                u32::try_from(id).map_err(|e| Error::with_source("too many secrets to search for", e))?;
            let bytes = bytes.iter().map(|b| b | FOLD).collect();
            all.push(Needle { bytes, id, shorter: None });
        }
        // Of equal ones the first in the list is looked at first: needles are tried from the end.
        all.sort_by(|a, b| a.bytes.cmp(&b.bytes).then(b.id.cmp(&a.id)));
        link(&mut all);
        let shortest = all.iter().map(|p| p.bytes.len()).min().unwrap_or(1);
        let window = shortest.div_ceil(2).min(8);
        let mut search = Search {
            longest: all.iter().map(|p| p.bytes.len()).max().unwrap_or(0),
            needles: all,
            window,
            stride: (shortest - window + 1).min(MAX_STRIDE),
            sieve: Vec::new(),
            slots: Vec::new(),
        };
        while !search.index() {
            search.stride /= 2;
        }
        Ok(search)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    /// The length of the longest needle.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    #[cfg(test)]
    fn find(&self, text: &[u8], from: usize) -> Option<Hit> {
        self.find_where(text, from, |_| true)
    }

    /// The leftmost hit that starts at `from` or later and is accepted; of those that start there, the longest.
    pub(crate) fn find_where(
        &self,
        text: &[u8],
        from: usize,
        mut accept: impl FnMut(&Hit) -> bool,
    ) -> Option<Hit> {
        if self.is_empty() {
            return None;
        }
        let mask = self.mask();
        let fold = u64::from_ne_bytes([FOLD; 8]);
        let shift = self.shift();
        // A window stands for the needles that begin at it and at the bytes since the window before.
        let mut at = from + self.stride - 1;
        while at + self.window <= text.len() {
            let hash = hash((load(text, at) | fold) & mask);
            let bit = hash >> shift;
            // The sieve has a power of two of words: the remainder changes nothing, but for the check of bounds.
            if self.sieve[(bit / 64) as usize & (self.sieve.len() - 1)] >> (bit % 64) & 1 == 1
                && let Some(hit) = self.around(text, at, hash, &mut accept)
            {
                return Some(hit);
            }
            at += self.stride;
        }
        None
    }

    /// Hits in which the window of this hash at `at` is the first.
    #[cold]
    fn around(
        &self,
        text: &[u8],
        at: usize,
        hash: u64,
        accept: &mut impl FnMut(&Hit) -> bool,
    ) -> Option<Hit> {
        let offsets = self.slots[self.slot(hash)].offsets;
        let far_to_near = (0..self.stride).rev().filter(|offset| offsets >> offset & 1 == 1);
        far_to_near.map(|offset| at - offset).find_map(|start| self.starting(text, start, accept))
    }

    /// The longest needle that begins at `start` and is accepted.
    fn starting(&self, text: &[u8], start: usize, accept: &mut impl FnMut(&Hit) -> bool) -> Option<Hit> {
        let rest = &text[start..text.len().min(start + self.longest)];
        let after = self.needles.partition_point(|p| self.compare(&p.bytes, rest) != Ordering::Greater);
        // Whatever `rest` begins with, the last needle that isn't greater begins with too.
        let mut next = after.checked_sub(1);
        while let Some(i) = next {
            let Needle { bytes, id, shorter } = &self.needles[i];
            let hit = Hit { start, end: start + bytes.len(), id: *id as usize };
            if rest.len() >= bytes.len()
                && self.compare(bytes, &rest[..bytes.len()]) == Ordering::Equal
                && accept(&hit)
            {
                return Some(hit);
            }
            next = shorter.map(|i| i as usize);
        }
        None
    }

    fn compare(&self, needle: &[u8], text: &[u8]) -> Ordering {
        #[cfg(test)]
        tests::COMPARED.set(tests::COMPARED.get() + needle.len().min(text.len()));
        needle.iter().copied().cmp(text.iter().map(|b| b | FOLD))
    }

    /// Fills the tables. False if there are too many windows for them at this stride.
    fn index(&mut self) -> bool {
        let mut windows = Vec::new();
        for needle in &self.needles {
            for offset in 0..self.stride {
                windows.push((hash(load(&needle.bytes, offset) & self.mask()), 1 << offset));
            }
        }
        windows.sort_unstable();
        windows.dedup();
        if windows.len() > MAX_WINDOWS && self.stride > 1 {
            return false;
        }
        // One window in 16 that is not of a needle passes the sieve; most slots are free.
        self.sieve = vec![0; (windows.len() / 4).next_power_of_two().max(16)];
        self.slots = vec![Slot::default(); (windows.len() * 2).next_power_of_two()];
        for (hash, offset) in windows {
            let bit = hash >> self.shift();
            self.sieve[(bit / 64) as usize] |= 1 << (bit % 64);
            let slot = self.slot(hash);
            self.slots[slot].tag = tag(hash);
            self.slots[slot].offsets |= offset;
        }
        true
    }

    /// Of the first `window` bytes of a word.
    fn mask(&self) -> u64 {
        u64::MAX >> (64 - 8 * self.window)
    }

    /// What leaves as many bits of a hash as the sieve has.
    fn shift(&self) -> u32 {
        64 - (self.sieve.len() * 64).trailing_zeros()
    }

    /// Where the window of this hash is, or would be.
    fn slot(&self, hash: u64) -> usize {
        let last = self.slots.len() - 1;
        let mut at = tag(hash) as usize & last;
        while self.slots[at].offsets != 0 && self.slots[at].tag != tag(hash) {
            at = (at + 1) & last;
        }
        at
    }
}

/// Finds for each needle of the sorted list the next shorter one that it begins with.
fn link(needles: &mut [Needle]) {
    let mut open: Vec<u32> = Vec::new();
    for i in 0..needles.len() {
        while let Some(&shorter) = open.last() {
            if needles[i].bytes.starts_with(&needles[shorter as usize].bytes) {
                needles[i].shorter = Some(shorter);
                break;
            }
            open.pop();
        }
        open.push(i as u32);
    }
}

/// Eight bytes from `at` on; zeros after the end.
#[inline(always)]
fn load(text: &[u8], at: usize) -> u64 {
    match text[at..].first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => text[at..].iter().rev().fold(0, |word, b| word << 8 | u64::from(*b)),
    }
}

/// The upper half depends on every bit of the word.
#[inline(always)]
fn hash(word: u64) -> u64 {
    (word ^ word >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    thread_local! {
        /// How many bytes of needles were compared with text, at most.
        pub(crate) static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    /// The definition, one place after the other.
    fn naive(needles: &[Vec<u8>], text: &[u8], from: usize) -> Option<(usize, usize, usize)> {
        let folded = |bytes: &[u8]| -> Vec<u8> { bytes.iter().map(|b| b | FOLD).collect() };
        (from..text.len()).find_map(|start| {
            let rest = folded(&text[start..]);
            let fits = (0..needles.len()).filter(|id| rest.starts_with(&folded(&needles[*id])));
            let best = fits.rev().max_by_key(|id| needles[*id].len())?;
            Some((start, start + needles[best].len(), best))
        })
    }

    #[track_caller]
    fn check(needles: &[Vec<u8>], text: &[u8], from: usize) {
        let search = Search::new(needles.iter().map(|p| &p[..])).unwrap();
        let found = search.find(text, from).map(|hit| (hit.start, hit.end, hit.id));
        assert_eq!(found, naive(needles, text, from), "{}", text.escape_ascii());
    }

    proptest! {
        /// Few letters, so that there are hits, near hits, and needles within needles.
        #[test]
        fn finds_what_is_there(
            needles in prop::collection::vec("[abC]{3,9}|[ab]{16,30}", 0..12),
            text in "[abcAC]{0,80}",
            from in 0usize..90,
        ) {
            let needles: Vec<Vec<u8>> = needles.into_iter().map(String::into_bytes).collect();
            check(&needles, text.as_bytes(), from);
        }

        #[test]
        fn finds_any_bytes_anywhere(
            needles in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..60), 1..20),
            which in any::<prop::sample::Index>(),
            before in prop::collection::vec(any::<u8>(), 0..100),
            after in prop::collection::vec(any::<u8>(), 0..30),
        ) {
            let text = [&before[..], &which.get(&needles)[..], &after].concat();
            check(&needles, &text, 0);
            check(&needles, &text, before.len());
        }
    }

    #[test]
    fn no_patterns() {
        assert!(Search::new([]).unwrap().find(b"text", 0).is_none());
    }

    #[test]
    fn the_tables_stay_small() {
        let needles: Vec<String> = (0..20_000u64).map(|n| format!("{:040x}", n.pow(4))).collect();
        let search = Search::new(needles.iter().map(|p| p.as_bytes())).unwrap();
        assert!(search.slots.len() * size_of::<Slot>() + search.sieve.len() * 8 <= 1 << 20);
        for needle in needles.iter().step_by(997) {
            let text = format!("here: {needle}, there");
            let hit = search.find(text.as_bytes(), 0).expect(needle);
            assert_eq!((hit.start, &needles[hit.id]), (6, needle));
        }
    }

    /// What repeats, and what nearly fits: each byte of the text is looked at as often as a byte of it may be in a
    /// needle, and not more often the longer the text is.
    #[test]
    fn the_worst_text_costs_no_more_than_its_length() {
        let cost = |needles: &[String], piece: &str, length: usize| {
            let search = Search::new(needles.iter().map(|p| p.as_bytes())).unwrap();
            let text = piece.repeat(length / piece.len());
            COMPARED.set(0);
            let (mut from, mut hits) = (0, 0);
            while let Some(hit) = search.find(text.as_bytes(), from) {
                (from, hits) = (hit.end, hits + 1);
            }
            let most = needles.len().ilog2() as usize + 2 + needles.len();
            let (compared, bound) = (COMPARED.get(), text.len() * most * search.longest());
            assert!(compared <= bound, "{piece}: {compared} of {bound}");
            (compared, hits)
        };
        let nested: Vec<String> = (8..40).map(|n| "ab".repeat(n)).collect();
        let nearly: Vec<String> = (0..32).map(|n| format!("{}{n:02}", "a".repeat(40))).collect();
        for (needles, piece, found) in
            [(&nested, "ab", true), (&nested, "abababababababac", false), (&nearly, "a", false)]
        {
            let (short, hits) = cost(needles, piece, 10_000);
            assert_eq!(hits > 0, found, "{piece}");
            let (long, _) = cost(needles, piece, 40_000);
            assert!(short > 1_000 && long < short * 9 / 2, "{piece}: {short} and {long}");
        }
    }
}
