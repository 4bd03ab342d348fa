//! Redaction of `text/event-stream` (WHATWG HTML §9.2). The data lines of one event are joined and read as JSON.
//!
//! Must not know: how long the stream lives.

use std::io;

use crate::redact::formats::json::JsonFields;
use crate::redact::formats::pass::Pass;
use crate::redact::formats::splice::{Pending, Sink};
use crate::redact::rules::set::Rules;

/// Reads the data of each event as a separate document. Memory does not grow with the stream.
pub(crate) struct EventFields {
    json: JsonFields,
    pending: Pending,
    /// Whether the current event has data.
    has_data: bool,
    at: At,
    /// The line break of the last line, and the beginning of this line, until the parser knows whether this line has
    /// data. Between two data lines, these bytes stand for one line break in the JSON document.
    held: Vec<u8>,
    /// How many of the held bytes belong to the line break.
    ended: usize,
    /// Whether the last byte was a carriage return. A line feed after it belongs to the same line break.
    cr: bool,
    /// Whether the parser is in the first line, which may begin with a byte order mark.
    first: bool,
}

enum At {
    /// In the name of a field.
    Name,
    /// After the colon of a data line, where one space is no part of the data.
    Space,
    Data,
    /// In a line without data.
    Other,
}

const DATA: &[u8] = b"data";
const BOM: &[u8] = b"\xef\xbb\xbf";

impl EventFields {
    pub(crate) fn new(rules: &Rules) -> EventFields {
        EventFields {
            json: JsonFields::among_others(rules),
            pending: Pending::default(),
            has_data: false,
            at: At::Name,
            held: Vec::new(),
            ended: 0,
            cr: false,
            first: true,
        }
    }

    pub(crate) fn push(&mut self, mut chunk: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        while let Some((&b, tail)) = chunk.split_first() {
            match self.at {
                At::Data | At::Other => {
                    let run = memchr::memchr2(b'\r', b'\n', chunk).unwrap_or(chunk.len());
                    let (text, rest) = chunk.split_at(run);
                    match self.at {
                        At::Data => {
                            to.within(&mut self.pending, text, text, |to| self.json.push(text, to))?
                        }
                        _ => to.out.keep(text)?,
                    }
                    chunk = rest;
                    if let Some((end, rest)) = rest.split_first() {
                        self.line_ends(*end, to.out)?;
                        chunk = rest;
                    }
                }
                At::Space => {
                    if b == b' ' {
                        self.held.push(b);
                        chunk = tail;
                    }
                    self.data_begins(to)?;
                }
                At::Name => {
                    chunk = tail;
                    self.name(b, to)?;
                }
            }
        }
        Ok(())
    }

    /// Ends the stream and its last event.
    pub(crate) fn finish(mut self, to: &mut Pass<'_>) -> io::Result<()> {
        self.event_ends(to)
    }

    /// Reads a byte at the beginning of a line: a byte of the field's name, or the byte after the name.
    fn name(&mut self, b: u8, to: &mut Pass<'_>) -> io::Result<()> {
        if b == b'\n' && std::mem::take(&mut self.cr) {
            self.held.push(b);
            self.ended = self.held.len();
            return self.pass_on(to.out);
        }
        self.cr = false;
        let line = &self.held[self.ended..];
        let name = if self.first { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        match b {
            b'\r' | b'\n' => {
                match name {
                    b"" => self.event_ends(to)?,
                    DATA => self.data_begins(to)?,
                    _ => self.other(to)?,
                }
                self.line_ends(b, to.out)
            }
            b':' if name == DATA => {
                self.held.push(b);
                self.at = At::Space;
                Ok(())
            }
            _ => {
                self.held.push(b);
                let line = &self.held[self.ended..];
                let name = if self.first { line.strip_prefix(BOM).unwrap_or(line) } else { line };
                let is_open = DATA.starts_with(name) || (self.first && BOM.starts_with(line));
                if is_open { Ok(()) } else { self.other(to) }
            }
        }
    }

    fn line_ends(&mut self, end: u8, out: &mut dyn Sink) -> io::Result<()> {
        self.held.push(end);
        self.ended = self.held.len();
        (self.cr, self.first, self.at) = (end == b'\r', false, At::Name);
        self.pass_on(out)
    }

    /// Passes on the held bytes, unless the current event has data. After the end of an event, no event has data. So
    /// the line break at its end is passed on at once, and does not wait for the next event.
    fn pass_on(&mut self, out: &mut dyn Sink) -> io::Result<()> {
        if !self.has_data {
            out.keep(&self.held)?;
            self.held.clear();
            self.ended = 0;
        }
        Ok(())
    }

    /// Passes on the held bytes, because the data of a line begins after them.
    fn data_begins(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        if self.has_data {
            to.within(&mut self.pending, &self.held, b"\n", |to| self.json.push(b"\n", to))?;
        } else {
            to.out.keep(&self.held)?;
        }
        self.held.clear();
        self.ended = 0;
        (self.has_data, self.at) = (true, At::Data);
        Ok(())
    }

    /// Passes on the held bytes, because they belong to a line without data. A string of the JSON document does not
    /// continue after such a line.
    fn other(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        if self.has_data {
            to.within(&mut self.pending, b"", b"", |to| self.json.interrupt(to))?;
        }
        to.out.keep(&self.held)?;
        self.held.clear();
        self.ended = 0;
        self.at = At::Other;
        Ok(())
    }

    fn event_ends(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        if self.has_data {
            to.within(&mut self.pending, b"", b"", |to| self.json.end(to))?;
            self.json = JsonFields::among_others(to.rules);
            self.has_data = false;
        }
        self.pass_on(to.out)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use crate::redact::{Redactor, Rules};

    #[track_caller]
    fn check(stream: &str, expected: &str) {
        let redact = |stream: &str, size: usize| {
            let redactor = Redactor::new(Rules::default().pointer("/places/*/pin").unwrap()).unwrap();
            let mut body = redactor.body(Some("text/event-stream; charset=utf-8"), Vec::new());
            stream.as_bytes().chunks(size).for_each(|chunk| body.write_all(chunk).unwrap());
            String::from_utf8(body.finish().unwrap()).unwrap()
        };
        for size in [usize::MAX, 1, 2, 3, 5, 7, 16] {
            assert_eq!(redact(stream, size), expected, "{size} bytes at once");
        }
        assert_eq!(redact(expected, 3), expected, "redacting again changes nothing");
    }

    #[test]
    fn events() {
        check(
            "data: {\"token\":\"x\",\"n\":1.0}\n\ndata:{\"token\": \"y\"}\n\ndata: [DONE]\n\n",
            "data: {\"token\":\"[token:1]\",\"n\":1.0}\n\ndata:{\"token\": \"[token:2]\"}\n\ndata: [DONE]\n\n",
        );
        check(
            "\u{feff}data: {\"token\":\"x\"}\n\n: beat\n\nevent: a\nid: 1\nretry: 10\ndata: {\"pwd\":\"y\"}\n",
            "\u{feff}data: {\"token\":\"[token:1]\"}\n\n: beat\n\nevent: a\nid: 1\nretry: 10\ndata: {\"pwd\":\"[pwd:1]\"}\n",
        );
        check("data: {\"places\":[{\"pin\":\"x\"}]}\n\n", "data: {\"places\":[{\"pin\":\"[pin:1]\"}]}\n\n");
        check(
            "data: {\"a\":\"{\\\"token\\\":\\\"x\\\"}\"}\n\n",
            "data: {\"a\":\"{\\\"token\\\":\\\"[token:1]\\\"}\"}\n\n",
        );
        check("data: {\ndata: \"token\"", "data: {\ndata: \"token\"");
        check("data\n\ndata\ndata\n\nid\ndate: {\n\n", "data\n\ndata\ndata\n\nid\ndate: {\n\n");
        check("\u{feff}", "\u{feff}");
        check("", "");
    }

    /// A line ends with LF, CRLF or CR.
    #[test]
    fn lines() {
        for end in ["\n", "\r\n", "\r"] {
            let check = |stream: &str, expected: &str| {
                check(&stream.replace('|', end), &expected.replace('|', end));
            };
            check(
                "data: {|data:   \"token\":|data: \"x\"|data|data: }||data: {\"token\":\"y\"}||",
                "data: {|data:   \"token\":|data: \"[token:1]\"|data|data: }||data: {\"token\":\"[token:2]\"}||",
            );
            // An incomplete document ends with its event.
            check("data: {\"token\":||data: \"x\"||", "data: {\"token\":||data: \"x\"||");
            check(
                "data: {\"token\":\"x||data: {\"token\":\"y\"}||",
                "data: {\"token\":\"[token:1]||data: {\"token\":\"[token:2]\"}||",
            );
        }
    }

    /// A value is redacted from quote to quote, with the line breaks inside it.
    #[test]
    fn values_of_lines() {
        check("data: {\"token\":\"a\ndata: b\"}\n\n", "data: {\"token\":\"[token:1]\"}\n\n");
        check("data: {\"token\":\"\ndata\ndata:\"}\n\n", "data: {\"token\":\"[token:1]\"}\n\n");
        check(
            "data: {\"token\":\"a\nid: 7\ndata: b\"}\n\n",
            "data: {\"token\":\"[token:1]\nid: 7\ndata: b\"}\n\n",
        );
        check(
            "data: {\"a\":\nid: 7\ndata: 1,\"token\":\"x\"}\n\n",
            "data: {\"a\":\nid: 7\ndata: 1,\"token\":\"[token:1]\"}\n\n",
        );
        check(
            "data: {\"a\":\"{\\\"b\\\ndata: u00\nid: 7\ndata: 1\"}\n\n",
            "data: {\"a\":\"{\\\"b\\\ndata: u00\nid: 7\ndata: 1\"}\n\n",
        );
    }

    /// The parser passes on an event when the event ends, and keeps no bytes of it.
    #[test]
    fn streams() {
        let redactor = Redactor::new(Rules::default()).unwrap();
        let mut body = redactor.body(Some("text/event-stream"), Vec::new());
        let mut written = 0;
        for n in 0..10_000 {
            let event = format!("data: {{\"token\":\"t\",\"n\":{n}}}\r\n\r\n");
            body.write_all(event.as_bytes()).unwrap();
            written += event.len() + "[token:1]".len() - 1;
        }
        let stored = body.finish().unwrap();
        assert_eq!(stored.len(), written);
    }
}
