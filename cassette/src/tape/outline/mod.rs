//! Finds the offsets of a document's parts. Opening a cassette must not load its bodies into memory, and must not spend
//! time on parsing them. So this module reads the text once, in small pieces, and keeps only offsets. The text between
//! two offsets is checked when it is parsed later.
//!
//! Interactions in this library's layout are found by their lines, other interactions token by token.

mod lines;

use std::io::{self, Read};

use super::Limits;
use lines::Lines;

/// The offsets of a document's top-level values.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) version: Option<Span>,
    pub(super) metadata: Option<Span>,
    /// The key `template` belongs in the metadata. It is read at the top level, too, because some users write it there.
    pub(super) template: Option<Span>,
    /// The offset of the array of interactions.
    pub(super) interactions_at: Option<u64>,
    pub(super) interactions: Vec<Entry>,
}

/// A piece of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) len: u32,
}

/// An interaction: its span in the document, and the span of its request within it. An entry is small, because a
/// cassette may have a million of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    start: u64,
    len: u32,
    request_at: u32,
    request_len: u32,
    /// Whether the interaction has a key that changes its replay. The outline does not keep the key's value, so the
    /// interaction has to be read again.
    flagged: bool,
}

/// The keys that change the replay of an interaction.
const FLAGS: [&[u8]; 4] = [b"optional", b"repeat", b"template", b"turns"];

/// A read error, or a syntax error and its offset.
#[derive(Debug)]
pub(super) enum ScanError {
    Read(io::Error),
    Text { offset: u64, message: String },
}

/// Reads a whole document.
pub(super) fn outline(source: impl Read, limits: &Limits) -> Result<Outline, ScanError> {
    let mut scanner = Scanner::new(source, limits);
    let outline = scanner.document()?;
    match scanner.peek()? {
        None => Ok(outline),
        Some(_) => scanner.fail("expected the end of the file"),
    }
}

impl Entry {
    pub(super) fn span(&self) -> Span {
        Span { start: self.start, len: self.len }
    }

    pub(super) fn is_flagged(&self) -> bool {
        self.flagged
    }

    /// The span of the request. `None` if the interaction has no request, or if the key `request` is written with an
    /// escape.
    pub(super) fn request(&self) -> Option<Span> {
        let start = self.start + u64::from(self.request_at);
        (self.request_len > 0).then_some(Span { start, len: self.request_len })
    }
}

struct Scanner<'a, R> {
    source: R,
    buffer: Box<[u8]>,
    at: usize,
    filled: usize,
    /// The offset of the buffer's first byte.
    base: u64,
    /// The closing brackets that are still to come, with the next one last.
    open: Vec<u8>,
    key: Vec<u8>,
    limits: &'a Limits,
}

/// The number of bytes of a key that are kept. Every key that the outline looks for is shorter.
const LONGEST_KEY: usize = 64;

/// The size of one read, in bytes.
pub(in crate::tape) const CHUNK: usize = 256 * 1024;

impl<'a, R: Read> Scanner<'a, R> {
    fn new(source: R, limits: &'a Limits) -> Self {
        let buffer = vec![0; CHUNK].into_boxed_slice();
        Scanner { source, buffer, at: 0, filled: 0, base: 0, open: Vec::new(), key: Vec::new(), limits }
    }

    fn document(&mut self) -> Result<Outline, ScanError> {
        let mut outline = Outline::default();
        self.skip_byte_order_mark()?;
        let mut more = self.open(b'{', b'}', "a cassette: `{`")?;
        while more {
            let key_at = self.key()?;
            let start = self.offset();
            match self.key.as_slice() {
                b"version" if outline.version.is_none() => outline.version = Some(self.value()?),
                b"_metadata" if outline.metadata.is_none() => outline.metadata = Some(self.value()?),
                b"template" if outline.template.is_none() => outline.template = Some(self.value()?),
                b"interactions" if outline.interactions_at.is_none() => {
                    outline.interactions_at = Some(start);
                    outline.interactions = self.interactions()?;
                }
                b"version" | b"_metadata" | b"template" | b"interactions" => {
                    let message = format!("`{}` occurs twice", String::from_utf8_lossy(&self.key));
                    return self.fail_at(key_at, &message);
                }
                _ => self.skip()?,
            }
            more = self.next(b'}')?;
        }
        Ok(outline)
    }

    /// Some editors on Windows begin a file with this mark, which is not JSON.
    fn skip_byte_order_mark(&mut self) -> Result<(), ScanError> {
        const MARK: &[u8] = "\u{feff}".as_bytes();
        while self.filled - self.at < MARK.len() && self.fill()? {}
        if self.buffer[self.at..self.filled].starts_with(MARK) {
            self.at += MARK.len();
        }
        Ok(())
    }

    fn interactions(&mut self) -> Result<Vec<Entry>, ScanError> {
        let mut entries = Vec::new();
        let mut more = self.open(b'[', b']', "an array of interactions: `[`")?;
        while more {
            self.peek()?;
            if entries.len() == self.limits.interactions {
                return self.fail(&format!("more than {} interactions", self.limits.interactions));
            }
            entries.push(match self.laid_out()? {
                Some(entry) => entry,
                None => self.interaction()?,
            });
            more = self.next(b']')?;
        }
        Ok(entries)
    }

    /// The interaction that begins at the current position, if its lines show where it ends. On `None` the position
    /// does not change.
    fn laid_out(&mut self) -> Result<Option<Entry>, ScanError> {
        loop {
            if let Some(found) = Lines::of(&self.buffer[self.at..self.filled], self.limits.depth) {
                let start = self.offset();
                let entry = Entry {
                    start,
                    len: self.length(start, start + found.len as u64)?,
                    request_at: found.request_at as u32,
                    request_len: found.request_len as u32,
                    flagged: false,
                };
                self.at += found.len;
                return Ok(Some(entry));
            }
            // `fill` drops the bytes before `at` to make room. If `at` is 0, there is no room, and the caller reads the
            // interaction token by token.
            if self.at == 0 || !self.fill()? {
                return Ok(None);
            }
        }
    }

    fn interaction(&mut self) -> Result<Entry, ScanError> {
        self.peek()?;
        let start = self.offset();
        let mut entry = Entry { start, len: 0, request_at: 0, request_len: 0, flagged: false };
        let mut more = self.open(b'{', b'}', "an interaction: `{`")?;
        while more {
            self.key()?;
            if self.key == b"request" && entry.request_len == 0 {
                let request = self.value()?;
                entry.request_at = self.length(start, request.start)?;
                entry.request_len = request.len;
            } else {
                entry.flagged |= FLAGS.contains(&self.key.as_slice());
                self.skip()?;
            }
            more = self.next(b'}')?;
        }
        entry.len = self.length(start, self.offset())?;
        Ok(entry)
    }

    /// Skips any value and returns its span.
    fn value(&mut self) -> Result<Span, ScanError> {
        let start = self.offset();
        self.skip()?;
        Ok(Span { start, len: self.length(start, self.offset())? })
    }

    fn length(&self, start: u64, end: u64) -> Result<u32, ScanError> {
        match u32::try_from(end - start) {
            Ok(len) if len <= self.limits.interaction => Ok(len),
            _ => self.fail_at(start, &format!("longer than {} bytes", self.limits.interaction)),
        }
    }

    /// Reads an opening bracket. If the closing bracket follows at once, reads it as well and returns `false`.
    fn open(&mut self, bracket: u8, closing: u8, expected: &str) -> Result<bool, ScanError> {
        if self.peek()? != Some(bracket) {
            return self.unexpected(expected);
        }
        self.at += 1;
        if self.peek()? == Some(closing) {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// Reads the comma after a value and returns `true`, or reads the closing bracket and returns `false`.
    fn next(&mut self, closing: u8) -> Result<bool, ScanError> {
        match self.peek()? {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(c) if c == closing => {
                self.at += 1;
                Ok(false)
            }
            _ => self.unexpected(&format!("`,` or `{}`", closing as char)),
        }
    }

    /// Reads a key and its colon, and stops at the value. Returns the offset of the key.
    fn key(&mut self) -> Result<u64, ScanError> {
        if self.peek()? != Some(b'"') {
            return self.unexpected("a key: `\"`");
        }
        let start = self.offset();
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        self.string(Some(&mut key))?;
        self.key = key;
        if self.peek()? != Some(b':') {
            return self.unexpected("`:`");
        }
        self.at += 1;
        self.peek()?;
        Ok(start)
    }

    /// Skips a value, which may be nested.
    fn skip(&mut self) -> Result<(), ScanError> {
        self.open.clear();
        match self.peek()? {
            Some(b'"' | b'{' | b'[') => {}
            Some(c) if is_scalar(c) => {
                self.run(is_scalar)?;
                return Ok(());
            }
            _ => return self.unexpected("a value"),
        }
        loop {
            match self.run(|c| !matches!(c, b'"' | b'{' | b'}' | b'[' | b']'))? {
                Some(b'"') => self.string(None)?,
                Some(c @ (b'{' | b'[')) => {
                    if self.open.len() == self.limits.depth {
                        return self.fail(&format!("nested deeper than {} levels", self.limits.depth));
                    }
                    self.open.push(if c == b'{' { b'}' } else { b']' });
                    self.at += 1;
                }
                closing => match self.open.pop() {
                    Some(expected) if closing == Some(expected) => self.at += 1,
                    Some(expected) => return self.unexpected(&format!("`{}`", expected as char)),
                    None => return self.unexpected("a value"),
                },
            }
            if self.open.is_empty() {
                return Ok(());
            }
        }
    }

    /// Skips a string. The position is at its opening quote. `keep` gets the first [`LONGEST_KEY`] bytes of the string.
    fn string(&mut self, mut keep: Option<&mut Vec<u8>>) -> Result<(), ScanError> {
        let start = self.offset();
        self.at += 1;
        loop {
            let rest = &self.buffer[self.at..self.filled];
            let found = memchr::memchr3(b'"', b'\\', b'\n', rest);
            if let Some(keep) = keep.as_deref_mut() {
                let text = &rest[..found.unwrap_or(rest.len())];
                let room = LONGEST_KEY.saturating_sub(keep.len());
                keep.extend_from_slice(&text[..text.len().min(room)]);
            }
            let Some(n) = found else {
                self.at = self.filled;
                if !self.fill()? {
                    return self.fail_at(start, "the string has no end");
                }
                continue;
            };
            let c = rest[n];
            self.at += n + 1;
            match c {
                b'"' => return Ok(()),
                b'\n' => return self.fail_at(start, "the string has no end on its line"),
                // A backslash. The character after it is skipped, because an escaped quote does not end the string.
                _ => {
                    if self.at == self.filled && !self.fill()? {
                        return self.fail_at(start, "the string has no end");
                    }
                    // A key with an escape is not recognised, because the backslash makes it differ from every key that
                    // the outline looks for.
                    if let Some(keep) = keep.as_deref_mut().filter(|k| k.len() < LONGEST_KEY) {
                        keep.push(b'\\');
                    }
                    self.at += 1;
                }
            }
        }
    }

    /// Skips white space and returns the next byte. `None` at the end of the file.
    fn peek(&mut self) -> Result<Option<u8>, ScanError> {
        self.run(|c| matches!(c, b' ' | b'\n' | b'\r' | b'\t'))
    }

    /// Skips the bytes for which `sort` is true, and returns the next byte. `None` at the end of the file.
    #[inline]
    fn run(&mut self, sort: impl Fn(u8) -> bool) -> Result<Option<u8>, ScanError> {
        loop {
            let rest = &self.buffer[self.at..self.filled];
            if let Some(n) = rest.iter().position(|c| !sort(*c)) {
                self.at += n;
                return Ok(Some(self.buffer[self.at]));
            }
            self.at = self.filled;
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Drops the part of the buffer that was scanned, and reads more of the file. Returns `false` at the end of the
    /// file.
    fn fill(&mut self) -> Result<bool, ScanError> {
        self.buffer.copy_within(self.at..self.filled, 0);
        self.base += self.at as u64;
        self.filled -= self.at;
        self.at = 0;
        let read = loop {
            match self.source.read(&mut self.buffer[self.filled..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(ScanError::Read)?,
            }
        };
        self.filled += read;
        Ok(read > 0)
    }

    fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    fn unexpected<T>(&mut self, expected: &str) -> Result<T, ScanError> {
        match self.peek()? {
            None => self.fail(&format!("the file ends here, expected {expected}")),
            Some(_) => self.fail(&format!("expected {expected}")),
        }
    }

    fn fail<T>(&self, message: &str) -> Result<T, ScanError> {
        self.fail_at(self.offset(), message)
    }

    fn fail_at<T>(&self, offset: u64, message: &str) -> Result<T, ScanError> {
        Err(ScanError::Text { offset, message: message.into() })
    }
}

fn is_scalar(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'-' | b'+' | b'.')
}
