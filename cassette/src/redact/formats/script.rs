//! Redaction of JSON in scripts, such as JSONP: `callback({"token": "…"});`.
//!
//! Must not know: the syntax of scripts beyond the beginning of a value.

use std::io;

use crate::redact::formats::json::JsonFields;
use crate::redact::formats::pass::Pass;

/// Reads a text as JSON from each bracket that may begin a value: a bracket in the arguments of a call, after an equals
/// sign, or at the beginning of the script. After the end of the JSON, the text is a script again.
pub(crate) struct ScriptFields {
    json: Option<Box<JsonFields>>,
    /// Whether a value may follow, judging by the last character that is not white space.
    opens: bool,
}

impl ScriptFields {
    pub(crate) fn new() -> ScriptFields {
        ScriptFields { json: None, opens: true }
    }

    pub(crate) fn push(&mut self, mut chunk: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        while !chunk.is_empty() {
            let taken = match &mut self.json {
                Some(json) => json.read(chunk, to)?,
                None => {
                    let mut brackets = memchr::memchr2_iter(b'{', b'[', chunk);
                    let opening = brackets.find(|at| opens(&chunk[..*at], self.opens));
                    let run = opening.unwrap_or(chunk.len());
                    to.out.keep(&chunk[..run])?;
                    run
                }
            };
            self.opens = opens(&chunk[..taken], self.opens);
            chunk = &chunk[taken..];
            // The text changes from script to JSON, or from JSON to script.
            if !chunk.is_empty() {
                self.json = match self.json {
                    Some(_) => None,
                    None => Some(Box::new(JsonFields::among_others(to.rules))),
                };
            }
        }
        Ok(())
    }

    /// Ends the script.
    pub(crate) fn finish(self, to: &mut Pass<'_>) -> io::Result<()> {
        self.json.map_or(Ok(()), |json| json.finish(to))
    }
}

/// Whether a value may follow this text. `before` is the answer if the text is only white space.
fn opens(text: &[u8], before: bool) -> bool {
    let last = text.trim_ascii_end().last();
    last.map_or(before, |last| matches!(last, b'(' | b',' | b'='))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use crate::redact::{Redactor, Rules};

    #[track_caller]
    fn check(script: &str, expected: &str) {
        let redact = |script: &str, size: usize, content_type: &str| {
            let redactor = Redactor::new(Rules::default().pointer("/places/*/pin").unwrap()).unwrap();
            let mut body = redactor.body(Some(content_type), Vec::new());
            script.as_bytes().chunks(size).for_each(|chunk| body.write_all(chunk).unwrap());
            String::from_utf8(body.finish().unwrap()).unwrap()
        };
        for content_type in ["application/javascript", "text/javascript; charset=utf-8"] {
            for size in [usize::MAX, 1, 2, 3, 5, 7, 16] {
                assert_eq!(redact(script, size, content_type), expected, "{size} bytes at once");
            }
        }
        assert_eq!(redact(expected, 3, "text/javascript"), expected, "redacting again changes nothing");
    }

    #[test]
    fn calls() {
        check(r#"callback({"token":"x","n":1.0});"#, r#"callback({"token":"[token:1]","n":1.0});"#);
        check(
            "/**/ typeof a.b === 'function' && a.b( \n {\"token\": \"x\"} )",
            "/**/ typeof a.b === 'function' && a.b( \n {\"token\": \"[token:1]\"} )",
        );
        check(
            r#"a(200, {"token":"x"}); b([1,{"pwd":["y"]}]);c({"token":"x"})"#,
            r#"a(200, {"token":"[token:1]"}); b([1,{"pwd":["[pwd:1]"]}]);c({"token":"[token:1]"})"#,
        );
        check(r#"f({"places":[{"pin":"x"}]})"#, r#"f({"places":[{"pin":"[pin:1]"}]})"#);
        check(r#"f({"token":"x"#, r#"f({"token":"[token:1]""#);
    }

    #[test]
    fn other_values() {
        check(r#"{"token":"x"}"#, r#"{"token":"[token:1]"}"#);
        check("\n[{\"token\":\"x\"}]", "\n[{\"token\":\"[token:1]\"}]");
        check(r#"window.state = {"token":"x"};"#, r#"window.state = {"token":"[token:1]"};"#);
        check(r#"f({"a":g({"token":"x"}),"token":"y"})"#, r#"f({"a":g({"token":"[token:1]"}),"token":"y"})"#);
    }

    #[test]
    fn scripts() {
        for script in [
            "function f(a, b) { if (a[\"token\"]) { return {token: \"x\"}; } }",
            "var token = \"x\"; f(tru(e({a: 1}))); f([], {}, [1, 2, tru]);",
            "f({\"a\" = {{{[[[",
            "",
        ] {
            check(script, script);
        }
    }
}
