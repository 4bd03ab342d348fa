//! Pieces of a file that lie close together, read many at a time.

use std::fs::File;
use std::io;

use super::position;

/// The stretch of a file that was read last.
#[derive(Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    start: u64,
}

/// Its bytes: many small interactions, and not much to read in vain between requests that lie far apart.
const WINDOW: u64 = 16 * 1024;

impl Window {
    /// `size` bytes of the file from `start` on; what is read with them ends at `len`, the end of the file.
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
