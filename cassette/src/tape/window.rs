//! Reads pieces of a file that lie close together. One read fetches several pieces.

use std::fs::File;
use std::io;

use super::position;

/// The part of a file that was read last.
#[derive(Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    start: u64,
}

/// The size of one read in bytes. It is large enough for many small interactions, and small enough if each read serves
/// only one request.
const WINDOW: u64 = 16 * 1024;

impl Window {
    /// Returns `size` bytes of the file from `start` on. Reads more bytes at once, but not beyond `len`, the length of
    /// the file.
    pub(super) fn piece(&mut self, file: &File, start: u64, size: u32, len: u64) -> io::Result<&[u8]> {
        let end = start + u64::from(size);
        if start < self.start || end > self.start + self.bytes.len() as u64 {
            let until = end.max(len.min(start + WINDOW));
            self.bytes.resize((until - start) as usize, 0);
            self.start = start;
            position::read_at(file, &mut self.bytes, start)?;
        }
        let at = (start - self.start) as usize;
        Ok(&self.bytes[at..at + size as usize])
    }
}
