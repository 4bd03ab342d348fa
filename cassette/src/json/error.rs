//! The place where a text stops being JSON.

use std::fmt;

/// The error for an input that is not JSON. The input may be the beginning of JSON up to `offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The offset in bytes, from the start of the input, of the first byte that cannot be part of a document.
    pub offset: u64,
    /// The cause of the error, or what was expected instead, as a fragment of a sentence.
    pub message: &'static str,
}

/// The message for JSON that is nested too deep.
pub(super) const TOO_DEEP: &str = "nested too deep";

impl SyntaxError {
    /// Whether the input may be JSON, but is nested deeper than the reader goes.
    pub(crate) fn is_too_deep(&self) -> bool {
        self.message == TOO_DEEP
    }

    /// Line and column of the error in `input`, both from 1. The column counts bytes.
    pub fn position(&self, input: &[u8]) -> (usize, usize) {
        let before = &input[..input.len().min(usize::try_from(self.offset).unwrap_or(usize::MAX))];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        (memchr::memchr_iter(b'\n', before).count() + 1, before.len() - line_start + 1)
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid JSON at byte {}: {}", self.offset, self.message)
    }
}

impl std::error::Error for SyntaxError {}
