//! What the code under test must not see either: values that are taken out of an answer before it is read, and
//! their placeholders when they come back.
//!
//! Must not know: where requests go, what becomes of a recording.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use percent_encoding::percent_decode;

use super::Redactor;
use super::identity::{self, LONGEST};

/// Placeholders that stood where the code under test read an answer, with the rules that put them there.
#[derive(Default)]
pub(super) struct Given(Mutex<HashMap<String, String>>);

/// Different ones that are remembered.
const REMEMBERED: usize = 1 << 16;

impl Given {
    pub(super) fn add(&self, placeholder: &str, label: &str) {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if given.len() < REMEMBERED && !given.contains_key(placeholder) {
            given.insert(placeholder.to_owned(), label.to_owned());
        }
    }

    fn rule(&self, placeholder: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(placeholder).cloned()
    }
}

/// A placeholder that a request sends back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Returned {
    placeholder: String,
    rule: String,
}

impl fmt::Display for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Returned { placeholder, rule } = self;
        write!(f, "the request sends `{placeholder}`, which rule `{rule}` put into an answer before it was read")
    }
}

impl std::error::Error for Returned {}

impl Redactor {
    /// What redacts an answer before the code under test reads it; `None` if nothing says so.
    pub(crate) fn before_read(&self) -> Option<&Redactor> {
        self.0.before_read.as_ref()
    }

    /// The first placeholder in a URL or a header that was [given](Given) to the code under test.
    pub(crate) fn returned(&self, text: &str) -> Option<Returned> {
        let mut watch = Watch::new(self, io::sink());
        watch.before_read.as_ref()?;
        let told = watch.write_all(text.as_bytes()).and_then(|()| watch.finish().map(drop)).err()?;
        Returned::of(&told).cloned()
    }
}

impl Returned {
    /// What a [`Watch`] says.
    pub(crate) fn of(error: &io::Error) -> Option<&Returned> {
        error.get_ref()?.downcast_ref()
    }
}

/// A writer that fails with [`Returned`] where a placeholder comes that the code under test was given. Passes on
/// what it gets.
pub(crate) struct Watch<W> {
    before_read: Option<Redactor>,
    /// From what may be the beginning of a placeholder on.
    open: Vec<u8>,
    next: W,
}

/// A placeholder, each of its bytes percent-encoded.
const WINDOW: usize = 3 * LONGEST;

impl<W: Write> Watch<W> {
    pub(crate) fn new(redactor: &Redactor, next: W) -> Watch<W> {
        Watch { before_read: redactor.before_read().cloned(), open: Vec::new(), next }
    }

    pub(crate) fn finish(self) -> io::Result<W> {
        self.look(&self.open, true)?;
        Ok(self.next)
    }

    /// Looks at all placeholders, and says from where on more has to be known.
    fn look(&self, text: &[u8], whole: bool) -> io::Result<usize> {
        let Some(redactor) = &self.before_read else { return Ok(text.len()) };
        let mut at = 0;
        while let Some(found) = memchr::memchr2(b'[', b'%', &text[at..]) {
            let start = at + found;
            at = start + 1;
            let window = &text[start..text.len().min(start + WINDOW)];
            if window[0] == b'%' && window.len() >= 3 && !window[..3].eq_ignore_ascii_case(b"%5b") {
                continue;
            }
            let plain: Cow<'_, [u8]> = percent_decode(window).into();
            let Some(end) = memchr::memchr(b']', &plain) else {
                if !whole && window.len() < WINDOW {
                    return Ok(start);
                }
                continue;
            };
            if let Some((placeholder, _)) = identity::as_placeholder(&plain[..=end])
                && let Some(rule) = redactor.0.fired.given.rule(placeholder)
            {
                return Err(io::Error::other(Returned { placeholder: placeholder.to_owned(), rule }));
            }
        }
        Ok(text.len())
    }
}

impl<W: Write> Write for Watch<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.before_read.is_some() {
            let mut open = std::mem::take(&mut self.open);
            open.extend_from_slice(bytes);
            let until = self.look(&open, false)?;
            open.drain(..until);
            self.open = open;
        }
        self.next.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

impl<W> Watch<W> {
    /// What was passed on so far.
    pub(crate) fn into_next(self) -> W {
        self.next
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

    fn read(redactor: &Redactor, answer: &str) -> String {
        let mut body = redactor.before_read().unwrap().body(Some("application/json"), Vec::new());
        answer.bytes().for_each(|b| body.write_all(&[b]).unwrap());
        String::from_utf8(body.finish().unwrap()).unwrap()
    }

    const ANSWER: &str = r#"{"users":[{"name":"Ann","Email":"ann@example.test","token":"t-1"}],"email":7,"n":1.0}"#;
    const READ: &str = r#"{"users":[{"name":"[name:1]","Email":"[email:1]","token":"t-1"}],"email":7,"n":1.0}"#;

    #[test]
    fn only_what_was_said_is_taken_out() {
        let redactor = redactor();
        assert_eq!(read(&redactor, ANSWER), READ);
        // What goes to the tape is this, redacted further.
        let mut body = redactor.body(Some("application/json"), Vec::new());
        body.write_all(READ.as_bytes()).unwrap();
        let stored = String::from_utf8(body.finish().unwrap()).unwrap();
        assert_eq!(stored, READ.replace("t-1", "[token:1]"));
        let fired = redactor.counts();
        assert_eq!((fired["field email"], fired["pointer /users/*/name"]), (1, 1), "{fired:?}");
    }

    #[test]
    fn what_comes_back_is_told() {
        let redactor = redactor();
        assert_eq!(redactor.returned("https://h/?q=[email:1]"), None, "nothing was given");
        read(&redactor, ANSWER);
        for text in ["https://h/?q=[email:1]", "%5Bemail%3A1%5D", "[[email:1]]", "%5bemail:1%5d", "a%%5B[email:1]"] {
            let told = redactor.returned(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((&*told.placeholder, &*told.rule), ("[email:1]", "field email"), "{text}");
            let mut watch = Watch::new(&redactor, Vec::new());
            let told = text.bytes().find_map(|b| watch.write_all(&[b]).err()).expect(text);
            assert!(Returned::of(&told).is_some(), "{text}");
        }
        for text in ["[email:2]", "[token:1]", "email:1", "[email:1", "[email%3A1", "%5Bemail"] {
            assert_eq!(redactor.returned(text), None, "{text}");
        }
        let text = "[".repeat(3000);
        let mut watch = Watch::new(&redactor, Vec::new());
        text.bytes().for_each(|b| watch.write_all(&[b]).unwrap());
        assert!(watch.open.len() <= WINDOW, "{}", watch.open.len());
        assert_eq!(watch.finish().unwrap(), text.as_bytes());
    }

    #[test]
    fn nothing_is_watched_unless_said() {
        let redactor = Redactor::new(Rules::default()).unwrap();
        assert!(redactor.before_read().is_none());
        assert_eq!(redactor.returned("[email:1]"), None);
    }
}
