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
    gone: Range<usize>,
    pub(super) edits: Vec<Edit>,
}

impl Changes {
    /// For a text that begins at this offset of the link.
    pub(super) fn new(at: usize) -> Changes {
        Changes { at, gone: at..at, edits: Vec::new() }
    }
}

impl Sink for Changes {
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len();
        Ok(())
    }

    fn skip(&mut self, count: usize) -> io::Result<()> {
        if self.gone.end != self.at || self.gone.is_empty() {
            self.gone = self.at..self.at;
        }
        self.at += count;
        self.gone.end = self.at;
        Ok(())
    }

    fn insert(&mut self, text: &str) -> io::Result<()> {
        if !self.gone.is_empty() {
            self.edits.push((self.gone.clone(), text.as_bytes().to_vec()));
        }
        self.gone = self.at..self.at;
        Ok(())
    }
}
