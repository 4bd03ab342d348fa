//! A sink that collects the replacements of a parser as edits of the text.
//!
//! Must not know: formats, links.

use std::io;
use std::ops::Range;

use super::decoded_text::Edit;
use crate::redact::formats::splice::Sink;

/// Collects edits of a text.
pub(super) struct Changes {
    at: usize,
    skipped: Range<usize>,
    pub(super) edits: Vec<Edit>,
}

impl Changes {
    /// Collects edits of a text that begins at this offset of the link.
    pub(super) fn new(at: usize) -> Changes {
        Changes { at, skipped: at..at, edits: Vec::new() }
    }
}

impl Sink for Changes {
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len();
        Ok(())
    }

    fn skip(&mut self, count: usize) -> io::Result<()> {
        if self.skipped.end != self.at || self.skipped.is_empty() {
            self.skipped = self.at..self.at;
        }
        self.at += count;
        self.skipped.end = self.at;
        Ok(())
    }

    fn insert(&mut self, text: &str) -> io::Result<()> {
        if !self.skipped.is_empty() {
            self.edits.push((self.skipped.clone(), text.as_bytes().to_vec()));
        }
        self.skipped = self.at..self.at;
        Ok(())
    }
}
