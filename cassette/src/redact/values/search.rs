//! Search for many needles at once, fast for text that contains almost none. It looks at a window of a few bytes at
//! every n-th offset of the text; n is the stride. It compares the text around a window only if the window may be a
//! part of a needle.
//!
//! Must not know: what the needles mean.

use std::cmp::Ordering;

use crate::{Error, Result};

/// A set of byte needles, none of them empty.
///
/// Every needle has at least `window + stride - 1` bytes. So an occurrence contains a whole window at a multiple of
/// `stride`, whatever the offset of the occurrence. `sieve` and `slots` have the first `stride` windows of every
/// needle. Wu and Manber ("A fast algorithm for multi-pattern searching", 1994) look up the length of the next step in
/// such a table. Here the step is fixed, and the table decides whether the window may be a part of a needle.
pub(crate) struct Search {
    /// Sorted by their bytes, in which [`FOLD`] is set.
    needles: Vec<Needle>,
    longest: usize,
    window: usize,
    stride: usize,
    /// One bit for each hash of a window.
    sieve: Vec<u64>,
    /// A hash table with linear probing.
    slots: Vec<Slot>,
}

struct Needle {
    bytes: Box<[u8]>,
    /// The index of the needle in the caller's list.
    id: u32,
    /// The index of the longest other needle that is a prefix of this needle or equal to it.
    shorter: Option<u32>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    tag: u32,
    /// The offsets at which the window occurs in needles, one bit for each offset. 0 means that the slot is free.
    offsets: u16,
}

/// The search sets this bit in every byte before it compares bytes, so that it ignores the case of ASCII letters. Some
/// other pairs of characters become equal too; the caller must check each hit.
const FOLD: u8 = 0x20;

pub(crate) struct Hit {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) id: usize,
}

/// The number of bits in [`Slot::offsets`].
const MAX_STRIDE: usize = 16;

/// The greatest number of windows. With more windows, the stride becomes shorter. This limits the slots to 512 KiB, and
/// the sieve to 64 KiB.
const MAX_WINDOWS: usize = 1 << 15;

impl Search {
    /// Prepares the search.
    ///
    /// # Errors
    ///
    /// There are more than 2^32 needles.
    pub(crate) fn new<'a>(needles: impl IntoIterator<Item = &'a [u8]>) -> Result<Search> {
        let mut all = Vec::new();
        for (id, bytes) in needles.into_iter().enumerate() {
            let id =
                u32::try_from(id).map_err(|e| Error::with_source("too many secrets to search for", e))?;
            let bytes = bytes.iter().map(|b| b | FOLD).collect();
            all.push(Needle { bytes, id, shorter: None });
        }
        // The search tries the sorted needles from the last to the first. So it tries equal needles in the order of the
        // caller's list.
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

    /// The leftmost accepted hit that starts at `from` or later; the longest one, if several start there.
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
        // The window at `at` finds the needles that begin at `at`, or at one of the `stride - 1` offsets before it.
        let mut at = from + self.stride - 1;
        while at + self.window <= text.len() {
            let hash = hash((load(text, at) | fold) & mask);
            let bit = hash >> shift;
            // The number of words is a power of two. The mask changes no index, but it lets the compiler leave out the
            // bounds check.
            if self.sieve[(bit / 64) as usize & (self.sieve.len() - 1)] >> (bit % 64) & 1 == 1
                && let Some(hit) = self.around(text, at, hash, &mut accept)
            {
                return Some(hit);
            }
            at += self.stride;
        }
        None
    }

    /// The first accepted hit that contains the window at `at`, which has this hash.
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

    /// The longest accepted needle that begins at `start`.
    fn starting(&self, text: &[u8], start: usize, accept: &mut impl FnMut(&Hit) -> bool) -> Option<Hit> {
        let rest = &text[start..text.len().min(start + self.longest)];
        let after = self.needles.partition_point(|p| self.compare(&p.bytes, rest) != Ordering::Greater);
        // Every needle that is a prefix of `rest` is also a prefix of the last needle that is not greater than `rest`.
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

    /// Fills the tables. False if the needles have too many windows at this stride.
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
        // Of the windows that are in no needle, about one in 16 passes the sieve, or fewer. At least half of the slots
        // are free.
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

    /// The mask for the first `window` bytes of a word.
    fn mask(&self) -> u64 {
        u64::MAX >> (64 - 8 * self.window)
    }

    /// The shift that reduces a hash to the number of a bit in the sieve.
    fn shift(&self) -> u32 {
        64 - (self.sieve.len() * 64).trailing_zeros()
    }

    /// The slot for this hash, or the free slot where it would be.
    fn slot(&self, hash: u64) -> usize {
        let last = self.slots.len() - 1;
        let mut at = tag(hash) as usize & last;
        while self.slots[at].offsets != 0 && self.slots[at].tag != tag(hash) {
            at = (at + 1) & last;
        }
        at
    }
}

/// Sets `shorter` of each needle. The list must be sorted.
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

/// The eight bytes of the text from `at` on, as a number. Zeros take the place of bytes after the end.
#[inline(always)]
fn load(text: &[u8], at: usize) -> u64 {
    match text[at..].first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => text[at..].iter().rev().fold(0, |word, b| word << 8 | u64::from(*b)),
    }
}

/// A hash whose upper half depends on every bit of the word.
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
        /// An upper bound of the number of bytes that were compared with the text.
        pub(crate) static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    /// The reference implementation: compares all needles at one offset after the other.
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
        /// A small alphabet makes hits, near hits, and needles within needles likely.
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

    /// The worst texts repeat themselves or nearly match. The cost for each byte has a bound that depends on the
    /// needles, not on the length of the text.
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
