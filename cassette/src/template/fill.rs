//! Finds and replaces expressions in a stream.

use std::io::{self, Write};
use std::sync::Arc;

use memchr::memmem;

use super::{Value, Values};
use crate::media_type;
use crate::redact::Encoding;

pub(super) const OPEN: &[u8] = b"{{";
const CLOSE: &[u8] = b"}}";

/// The length of the longest expression.
const LONGEST: usize = 1024;

/// The expression for `{{` itself.
const LITERAL: &[u8] = b"'{{'";

/// A writer that fills in expressions and passes the result on. It holds back the last bytes, because an expression may
/// continue in the next write.
pub(crate) struct Filler<W> {
    values: Option<Arc<Values>>,
    encoding: Encoding,
    held: Vec<u8>,
    next: W,
}

/// The encoding of values in a body of this content type.
fn encoding(content_type: Option<&str>) -> Encoding {
    let encoding = Encoding::of(content_type);
    let essence = media_type::essence(content_type.unwrap_or(""));
    match encoding {
        Encoding::Plain if media_type::is_html(&essence) || media_type::is_xml(&essence) => Encoding::Html,
        // Values in strings of scripts are escaped as in strings of JSON.
        Encoding::Plain if media_type::is_script(&essence) => Encoding::Json,
        _ => encoding,
    }
}

impl<W: Write> Filler<W> {
    /// A filler. Without values the bytes pass unchanged.
    pub(crate) fn new(values: Option<Arc<Values>>, content_type: Option<&str>, next: W) -> Filler<W> {
        Filler { values, encoding: encoding(content_type), held: Vec::new(), next }
    }

    pub(crate) fn next_mut(&mut self) -> &mut W {
        &mut self.next
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.pass(true)?;
        Ok(self.next)
    }

    /// Passes on the bytes that later bytes cannot change. At the end, these are all bytes.
    fn pass(&mut self, at_end: bool) -> io::Result<()> {
        let Some(values) = &self.values else { return Ok(()) };
        let held = std::mem::take(&mut self.held);
        let mut passed = 0;
        // The quote before an expression belongs to it, if the expression is the whole string.
        let before = |start: usize, passed: usize| start.saturating_sub(2).max(passed);
        let mut from = 0;
        let settled = loop {
            let Some(start) = memmem::find(&held[from..], OPEN).map(|at| from + at) else {
                break if at_end { held.len() } else { before(held.len().saturating_sub(1), passed) };
            };
            let inside = &held[start + 2..held.len().min(start + 2 + LONGEST + CLOSE.len())];
            let close = match inside.starts_with(LITERAL) {
                true => Some(LITERAL.len()).filter(|at| inside[*at..].starts_with(CLOSE)),
                false => memmem::find(inside, CLOSE),
            };
            let Some(close) = close.map(|at| start + 2 + at) else {
                if at_end || inside.len() == LONGEST + CLOSE.len() {
                    from = start + 1;
                    continue;
                }
                break before(start, passed);
            };
            let end = close + CLOSE.len();
            // The byte after the expression has not come yet. If it is a quote, the expression may be a whole string.
            if end == held.len() && !at_end {
                break before(start, passed);
            }
            if held[start + 2..close] == *LITERAL {
                self.next.write_all(&held[passed..start])?;
                self.next.write_all(OPEN)?;
                (passed, from) = (end, end);
                continue;
            }
            // The last two braces of `{{{` belong to the expression.
            let start = memmem::rfind(&held[start..close], OPEN).map_or(start, |at| start + at);
            let Some(expression) = expression(&held[start + 2..close]) else {
                from = start + 1;
                continue;
            };
            let value = values.value(expression).map_err(io::Error::other)?;
            let mut is_string = self.encoding == Encoding::Json
                && start > passed
                && held[start - 1] == b'"'
                && held.get(end) == Some(&b'"')
                && !(start - 1 > passed && held[start - 2] == b'\\');
            if is_string && matches!(value, Value::Json(_)) {
                let after = &held[end + 1..];
                let space = after.iter().take_while(|b| b" \t\r\n".contains(b)).take(LONGEST).count();
                if space == after.len() && !at_end {
                    break before(start, passed);
                }
                // The name of a member is a string, whatever value the request has.
                is_string = after.get(space) != Some(&b':');
            }
            match value {
                // The expression is the whole string, so it becomes the request's value: a number stays a number.
                Value::Json(json) if is_string => {
                    self.next.write_all(&held[passed..start - 1])?;
                    self.next.write_all(json.as_bytes())?;
                    passed = end + 1;
                }
                value => {
                    self.next.write_all(&held[passed..start])?;
                    self.next.write_all(self.encoding.encode(value.text()).as_bytes())?;
                    passed = end;
                }
            }
            from = passed;
        };
        let settled = settled.max(passed);
        self.next.write_all(&held[passed..settled])?;
        self.held = held;
        self.held.drain(..settled);
        Ok(())
    }
}

impl Filler<Vec<u8>> {
    /// Fills in one text.
    pub(super) fn text(values: Arc<Values>, text: &[u8]) -> io::Result<Vec<u8>> {
        let mut filler = Filler::new(Some(values), None, Vec::new());
        filler.write_all(text)?;
        filler.finish()
    }
}

impl<W: Write> Write for Filler<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.values.is_none() {
            self.next.write_all(bytes)?;
            return Ok(bytes.len());
        }
        self.held.extend_from_slice(bytes);
        self.pass(false)?;
        Ok(bytes.len())
    }

    /// Flushes the next writer. The held bytes stay, because they may be the beginning of an expression.
    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

/// The text between the braces, if it may be an expression. The text is no expression if it is the placeholder of a
/// secret, or if the braces belong to the document and only happen to follow each other.
fn expression(inside: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(inside).ok()?.trim();
    let foreign = |c: char| c.is_control() || "\"{}".contains(c);
    (!text.is_empty() && !text.starts_with("secret.") && !text.contains(foreign)).then_some(text)
}
