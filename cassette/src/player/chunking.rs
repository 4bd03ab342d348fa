//! Cuts a recorded body into the chunks in which the server sent it while recording.
//!
//! Must not know: where the bytes come from.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::boundaries::Boundaries;
use crate::tape::{Chunks, LineScan};

/// Finds the ends of the chunks in the stored bytes.
pub(super) struct Ends {
    chunks: Chunks,
    scan: LineScan,
    /// The number of stored bytes that were split off so far.
    offset: u64,
    /// The index of the next offset, if the cassette lists the ends of the chunks.
    next: usize,
}

impl Ends {
    /// Returns `None` if the recording does not say how the body was cut into chunks.
    pub(super) fn of(chunks: &Chunks) -> Option<Ends> {
        let ends = || Ends { chunks: chunks.clone(), scan: LineScan::default(), offset: 0, next: 0 };
        (*chunks != Chunks::One).then(ends)
    }

    /// Splits off the bytes up to the next end of a chunk, or all bytes if there is no such end in them. Returns these
    /// bytes, and whether a chunk ends after them.
    pub(super) fn split(&mut self, bytes: &mut Bytes) -> (Bytes, bool) {
        let end = match &self.chunks {
            Chunks::At(ends) => {
                let end = ends.get(self.next).map(|end| end.saturating_sub(self.offset));
                end.and_then(|end| usize::try_from(end).ok()).filter(|end| *end <= bytes.len())
            }
            pattern => {
                let mut from = 0;
                loop {
                    match self.scan.next(&bytes[from..]) {
                        Some((end, is_empty)) => {
                            from += end;
                            if *pattern == Chunks::Lines || is_empty {
                                break Some(from);
                            }
                        }
                        None => break None,
                    }
                }
            }
        };
        self.next += usize::from(end.is_some());
        let first = bytes.split_to(end.unwrap_or(bytes.len()));
        self.offset += first.len() as u64;
        (first, end.is_some())
    }
}

/// Cuts the text for the client into chunks. In this text secrets and expressions are filled in, so the chunks end at
/// other offsets than in the stored text.
#[derive(Default)]
pub(super) struct Cutter {
    boundaries: Boundaries,
    ends: VecDeque<u64>,
    /// The bytes of the current chunk so far.
    current: BytesMut,
    /// The offset of the first byte of `current`.
    offset: u64,
}

/// If no end of a chunk is known, the client gets at least this number of bytes at once.
const LONGEST: usize = 64 * 1024;

impl Cutter {
    /// Takes stored bytes. `ends_here` says whether a chunk ends after them.
    pub(super) fn stored(&mut self, bytes: &[u8], ends_here: bool) {
        self.boundaries.read(bytes);
        if ends_here {
            let ends = &mut self.ends;
            self.boundaries.mark(&mut |end| ends.push_back(end));
        }
    }

    /// Takes bytes of the text for the client, in which values are filled in.
    pub(super) fn filled(&mut self, bytes: &[u8]) {
        let ends = &mut self.ends;
        self.boundaries.write(bytes, &mut |end| ends.push_back(end));
        self.current.extend_from_slice(bytes);
    }

    /// Returns the next chunk, or `None` if it is not complete yet.
    pub(super) fn chunk(&mut self) -> Option<Bytes> {
        let len = match self.ends.front() {
            Some(end) => usize::try_from(end - self.offset).ok().filter(|len| *len <= self.current.len())?,
            None if self.current.len() >= LONGEST => self.current.len(),
            None => return None,
        };
        if self.ends.front().is_some_and(|end| end - self.offset == len as u64) {
            self.ends.pop_front();
        }
        self.offset += len as u64;
        Some(self.current.split_to(len).freeze())
    }

    /// Returns the bytes after the last chunk.
    pub(super) fn rest(&mut self) -> Bytes {
        self.offset += self.current.len() as u64;
        self.current.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &Chunks, pieces: &[&str]) -> Vec<String> {
        let mut ends = Ends::of(chunks).unwrap();
        let (mut cutter, mut found) = (Cutter::default(), Vec::new());
        for piece in pieces {
            let mut bytes = Bytes::copy_from_slice(piece.as_bytes());
            while !bytes.is_empty() {
                let (first, ends_here) = ends.split(&mut bytes);
                cutter.stored(&first, ends_here);
                cutter.filled(&first);
                found.extend(std::iter::from_fn(|| cutter.chunk()));
            }
        }
        found.push(cutter.rest());
        found.retain(|chunk| !chunk.is_empty());
        found.into_iter().map(|chunk| String::from_utf8(chunk.to_vec()).unwrap()).collect()
    }

    #[test]
    fn chunks() {
        let events = ["id: 1\n", "\nid: 2\r\n\r", "\nid: 3\n\nrest"];
        assert_eq!(cut(&Chunks::Events, &events), ["id: 1\n\n", "id: 2\r\n\r\n", "id: 3\n\n", "rest"]);
        assert_eq!(cut(&Chunks::Lines, &["1\n2\n", "3", "\n\n"]), ["1\n", "2\n", "3\n", "\n"]);
        assert_eq!(cut(&Chunks::At(vec![2, 3, 900]), &["a", "bcd", "e"]), ["ab", "c", "de"]);
    }
}
