//! Where a text stops being JSON.

use std::fmt;

/// The input is not JSON, from a place on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// In bytes from the start of the input, of the first byte that cannot be part of a document.
    pub offset: u64,
    /// What was wrong or expected there, a fragment.
    pub message: &'static str,
}

/// What is said of JSON that is only nested too deep.
pub(super) const TOO_DEEP: &str = "nested too deep";

impl SyntaxError {
    /// It may be JSON, but is nested deeper than is read.
    pub(crate) fn is_too_deep(&self) -> bool {
        self.message == TOO_DEEP
    }

    /// Line and column, both from 1 and the column in bytes, of the error in the input it is about.
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
