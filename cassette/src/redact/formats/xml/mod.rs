//! Redaction of XML, such as SOAP, in a stream, by the local names of elements and attributes.
//!
//! The parser does not validate: it reads malformed XML as far as it makes sense, and it does not change a byte that
//! isn't redacted.
//!
//! Must not know: the text around a document, links, secrets by value.

mod secret_text;

use std::io;
use std::sync::Arc;

use crate::redact::account::identity::ValueDigest;
use crate::redact::formats::json::{JsonFields, MAX_NESTING};
use crate::redact::formats::pass::Pass;
use crate::redact::formats::splice::Pending;
use crate::redact::formats::unescape::{Coding, Unescaper};
use crate::redact::rules::label::Left;
use crate::redact::rules::rule::Rule;
use crate::redact::rules::set::{Named, Rules};
use crate::redact::values::encoding::Encoding;
use secret_text::SecretText;

/// Replaces the text directly in an element, and the value of an attribute, if the local name of the element or
/// attribute has a rule. White space around a text stays. A child element of such an element is redacted only if the
/// name of the child has a rule, and the account counts the child. If a text or a value is JSON or XML, the same rules
/// apply inside it.
pub(crate) struct XmlFields {
    at: At,
    /// The number of open elements.
    depth: usize,
    /// The open elements whose text is redacted: the depth and the rule of each.
    listed: Vec<(usize, Arc<Rule>)>,
    /// The depths of the open elements whose text the project keeps.
    kept: Vec<usize>,
    /// What happens to the text of the tag being read.
    named: Option<Named>,
    /// Whether the part of the tag that has been read ends with a slash.
    closed: bool,
    /// The text or value being read, if any of it has been read.
    inner: Option<Inner>,
    /// The encodings of a value: first the encoding of this document, then the encodings of the documents around it.
    encodings: Vec<Encoding>,
}

enum At {
    Text,
    /// After `<`, until the parser knows whether a tag, a comment, CDATA or something else begins. Holds the bytes
    /// after `<`.
    Open(Vec<u8>),
    /// In the name of an element.
    Name(Vec<u8>),
    /// In a tag, between attributes.
    Tag,
    /// In the name of an attribute.
    Attribute(Vec<u8>),
    /// Between the name of an attribute and its value. The second member says whether the equals sign has been read.
    Equals(Vec<u8>, bool),
    /// In a value, until this quote.
    Quoted(u8),
    /// In an end tag.
    End,
    /// In `<!-- -->`, `<? ?>` or `<![CDATA[ ]]>`. The members are the closing text, and how many bytes of the closing
    /// text have been read.
    Until(&'static [u8], usize),
    /// In a declaration, with this number of open brackets.
    Declaration(usize),
}

/// A text or value being read.
enum Inner {
    /// Only white space has been read.
    Blank,
    Kept,
    /// The project keeps the value.
    Excused(ValueDigest, Option<Unescaper>),
    /// The text may be a document. The decoder is `None` in CDATA, which has no escapes.
    Document(Option<Document>, Option<Unescaper>, Pending),
    Secret(SecretText),
}

/// A JSON or XML document inside a text.
enum Document {
    Json(Box<JsonFields>),
    Xml(Box<XmlFields>),
}

const COMMENT: &[u8] = b"!--";
const CDATA: &[u8] = b"![CDATA[";
const CDATA_END: &[u8] = b"]]>";

/// The length of the longest name that is compared with rules. No rule has a longer name.
const LONGEST_NAME: usize = 256;

/// The greatest number of open elements whose text is redacted.
const MAX_LISTED: usize = 64;

impl XmlFields {
    pub(crate) fn new() -> XmlFields {
        let encodings = vec![Encoding::Html];
        XmlFields {
            at: At::Text,
            depth: 0,
            listed: Vec::new(),
            kept: Vec::new(),
            named: None,
            closed: false,
            inner: None,
            encodings,
        }
    }

    /// The parser for a document inside a text with these encodings.
    fn within(around: &[Encoding]) -> XmlFields {
        XmlFields { encodings: [&[Encoding::Html], around].concat(), ..XmlFields::new() }
    }

    pub(crate) fn push(&mut self, chunk: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        let mut i = 0;
        while i < chunk.len() {
            let rest = &chunk[i..];
            let b = rest[0];
            i += match &mut self.at {
                At::Text => {
                    let run = memchr::memchr(b'<', rest).unwrap_or(rest.len());
                    self.text(&rest[..run], true, to)?;
                    if run < rest.len() {
                        self.end(to)?;
                        to.out.keep(b"<")?;
                        self.at = At::Open(Vec::new());
                    }
                    rest.len().min(run + 1)
                }
                At::Quoted(quote) => {
                    let quote = *quote;
                    let run = memchr::memchr(quote, rest).unwrap_or(rest.len());
                    self.feed(&rest[..run], true, to)?;
                    if run < rest.len() {
                        self.end(to)?;
                        to.out.keep(&[quote])?;
                        self.at = At::Tag;
                    }
                    rest.len().min(run + 1)
                }
                At::Until(end, seen) if *end == CDATA_END => {
                    let seen = *seen;
                    self.cdata(b, seen, to)?;
                    1
                }
                _ => {
                    self.markup(b, to);
                    to.out.keep(&rest[..1])?;
                    1
                }
            };
        }
        Ok(())
    }

    /// Ends the document.
    pub(crate) fn finish(mut self, to: &mut Pass<'_>) -> io::Result<()> {
        if let At::Until(end, seen) = self.at
            && end == CDATA_END
        {
            self.text(&CDATA_END[..seen], false, to)?;
        }
        self.end(to)
    }

    /// Reads a text in an element. The text is redacted if the element has a rule.
    fn text(&mut self, text: &[u8], escaped: bool, to: &mut Pass<'_>) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        if self.inner.is_none() {
            let listed = self.listed.last().filter(|(depth, _)| *depth == self.depth);
            let unescaper = escaped.then(|| Unescaper::new(Coding::Xml));
            self.inner = match listed {
                Some((_, rule)) => Some(Inner::Secret(SecretText::new(rule.clone(), unescaper, to.account))),
                None if self.kept.last() == Some(&self.depth) => {
                    Some(Inner::Excused(to.account.identity.value(), unescaper))
                }
                None => None,
            };
        }
        self.feed(text, escaped, to)
    }

    /// Reads the next part of a text or value.
    fn feed(&mut self, text: &[u8], escaped: bool, to: &mut Pass<'_>) -> io::Result<()> {
        let inner = self.inner.get_or_insert(Inner::Blank);
        let is_new = match inner {
            Inner::Blank => true,
            Inner::Excused(value, _) => value.is_empty(),
            _ => false,
        };
        if is_new && let Some(first) = text.trim_ascii_start().first() {
            let opens = match first {
                b'{' | b'[' => true,
                b'&' => escaped,
                b'<' => !escaped,
                _ => false,
            };
            if opens && self.encodings.len() <= MAX_NESTING {
                let unescaper = escaped.then(|| Unescaper::new(Coding::Xml));
                *inner = Inner::Document(None, unescaper, Pending::default());
            } else if let Inner::Blank = inner {
                *inner = Inner::Kept;
            }
        }
        match inner {
            Inner::Blank | Inner::Kept => to.out.keep(text),
            Inner::Excused(value, unescaper) => {
                let mut each = |raw: &[u8], decoded: &[u8]| {
                    value.push_as(raw, decoded.trim_ascii());
                    Ok(())
                };
                match unescaper {
                    Some(unescaper) => unescaper.push(text, &mut each)?,
                    None => each(text, text)?,
                }
                to.out.keep(text)
            }
            Inner::Document(document, Some(unescaper), pending) => {
                unescaper.push(text, &mut |raw, decoded| {
                    let document =
                        document.get_or_insert_with(|| Document::of(decoded, to.rules, &self.encodings));
                    to.within(pending, raw, decoded, |to| document.push(decoded, to))
                })
            }
            Inner::Document(document, None, _) => {
                // CDATA adds no encoding to the document.
                let around = self.encodings.get(1..).unwrap_or_default();
                let document = document.get_or_insert_with(|| Document::of(text, to.rules, around));
                document.push(text, to)
            }
            Inner::Secret(secret) => secret.feed(text, to.out),
        }
    }

    /// Reads one byte of a CDATA section. `seen` bytes of its closing text have been read.
    fn cdata(&mut self, b: u8, seen: usize, to: &mut Pass<'_>) -> io::Result<()> {
        if b == CDATA_END[seen] {
            if seen + 1 == CDATA_END.len() {
                self.end(to)?;
                to.out.keep(CDATA_END)?;
                self.at = At::Text;
            } else {
                self.at = At::Until(CDATA_END, seen + 1);
            }
            return Ok(());
        }
        // In `]]]>`, the closing text is the last three bytes.
        let again = usize::from(b == b']') * seen;
        let text =
            [&CDATA_END[..seen - again], &[b][..usize::from(again == 0)], &b"]"[..usize::from(again > 0)]];
        self.text(&text.concat(), false, to)?;
        self.at = At::Until(CDATA_END, again);
        Ok(())
    }

    /// Ends the text or value.
    fn end(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        match self.inner.take() {
            Some(Inner::Secret(secret)) => secret.end(&self.encodings, to),
            Some(Inner::Excused(mut value, unescaper)) => {
                if let Some(unescaper) = unescaper {
                    unescaper.finish(&mut |raw, decoded| {
                        value.push_as(raw, decoded.trim_ascii());
                        Ok(())
                    })?;
                }
                to.account.excuse(&value);
                Ok(())
            }
            Some(Inner::Document(Some(document), None, _)) => document.end(to),
            Some(Inner::Document(document, Some(unescaper), mut pending)) => {
                let mut document = document;
                unescaper.finish(&mut |raw, decoded| {
                    let document =
                        document.get_or_insert_with(|| Document::of(decoded, to.rules, &self.encodings));
                    to.within(&mut pending, raw, decoded, |to| document.push(decoded, to))
                })?;
                to.within(&mut pending, b"", b"", |to| document.map_or(Ok(()), |document| document.end(to)))
            }
            _ => Ok(()),
        }
    }

    /// Reads one byte of a tag, a comment or a declaration. The caller keeps all these bytes.
    fn markup(&mut self, b: u8, to: &Pass<'_>) {
        match &mut self.at {
            At::Open(seen) => {
                seen.push(b);
                self.at = match &seen[..] {
                    [b'/'] => At::End,
                    [b'?'] => At::Until(b"?>", 0),
                    COMMENT => At::Until(b"-->", 0),
                    CDATA => At::Until(CDATA_END, 0),
                    seen if COMMENT.starts_with(seen) || CDATA.starts_with(seen) => return,
                    [b'!', ..] => At::Declaration(usize::from(b == b'[')),
                    _ => {
                        self.closed = false;
                        At::Name(vec![b])
                    }
                };
            }
            At::Name(name) => {
                if is_space(b) || matches!(b, b'/' | b'>') {
                    self.named = named(name, to.rules);
                    if let Some((_, rule)) = self.listed.last().filter(|(depth, _)| *depth == self.depth) {
                        to.account.note(&rule.label.left(Left::Element));
                    }
                    self.at = At::Tag;
                    self.markup(b, to);
                } else if name.len() <= LONGEST_NAME {
                    name.push(b);
                }
            }
            At::Tag => match b {
                b'/' => self.closed = true,
                b'>' => self.tag_ends(),
                _ if is_space(b) => {}
                _ => {
                    self.closed = false;
                    self.at = At::Attribute(vec![b]);
                }
            },
            At::Attribute(name) => {
                if b == b'=' || is_space(b) || b == b'>' {
                    self.at = At::Equals(std::mem::take(name), false);
                    self.markup(b, to);
                } else if name.len() <= LONGEST_NAME {
                    name.push(b);
                }
            }
            At::Equals(name, equals) => match b {
                b'=' => *equals = true,
                b'"' | b'\'' if *equals => {
                    let unescaper = || Some(Unescaper::new(Coding::Xml));
                    let named = named(name, to.rules).filter(|_| !name.starts_with(b"xmlns"));
                    self.inner = named.map(|named| match named {
                        Named::Redacted(rule) => {
                            Inner::Secret(SecretText::new(rule, unescaper(), to.account))
                        }
                        Named::Kept => Inner::Excused(to.account.identity.value(), unescaper()),
                    });
                    self.at = At::Quoted(b);
                }
                _ if is_space(b) => {}
                _ => {
                    self.at = At::Tag;
                    self.markup(b, to);
                }
            },
            At::End if b == b'>' => {
                self.listed.pop_if(|(depth, _)| *depth == self.depth);
                self.kept.pop_if(|depth| *depth == self.depth);
                self.depth = self.depth.saturating_sub(1);
                self.at = At::Text;
            }
            At::Until(end, seen) => {
                *seen = match b {
                    _ if b == end[*seen] => *seen + 1,
                    // In `--->`, the closing text is the last three bytes.
                    b'-' if *seen == 2 => 2,
                    b'?' if end[0] == b'?' => 1,
                    _ => 0,
                };
                if *seen == end.len() {
                    self.at = At::Text;
                }
            }
            At::Declaration(open) => match b {
                b'[' => *open += 1,
                b']' => *open = open.saturating_sub(1),
                b'>' if *open == 0 => self.at = At::Text,
                _ => {}
            },
            At::End | At::Text | At::Quoted(_) => {}
        }
    }

    fn tag_ends(&mut self) {
        let named = self.named.take();
        if !self.closed {
            self.depth += 1;
            match named {
                Some(Named::Redacted(rule)) if self.listed.len() < MAX_LISTED => {
                    self.listed.push((self.depth, rule));
                }
                Some(Named::Kept) if self.kept.len() < MAX_LISTED => self.kept.push(self.depth),
                _ => {}
            }
        }
        self.at = At::Text;
    }
}

impl Document {
    /// The document that begins with this text. `around` are the encodings of the text around it.
    fn of(text: &[u8], rules: &Rules, around: &[Encoding]) -> Document {
        match text.trim_ascii_start().first() {
            Some(b'<') => Document::Xml(Box::new(XmlFields::within(around))),
            _ => Document::Json(Box::new(JsonFields::within(rules, around))),
        }
    }

    fn push(&mut self, text: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        match self {
            Document::Json(json) => json.push(text, to),
            Document::Xml(xml) => xml.push(text, to),
        }
    }

    fn end(self, to: &mut Pass<'_>) -> io::Result<()> {
        match self {
            Document::Json(mut json) => json.end(to),
            Document::Xml(xml) => xml.finish(to),
        }
    }
}

/// What happens to the value, by the local part of a name (Namespaces in XML 1.0 §4).
fn named(name: &[u8], rules: &Rules) -> Option<Named> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let local = name.rsplit(|b| *b == b':').next()?;
    rules.named_field(std::str::from_utf8(local).ok()?)
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests;
