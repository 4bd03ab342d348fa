//! The search for anchors: the first characters of token patterns.
//!
//! Three characters are too few for a search that skips over text. So this search looks at every other pair of bytes:
//! an anchor of three or more bytes contains one of these pairs, wherever it begins. For a longer anchor, the search
//! uses the two adjacent pairs that are rarest in texts.
//!
//! Must not know: what follows an anchor.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use crate::redact::patterns::tokens::PATTERNS;

/// The anchors of all patterns.
pub(crate) struct Anchors {
    /// For each pair of bytes: the index in `places`.
    pairs: Vec<u8>,
    /// The places of a pair in anchors; the first entry is empty. Anchors that begin earlier come first, and of these
    /// the longer anchors.
    places: Vec<Vec<Place>>,
    longest: usize,
    /// The greatest offset of a pair in its anchor.
    farthest: usize,
}

#[derive(Clone, Copy)]
pub(crate) struct Anchor {
    pub(crate) text: &'static [u8],
    /// The index in [`PATTERNS`].
    pub(crate) pattern: usize,
}

#[derive(Clone, Copy)]
struct Place {
    anchor: Anchor,
    /// The offset of the pair in the anchor.
    offset: usize,
}

pub(crate) static ANCHORS: LazyLock<Anchors> = LazyLock::new(Anchors::new);

/// All anchors, in the order of their patterns.
fn all() -> impl Iterator<Item = Anchor> {
    (0..PATTERNS.len()).flat_map(|pattern| {
        PATTERNS[pattern].anchors.iter().map(move |anchor| Anchor { text: anchor.as_bytes(), pattern })
    })
}

impl Anchors {
    fn new() -> Anchors {
        let mut found: BTreeMap<usize, Vec<Place>> = BTreeMap::new();
        let mut farthest = 0;
        for anchor in all() {
            let first = rarest(anchor.text);
            farthest = farthest.max(first + 1);
            for offset in [first, first + 1] {
                let pair = pair(anchor.text[offset], anchor.text[offset + 1]);
                found.entry(pair).or_default().push(Place { anchor, offset });
            }
        }
        let (mut pairs, mut places) = (vec![0; 1 << 16], vec![Vec::new()]);
        for (pair, mut here) in found {
            here.sort_by_key(|place| Reverse((place.offset, place.anchor.text.len())));
            // If there are more kinds of pairs than a byte can number, the last entry has the places of all other
            // pairs. Then the search is slower, but finds the same anchors.
            if places.len() <= usize::from(u8::MAX) {
                places.push(Vec::new());
            }
            let last = places.len() - 1;
            places[last].extend(here);
            pairs[pair] = u8::try_from(last).unwrap_or(u8::MAX);
        }
        let longest = all().map(|anchor| anchor.text.len()).max().unwrap_or(0);
        Anchors { pairs, places, longest, farthest }
    }

    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The leftmost anchor that begins at `from` or later, with its place; the longest one, if several begin there.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Option<(usize, Anchor)> {
        let mut at = from + 1;
        let rest = text.get(at..)?;
        for eight in rest.chunks_exact(8) {
            let hit = |i: usize| self.pairs[pair(eight[i], eight[i + 1])];
            if (hit(0) | hit(2) | hit(4) | hit(6)) != 0
                && let Some(found) = self.among(text, from, at..at + 8)
            {
                return Some(found);
            }
            at += 8;
        }
        self.among(text, from, at..text.len())
    }

    /// The leftmost anchor, if a pair of some anchor begins in this range.
    #[cold]
    fn among(&self, text: &[u8], from: usize, within: Range<usize>) -> Option<(usize, Anchor)> {
        let last = text.len().saturating_sub(1);
        let at = |at: usize| {
            let places = &self.places[usize::from(self.pairs[pair(text[at], text[at + 1])])];
            let begins = |place: &&Place| {
                at >= from + place.offset && text[at - place.offset..].starts_with(place.anchor.text)
            };
            places.iter().find(begins).map(|place| (at - place.offset, place.anchor))
        };
        let (mut places, until) = (within.clone().step_by(2), within.end.min(last));
        let (mut start, mut anchor) = places.by_ref().take_while(|at| *at < until).find_map(at)?;
        // The pair of an anchor that begins earlier, or is longer, may come later.
        for place in (within.start..last.min(start + self.farthest + 1)).step_by(2) {
            if let Some((other, longer)) = at(place)
                && (other < start || (other == start && longer.text.len() > anchor.text.len()))
            {
                (start, anchor) = (other, longer);
            }
        }
        Some((start, anchor))
    }
}

/// The offset of the two adjacent pairs of an anchor that are rarest in texts.
fn rarest(anchor: &[u8]) -> usize {
    // The frequency of each letter in English, in tenths of a percent.
    const LETTERS: [u32; 26] =
        [80, 15, 28, 43, 127, 22, 20, 60, 70, 2, 8, 40, 24, 67, 75, 19, 1, 60, 63, 90, 28, 10, 24, 2, 20, 1];
    let weight = |b: u8| match b {
        b'a'..=b'z' => LETTERS[usize::from(b - b'a')],
        b'A'..=b'Z' => 5,
        b'0'..=b'9' => 20,
        // Tables and titles have long rows of dashes.
        b'-' => 50,
        _ => 40,
    };
    let cost = |at: &usize| {
        let [a, b, c] = [0, 1, 2].map(|i| weight(anchor[at + i]));
        a * b + b * c
    };
    (0..anchor.len().saturating_sub(2)).min_by_key(cost).unwrap_or(0)
}

#[inline(always)]
fn pair(a: u8, b: u8) -> usize {
    usize::from(u16::from_le_bytes([a, b]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_every_place() {
        for anchor in all() {
            assert!(anchor.text.len() >= 3, "pairs need three");
            for before in 0..20 {
                for after in 0..12 {
                    let text = [&vec![b'.'; before], anchor.text, &vec![b'~'; after]].concat();
                    for from in 0..=before {
                        let (at, found) = ANCHORS.find(&text, from).expect("it is there");
                        assert_eq!((at, found.text), (before, anchor.text));
                    }
                    assert!(ANCHORS.find(&text, before + 1).is_none_or(|(at, _)| at > before));
                    let cut = &text[..before + anchor.text.len() - 1];
                    assert!(
                        ANCHORS.find(cut, 0).is_none_or(|(_, found)| found.text.len() < anchor.text.len())
                    );
                }
            }
        }
    }
}
