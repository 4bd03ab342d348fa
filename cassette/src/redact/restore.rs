//! Restores named secrets on replay: puts the session's own values in place of their placeholders.
//!
//! Must not know: how a value was redacted.

use std::io::{self, Write};
use std::sync::Arc;

use crate::placeholder::{self, Prefix};
use crate::redact::rules::set::Rules;
use crate::redact::stand_ins::StandIns;
use crate::redact::stand_ins::substitute::Substitute;
use crate::redact::values::encoding::Encoding;

/// A writer that puts the session's own secrets in place of their placeholders, in the encodings that the placeholders
/// name, and stand-ins in place of numbered placeholders. [`Redactor::restorer`](crate::redact::Redactor::restorer) makes one.
pub struct Restorer<W> {
    rules: Arc<Rules>,
    /// The encoding of the whole text.
    encoding: Encoding,
    /// Bytes that may be the beginning of a placeholder.
    held: Vec<u8>,
    next: Substitute<W>,
}

impl<W: Write> Restorer<W> {
    pub(crate) fn new(rules: Arc<Rules>, stand_ins: Arc<StandIns>, encoding: Encoding, next: W) -> Self {
        Restorer { rules, encoding, held: Vec::new(), next: Substitute::new(stand_ins, next) }
    }

    /// Ends the body: writes the rest and returns the next writer.
    ///
    /// # Errors
    ///
    /// Fails if the next writer fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.next.write_all(&self.held)?;
        self.next.finish()
    }

    /// The next writer.
    pub(crate) fn next_mut(&mut self) -> &mut W {
        &mut self.next.next
    }

    /// The text that replaces the placeholder in `held`. If the session has no value for the secret, the text is the
    /// placeholder without the names of encodings, because placeholders in requests name no encodings. `None` if the
    /// text in `held` is no placeholder of a secret, or names an unknown encoding.
    fn value(&self) -> Option<String> {
        let (name, encodings) = placeholder::parse_secret(std::str::from_utf8(&self.held).ok()?)?;
        let steps: Vec<Encoding> = encodings.map(Encoding::named).collect::<Option<_>>()?;
        let Some(secret) = self.rules.secrets.iter().find(|secret| secret.is(name)) else {
            return Some(placeholder::of_secret(name));
        };
        let written = steps.iter().fold(secret.value.clone(), |text, step| step.encode(&text));
        Some(self.encoding.encode(&written))
    }
}

impl<W: Write> Write for Restorer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.held.is_empty() {
                let opening = placeholder::next_opening(rest);
                self.next.write_all(&rest[..opening.start])?;
                self.held.extend_from_slice(&rest[opening.clone()]);
                rest = &rest[opening.end..];
                continue;
            }
            self.held.push(rest[0]);
            rest = &rest[1..];
            match placeholder::prefix(&self.held) {
                Prefix::Open => {}
                Prefix::Whole => {
                    match self.value() {
                        Some(value) => self.next.write_all(value.as_bytes())?,
                        None => self.next.write_all(&self.held)?,
                    }
                    self.held.clear();
                }
                Prefix::Other => {
                    // The bytes in `held` are no placeholder, but another placeholder may begin inside them.
                    let from = (1..self.held.len())
                        .find(|from| !matches!(placeholder::prefix(&self.held[*from..]), Prefix::Other));
                    let from = from.unwrap_or(self.held.len());
                    self.next.write_all(&self.held[..from])?;
                    self.held.drain(..from);
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "a/b+\"<é> %";

    #[track_caller]
    fn check(encoding: Encoding, text: &str, expected: &str) {
        let rules = Rules::default().secret("KEY", VALUE).unwrap();
        let rules = Arc::new(rules.secret("LINES", "one&\n\ttwo\r\nthree").unwrap());
        for size in [1, 2, 3, 7, usize::MAX] {
            let mut restorer = Restorer::new(rules.clone(), Arc::default(), encoding, Vec::new());
            text.as_bytes().chunks(size).for_each(|chunk| restorer.write_all(chunk).unwrap());
            assert_eq!(
                String::from_utf8(restorer.finish().unwrap()).unwrap(),
                expected,
                "{size} bytes at once"
            );
        }
    }

    #[test]
    fn values_come_back() {
        check(Encoding::Plain, "Bearer {{secret.KEY}}.", &format!("Bearer {VALUE}."));
        check(Encoding::Json, r#"{"a":"{{secret.KEY}}"}"#, r#"{"a":"a/b+\"<é> %"}"#);
        check(Encoding::Form, "a={{secret.KEY}}&b", "a=a%2Fb%2B%22%3C%C3%A9%3E+%25&b");
    }

    #[test]
    fn in_their_encodings() {
        check(Encoding::Plain, "?q={{secret.KEY|percent}}&b", "?q=a%2Fb%2B%22%3C%C3%A9%3E%20%25&b");
        check(Encoding::Plain, "{{secret.KEY|form}}", "a%2Fb%2B%22%3C%C3%A9%3E+%25");
        check(Encoding::Plain, "<a>{{secret.KEY|html}}</a>", "<a>a/b+&quot;&lt;é&gt; %</a>");
        check(Encoding::Json, r#""{\"a\":\"{{secret.KEY|json}}\"}""#, r#""{\"a\":\"a/b+\\\"<é> %\"}""#);
        check(Encoding::Plain, "{{secret.KEY|json|percent}}", "a%2Fb%2B%5C%22%3C%C3%A9%3E%20%25");
        check(Encoding::Plain, "{{secret.KEY|hex}}", "612f622b223cc3a93e2025");
        check(Encoding::Plain, "a,\"{{secret.KEY|csv}}\"", "a,\"a/b+\"\"<é> %\"");
        check(Encoding::Plain, "?q={{secret.#KEY|percent}}", "?q=a%2Fb%2B%22%3C%C3%A9%3E%20%25");
    }

    #[test]
    fn lines() {
        check(Encoding::Plain, "{{secret.LINES}}", "one&\n\ttwo\r\nthree");
        check(Encoding::Plain, "{{secret.LINES|lf}}", "one&\n\ttwo\nthree");
        check(Encoding::Json, "{{secret.LINES|crlf}}", r"one&\r\n\ttwo\r\nthree");
        check(Encoding::Plain, "{{secret.LINES|line}}", "one& \ttwo three");
        check(Encoding::Plain, "{{secret.LINES|lf|attribute}}", "one&amp;&#10;&#9;two&#10;three");
        check(Encoding::Form, "{{secret.LINES|crlf}}", "one%26%0D%0A%09two%0D%0Athree");
    }

    #[test]
    fn without_a_value() {
        check(
            Encoding::Plain,
            "{{secret.OTHER}} {{secret.OTHER|percent}}",
            "{{secret.OTHER}} {{secret.OTHER}}",
        );
        check(Encoding::Plain, "?a={{secret.p.#OTHER|percent}}&b", "?a={{secret.p.OTHER}}&b");
    }

    #[test]
    fn other_texts_stay() {
        for text in [
            "",
            "{{secret",
            "{{secret.KEY",
            "{{secret.KEY}",
            "{{secret.KEY}x}",
            "{{secret.KEY|rot13}}",
            "{{secret.K Y}}",
            "{{ secret.KEY }}",
            "{{{{secret",
        ] {
            check(Encoding::Plain, text, text);
        }
        let long = format!("{{{{secret.{}", "K".repeat(300));
        check(Encoding::Plain, &long, &long);
    }

    #[test]
    fn a_placeholder_inside_another_text() {
        check(Encoding::Plain, "{{{secret.KEY}}}", &format!("{{{VALUE}}}"));
        check(Encoding::Plain, "{{secret.{{secret.KEY}}", &format!("{{{{secret.{VALUE}"));
        check(Encoding::Plain, "{{secret.KEY}{{secret.KEY}}", &format!("{{{{secret.KEY}}{VALUE}"));
    }
}
