//! Redaction of HTML pages in a stream. The values of form fields and `meta` elements are redacted by the name of the
//! field. The values of other attributes are redacted by the name of the attribute. JSON in scripts, attributes and
//! texts is redacted by the names of its members.
//!
//! The parser does not validate. It recognises tags as a browser does (WHATWG HTML §13.2.5), and it does not change a
//! byte that isn't redacted.
//!
//! Must not know: links, secrets by value, the text around a page.

mod inner;
mod page;
mod tag;

use std::io;

use crate::redact::formats::json::JsonFields;
use crate::redact::formats::pass::Pass;
use crate::redact::formats::script::ScriptFields;
use inner::Inner;
pub(crate) use page::{LONGEST_PROLOGUE, is_page};
use tag::{COMMENT, Element, LONGEST_NAME, Part, SCRIPT_END, Tag, is_space, named};

/// Replaces the values of fields, of `meta` elements and of attributes whose name has a rule. Redacts JSON in scripts,
/// attributes and texts, and bodies that are JSON in spite of their content type.
pub(crate) struct HtmlFields {
    at: At,
    tag: Tag,
    /// The text or value being read.
    inner: Inner,
    /// Bytes that the parser holds until it has read the name of their field, or the end of a value or of an element.
    held: Vec<u8>,
}

enum At {
    /// Before the first byte that is not white space.
    Start,
    /// In JSON at the beginning of the body. HTML may follow it.
    Json(Box<JsonFields>),
    Text,
    /// After `<`, or after `</` if the member is true. These bytes have not been passed on yet.
    Open(bool),
    /// In the name of an element. The name of an end tag begins with a slash.
    Name(Vec<u8>),
    /// In a tag, outside of values.
    Tag,
    /// In the value of an attribute.
    Value,
    /// In a value, before the name of its field has been read. Holds the state of the tag at the end of the held bytes.
    Unnamed(Box<Tag>),
    /// In a redacted value, after an angle bracket. The page may lack the closing quote, so that the next quote belongs
    /// to another attribute. The member is true after the next quote.
    Unclosed(bool),
    /// After `<` and this number of bytes of `!--`, the beginning of a comment.
    Declaration(usize),
    /// In a comment, after this number of bytes of `--!`, the beginning of the comment's end.
    Comment(usize),
    /// In a bogus comment such as `<?php … >`, which ends with the next `>`.
    Bogus,
    /// In an element whose text contains no tags, up to this end tag. The second member is the parser of a script,
    /// `None` for other elements.
    Raw(&'static [u8], Option<ScriptFields>),
}

/// The most bytes of a tag that wait for a name, or for the end of a value.
const MOST_HELD: usize = 16 * 1024;

const BOM: &[u8] = b"\xef\xbb\xbf";
const COMMENT_END: &[u8] = b"--!";

impl HtmlFields {
    pub(crate) fn new() -> HtmlFields {
        HtmlFields { at: At::Start, tag: Tag::new(b""), inner: Inner::Blank, held: Vec::new() }
    }

    pub(crate) fn push(&mut self, chunk: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        self.read(chunk, to)
    }

    /// Ends the page.
    pub(crate) fn finish(mut self, to: &mut Pass<'_>) -> io::Result<()> {
        // The held bytes are read again, and some of them may be held once more.
        loop {
            match &self.at {
                At::Unnamed(_) => self.decide(true, to)?,
                At::Unclosed(false) => self.break_off(to)?,
                _ => break,
            }
        }
        match self.at {
            At::Json(json) => return json.finish(to),
            At::Text | At::Value => {}
            At::Open(closing) => self.inner.feed(if closing { b"</" } else { b"<" }, to)?,
            At::Unclosed(_) => {
                let quote = self.held.pop();
                self.inner.feed(&self.held, to)?;
                self.inner.end(to)?;
                return to.out.keep(quote.as_slice());
            }
            At::Raw(_, Some(mut script)) => {
                script.push(&self.held, to)?;
                return script.finish(to);
            }
            At::Raw(_, None) => self.inner.feed(&self.held, to)?,
            _ => return Ok(()),
        }
        self.inner.end(to)
    }

    fn read(&mut self, chunk: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        let mut at = 0;
        while at < chunk.len() {
            at += self.step(&chunk[at..], to)?;
        }
        Ok(())
    }

    /// Reads the next bytes, and returns how many. Returns 0 if only the state has changed.
    fn step(&mut self, rest: &[u8], to: &mut Pass<'_>) -> io::Result<usize> {
        let b = rest[0];
        match &mut self.at {
            At::Start if is_space(b) || BOM.contains(&b) => {
                to.out.keep(&[b])?;
                return Ok(1);
            }
            At::Start => {
                self.at = match b {
                    b'{' | b'[' => At::Json(Box::new(JsonFields::among_others(to.rules))),
                    _ => At::Text,
                }
            }
            At::Json(json) => {
                let read = json.read(rest, to)?;
                if read < rest.len() {
                    self.inner = Inner::Kept;
                    self.at = At::Text;
                }
                return Ok(read);
            }
            At::Text => {
                let run = memchr::memchr(b'<', rest).unwrap_or(rest.len());
                self.inner.feed(&rest[..run], to)?;
                if run < rest.len() {
                    self.at = At::Open(false);
                }
                return Ok(rest.len().min(run + 1));
            }
            At::Open(closing) => {
                let closing = *closing;
                return self.open(closing, b, to);
            }
            At::Name(name) => {
                if is_space(b) || matches!(b, b'/' | b'>') {
                    self.tag = Tag::new(name);
                    self.at = At::Tag;
                } else {
                    if name.len() <= LONGEST_NAME {
                        name.push(b.to_ascii_lowercase());
                    }
                    to.out.keep(&[b])?;
                    return Ok(1);
                }
            }
            At::Tag => {
                let read = self.tag.read(b);
                if read {
                    to.out.keep(&[b])?;
                }
                match self.tag.part {
                    Part::Over => self.tag_ends(),
                    Part::Value(_) => self.value_begins(to),
                    _ => {}
                }
                return Ok(usize::from(read));
            }
            At::Value => return self.value(rest, to),
            At::Unnamed(tag) => {
                while !tag.read(b) {}
                self.held.push(b);
                let is_whole = matches!(tag.part, Part::Over) || tag.field.is_named;
                if is_whole || self.held.len() == MOST_HELD {
                    self.decide(is_whole, to)?;
                }
                return Ok(1);
            }
            At::Unclosed(true) => {
                if is_space(b) || matches!(b, b'/' | b'>') {
                    let mut held = std::mem::take(&mut self.held);
                    let quote = held.pop();
                    self.inner.feed(&held, to)?;
                    self.value_ends(to)?;
                    to.out.keep(quote.as_slice())?;
                } else {
                    self.break_off(to)?;
                }
            }
            At::Unclosed(closed) => {
                let room = &rest[..rest.len().min(MOST_HELD - self.held.len())];
                let quote = self.tag.quote().and_then(|quote| memchr::memchr(quote, room));
                let part = &room[..quote.map_or(room.len(), |at| at + 1)];
                *closed = quote.is_some();
                self.held.extend_from_slice(part);
                if self.held.len() == MOST_HELD && quote.is_none() {
                    self.break_off(to)?;
                }
                return Ok(part.len());
            }
            At::Declaration(seen) => {
                if b != COMMENT[*seen] {
                    self.at = At::Bogus;
                } else {
                    to.out.keep(&[b])?;
                    *seen += 1;
                    if *seen == COMMENT.len() {
                        // `<!-->` and `<!--->` are whole comments, so these two hyphens may also be the end.
                        self.at = At::Comment(2);
                    }
                    return Ok(1);
                }
            }
            At::Comment(0) => {
                let run = memchr::memchr(b'-', rest).unwrap_or(rest.len());
                to.out.keep(&rest[..run])?;
                if run < rest.len() {
                    to.out.keep(b"-")?;
                    self.at = At::Comment(1);
                }
                return Ok(rest.len().min(run + 1));
            }
            At::Comment(seen) => {
                to.out.keep(&[b])?;
                match (b, *seen) {
                    (b'>', 2..) => self.text_begins(),
                    // `--->` ends a comment, too.
                    (b'-', 2) => {}
                    (_, seen) if COMMENT_END.get(seen) == Some(&b) => self.at = At::Comment(seen + 1),
                    _ => self.at = At::Comment(usize::from(b == b'-')),
                }
                return Ok(1);
            }
            At::Bogus => {
                let end = memchr::memchr(b'>', rest).map_or(rest.len(), |at| at + 1);
                to.out.keep(&rest[..end])?;
                if rest[end - 1] == b'>' {
                    self.text_begins();
                }
                return Ok(end);
            }
            At::Raw(end, script) => {
                let end = *end;
                if self.held.is_empty() {
                    let run = memchr::memchr(b'<', rest).unwrap_or(rest.len());
                    match script {
                        Some(script) => script.push(&rest[..run], to)?,
                        None => self.inner.feed(&rest[..run], to)?,
                    }
                    self.held.extend_from_slice(&rest[run..rest.len().min(run + 1)]);
                    return Ok(rest.len().min(run + 1));
                }
                if end.get(self.held.len()) == Some(&b.to_ascii_lowercase()) {
                    self.held.push(b);
                    return Ok(1);
                }
                let held = std::mem::take(&mut self.held);
                if held.len() == end.len() && (is_space(b) || matches!(b, b'/' | b'>')) {
                    match script.take() {
                        Some(script) => script.finish(to)?,
                        None => self.inner.end(to)?,
                    }
                    to.out.keep(&held)?;
                    self.tag = Tag::new(b"/");
                    self.at = At::Tag;
                } else {
                    match script {
                        Some(script) => script.push(&held, to)?,
                        None => self.inner.feed(&held, to)?,
                    }
                }
            }
        }
        Ok(0)
    }

    /// Decides by the byte after `<` or `</` whether a tag begins.
    fn open(&mut self, closing: bool, b: u8, to: &mut Pass<'_>) -> io::Result<usize> {
        let (seen, at): (&[u8], _) = match (closing, b) {
            (false, b'/') => {
                self.at = At::Open(true);
                return Ok(1);
            }
            (false, b'!') => (b"<", At::Declaration(0)),
            (false, b'?') => (b"<", At::Bogus),
            (false, b) if b.is_ascii_alphabetic() => (b"<", At::Name(Vec::new())),
            (true, b) if b.is_ascii_alphabetic() => (b"</", At::Name(vec![b'/'])),
            (true, _) => (b"</", At::Bogus),
            (false, _) => {
                self.inner.feed(b"<", to)?;
                self.at = At::Text;
                return Ok(0);
            }
        };
        self.inner.end(to)?;
        to.out.keep(seen)?;
        self.at = at;
        Ok(0)
    }

    fn text_begins(&mut self) {
        self.inner = Inner::Blank;
        self.at = At::Text;
    }

    fn tag_ends(&mut self) {
        self.text_begins();
        self.at = match self.tag.element {
            _ if self.tag.closed => At::Text,
            Element::Script => At::Raw(SCRIPT_END, Some(ScriptFields::new())),
            Element::Raw(end) => {
                self.inner = Inner::Kept;
                At::Raw(end, None)
            }
            Element::Text(end) => At::Raw(end, None),
            Element::Other => At::Text,
        };
    }

    fn value_begins(&mut self, to: &Pass<'_>) {
        let field = &self.tag.field;
        self.at = At::Value;
        self.inner = if !field.value.is_empty() && field.value == self.tag.name {
            match &field.decided {
                Some(named) => Inner::of(named.clone(), to),
                None if field.is_named => Inner::of(field.named(to.rules), to),
                None => {
                    self.at = At::Unnamed(Box::new(self.tag.clone()));
                    Inner::Blank
                }
            }
        } else {
            Inner::of(named(&self.tag.name, to.rules), to)
        };
    }

    /// Reads the next bytes of a value. No bytes of the value are held.
    fn value(&mut self, rest: &[u8], to: &mut Pass<'_>) -> io::Result<usize> {
        let quote = self.tag.quote();
        let end = match quote {
            Some(quote) => memchr::memchr(quote, rest),
            None => rest.iter().position(|b| is_space(*b) || *b == b'>'),
        };
        let mut part = &rest[..end.unwrap_or(rest.len())];
        if let (Some(_), Inner::Secret(..)) = (quote, &self.inner)
            && let Some(bracket) = memchr::memchr2(b'<', b'>', part)
        {
            part = &part[..bracket];
            self.at = At::Unclosed(false);
        }
        self.inner.feed(part, to)?;
        self.tag.collect(part);
        if Some(part.len()) != end {
            return Ok(part.len());
        }
        self.value_ends(to)?;
        to.out.keep(quote.as_slice())?;
        Ok(part.len() + quote.as_slice().len())
    }

    fn value_ends(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        self.tag.value_ends();
        self.at = At::Tag;
        self.inner.end(to)
    }

    /// Reads the held bytes again, because the rule for the value is decided: the name of the field has been read, the
    /// tag has ended, or no more bytes can be held.
    fn decide(&mut self, is_whole: bool, to: &mut Pass<'_>) -> io::Result<()> {
        let At::Unnamed(tag) = std::mem::replace(&mut self.at, At::Value) else { return Ok(()) };
        let named = if is_whole { tag.field.named(to.rules) } else { None };
        self.inner = Inner::of(named.clone(), to);
        self.tag.field.decided = Some(named);
        let held = std::mem::take(&mut self.held);
        self.read(&held, to)
    }

    /// Ends the value at the angle bracket, because the page lacks a closing quote, and reads the held bytes again.
    fn break_off(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        self.value_ends(to)?;
        let held = std::mem::take(&mut self.held);
        if held.first() == Some(&b'<') {
            self.text_begins();
        }
        self.read(&held, to)
    }
}

#[cfg(test)]
mod tests;
