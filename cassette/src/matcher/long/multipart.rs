//! Splits a long multipart body into its parts while it streams, by the same rules as
//! [`multipart`](super::super::multipart) splits a short one.

use std::sync::Arc;

use memchr::memmem;
use sha2::{Digest, Sha256};

use super::{LongReader, OwnOptions, TOKEN};
use crate::hex;
use crate::matcher::multipart::{self, Section};
use crate::meaning::{LongPart, Meaning, PartContent};
use crate::syntax::parameters::Value;

#[derive(Debug)]
pub(in crate::matcher) struct MultipartReader {
    options: OwnOptions,
    depth: usize,
    kind: Value,
    /// `\r\n--boundary`
    delimiter: Vec<u8>,
    finder: memmem::Finder<'static>,
    buffer: Vec<u8>,
    state: State,
    parts: Vec<LongPart>,
    /// The bytes that the parts keep in memory.
    kept: usize,
}

#[derive(Debug)]
enum State {
    /// Before the first delimiter. `true` if this is the very beginning of the body.
    Preamble(bool),
    /// After a delimiter.
    Line,
    Head,
    Content(Box<Open>),
    Done,
    Failed,
}

/// A part whose content is being read.
#[derive(Debug)]
struct Open {
    name: String,
    headers: Vec<(String, String)>,
    content_type: String,
    short: Vec<u8>,
    /// `None` while the content is short.
    long: Option<(Sha256, LongReader)>,
    size: u64,
}

/// The longest content of a part that is kept, in bytes.
const SHORT: usize = 4096;
/// A body with more parts is compared by its bytes.
const MOST_PARTS: usize = 4096;
/// A body with more headers and short contents is compared by its bytes.
const MOST_KEPT: usize = 4 << 20;

impl MultipartReader {
    /// `None` if there is no boundary.
    pub(super) fn new(kind: Value, options: OwnOptions, depth: usize) -> Option<MultipartReader> {
        let boundary = kind.get("boundary").filter(|b| !b.is_empty())?;
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        let finder = memmem::Finder::new(&delimiter).into_owned();
        let state = State::Preamble(true);
        let (buffer, parts) = (Vec::new(), Vec::new());
        Some(MultipartReader { options, depth, kind, delimiter, finder, buffer, state, parts, kept: 0 })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Done | State::Failed) {
            return;
        }
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(used) = self.step(at) {
            at += used;
        }
        self.buffer.drain(..at);
    }

    pub(super) fn finish(self) -> Option<Meaning> {
        matches!(self.state, State::Done).then_some(Meaning::Multipart(self.parts))
    }

    /// Reads on from `at`, and returns how many bytes were used. `None` if more bytes are needed.
    fn step(&mut self, at: usize) -> Option<usize> {
        let rest = &self.buffer[at..];
        // A delimiter may begin in the last bytes.
        let safe = rest.len().saturating_sub(self.delimiter.len() - 1);
        match &mut self.state {
            State::Done | State::Failed => None,
            State::Preamble(true) => {
                let first = &self.delimiter[2..];
                if rest.len() < first.len() {
                    return None;
                }
                let begins = rest.starts_with(first);
                self.state = if begins { State::Line } else { State::Preamble(false) };
                Some(if begins { first.len() } else { 0 })
            }
            State::Preamble(false) => match self.finder.find(rest) {
                Some(found) => {
                    self.state = State::Line;
                    Some(found + self.delimiter.len())
                }
                None => (safe > 0).then_some(safe),
            },
            State::Line => {
                if rest.len() < 2 {
                    return None;
                }
                if rest.starts_with(b"--") {
                    self.state = State::Done;
                    return None;
                }
                let end = memmem::find(rest, b"\r\n");
                // Spaces may pad a delimiter line.
                let padding = &rest[..end.unwrap_or(rest.len()).min(TOKEN)];
                if padding.iter().enumerate().any(|(i, b)| match b {
                    b' ' | b'\t' => false,
                    b'\r' => i + 1 != rest.len(),
                    _ => true,
                }) || (end.is_none() && rest.len() > TOKEN)
                {
                    self.state = State::Failed;
                    return None;
                }
                self.state = State::Head;
                if end.is_none() {
                    self.state = State::Line;
                }
                end
            }
            State::Head => self.head(at),
            State::Content(open) => {
                let found = self.finder.find(rest);
                let end = found.unwrap_or(safe);
                open.write(&rest[..end], &self.options, self.depth);
                match found {
                    Some(end) => {
                        self.part_ends();
                        Some(end + self.delimiter.len())
                    }
                    None => (end > 0).then_some(end),
                }
            }
        }
    }

    /// Reads the headers of a part. The text begins with the line break of the delimiter's line, which may also belong
    /// to the next delimiter.
    fn head(&mut self, at: usize) -> Option<usize> {
        let rest = &self.buffer[at..];
        let end = self.finder.find(rest);
        // Without a delimiter, nothing before this place can be part of one.
        let safe = end.unwrap_or_else(|| rest.len().saturating_sub(self.delimiter.len() - 1));
        let section = rest.get(2..safe).unwrap_or(b"");
        let (head, content) = match memmem::find(section, b"\r\n\r\n") {
            _ if section.starts_with(b"\r\n") => (&b""[..], 2),
            Some(head) => (&section[..head], head + 4),
            None if end.is_some() && section.is_empty() => (&b""[..], 0),
            None => {
                if end.is_some() || section.len() > TOKEN {
                    self.state = State::Failed;
                }
                return None;
            }
        };
        let text = if head.is_empty() { Vec::new() } else { [head, b"\r\n\r\n"].concat() };
        let used = if end.is_some_and(|end| end < 2) { 0 } else { 2 + content };
        match Section::parse(&text, multipart::is_form(&self.kind)) {
            Some(Section { name, headers, content_type, .. }) => {
                self.kept += text.len();
                let (short, long, size) = (Vec::new(), None, 0);
                let open = Open { name, headers, content_type, short, long, size };
                self.state = State::Content(Box::new(open));
                Some(used)
            }
            None => {
                self.state = State::Failed;
                None
            }
        }
    }

    fn part_ends(&mut self) {
        let State::Content(open) = std::mem::replace(&mut self.state, State::Line) else { return };
        let Open { name, headers, content_type, short, long, size } = *open;
        if multipart::is_form(&self.kind) && !self.options.in_force().form(name.as_bytes()) {
            return;
        }
        self.kept += short.len();
        if self.parts.len() == MOST_PARTS || self.kept > MOST_KEPT {
            self.state = State::Failed;
            return;
        }
        let content = match long {
            None => PartContent::Short(short),
            Some((hash, reader)) => PartContent::Long {
                size,
                sha256: hex::encode(&hash.finalize()),
                meaning: reader.meaning().map(Arc::new),
            },
        };
        self.parts.push(LongPart { name, headers, content_type, content });
    }
}

impl Open {
    fn write(&mut self, bytes: &[u8], options: &OwnOptions, depth: usize) {
        self.size += bytes.len() as u64;
        if self.long.is_none() && self.short.len() + bytes.len() <= SHORT {
            return self.short.extend_from_slice(bytes);
        }
        let (hash, reader) = self.long.get_or_insert_with(|| {
            (Sha256::new(), LongReader::new(options.clone(), &self.content_type, depth + 1))
        });
        for bytes in [&std::mem::take(&mut self.short)[..], bytes] {
            hash.update(bytes);
            reader.push(bytes);
        }
    }
}
