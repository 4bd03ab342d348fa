//! The part of a text that the leak check holds in memory: a window that is long enough for any secret. The window
//! knows its place in the whole text.
//!
//! Must not know: what the leak check searches for.

use std::io::{self, Read};

use crate::redact::patterns::BEFORE;

/// The number of bytes to read at a time.
pub(super) const CHUNK: usize = 64 * 1024;

/// A place in a text.
pub(super) struct Place {
    /// The offset in bytes.
    pub(super) offset: u64,
    /// The line, from 1.
    pub(super) line: u64,
    /// The column in bytes, from 1.
    pub(super) column: u64,
}

/// A window over a text.
#[derive(Default)]
pub(super) struct Window {
    pub(super) text: Vec<u8>,
    /// The offset of the window in the whole text, in bytes.
    base: u64,
    /// The number of lines before the window.
    line: u64,
    /// The offset in bytes of the line in which the window begins.
    line_start: u64,
    /// The last bytes before the window.
    pub(super) before: Vec<u8>,
}

impl Window {
    pub(super) fn place(&self, at: usize) -> Place {
        let offset = self.base + at as u64;
        let breaks = memchr::memchr_iter(b'\n', &self.text[..at]);
        let (mut line, mut start) = (self.line, self.line_start);
        for at in breaks {
            (line, start) = (line + 1, self.base + at as u64 + 1);
        }
        Place { offset, line: line + 1, column: offset - start + 1 }
    }

    /// Moves the start of the window forward.
    pub(super) fn drain(&mut self, count: usize) {
        let Place { offset, line, column } = self.place(count);
        (self.line, self.line_start) = (line - 1, offset + 1 - column);
        self.before = self.text[count.saturating_sub(BEFORE)..count].to_vec();
        self.base += count as u64;
        self.text.drain(..count);
    }
}

/// The place at the end of a text.
pub(super) fn place_after(mut text: impl Read) -> io::Result<Place> {
    let (mut offset, mut line, mut column, mut piece) = (0, 1, 1, Vec::new());
    while text.by_ref().take(CHUNK as u64).read_to_end(&mut piece)? > 0 {
        offset += piece.len() as u64;
        match memchr::memrchr(b'\n', &piece) {
            Some(last) => {
                line += memchr::memchr_iter(b'\n', &piece).count() as u64;
                column = (piece.len() - last) as u64;
            }
            None => column += piece.len() as u64,
        }
        piece.clear();
    }
    Ok(Place { offset, line, column })
}

/// The offset after the line breaks at `at` and after the indentation that follows them. Returns `at` if there is no
/// line break. A line break may be a character, an escape in a JSON string, or the border between two strings of a list
/// of lines, as in a cassette.
pub(super) fn line_break(text: &[u8], at: usize) -> usize {
    let mut end = at;
    loop {
        end += match &text[end..] {
            [b'\r' | b'\n', ..] => 1,
            [b'\\', b'r' | b'n', ..] => 2,
            _ => break,
        };
    }
    if end == at {
        return at;
    }
    if let Some(list) = text[end..].strip_prefix(b"\",") {
        let next = list.trim_ascii_start();
        if let Some(line) = next.strip_prefix(b"\"") {
            end = text.len() - line.len();
        }
    }
    end + text[end..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}
