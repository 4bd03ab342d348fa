//! Redaction of `text/event-stream` (WHATWG HTML §9.2): what an event's lines of data say together is read as JSON.

use std::io;

use crate::redact::formats::json::JsonFields;
use crate::redact::formats::pass::Pass;
use crate::redact::formats::splice::{Pending, Sink};
use crate::redact::rules::set::Rules;

/// Takes the data of each event for a document of its own. Memory does not grow with the stream.
pub(crate) struct EventFields {
    json: JsonFields,
    pending: Pending,
    /// Of the event some data has come.
    begun: bool,
    at: At,
    /// The end of a line, and what came of the next: between two lines of data a line break of the document.
    held: Vec<u8>,
    /// How much of that is the end of a line.
    ended: usize,
    /// That is a carriage return so far, to which a line feed may belong.
    cr: bool,
    /// Before the end of the first line, where there may be a byte order mark.
    first: bool,
}

enum At {
    /// In the name of a field.
    Name,
    /// After the colon of data, where one space is nothing.
    Space,
    Data,
    /// In a line that holds no data.
    Other,
}

const DATA: &[u8] = b"data";
const MARK: &[u8] = b"\xef\xbb\xbf";

impl EventFields {
    pub(crate) fn new(rules: &Rules) -> EventFields {
        EventFields {
            json: JsonFields::among_others(rules),
            pending: Pending::default(),
            begun: false,
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

    /// The stream is over, and with it what event there is.
    pub(crate) fn finish(mut self, to: &mut Pass<'_>) -> io::Result<()> {
        self.event_ends(to)
    }

    /// A byte of a line before it is known what line that is.
    fn name(&mut self, b: u8, to: &mut Pass<'_>) -> io::Result<()> {
        if b == b'\n' && std::mem::take(&mut self.cr) {
            self.held.push(b);
            self.ended = self.held.len();
            return self.pass_on(to.out);
        }
        self.cr = false;
        let line = &self.held[self.ended..];
        let name = if self.first { line.strip_prefix(MARK).unwrap_or(line) } else { line };
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
                let name = if self.first { line.strip_prefix(MARK).unwrap_or(line) } else { line };
                let is_open = DATA.starts_with(name) || (self.first && MARK.starts_with(line));
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

    /// Outside of an event nothing depends on what follows, and the end of one is not to wait for the next.
    fn pass_on(&mut self, out: &mut dyn Sink) -> io::Result<()> {
        if !self.begun {
            out.keep(&self.held)?;
            self.held.clear();
            self.ended = 0;
        }
        Ok(())
    }

    /// A line of data begins after what is held.
    fn data_begins(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        if self.begun {
            to.within(&mut self.pending, &self.held, b"\n", |to| self.json.push(b"\n", to))?;
        } else {
            to.out.keep(&self.held)?;
        }
        self.held.clear();
        self.ended = 0;
        (self.begun, self.at) = (true, At::Data);
        Ok(())
    }

    /// What is held is of another line. A string doesn't go on after it.
    fn other(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        if self.begun {
            to.within(&mut self.pending, b"", b"", |to| self.json.interrupt(to))?;
        }
        to.out.keep(&self.held)?;
        self.held.clear();
        self.ended = 0;
        self.at = At::Other;
        Ok(())
    }

    fn event_ends(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        if self.begun {
            to.within(&mut self.pending, b"", b"", |to| self.json.end(to))?;
            self.json = JsonFields::among_others(to.rules);
            self.begun = false;
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

    /// The end of a line is any of three.
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
            // Half a document ends with its event.
            check("data: {\"token\":||data: \"x\"||", "data: {\"token\":||data: \"x\"||");
            check(
                "data: {\"token\":\"x||data: {\"token\":\"y\"}||",
                "data: {\"token\":\"[token:1]||data: {\"token\":\"[token:2]\"}||",
            );
        }
    }

    /// A value goes from quote to quote, with the line breaks in it.
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

    /// What an event says is there when the event is over, and nothing of it is kept.
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
