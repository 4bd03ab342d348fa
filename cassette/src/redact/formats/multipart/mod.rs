//! Redaction of multipart bodies (RFC 2046 §5.1) in a stream. Parts of a form are redacted by their names (RFC 7578);
//! the content of other parts is redacted like a body.
//!
//! The parser does not validate: a line feed alone is a line break, too, and a body without delimiters is one part.
//!
//! Must not know: the formats of the parts.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use memchr::memmem::Finder;
use percent_encoding::percent_decode_str;

use crate::redact::account::identity::ValueDigest;
use crate::redact::formats::body_fields::BodyFields;
use crate::redact::formats::pass::Pass;
use crate::redact::rules::rule::Rule;
use crate::syntax::parameters::Value as Parameters;

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
    /// Before the first byte of a content, where the line break of a delimiter has already come.
    start: bool,
    /// The complete header lines of a part.
    head: Vec<u8>,
    /// The header line being read.
    line: Vec<u8>,
}

#[derive(Clone, Copy)]
enum At {
    /// In a part, or before the first one.
    Content,
    /// After a delimiter, until the end of its line.
    Line,
    Head,
    /// After the last part.
    Epilogue,
}

enum Part {
    Body(Box<BodyFields>),
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

/// Longer headers of a part are not read.
const LONGEST_HEAD: usize = 16 * 1024;

/// RFC 2046 allows 70 characters; the parser accepts more.
const LONGEST_BOUNDARY: usize = 256;

/// The deepest nesting of multipart bodies: real ones are not nested that deep.
const MAX_DEPTH: usize = 4;

impl MultipartFields {
    /// `None` for other content types, and without a boundary.
    pub(crate) fn of(content_type: &str, depth: usize) -> Option<MultipartFields> {
        let kind = Parameters::parse(content_type);
        let is_sane = |b: &&str| (1..=LONGEST_BOUNDARY).contains(&b.len()) && !b.contains(['\r', '\n']);
        let boundary = kind.get("boundary").filter(is_sane)?;
        (kind.main.starts_with("multipart/") && depth < MAX_DEPTH).then(|| MultipartFields {
            delimiter: Finder::new(&[b"\n--", boundary.as_bytes()].concat()).into_owned(),
            depth,
            at: At::Content,
            // The text before the first delimiter may be the whole body, if the content type is wrong.
            part: Part::Body(Box::new(BodyFields::undeclared())),
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

    /// Adds a byte to the held ones. Returns whether it consumed the byte.
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
            Part::Body(fields) => fields.push(content, to),
            Part::Secret(value, _, any) => {
                *any |= !content.is_empty();
                value.push(content);
                to.out.skip(content.len())
            }
        }
    }

    /// Ends the part.
    fn end(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        match std::mem::replace(&mut self.part, Part::Body(Box::new(BodyFields::undeclared()))) {
            Part::Body(fields) => fields.finish(to),
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
        match names.iter().find_map(|name| to.rules.form_rule(name)) {
            Some(rule) => Part::Secret(to.account.identity.value(), rule, false),
            None => {
                let content_type = header(&head, "content-type");
                Part::Body(Box::new(BodyFields::of(content_type.as_deref(), self.depth + 1)))
            }
        }
    }
}

/// The value of a header, with folded lines joined.
fn header(head: &str, name: &str) -> Option<String> {
    let mut found: Option<String> = None;
    for line in head.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some(value) = &mut found {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if found.is_some() {
            break;
        } else if let Some((_, value)) =
            line.split_once(':').filter(|(n, _)| n.trim().eq_ignore_ascii_case(name))
        {
            found = Some(value.trim().to_owned());
        }
    }
    found
}

/// The possible names of a part: the raw name, the name with the escapes of browsers (`%22`) decoded, and the name in
/// the encoding of RFC 5987.
fn names(disposition: &str) -> Vec<String> {
    let parameters = Parameters::parse(disposition);
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(Cow::into_owned).ok();
    let mut names: Vec<String> = parameters.get("name").map(str::to_owned).into_iter().collect();
    names.extend(parameters.get("name").and_then(decoded));
    names.extend(parameters.get("name*").and_then(|name| decoded(name.splitn(3, '\'').nth(2)?)));
    names
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::redact::formats::splice::WriterSink;
    use crate::redact::{Redactor, Rules};

    const FORM: &str = "multipart/form-data; boundary=b-0";

    fn redact(redactor: &Redactor, content_type: &str, body: &[u8], size: usize) -> Vec<u8> {
        let mut writer = redactor.body(Some(content_type), Vec::new());
        body.chunks(size).for_each(|chunk| writer.write_all(chunk).unwrap());
        writer.finish().unwrap()
    }

    /// Checks with both line breaks. A bar in the texts stands for a line break.
    #[track_caller]
    fn check_of(content_type: &str, body: &str, expected: &str) {
        let rules = Rules::default().secret("KEY", "s3cr3t-value").unwrap().field("customer \"pin\"");
        let rules = rules.pointer("/places/*/pin").unwrap();
        for end in ["\r\n", "\n"] {
            let (body, expected) = (body.replace('|', end), expected.replace('|', end));
            for size in [usize::MAX, 1, 2, 3, 5, 7, 16] {
                let redactor = Redactor::new(rules.clone()).unwrap();
                let stored = redact(&redactor, content_type, body.as_bytes(), size);
                assert_eq!(String::from_utf8_lossy(&stored), expected, "{size} bytes at once");
            }
            let again = redact(&Redactor::new(rules.clone()).unwrap(), content_type, expected.as_bytes(), 3);
            assert_eq!(String::from_utf8_lossy(&again), expected, "redacting again changes nothing");
        }
    }

    #[track_caller]
    fn check(body: &str, expected: &str) {
        check_of(FORM, body, expected);
    }

    /// Checks one part with this head and content.
    #[track_caller]
    fn check_part(head: &str, content: &str, expected: &str) {
        let body = |content: &str| format!("--b-0|{head}||{content}|--b-0--|");
        check(&body(content), &body(expected));
    }

    #[test]
    fn by_name() {
        check(
            "--b-0|Content-Disposition: form-data; name=\"client_secret\"||a|b||--b-0|Content-Disposition: form-data; name=\"note\"||c\
             |--b-0|content-disposition:form-data;name=Pass-Word||a|b||--b-0|Content-Disposition: form-data; name=token|||--b-0--|",
            "--b-0|Content-Disposition: form-data; name=\"client_secret\"||[client_secret:1]|--b-0|Content-Disposition: form-data; name=\"note\"||c\
             |--b-0|content-disposition:form-data;name=Pass-Word||[client_secret:1]|--b-0|Content-Disposition: form-data; name=token|||--b-0--|",
        );
        check_part("Content-Disposition: form-data; name=\"token\"", "s3cr3t-value", "{{secret.KEY}}");
        check_part("Content-Disposition: form-data; name=\"token\"", "{{secret.KEY}}", "{{secret.KEY}}");
        check_part(
            "Content-Type: application/octet-stream|Content-Disposition: form-data; filename=\"a.pem\";|\tname=\"private_key\"",
            "-----|--b|--b-01|--b-0-|",
            "[private_key:1]",
        );
        for name in [
            "\"customer \\\"pin\\\"\"",
            "\"customer %22pin%22\"",
            "x; name*=UTF-8''customer%20%22pin%22",
            "\"a[customer \\\"pin\\\"][0]\"",
            "\"a%5Bcustomer%20%22pin%22%5D\"",
        ] {
            check_part(&format!("Content-Disposition: form-data; name={name}"), "x", "[customerpin:1]");
        }
        for name in ["\"country_code\"", "\"filter[code]\"", "\"a;b=token\"", "\"token", "x; filename=token"]
        {
            check_part(&format!("Content-Disposition: form-data; name={name}"), "x", "x");
        }
    }

    #[test]
    fn by_names_within() {
        let named = "Content-Disposition: form-data; name=\"a\"";
        check_part(named, " {\"token\":|\"x\"}", " {\"token\":|\"[token:1]\"}");
        check_part(named, "<a><token>x</token></a>", "<a><token>[token:1]</token></a>");
        check_part(named, "token=x", "token=x");
        check_part(
            &format!("{named}|Content-Type: application/x-www-form-urlencoded"),
            "a=1&token=x",
            "a=1&token=[token:1]",
        );
        check_part(
            "Content-Type: application/json; charset=utf-8",
            "{\"places\":[{\"pin\":\"x\"}]}",
            "{\"places\":[{\"pin\":\"[pin:1]\"}]}",
        );
        check_part(named, "{\"token\":\"x", "{\"token\":\"[token:1]\"");
        check_part("", "{\"token\":\"x\"}", "{\"token\":\"[token:1]\"}");
        check_part(
            "Content-Type: application/http",
            "HTTP/1.1 200 OK||{\"token\":\"x\",\"n\":\"s3cr3t-value\"}",
            "HTTP/1.1 200 OK||{\"token\":\"[token:1]\",\"n\":\"{{secret.KEY}}\"}",
        );
        check_of(
            "Multipart/Mixed; Boundary=\"a b\"",
            "pre|--a b \t||{\"token\":\"x\"}|--a b|Content-Type: multipart/related; boundary=\"a bc\"||--a bc||{\"token\":\"y\"}|--a bc--|--a b--|post",
            "pre|--a b \t||{\"token\":\"[token:1]\"}|--a b|Content-Type: multipart/related; boundary=\"a bc\"||--a bc||{\"token\":\"[token:2]\"}|--a bc--|--a b--|post",
        );
    }

    #[test]
    fn delimiters() {
        const TOKEN: &str = "|Content-Disposition: form-data; name=token|";
        let part = |content: &str| format!("--b-0{TOKEN}|{content}");
        // Any text may come before the first delimiter and after the last one.
        check(
            &format!("{TOKEN}|x|--b-01{TOKEN}|x|{}|--b-0--{TOKEN}|y", part("x")),
            &format!("{TOKEN}|x|--b-01{TOKEN}|x|{}|--b-0--{TOKEN}|y", part("[token:1]")),
        );
        check(&format!("|{}", part("x")), &format!("|{}", part("[token:1]")));
        check(&part("x|--b-0"), &part("[token:1]|--b-0"));
        check(&part("x|--b-0-"), &part("[token:1]|--b-0-"));
        check(&part("x|--b-"), &part("[token:1]"));
        check(&part("x||--b-0--"), &part("[token:1]|--b-0--"));
        check(&part("x--b-0--"), &part("[token:1]"));
        check(&part("--b-0-x"), &part("[token:1]"));
        // The line break of an empty part belongs to the delimiter.
        check(&part("--b-0--"), &part("--b-0--"));
        check(&part("|--b-0--"), &part("|--b-0--"));
        // Parts without headers, and parts without content.
        check(&format!("--b-0||x|{}", part("y")), &format!("--b-0||x|{}", part("[token:1]")));
        check(&format!("--b-0{TOKEN}--b-0||x|--b-0--"), &format!("--b-0{TOKEN}--b-0||x|--b-0--"));
        check(&format!("--b-0{TOKEN}--b-0--||x|"), &format!("--b-0{TOKEN}--b-0--||x|"));
        check(&format!("--b-0{TOKEN}"), &format!("--b-0{TOKEN}"));
        check("", "");
        check("|", "|");
        // Without a boundary, or with a wrong one, no part has a name. A body that is no multipart has its real format.
        for content_type in
            ["multipart/form-data", "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=c"]
        {
            check_of(content_type, &part("s3cr3t-value"), &part("{{secret.KEY}}"));
            check_of(content_type, "{\"token\":\"x\"}", "{\"token\":\"[token:1]\"}");
        }
    }

    #[test]
    fn headers_without_end() {
        let long = "X-Long: y|".repeat(4000);
        let line = "y".repeat(40_000);
        for head in [long, format!("{line}|"), format!("{line}:{line}|")] {
            let body = |content: &str| {
                format!(
                    "--b-0|{head}Content-Disposition: form-data; name=x||{{\"token\":\"{content}\"}}|--b-0--|"
                )
            };
            check(&body("x"), &body("[token:1]"));
        }
    }

    /// A long file is passed on as it comes.
    #[test]
    fn files_stream() {
        let rules = Rules::default();
        let redactor = Redactor::new(rules.clone()).unwrap();
        let mut fields = MultipartFields::of(FORM, 0).unwrap();
        let file: Vec<u8> = (0..1u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let head = b"--b-0\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n";
        let body = [head, &file[..], b"\r\n--b-0--\r\n"].concat();
        let mut stored = Vec::new();
        for chunk in body.chunks(1000) {
            let out = &mut WriterSink(&mut stored);
            fields.push(chunk, &mut Pass { rules: &rules, account: redactor.account(), out }).unwrap();
            assert!(fields.held.len() <= 10 && fields.head.len() <= head.len());
        }
        assert_eq!(stored, body);
        for size in [1, 77, 4096] {
            assert_eq!(redact(&redactor, FORM, &body, size), body);
        }
    }
}
