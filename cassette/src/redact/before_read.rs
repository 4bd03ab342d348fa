//! `redact_before_read` replaces values in a response with placeholders, before the code under test reads the response.
//! A real server would not understand these placeholders. So this file detects a request that sends one of them back.
//!
//! Must not know: where requests go, what becomes of a recording.

use crate::placeholder::{self, Placeholder};
use std::borrow::Cow;
use std::io::{self, Write};

use http::{HeaderMap, HeaderValue};
use percent_encoding::percent_decode;

use crate::redact::objection::Objection;
use crate::redact::redactor::Redactor;
use crate::redact::rules::label::Label;

impl Redactor {
    /// The rule that produced a placeholder which the code under test read in a response. If this session did not
    /// produce the placeholder, it may come from the recording that mode `append` extends. Then the name in the
    /// placeholder leads to the rule.
    fn rule_of_given(&self, placeholder: &str, name: &str) -> Option<Label> {
        self.account().given.rule(placeholder).or_else(|| self.rules().label_of(name).cloned())
    }

    /// Checks the URL and the headers of a request. Returns an objection if they contain a placeholder that the code
    /// under test read in a response. The objection names the first such placeholder.
    pub(crate) fn returned(&self, uri: &str, headers: &HeaderMap) -> Option<Objection> {
        self.before_read()?;
        let texts = std::iter::once(uri.as_bytes()).chain(headers.values().map(HeaderValue::as_bytes));
        texts
            .filter_map(|text| {
                let mut watch = Watch::new(self, io::sink());
                let error = watch.write_all(text).and_then(|()| watch.finish().map(drop)).err()?;
                Objection::of(&error).cloned()
            })
            .next()
    }
}

/// A writer that passes on all bytes, and fails with [`Objection::Returned`] at a placeholder that the code under test
/// read in a response.
pub(crate) struct Watch<W> {
    before_read: Option<Redactor>,
    /// The last bytes of the text, if they may be the beginning of a placeholder. `next` has them already; they are
    /// kept only for the check.
    held: Vec<u8>,
    next: W,
}

/// The length of the longest placeholder if each of its bytes is percent-encoded.
const WINDOW: usize = 3 * placeholder::LONGEST;

impl<W: Write> Watch<W> {
    pub(crate) fn new(redactor: &Redactor, next: W) -> Watch<W> {
        Watch { before_read: redactor.before_read().cloned(), held: Vec::new(), next }
    }

    /// A writer that passes on all bytes without a check. It is for responses, which may hold placeholders.
    pub(crate) fn none(next: W) -> Watch<W> {
        Watch { before_read: None, held: Vec::new(), next }
    }

    pub(crate) fn finish(self) -> io::Result<W> {
        self.check(&self.held, true)?;
        Ok(self.next)
    }

    /// Checks all placeholders in a text. Returns the offset at which an incomplete placeholder may begin, or the
    /// length of the text if there is none. `whole` says that no text follows.
    fn check(&self, text: &[u8], whole: bool) -> io::Result<usize> {
        let Some(redactor) = &self.before_read else { return Ok(text.len()) };
        let mut at = 0;
        while let Some(found) = memchr::memchr2(b'[', b'%', &text[at..]) {
            let start = at + found;
            at = start + 1;
            let window = &text[start..text.len().min(start + WINDOW)];
            if window[0] == b'%' && window.len() >= 3 && !window[..3].eq_ignore_ascii_case(b"%5b") {
                continue;
            }
            let decoded: Cow<'_, [u8]> = percent_decode(window).into();
            let Some(end) = memchr::memchr(b']', &decoded) else {
                if !whole && window.len() < WINDOW {
                    return Ok(start);
                }
                continue;
            };
            if let Some(Placeholder { text: placeholder, numbered: Some((name, _)) }) =
                placeholder::parse(&decoded[..=end])
                && let Some(rule) = redactor.rule_of_given(placeholder, name)
            {
                return Err(Objection::Returned { placeholder: placeholder.to_owned(), rule }.into());
            }
        }
        Ok(text.len())
    }
}

impl<W: Write> Write for Watch<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.before_read.is_some() {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(bytes);
            let until = self.check(&held, false)?;
            held.drain(..until);
            self.held = held;
        }
        self.next.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Rules;

    fn redactor() -> Redactor {
        let rules = Rules::default().before_read("email").unwrap().before_read("/users/*/name").unwrap();
        Redactor::new(rules).unwrap()
    }

    fn read(redactor: &Redactor, response: &str) -> String {
        read_as(redactor, "application/json", response)
    }

    fn read_as(redactor: &Redactor, content_type: &str, response: &str) -> String {
        let mut body = redactor.before_read().unwrap().body(Some(content_type), Vec::new());
        response.bytes().for_each(|b| body.write_all(&[b]).unwrap());
        String::from_utf8(body.finish().unwrap()).unwrap()
    }

    const RESPONSE: &str =
        r#"{"users":[{"name":"Ann","Email":"ann@example.test","token":"t-1"}],"email":7,"n":1.0}"#;
    const READ: &str =
        r#"{"users":[{"name":"[name:1]","Email":"[email:1]","token":"t-1"}],"email":7,"n":1.0}"#;

    #[test]
    fn only_listed_values_are_replaced() {
        let redactor = redactor();
        assert_eq!(read(&redactor, RESPONSE), READ);
        // The cassette stores this text after further redaction.
        let mut body = redactor.body(Some("application/json"), Vec::new());
        body.write_all(READ.as_bytes()).unwrap();
        let stored = String::from_utf8(body.finish().unwrap()).unwrap();
        assert_eq!(stored, READ.replace("t-1", "[token:1]"));
        let fired = redactor.counts();
        assert_eq!((fired["field email"], fired["pointer /users/*/name"]), (1, 1), "{fired:?}");
    }

    #[test]
    fn the_format_is_sniffed() {
        for content_type in
            ["application/x-www-form-urlencoded", "text/xml", "text/event-stream", "text/plain"]
        {
            assert_eq!(read_as(&redactor(), content_type, RESPONSE), READ, "{content_type}");
        }
        let read = read_as(&redactor(), "text/plain", "n=1&email=ann%40example.test&token=t");
        assert_eq!(read, "n=1&email=[email:1]&token=t");
        let read = read_as(&redactor(), "application/json", "<r><email>ann@example.test</email></r>");
        assert_eq!(read, "<r><email>[email:1]</email></r>");
    }

    #[test]
    fn a_returned_placeholder_is_an_objection() {
        let redactor = redactor();
        let returned = |text: &str| redactor.returned(text, &HeaderMap::new());
        read(&redactor, RESPONSE);
        let objection =
            Objection::Returned { placeholder: "[email:1]".into(), rule: Label::own("field", "email") };
        for text in
            ["https://h/?q=[email:1]", "%5Bemail%3A1%5D", "[[email:1]]", "%5bemail:1%5d", "a%%5B[email:1]"]
        {
            assert_eq!(returned(text).as_ref(), Some(&objection), "{text}");
            let mut watch = Watch::new(&redactor, Vec::new());
            let error = text.bytes().find_map(|b| watch.write_all(&[b]).err()).expect(text);
            assert_eq!(Objection::of(&error), Some(&objection), "{text}");
        }
        for text in ["[email]", "[token:1]", "email:1", "[email:1", "[email%3A1", "%5Bemail"] {
            assert_eq!(returned(text), None, "{text}");
        }
        let text = "[".repeat(3000);
        let mut watch = Watch::new(&redactor, Vec::new());
        text.bytes().for_each(|b| watch.write_all(&[b]).unwrap());
        assert!(watch.held.len() <= WINDOW, "{}", watch.held.len());
        assert_eq!(watch.finish().unwrap(), text.as_bytes());
    }

    #[test]
    fn nothing_is_checked_without_a_rule() {
        let redactor = Redactor::new(Rules::default()).unwrap();
        assert!(redactor.before_read().is_none());
        assert_eq!(redactor.returned("[email:1]", &HeaderMap::new()), None);
    }
}
