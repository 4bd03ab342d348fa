//! Redaction of multipart bodies (RFC 2046 §5.1) in a stream. Parts of a form are redacted by their names (RFC 7578);
//! the content of other parts is redacted like a body.
//!
//! The parser does not validate: a line feed alone is a line break, too, and a body without delimiters is one part.
//!
//! Must not know: the formats of the parts.

mod head;

use std::io;
use std::sync::Arc;

use memchr::memmem::Finder;

use crate::redact::account::identity::ValueDigest;
use crate::redact::formats::body_fields::BodyFields;
use crate::redact::formats::pass::Pass;
use crate::redact::rules::rule::Rule;
use crate::syntax::parameters::Value as Parameters;
use head::{header, names};

/// Replaces the content of parts whose name has a rule, also of files. Empty content stays.
pub(crate) struct MultipartFields {
    /// Searches for a line feed, two hyphens and the boundary.
    delimiter: Finder<'static>,
    /// The number of multipart bodies around this one.
    depth: usize,
    at: At,
    part: Part,
    /// The possible beginning of a delimiter, with its line break.
    held: Vec<u8>,
    /// Whether no byte of the content has been read. Then a delimiter may follow without a line break before it.
    start: bool,
    /// The complete header lines of a part.
    head: Vec<u8>,
    /// The header line being read.
    line: Vec<u8>,
}

#[derive(Clone, Copy)]
enum At {
    /// In a part, or before the first part.
    Content,
    /// After a delimiter, until the end of its line.
    Line,
    Head,
    /// After the last part.
    Epilogue,
}

enum Part {
    /// The value is the content of a part that the project keeps.
    Body(Box<BodyFields>, Option<ValueDigest>),
    /// A redacted part, and whether it has any content.
    Secret(ValueDigest, Arc<Rule>, bool),
}

/// The kind of a text that begins like a delimiter.
enum Candidate {
    /// More bytes are needed.
    Incomplete,
    Delimiter,
    /// The delimiter after the last part.
    Last,
    Other,
}

/// At most this many bytes of the headers of a part are read. The rest is ignored.
const LONGEST_HEAD: usize = 16 * 1024;

/// The length of the longest boundary. RFC 2046 allows 70 characters; the parser accepts more.
const LONGEST_BOUNDARY: usize = 256;

/// The deepest nesting of multipart bodies that is read. Real bodies are not nested that deep.
const MAX_DEPTH: usize = 4;

impl MultipartFields {
    /// The parser for a body of this content type. `None` if the type is not multipart, if it has no usable boundary,
    /// or if the nesting is too deep.
    pub(crate) fn of(content_type: &str, depth: usize) -> Option<MultipartFields> {
        let kind = Parameters::parse(content_type);
        let is_sane = |b: &&str| (1..=LONGEST_BOUNDARY).contains(&b.len()) && !b.contains(['\r', '\n']);
        let boundary = kind.get("boundary").filter(is_sane)?;
        (kind.main.starts_with("multipart/") && depth < MAX_DEPTH).then(|| MultipartFields {
            delimiter: Finder::new(&[b"\n--", boundary.as_bytes()].concat()).into_owned(),
            depth,
            at: At::Content,
            // The text before the first delimiter may be the whole body, if the content type is wrong.
            part: Part::Body(Box::new(BodyFields::undeclared()), None),
            held: Vec::new(),
            start: true,
            head: Vec::new(),
            line: Vec::new(),
        })
    }

    pub(crate) fn push(&mut self, mut chunk: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        while let Some(&b) = chunk.first() {
            let taken = match self.at {
                At::Content if self.held.is_empty() && !self.start => {
                    let run = self.run(chunk);
                    self.feed(&chunk[..run], to)?;
                    let begins = &chunk[run..chunk.len().min(run + 1)];
                    self.held.extend_from_slice(begins);
                    run + begins.len()
                }
                At::Content => usize::from(self.begins(b, to)?),
                At::Line | At::Head => {
                    let end = memchr::memchr(b'\n', chunk);
                    let run = end.map_or(chunk.len(), |at| at + 1);
                    to.out.keep(&chunk[..run])?;
                    if let At::Head = self.at {
                        let room = LONGEST_HEAD - self.line.len();
                        self.line.extend_from_slice(&chunk[..run.min(room)]);
                    }
                    if end.is_some() {
                        self.line_ends(to);
                    }
                    run
                }
                At::Epilogue => {
                    to.out.keep(chunk)?;
                    chunk.len()
                }
            };
            chunk = &chunk[taken..];
        }
        Ok(())
    }

    /// Ends the body.
    pub(crate) fn finish(mut self, to: &mut Pass<'_>) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let is_delimiter = held.trim_ascii_start().len() >= self.delimiter.needle().len() - 1;
        if !is_delimiter {
            self.feed(&held, to)?;
        }
        self.end(to)?;
        if is_delimiter { to.out.keep(&held) } else { Ok(()) }
    }

    /// The length of the content before a possible delimiter.
    fn run(&self, text: &[u8]) -> usize {
        if let Some(at) = self.delimiter.find(text) {
            return at - usize::from(text[..at].ends_with(b"\r"));
        }
        let from = text.len().saturating_sub(self.delimiter.needle().len());
        let begins = |at: &usize| matches!(self.classify(&text[*at..]), Candidate::Incomplete);
        (from..text.len()).find(begins).unwrap_or(text.len())
    }

    fn classify(&self, text: &[u8]) -> Candidate {
        let mut delimiter = self.delimiter.needle();
        let text = text.strip_prefix(b"\r").unwrap_or(text);
        if self.start && text.first() == Some(&b'-') {
            delimiter = &delimiter[1..];
        }
        match text.strip_prefix(delimiter) {
            Some([] | [b'-']) => Candidate::Incomplete,
            Some([b'-', b'-']) => Candidate::Last,
            Some([b' ' | b'\t' | b'\r' | b'\n']) => Candidate::Delimiter,
            None if delimiter.starts_with(text) => Candidate::Incomplete,
            _ => Candidate::Other,
        }
    }

    /// Adds a byte to the held bytes. Returns whether it consumed the byte.
    fn begins(&mut self, b: u8, to: &mut Pass<'_>) -> io::Result<bool> {
        self.held.push(b);
        self.at = match self.classify(&self.held) {
            Candidate::Incomplete => return Ok(true),
            Candidate::Other => {
                // The last byte may begin another delimiter. The bytes before it cannot: line breaks are only at the
                // beginning of a delimiter.
                self.held.pop();
                self.start = false;
                let held = std::mem::take(&mut self.held);
                self.feed(&held, to)?;
                return Ok(false);
            }
            Candidate::Last => At::Epilogue,
            Candidate::Delimiter if b == b'\n' => At::Head,
            Candidate::Delimiter => At::Line,
        };
        self.end(to)?;
        to.out.keep(&self.held)?;
        self.held.clear();
        Ok(true)
    }

    fn feed(&mut self, content: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        match &mut self.part {
            Part::Body(fields, kept) => {
                kept.iter_mut().for_each(|value| value.push(content));
                fields.push(content, to)
            }
            Part::Secret(value, _, any) => {
                *any |= !content.is_empty();
                value.push(content);
                to.out.skip(content.len())
            }
        }
    }

    /// Ends the part.
    fn end(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        match std::mem::replace(&mut self.part, Part::Body(Box::new(BodyFields::undeclared()), None)) {
            Part::Body(fields, kept) => {
                kept.iter().for_each(|value| to.account.excuse(value));
                fields.finish(to)
            }
            Part::Secret(value, rule, true) => {
                to.out.insert(&to.account.replace(&rule, &value, to.rules, &[]))
            }
            Part::Secret(..) => Ok(()),
        }
    }

    /// Ends a header line, or the line of the delimiter before the headers.
    fn line_ends(&mut self, to: &Pass<'_>) {
        let line = std::mem::take(&mut self.line);
        if let At::Line = self.at {
            self.at = At::Head;
        } else if matches!(&line[..], b"\n" | b"\r\n") {
            self.part = self.begin(to);
            self.head.clear();
            (self.at, self.start) = (At::Content, true);
        } else {
            match line.trim_ascii_end().strip_prefix(&self.delimiter.needle()[1..]) {
                // The part had only headers.
                Some(b"") => self.head.clear(),
                Some(b"--") => self.at = At::Epilogue,
                _ if self.head.len() + line.len() < LONGEST_HEAD => self.head.extend_from_slice(&line),
                _ => {}
            }
        }
    }

    /// Begins the content of a part with the headers that were read.
    fn begin(&self, to: &Pass<'_>) -> Part {
        let head = String::from_utf8_lossy(&self.head);
        let names = names(&header(&head, "content-disposition").unwrap_or_default());
        if let Some(rule) = names.iter().find_map(|name| to.rules.form_rule(name)) {
            return Part::Secret(to.account.identity.value(), rule, false);
        }
        let is_kept = names.iter().any(|name| to.rules.keeps_form_field(name));
        let content_type = header(&head, "content-type");
        let fields = BodyFields::of(content_type.as_deref(), self.depth + 1);
        Part::Body(Box::new(fields), is_kept.then(|| to.account.identity.value()))
    }
}

#[cfg(test)]
mod tests;
