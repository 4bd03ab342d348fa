//! Writes JSON on one line for the journal, and lays the same text out over many lines for the document.
//!
//! No library does that here, for two reasons. The layout must never change, so that a new recording gives a small
//! diff. And bodies are inserted verbatim.
//!
//! Must not know: interactions.

use std::io;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::json::lex::quote_or_backslash;

/// Writes JSON without whitespace, piece by piece. The caller must make the calls in an order that gives valid JSON.
#[derive(Default)]
pub(super) struct Compact {
    out: Vec<u8>,
    /// Whether the innermost open bracket has an item already, so that the next item needs a comma.
    followed: bool,
}

impl Compact {
    /// Writes an opening bracket: `{` or `[`.
    pub(super) fn open(&mut self, bracket: u8) {
        self.followed = false;
        self.out.push(bracket);
    }

    /// Writes a closing bracket: `}` or `]`.
    pub(super) fn close(&mut self, bracket: u8) {
        self.followed = true;
        self.out.push(bracket);
    }

    /// Writes the key of the next value of an object.
    pub(super) fn key(&mut self, key: &str) -> io::Result<()> {
        self.item();
        self.value(key)?;
        self.out.push(b':');
        Ok(())
    }

    /// Writes the separator before the next item of an array.
    pub(super) fn item(&mut self) {
        if self.followed {
            self.out.push(b',');
        }
        self.followed = true;
    }

    /// Writes a number or a string.
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value).map_err(io::Error::from)
    }

    /// Writes a text as it is. The text is punctuation, or JSON without whitespace between its tokens.
    pub(super) fn raw(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    /// Writes any value, with sorted keys.
    pub(super) fn tree(&mut self, value: &Value) -> io::Result<()> {
        match value {
            Value::Array(items) => {
                self.open(b'[');
                for item in items {
                    self.item();
                    self.tree(item)?;
                }
                self.close(b']');
            }
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by_key(|(key, _)| *key);
                self.open(b'{');
                for (key, value) in fields {
                    self.key(key)?;
                    self.tree(value)?;
                }
                self.close(b'}');
            }
            _ => self.value(value)?,
        }
        Ok(())
    }

    /// Writes the fields of other programs into the open object, sorted by key. The map may be unsorted, because the
    /// feature `preserve_order` of serde_json may be on.
    pub(super) fn extra(&mut self, fields: &Map<String, Value>) -> io::Result<()> {
        let mut fields: Vec<_> = fields.iter().collect();
        fields.sort_by_key(|(key, _)| *key);
        for (key, value) in fields {
            self.key(key)?;
            self.tree(value)?;
        }
        Ok(())
    }

    /// The text that was written.
    pub(super) fn end(self) -> Vec<u8> {
        self.out
    }
}

/// A line break, and enough spaces to indent most lines.
const BREAK: &[u8; 257] = &{
    let mut text = [b' '; 257];
    text[0] = b'\n';
    text
};

/// Appends the text of a [`Compact`] to `out`, with one line for each key and item. Each level is indented by two
/// spaces, and the text starts at level `depth`. If a space follows an opening bracket, the space is dropped, and
/// everything up to the closing bracket stays on one line.
///
/// The tokens are not checked. Only whitespace is added.
pub(super) fn document(compact: &[u8], mut depth: usize, out: &mut Vec<u8>) {
    // The text before `from` has been appended already.
    let (mut i, mut from) = (0, 0);
    while let Some(&b) = compact.get(i) {
        i += 1;
        match b {
            b'"' => i = text_end(compact, i),
            b'{' | b'[' => match compact.get(i) {
                Some(b'}' | b']') => i += 1,
                Some(b' ') => {
                    out.extend_from_slice(&compact[from..i]);
                    from = i + 1;
                    i = container_end(compact, from);
                }
                _ => {
                    out.extend_from_slice(&compact[from..i]);
                    from = i;
                    depth += 1;
                    line(depth, out);
                }
            },
            b'}' | b']' => {
                out.extend_from_slice(&compact[from..i - 1]);
                from = i - 1;
                depth = depth.saturating_sub(1);
                line(depth, out);
            }
            b',' => {
                out.extend_from_slice(&compact[from..i]);
                from = i;
                line(depth, out);
            }
            b':' => {
                out.extend_from_slice(&compact[from..i]);
                from = i;
                out.push(b' ');
            }
            _ => {}
        }
    }
    out.extend_from_slice(&compact[from..]);
}

fn line(depth: usize, out: &mut Vec<u8>) {
    match BREAK.get(..1 + 2 * depth) {
        Some(text) => out.extend_from_slice(text),
        None => {
            out.push(b'\n');
            out.resize(out.len() + 2 * depth, b' ');
        }
    }
}

/// The offset after a string whose opening quote is right before `from`.
fn text_end(text: &[u8], from: usize) -> usize {
    let mut i = from;
    while let Some(n) = text.get(i..).and_then(quote_or_backslash) {
        if text[i + n] == b'"' {
            return i + n + 1;
        }
        i += n + 2;
    }
    text.len()
}

/// The offset after an object or array whose opening bracket is right before `from`.
fn container_end(text: &[u8], from: usize) -> usize {
    let (mut i, mut open) = (from, 1);
    while let Some(b) = text.get(i).filter(|_| open > 0) {
        i += 1;
        match b {
            b'"' => i = text_end(text, i),
            b'{' | b'[' => open += 1,
            b'}' | b']' => open -= 1,
            _ => {}
        }
    }
    i
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(compact: &str, depth: usize, expected: &str) {
        let mut out = Vec::new();
        document(compact.as_bytes(), depth, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn lines() {
        check("{}", 0, "{}");
        check("[[],{},1]", 0, "[\n  [],\n  {},\n  1\n]");
        check(
            "{\"a\":[1,2],\"b\":\"\"}",
            1,
            "{\n    \"a\": [\n      1,\n      2\n    ],\n    \"b\": \"\"\n  }",
        );
        check(r#"["[1, {\"a\": 2}]","\\",1]"#, 0, "[\n  \"[1, {\\\"a\\\": 2}]\",\n  \"\\\\\",\n  1\n]");
        check(
            r#"{"a":[ "]\"", "b"],"c":{ "d": [[]]},"e":[ {"f": 1}, 2]}"#,
            0,
            "{\n  \"a\": [\"]\\\"\", \"b\"],\n  \"c\": {\"d\": [[]]},\n  \"e\": [{\"f\": 1}, 2]\n}",
        );
        // The innermost lines need more spaces than `BREAK` has.
        let deep = ["[".repeat(200), "]".repeat(200)].concat();
        let mut out = Vec::new();
        document(deep.as_bytes(), 0, &mut out);
        let lines: Vec<_> = std::str::from_utf8(&out).unwrap().lines().map(str::len).collect();
        let down = (0..199).map(|n| 2 * n + 1);
        let expected: Vec<_> = down.clone().chain([2 * 199 + 2]).chain(down.rev()).collect();
        assert_eq!(lines, expected);
    }

    /// The layout equals the layout of serde_json's pretty-printer.
    #[test]
    fn as_others_do() {
        let value = serde_json::json!({"a": [1, {"b": [], "c": {}}, "x\"\\\n"], "d": {"e": null}});
        let mut compact = Compact::default();
        compact.tree(&value).unwrap();
        let compact = String::from_utf8(compact.end()).unwrap();
        assert_eq!(compact, serde_json::to_string(&value).unwrap());
        check(&compact, 0, &serde_json::to_string_pretty(&value).unwrap());
    }
}
