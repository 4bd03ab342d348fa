//! Redaction of forms with another content type: `client_id=a&client_secret=b` declared as plain text, as JSON, or
//! without a type.
//!
//! Other texts begin like a form, too: a file of settings (`password=abc`), or a sentence. The text counts as a form up
//! to the first character that no form contains.
//!
//! Must not know: how the format was detected.

use std::io;

use crate::redact::formats::form::FormFields;
use crate::redact::formats::json::JsonFields;
use crate::redact::formats::pass::Pass;
use crate::redact::rules::set::Rules;

/// Redacts pair by pair. A pair ends with `&`, with its line, or with the text. A pair with white space or quotes
/// stays, so that the later search by value and by pattern finds whole secrets in it.
pub(crate) struct LooseForm {
    form: FormFields,
    pair: Pair,
    /// The parser for the text after the form. `None` inside the form.
    rest: Option<Box<JsonFields>>,
}

enum Pair {
    Held(Vec<u8>),
    /// The pair is too long to be held, so it is redacted without waiting for its end.
    Long,
    /// The pair contains a space, so it stays.
    Kept,
}

/// The length of the longest pair that is held.
const LONGEST: usize = 64 * 1024;

/// Whether a byte may belong to the name of a form's first field, or of a function.
pub(crate) fn is_of_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_-.$%+*~[]".contains(&b)
}

/// Whether no form contains this byte. Commas and semicolons are allowed, because some clients do not encode them.
fn ends(b: u8) -> bool {
    b <= b' ' || matches!(b, b'"' | b'<' | b'>' | b'\\' | b'`' | 0x7f)
}

impl LooseForm {
    pub(crate) fn new() -> LooseForm {
        LooseForm { form: FormFields::new(), pair: Pair::Held(Vec::new()), rest: None }
    }

    pub(crate) fn push(&mut self, mut chunk: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        while !chunk.is_empty() {
            if let Some(rest) = &mut self.rest {
                return rest.push(chunk, to);
            }
            let end = chunk.iter().position(|b| *b == b'&' || ends(*b));
            let (text, tail) = chunk.split_at(end.unwrap_or(chunk.len()));
            match &mut self.pair {
                Pair::Held(held) => {
                    held.extend_from_slice(text);
                    if held.len() > LONGEST {
                        self.form.push(held, to)?;
                        self.pair = Pair::Long;
                    }
                }
                Pair::Long => self.form.push(text, to)?,
                Pair::Kept => to.out.keep(text)?,
            }
            chunk = tail;
            if let Some(end) = chunk.first() {
                chunk = &chunk[self.pair_ends(*end, to)?..];
            }
        }
        Ok(())
    }

    /// Ends a pair at this byte. Returns how many bytes it consumed: one if the form goes on, otherwise none.
    fn pair_ends(&mut self, b: u8, to: &mut Pass<'_>) -> io::Result<usize> {
        let goes_on = match &self.pair {
            Pair::Held(held) if is_cut(held, b, to.rules) => {
                to.out.keep(held)?;
                false
            }
            Pair::Held(held) => {
                match b {
                    b'&' | b'\r' | b'\n' => self.form.push(held, to)?,
                    _ => to.out.keep(held)?,
                }
                matches!(b, b'&' | b' ')
            }
            Pair::Long => b == b'&',
            Pair::Kept => matches!(b, b'&' | b' '),
        };
        if !goes_on {
            let form = std::mem::replace(&mut self.form, FormFields::new());
            form.finish(to)?;
            self.rest = Some(Box::new(JsonFields::among_others(to.rules)));
            return Ok(0);
        }
        match (&self.pair, b) {
            (Pair::Held(_) | Pair::Long, b'&') => self.form.push(b"&", to)?,
            _ => to.out.keep(&[b])?,
        }
        self.pair = if b == b'&' { Pair::Held(Vec::new()) } else { Pair::Kept };
        Ok(1)
    }

    /// Ends the text.
    pub(crate) fn finish(mut self, to: &mut Pass<'_>) -> io::Result<()> {
        if let Some(rest) = self.rest {
            return rest.finish(to);
        }
        if let Pair::Held(held) = &self.pair {
            self.form.push(held, to)?;
        }
        self.form.finish(to)
    }
}

/// Whether the pair's value is the beginning of a named secret that continues with this byte. Such a value stays, so
/// that the later search by value finds the whole secret.
fn is_cut(pair: &[u8], b: u8, rules: &Rules) -> bool {
    let Some(at) = memchr::memchr(b'=', pair) else { return false };
    let value = &pair[at + 1..];
    let goes_on = |rest: &[u8]| rest.first().is_some_and(|next| *next == b || (b == b'\r' && *next == b'\n'));
    rules.secrets.iter().any(|secret| secret.value.as_bytes().strip_prefix(value).is_some_and(goes_on))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::LONGEST;
    use crate::redact::{Redactor, Rules};

    const TYPES: [&str; 4] = ["", "text/plain; charset=utf-8", "application/json", "application/hal+json"];

    fn redactor() -> Redactor {
        let rules = Rules::default().secret("KEY", "ab&cd \"ef").unwrap();
        Redactor::new(rules.secret("LINES", "line-1\nline-2").unwrap()).unwrap()
    }

    fn redact(redactor: &Redactor, content_type: &str, chunks: &[&[u8]]) -> String {
        let mut body = redactor.body(Some(content_type), Vec::new());
        chunks.iter().for_each(|chunk| body.write_all(chunk).unwrap());
        String::from_utf8(body.finish().unwrap()).unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let redactor = redactor();
        for content_type in TYPES {
            for cut in 0..=text.len() {
                let (a, b) = text.as_bytes().split_at(cut);
                assert_eq!(redact(&redactor, content_type, &[a, b]), expected, "cut at {cut}");
            }
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(redact(&redactor, content_type, &bytes), expected, "byte by byte");
            assert_eq!(redact(&redactor, content_type, &[expected.as_bytes()]), expected, "again");
        }
    }

    #[test]
    fn forms_without_their_content_type() {
        check("client_id=a&client_secret=x%2By", "client_id=a&client_secret=[client_secret:1]");
        check(
            "access_token=x-1&token_type=bearer&scope=repo",
            "access_token=[access_token:1]&token_type=bearer&scope=repo",
        );
        check(
            "\u{feff}\nuser[password]=it's|a,b;c#{d}&x=1\r\n",
            "\u{feff}\nuser[password]=[password:1]&x=1\r\n",
        );
        check("token=&token&pwd=x&token=", "token=&token&pwd=[pwd:1]&token=");
        check("a=1&p=%7B%22token%22%3A%22x%22%7D&b=2", "a=1&p=%7B%22token%22%3A%22[token:1]%22%7D&b=2");
        check("a=b c&d=e f&token=x", "a=b c&d=e f&token=[token:1]");
        check("token={{secret.KEY}}&pwd=[token:3]", "token={{secret.KEY}}&pwd=[token:3]");
        check("pwd=ab%26cd+%22ef&x=1", "pwd={{secret.KEY}}&x=1");
    }

    #[test]
    fn other_texts() {
        for text in [
            "password=hunter2 is a bad one & so is token=",
            "token=\"x\"",
            "token=x\"y\"",
            "token=x\ty\n",
            "token=<b>x</b>",
            "a = 1\ntoken = x\n",
            "id,token=x\n1,2\n",
            "dXNlcjp0b2tlbg==",
            "a=1\ntoken=x&pwd=y\n",
            "code=42&state=x&country_code=DE",
            "=&token=x",
            "x",
        ] {
            check(text, text);
        }
        check("password=abc\nfoo=bar\n", "password=[password:1]\nfoo=bar\n");
        check("level=info msg=\"x\"\n{\"token\":\"x\"}", "level=info msg=\"x\"\n{\"token\":\"[token:1]\"}");
    }

    /// A named secret that contains the end of a pair is replaced as a whole.
    #[test]
    fn named_secrets_stay_whole() {
        check("password=ab&cd \"ef\nx", "password={{secret.KEY}}\nx");
        check("password=ab&amp;cd &quot;ef", "password={{secret.KEY}}");
        check("token=line-1\nline-2\n", "token={{secret.LINES}}\n");
        check("token=line-1\r\nx", "token=line-1\r\nx");
    }

    /// A value that is too long to be held is redacted without waiting for its end.
    #[test]
    fn long_values_stream() {
        let redactor = redactor();
        let text = |value: &str| format!("a=1&token={value}&b={}\n", "y".repeat(3 * LONGEST));
        let body = text(&"x".repeat(3 * LONGEST));
        for size in [1000, LONGEST - 1, LONGEST, usize::MAX] {
            let chunks: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
            assert_eq!(redact(&redactor, "text/plain", &chunks), text("[token:1]"));
        }
    }
}
