//! Detects the format of a body from its first bytes. The content type is the fallback, because servers and clients
//! often declare a wrong type: JSON as a form or as plain text, XML as JSON.
//!
//! Must not know: rules, what is redacted in a format.

use std::io;

use crate::redact::formats::html;
use crate::redact::formats::html::LONGEST_PROLOGUE;
use crate::redact::formats::json::RECORD;
use crate::redact::formats::loose_form::is_of_name;
use crate::redact::formats::splice::Sink;

/// The format that the content type declares.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Declared {
    /// JSON, plain text or no content type. Forms are often sent with one of these types.
    Text,
    Form,
    Xml,
    Html,
    Events,
    Script,
    Other,
}

/// Detects the format of a body, or of a part of one, while its first bytes come.
pub(crate) struct Sniffer {
    kind: Declared,
    /// The first bytes, without white space and the prefixes that were passed on.
    held: Vec<u8>,
}

/// The decision of the sniffer about the first bytes.
enum Verdict {
    /// More bytes are needed.
    Undecided,
    /// A prefix of this length is no part of the document. After the prefix, this format counts as the declared format.
    Prefix(usize, Declared),
    Format(Format),
}

/// The format of a body, which selects the parser.
#[derive(Clone, Copy)]
pub(crate) enum Format {
    Json,
    /// JSON up to its end, and the declared format after that.
    JsonThen(Declared),
    Form,
    LooseForm,
    Xml,
    Html,
    Events,
    Script,
}

/// The format of a body, the bytes that the sniffer has held, and the bytes that come after them.
type Sniffed<'b> = (Format, Vec<u8>, &'b [u8]);

/// The format is decided after at most this many bytes.
const MOST_HELD: usize = LONGEST_PROLOGUE;

/// The length of the longest text that may be the name of a field or function.
const LONGEST_NAME: usize = 256;

const XML: &[u8] = b"<?xml";

const BOM: &[u8] = "\u{feff}".as_bytes();

/// JSONP servers put this comment before a callback, so that Flash does not take the callback's name for the beginning
/// of a SWF file.
const COMMENT: &[u8] = b"/**/";

/// Prefixes of JSON that prevent a page from loading it as a script. In the list, a prefix comes before the shorter
/// prefixes that it begins with.
const GUARDS: [&[u8]; 13] = [
    b")]}',",
    b")]}'",
    b"while(1);",
    b"while (1);",
    b"while(true);",
    b"while (true);",
    b"for(;;);",
    b"for (;;);",
    b"throw 1;",
    b"&&&START&&&",
    b"{}&&",
    b"{} &&",
    b"/*-secure-",
];

/// The beginnings of an event stream's lines (WHATWG HTML §9.2.6).
const EVENTS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];

impl Sniffer {
    pub(crate) fn new(kind: Declared) -> Sniffer {
        Sniffer { kind, held: Vec::new() }
    }

    /// Reads the next bytes. Returns the format as soon as it is certain.
    pub(crate) fn push<'b>(
        &mut self,
        mut bytes: &'b [u8],
        out: &mut dyn Sink,
    ) -> io::Result<Option<Sniffed<'b>>> {
        loop {
            let space = spaces(&self.held);
            out.keep(&self.held[..space])?;
            self.held.drain(..space);
            if self.held.is_empty() {
                let space = spaces(bytes);
                out.keep(&bytes[..space])?;
                bytes = &bytes[space..];
            }
            let (taken, rest) = bytes.split_at(bytes.len().min(MOST_HELD - self.held.len()));
            self.held.extend_from_slice(taken);
            bytes = rest;
            if self.held.is_empty() {
                return Ok(None);
            }
            match self.verdict(self.held.len() == MOST_HELD) {
                Verdict::Undecided => return Ok(None),
                Verdict::Prefix(count, kind) => self.pass_over(count, kind, out)?,
                Verdict::Format(format) => return Ok(Some((format, std::mem::take(&mut self.held), bytes))),
            }
        }
    }

    /// Ends the body. Returns its format and all its bytes, if there are any.
    pub(crate) fn finish(mut self, out: &mut dyn Sink) -> io::Result<Option<(Format, Vec<u8>)>> {
        while !self.held.is_empty() {
            match self.verdict(true) {
                Verdict::Prefix(count, kind) => self.pass_over(count, kind, out)?,
                Verdict::Format(format) => return Ok(Some((format, self.held))),
                Verdict::Undecided => break,
            }
        }
        out.keep(&self.held)?;
        Ok(None)
    }

    fn pass_over(&mut self, count: usize, kind: Declared, out: &mut dyn Sink) -> io::Result<()> {
        self.kind = kind;
        out.keep(&self.held[..count])?;
        self.held.drain(..count);
        Ok(())
    }

    /// The verdict on the held bytes. `whole` says that the decision cannot wait for more bytes.
    fn verdict(&self, whole: bool) -> Verdict {
        let (text, kind) = (&self.held[..], self.kind);
        let after_guard = if kind == Declared::Script { kind } else { Declared::Other };
        let before = [(BOM, kind), (COMMENT, Declared::Script)];
        for (before, kind) in before.into_iter().chain(GUARDS.map(|guard| (guard, after_guard))) {
            if text.starts_with(before) {
                return Verdict::Prefix(before.len(), kind);
            }
            if !whole && before.starts_with(text) {
                return Verdict::Undecided;
            }
        }
        let json = || match kind {
            Declared::Form | Declared::Xml | Declared::Events => Format::JsonThen(kind),
            _ => kind.format(),
        };
        let markup = |or| match html::is_page(text, or) {
            None if !whole => Verdict::Undecided,
            Some(true) => Verdict::Format(Declared::Html.format()),
            _ => Verdict::Format(Declared::Xml.format()),
        };
        match (text.first(), kind) {
            // The names of a form's fields may begin with a bracket, too.
            (Some(b'{' | b'['), Declared::Form) => match text[1..].trim_ascii_start().first() {
                Some(b'"' | b'{' | b'[') => Verdict::Format(json()),
                None if !whole => Verdict::Undecided,
                _ => Verdict::Format(kind.format()),
            },
            (Some(b'{' | b'['), _) => Verdict::Format(json()),
            // Some servers declare XML as HTML.
            (Some(b'<'), Declared::Html) if text.starts_with(XML) => markup(true),
            (Some(b'<'), Declared::Html) if !whole && XML.starts_with(text) => Verdict::Undecided,
            (Some(b'<'), Declared::Text | Declared::Other | Declared::Form | Declared::Events) => {
                markup(false)
            }
            (Some(&RECORD), _) => Verdict::Format(Declared::Other.format()),
            (_, Declared::Text | Declared::Other) => self.in_text(whole),
            _ => Verdict::Format(kind.format()),
        }
    }

    /// The verdict on a text that begins like neither JSON nor markup. The fallback is JSON, whose parser passes other
    /// texts on.
    fn in_text(&self, whole: bool) -> Verdict {
        let text = &self.held[..];
        if EVENTS.iter().any(|name| text.starts_with(name)) {
            return Verdict::Format(Declared::Events.format());
        }
        let name = text.iter().position(|b| !is_of_name(*b));
        match name.map(|end| text[end..].split_at(1)) {
            _ if name.unwrap_or(text.len()) > LONGEST_NAME => Verdict::Format(self.kind.format()),
            None if !whole => Verdict::Undecided,
            Some((b"=", _)) if self.kind == Declared::Text && name > Some(0) => {
                Verdict::Format(Format::LooseForm)
            }
            Some((b"(", argument)) if name > Some(0) => match argument.trim_ascii_start().first() {
                Some(b'{' | b'[') => Verdict::Format(Declared::Script.format()),
                None if !whole => Verdict::Undecided,
                _ => Verdict::Format(self.kind.format()),
            },
            _ => Verdict::Format(self.kind.format()),
        }
    }
}

impl Declared {
    pub(crate) fn format(self) -> Format {
        match self {
            Declared::Form => Format::Form,
            Declared::Xml => Format::Xml,
            Declared::Events => Format::Events,
            Declared::Script => Format::Script,
            Declared::Html => Format::Html,
            Declared::Text | Declared::Other => Format::Json,
        }
    }
}

fn spaces(text: &[u8]) -> usize {
    text.len() - text.trim_ascii_start().len()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::redact::{Redactor, Rules};

    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
    const TYPES: [&str; 15] = [
        JSON,
        "",
        "text/plain",
        FORM,
        "text/xml",
        "application/atom+xml",
        "application/xhtml+xml",
        "text/event-stream",
        "text/html",
        "text/csv",
        "application/octet-stream",
        "application/javascript",
        "multipart/form-data; boundary=b",
        "image/png",
        "garbage",
    ];

    /// Redacts the body in two pieces, cut at every byte in turn, and then byte by byte.
    #[track_caller]
    fn check(content_type: &str, body: &str, expected: &str) {
        let redactor = Redactor::new(Rules::default()).unwrap();
        let redact = |body: &str, size: usize, first: usize| {
            let mut writer = redactor.body(Some(content_type), Vec::new());
            let (first, rest) = body.as_bytes().split_at(first);
            writer.write_all(first).unwrap();
            rest.chunks(size).for_each(|chunk| writer.write_all(chunk).unwrap());
            String::from_utf8(writer.finish().unwrap()).unwrap()
        };
        for cut in 0..=body.len() {
            assert_eq!(redact(body, usize::MAX, cut), expected, "{content_type}, cut at {cut}");
        }
        assert_eq!(redact(body, 1, 0), expected, "{content_type}, byte by byte");
        assert_eq!(redact(expected, usize::MAX, 0), expected, "{content_type}, again");
    }

    /// Checks that the placeholder replaces the value at `@`.
    #[track_caller]
    fn check_in(types: &[&str], frame: &str, placeholder: &str) {
        for content_type in types {
            check(content_type, &frame.replace('@', "unnamed-1"), &frame.replace('@', placeholder));
        }
    }

    #[test]
    fn json_with_any_content_type() {
        for frame in [
            "{\"password\":\"@\",\"n\":1.0}",
            " \r\n\t[ {\"Pass_word\" : [\"@\"]} ]",
            "\u{feff}{\"password\":\"@\"}",
            "\u{feff} [[{\"password\":\"@\"}]]",
            "{\"a\":1}\n{\"password\":\"@\"}\n",
            "{\"password\":\"@\"",
        ] {
            check_in(&TYPES, frame, if frame.ends_with('@') { "[password:1]\"" } else { "[password:1]" });
        }
    }

    /// After the end of the JSON, the declared format applies.
    #[test]
    fn the_declared_format_after_json() {
        check(FORM, "{\"token\":\"x\"}&token=y&b=1", "{\"token\":\"[token:1]\"}&token=[token:2]&b=1");
        check(FORM, "{\"token\":\"x\"}=&token=y", "{\"token\":\"[token:1]\"}=&token=[token:2]");
        check_in(&[FORM], "[0]=z&token=@", "[token:1]");
        check_in(&[FORM], "[a][token]=@", "[token:1]");
        check_in(&[FORM], "{}&token=@", "[token:1]");
        check_in(&[FORM], "[", "");
        check_in(&["text/event-stream"], "{\"error\":1}\n\ndata: {\"token\":\"@\"}\n\n", "[token:1]");
        check_in(&["text/xml"], "{\"error\":1}<token>@</token>", "[token:1]");
    }

    #[test]
    fn xml_with_any_content_type() {
        let types = TYPES.map(|t| if matches!(t, "text/html" | "application/javascript") { "" } else { t });
        check_in(&types, "<?xml version=\"1.0\"?><r><token>@</token></r>", "[token:1]");
        check_in(&types, "\u{feff}\r\n<r token='@'/>", "[token:1]");
    }

    #[test]
    fn guards() {
        for guard in GUARDS.into_iter().chain([&b")]}'\n"[..], b")]}',\r\n", b"/**/", b"&&&START&&& "]) {
            let guard = String::from_utf8(guard.to_vec()).unwrap();
            check_in(&TYPES, &format!("{guard}{{\"token\":\"@\",\"n\":1}}"), "[token:1]");
            check_in(&TYPES, &format!("\u{feff}\n{guard}[{{\"token\":\"@\"}}]"), "[token:1]");
            check_in(&TYPES, &guard, "");
            check_in(&TYPES, &guard[..guard.len() - 1], "");
        }
    }

    #[test]
    fn calls_without_their_content_type() {
        let types = [JSON, "text/plain", "", "application/octet-stream", "text/javascript", "text/csv"];
        for frame in [
            "cb({\"token\":\"@\"})",
            "a.b[0].$_1( [{\"token\":\"@\"}] );",
            "/**/cb({\"token\":\"@\"}, {\"a\":1});",
            "/**/ typeof cb === 'function' && cb({\"token\":\"@\"});",
        ] {
            check_in(&types, frame, "[token:1]");
        }
        for text in ["see (\"token\")", "f(a, {\"token\":\"x\"})", "f(", "f(  ", "(", "f"] {
            check_in(&["text/plain"], text, "");
        }
    }

    #[test]
    fn events_without_their_content_type() {
        let types = ["text/plain", JSON, "", "text/event-stream", "application/octet-stream"];
        for frame in [
            "data: {\"token\":\"@\"}\n\n",
            "\u{feff}id: 1\r\ndata:{\"a\":1}\r\n\r\ndata: {\"token\":\"@\"}\r\n\r\n",
            ": hi\n\nevent: a\ndata: {\ndata: \"token\":\ndata: \"@\"}\n\n",
            "retry: 10\n\ndata: {\"token\":\"@\"}",
        ] {
            check_in(&types, frame, "[token:1]");
        }
    }

    #[test]
    fn undecided_texts_stay() {
        for text in [
            "",
            " ",
            "\n\u{feff}",
            "a",
            "data",
            "dat",
            "tru",
            "true",
            "12",
            "-",
            "\"a\"",
            "*",
            "=",
            "=token=x",
            "%%",
        ] {
            check_in(&TYPES, text, "");
        }
        for long in
            ["a".repeat(2 * MOST_HELD), " ".repeat(2 * MOST_HELD), format!("f({}", " ".repeat(2 * MOST_HELD))]
        {
            let redactor = Redactor::new(Rules::default()).unwrap();
            for size in [1, 100, MOST_HELD - 1, MOST_HELD, MOST_HELD + 1] {
                let mut body = redactor.body(Some("text/plain"), Vec::new());
                long.as_bytes().chunks(size).for_each(|chunk| body.write_all(chunk).unwrap());
                assert_eq!(body.finish().unwrap(), long.as_bytes());
            }
        }
    }
}
