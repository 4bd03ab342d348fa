//! A decoded text that keeps the offsets of its encoded original. An edit of the decoded text is also an edit of the
//! original.
//!
//! Must not know: what the text is.

use std::ops::Range;

/// A decoded text with the offsets of its original.
pub(super) struct DecodedText {
    pub(super) text: Vec<u8>,
    /// The offset of each decoded byte in the original, and the offset at which the last byte ends.
    bounds: Vec<usize>,
    /// For each decoded byte: whether a replacement inserted it.
    new: Vec<bool>,
}

/// A range and its replacement.
pub(super) type Edit = (Range<usize>, Vec<u8>);

impl DecodedText {
    /// A text without any encoding.
    pub(super) fn unencoded(text: &[u8]) -> DecodedText {
        DecodedText { text: text.to_vec(), bounds: (0..=text.len()).collect(), new: vec![false; text.len()] }
    }

    /// Decodes a text with `unit`, which returns the next byte and the length of its encoding, or `None` at the end.
    pub(super) fn decode(text: &[u8], mut unit: impl FnMut(&[u8]) -> Option<(u8, usize)>) -> DecodedText {
        let (mut decoded, mut bounds) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len() + 1));
        let mut at = 0;
        bounds.push(0);
        while let Some((b, length)) = text.get(at..).filter(|rest| !rest.is_empty()).and_then(&mut unit) {
            decoded.push(b);
            at += length;
            bounds.push(at);
        }
        let new = vec![false; decoded.len()];
        DecodedText { text: decoded, bounds, new }
    }

    /// The length of the original.
    pub(super) fn original_length(&self) -> usize {
        self.bounds[self.text.len()]
    }

    /// The offset in the original of an offset in the decoded text.
    pub(super) fn original_offset(&self, at: usize) -> usize {
        self.bounds[at]
    }

    /// Replaces ranges of the decoded text. The ranges are in order, and none is empty. The replacements are not
    /// encoded.
    pub(super) fn replace_all(&mut self, edits: Vec<Edit>) {
        if edits.is_empty() {
            return;
        }
        let old =
            std::mem::replace(self, DecodedText { text: Vec::new(), bounds: Vec::new(), new: Vec::new() });
        let mut done = 0;
        for (part, text) in edits {
            self.keep(&old, done..part.start);
            let (from, to) = (old.bounds[part.start], old.bounds[part.end]);
            self.bounds.extend((0..text.len()).map(|n| if n == 0 { from } else { to }));
            self.new.extend(text.iter().map(|_| true));
            self.text.extend(text);
            done = part.end;
        }
        self.keep(&old, done..old.text.len());
        self.bounds.push(old.original_length());
    }

    fn keep(&mut self, old: &DecodedText, part: Range<usize>) {
        self.text.extend_from_slice(&old.text[part.clone()]);
        self.bounds.extend_from_slice(&old.bounds[part.clone()]);
        self.new.extend_from_slice(&old.new[part]);
    }

    /// The replacements so far, as edits of the original.
    pub(super) fn edits(&self) -> Vec<Edit> {
        let mut edits: Vec<Edit> = Vec::new();
        for at in (0..self.text.len()).filter(|at| self.new[*at]) {
            let (original, b) = (self.bounds[at]..self.bounds[at + 1], self.text[at]);
            match edits.last_mut().filter(|_| at > 0 && self.new[at - 1]) {
                Some((part, text)) => {
                    part.end = original.end;
                    text.push(b);
                }
                None => edits.push((original, vec![b])),
            }
        }
        edits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_of_the_original() {
        let stars = |text: &[u8]| Some(if text[0] == b'*' { (text[1], 2) } else { (text[0], 1) });
        let mut text = DecodedText::decode(b"*ab*c*de", stars);
        assert_eq!((&text.text[..], text.original_length()), (&b"abcde"[..], 8));
        text.replace_all(vec![(2..4, b"xyz".to_vec())]);
        assert_eq!((&text.text[..], text.edits()), (&b"abxyze"[..], vec![(3..7, b"xyz".to_vec())]));
        text.replace_all(vec![(3..5, b"!".to_vec())]);
        assert_eq!((&text.text[..], text.edits()), (&b"abx!e"[..], vec![(3..7, b"x!".to_vec())]));
        text.replace_all(vec![(0..1, b"[a]".to_vec())]);
        assert_eq!(text.edits(), [(0..2, b"[a]".to_vec()), (3..7, b"x!".to_vec())]);
        assert_eq!(text.original_length(), 8);
    }
}
