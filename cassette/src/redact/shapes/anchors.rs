//! Where a form may begin: the search for their first characters.
//!
//! Three characters are too few for windows that skip over text, so this looks at every other pair of bytes: an
//! anchor of three or more holds a whole one, wherever it begins.

use std::sync::LazyLock;

use super::forms::FORMS;

/// The first characters of all forms.
pub(super) struct Anchors {
    /// By pair of bytes: whether it is the first or the second of an anchor.
    pairs: Vec<bool>,
    /// In order of their first byte; of those with the same one, the longer ones first.
    all: Vec<Anchor>,
}

#[derive(Clone, Copy)]
pub(super) struct Anchor {
    pub(super) text: &'static [u8],
    /// Of [`FORMS`].
    pub(super) form: usize,
}

pub(super) static ANCHORS: LazyLock<Anchors> = LazyLock::new(Anchors::new);

impl Anchors {
    fn new() -> Anchors {
        let anchors = |form: usize| {
            FORMS[form].anchors.iter().map(move |anchor| Anchor { text: anchor.as_bytes(), form })
        };
        let mut all: Vec<Anchor> = (0..FORMS.len()).flat_map(anchors).collect();
        all.sort_by_key(|anchor| (anchor.text[0], std::cmp::Reverse(anchor.text.len())));
        let mut pairs = vec![false; 1 << 16];
        for anchor in &all {
            pairs[pair(anchor.text[0], anchor.text[1])] = true;
            pairs[pair(anchor.text[1], anchor.text[2])] = true;
        }
        Anchors { pairs, all }
    }

    pub(super) fn longest(&self) -> usize {
        self.all.iter().map(|anchor| anchor.text.len()).max().unwrap_or(0)
    }

    /// The leftmost anchor that begins at `from` or later, and where. Of those that begin there, the longest.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<(usize, Anchor)> {
        let mut at = from + 1;
        let rest = text.get(at..)?;
        for eight in rest.chunks_exact(8) {
            let hit = |i: usize| self.pairs[pair(eight[i], eight[i + 1])];
            if (hit(0) | hit(2) | hit(4) | hit(6))
                && let Some(found) = self.among(text, at, at + 8)
            {
                return Some(found);
            }
            at += 8;
        }
        self.among(text, at, text.len())
    }

    /// The same for anchors of which a pair begins between these places.
    #[cold]
    fn among(&self, text: &[u8], from: usize, to: usize) -> Option<(usize, Anchor)> {
        let to = to.min(text.len().saturating_sub(1));
        (from..to).step_by(2).filter(|at| self.pairs[pair(text[*at], text[*at + 1])]).find_map(|at| {
            [at - 1, at].into_iter().find_map(|start| self.starting(&text[start..]).map(|a| (start, a)))
        })
    }

    fn starting(&self, text: &[u8]) -> Option<Anchor> {
        let first = self.all.partition_point(|anchor| anchor.text[0] < text[0]);
        let same = self.all[first..].iter().take_while(|anchor| anchor.text[0] == text[0]);
        same.copied().find(|anchor| text.starts_with(anchor.text))
    }
}

#[inline(always)]
fn pair(a: u8, b: u8) -> usize {
    usize::from(u16::from_le_bytes([a, b]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wherever_they_begin() {
        for anchor in &ANCHORS.all {
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
