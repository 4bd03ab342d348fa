//! JSON as a cassette lays it out: two spaces a level, or everything on one line for the journal.
//!
//! Written by hand because the layout is a promise (a re-recording must give a small diff) and because bodies
//! go in verbatim. Knows nothing of interactions.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::json::style;

/// Writes JSON piece by piece. The caller keeps the order of calls right; nothing is held back.
pub(super) struct Layout<W> {
    out: W,
    style: Lines,
    depth: usize,
    /// Nothing has been written yet between the innermost brackets.
    first: bool,
    /// Room for JSON that is laid out anew.
    scratch: String,
}

/// How a [`Layout`] breaks lines.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// One key or item a line, two spaces a level.
    Document,
    /// None at all.
    Journal,
}

/// Spaces, for slices of them.
const SPACES: &str = "                                                                ";

impl<W: Write> Layout<W> {
    pub(super) fn new(out: W, style: Lines) -> Self {
        Layout { out, style, depth: 0, first: true, scratch: String::new() }
    }

    pub(super) fn is_document(&self) -> bool {
        self.style == Lines::Document
    }

    /// `{` or `[`.
    pub(super) fn open(&mut self, bracket: u8) -> io::Result<()> {
        self.depth += 1;
        self.first = true;
        self.out.write_all(&[bracket])
    }

    /// `}` or `]`; on a line of its own unless nothing was in between.
    pub(super) fn close(&mut self, bracket: u8) -> io::Result<()> {
        self.depth -= 1;
        if !self.first {
            self.line()?;
        }
        self.first = false;
        self.out.write_all(&[bracket])
    }

    /// The key of the next value of an object.
    pub(super) fn key(&mut self, key: &str) -> io::Result<()> {
        self.item()?;
        self.value(key)?;
        self.out.write_all(if self.is_document() { b": " } else { b":" })
    }

    /// What goes before the next item of an array.
    pub(super) fn item(&mut self) -> io::Result<()> {
        if !self.first {
            self.out.write_all(b",")?;
        }
        self.first = false;
        self.line()
    }

    /// A value on one line.
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value).map_err(io::Error::from)
    }

    /// Punctuation inside of a line.
    pub(super) fn raw(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// Any value, laid out as the rest, keys sorted.
    pub(super) fn tree(&mut self, value: &Value) -> io::Result<()> {
        match value {
            Value::Array(items) => {
                self.open(b'[')?;
                for item in items {
                    self.item()?;
                    self.tree(item)?;
                }
                self.close(b']')
            }
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by_key(|(key, _)| *key);
                self.open(b'{')?;
                for (key, value) in fields {
                    self.key(key)?;
                    self.tree(value)?;
                }
                self.close(b'}')
            }
            _ => self.value(value),
        }
    }

    /// The fields of other programs, in the object that is open. Sorted: a user's program may have switched on
    /// serde_json's `preserve_order`.
    pub(super) fn extra(&mut self, fields: &Map<String, Value>) -> io::Result<()> {
        let mut fields: Vec<_> = fields.iter().collect();
        fields.sort_by_key(|(key, _)| *key);
        for (key, value) in fields {
            self.key(key)?;
            self.tree(value)?;
        }
        Ok(())
    }

    /// JSON as it stands, its whitespace apart: its numbers and strings keep their spelling.
    pub(super) fn verbatim(&mut self, json: &[u8]) -> io::Result<()> {
        self.scratch.clear();
        style::pretty(json, self.depth, &mut self.scratch).map_err(io::Error::other)?;
        self.out.write_all(self.scratch.as_bytes())
    }

    /// The end of the file or of the line of the journal.
    pub(super) fn end(mut self) -> io::Result<W> {
        self.out.write_all(b"\n")?;
        Ok(self.out)
    }

    fn line(&mut self) -> io::Result<()> {
        if !self.is_document() {
            return Ok(());
        }
        self.out.write_all(b"\n")?;
        let mut spaces = self.depth * 2;
        while spaces > 0 {
            let n = spaces.min(SPACES.len());
            self.out.write_all(&SPACES.as_bytes()[..n])?;
            spaces -= n;
        }
        Ok(())
    }
}
