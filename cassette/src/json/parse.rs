//! A tree of a JSON document for comparisons: order, duplicate keys and number texts are kept.

use std::borrow::Cow;

use super::SyntaxError;
use super::error::TOO_DEEP;
use super::lex::{Kind, Lexer};

/// The deepest nesting of arrays and objects that [`parse`] accepts.
pub(crate) const MAX_DEPTH: usize = 256;

/// A JSON value that borrows from the text it was parsed from.
///
/// `==` is literal: `1.0` differs from `1`, and the order of members counts. Compare numbers with
/// [`number_eq`](super::number_eq).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// The number's text.
    Number(&'a str),
    /// The string's value, as returned by [`unescape`].
    String(Cow<'a, str>),
    /// The items in order.
    Array(Vec<Value<'a>>),
    /// Names and values in order, duplicates included.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// Parses one document (RFC 8259) with whitespace around it.
///
/// # Errors
///
/// The text is not JSON, not UTF-8, or nested deeper than [`MAX_DEPTH`].
pub(crate) fn parse(text: &[u8]) -> Result<Value<'_>, SyntaxError> {
    let text = std::str::from_utf8(text)
        .map_err(|e| SyntaxError { offset: e.valid_up_to() as u64, message: "invalid UTF-8" })?;
    let mut lexer = Lexer::new();
    let mut at = 0;
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut root = None;
    while let Some(piece) = lexer.next(text.as_bytes(), at)? {
        let token = &text[piece.span.clone()];
        let value = match piece.kind {
            Kind::Whitespace | Kind::Colon | Kind::Comma => None,
            Kind::ObjectStart | Kind::ArrayStart if open.len() == MAX_DEPTH => {
                return Err(SyntaxError { offset: at as u64, message: TOO_DEEP });
            }
            Kind::ObjectStart => {
                open.push(Open::Object(Vec::new(), Cow::Borrowed("")));
                None
            }
            Kind::ArrayStart => {
                open.push(Open::Array(Vec::new()));
                None
            }
            Kind::ObjectEnd | Kind::ArrayEnd => match open.pop() {
                Some(Open::Object(members, _)) => Some(Value::Object(members)),
                Some(Open::Array(items)) => Some(Value::Array(items)),
                None => None,
            },
            // The closing quote is missing; the lexer reports that at the end.
            Kind::Key | Kind::String if !piece.done => None,
            Kind::Key => {
                if let Some(Open::Object(_, name)) = open.last_mut() {
                    *name = unescape(inner(token));
                }
                None
            }
            Kind::String => Some(Value::String(unescape(inner(token)))),
            Kind::Number => Some(Value::Number(token)),
            Kind::True => Some(Value::Bool(true)),
            Kind::False => Some(Value::Bool(false)),
            Kind::Null => Some(Value::Null),
        };
        at = piece.span.end;
        match (value, open.last_mut()) {
            (None, _) => {}
            (Some(value), Some(Open::Array(items))) => items.push(value),
            (Some(value), Some(Open::Object(members, name))) => members.push((std::mem::take(name), value)),
            (Some(value), None) => root = Some(value),
        }
    }
    lexer.finish()?;
    root.ok_or(SyntaxError { offset: at as u64, message: "expected a value" })
}

enum Open<'a> {
    Array(Vec<Value<'a>>),
    /// The members so far, and the name of the next member.
    Object(Vec<(Cow<'a, str>, Value<'a>)>, Cow<'a, str>),
}

fn inner(token: &str) -> &str {
    &token[1..token.len() - 1]
}

/// The value of a JSON string, from the text between its quotes (which the lexer has checked).
///
/// A surrogate escape without its partner stands for no character. Different strings must still stay different, so the
/// escape becomes the noncharacter U+FDD0 and the four digits of the escape. U+FDD0 itself is escaped in the same way.
pub(crate) fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['\\', MARK]) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['\\', MARK]) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix(MARK) {
            push_unit(&mut out, MARK as u32);
            rest = after;
            continue;
        }
        let escape = rest.as_bytes().get(1).copied().unwrap_or(b'\\');
        if escape != b'u' {
            out.push(match escape {
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                other => char::from(other),
            });
            rest = rest.get(2..).unwrap_or("");
            continue;
        }
        let high = unit(rest).unwrap_or(0xfffd);
        rest = rest.get(6..).unwrap_or("");
        let low = unit(rest).filter(|low| (0xdc00..0xe000).contains(low));
        match low {
            Some(low) if (0xd800..0xdc00).contains(&high) => {
                push_unit(&mut out, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
                rest = &rest[6..];
            }
            _ => push_unit(&mut out, high),
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

const MARK: char = '\u{fdd0}';

/// The code unit of the `\uXXXX` at the start of `text`.
fn unit(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

fn push_unit(out: &mut String, unit: u32) {
    match char::from_u32(unit) {
        Some(c) if c != MARK => out.push(c),
        _ => out.push_str(&format!("{MARK}{unit:04x}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, value: &str) {
        assert_eq!(unescape(raw), value, "{raw}");
        let token = format!("\"{raw}\"");
        assert_eq!(parse(token.as_bytes()), Ok(Value::String(value.into())), "{raw}");
    }

    #[test]
    fn strings() {
        check("", "");
        check("plain", "plain");
        check(r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t");
        check(r"\u00e9\u20AC", "é€");
        check(r"\ud83d\ude00!", "😀!");
        check(r"\ud800", "\u{fdd0}d800");
        check(r"\uD800x", "\u{fdd0}d800x");
        check(r"\udc00\ud800", "\u{fdd0}dc00\u{fdd0}d800");
        check(r"\ud800\ud83d\ude00", "\u{fdd0}d800😀");
        check(r"\ud800\u0041", "\u{fdd0}d800A");
        check("\u{fdd0}d800", "\u{fdd0}fdd0d800");
        check(r"\\ud800", "\\ud800");
        check(r"é\n", "é\n");
    }

    #[test]
    fn trees() {
        let value = parse(br#" {"a":[1.0,true,null,{}],"a":"x","":[]} "#).unwrap();
        let Value::Object(members) = &value else { panic!("{value:?}") };
        assert_eq!(members.len(), 3);
        assert_eq!(
            members[0].1,
            Value::Array(vec![Value::Number("1.0"), Value::Bool(true), Value::Null, Value::Object(vec![]),])
        );
        assert_eq!(members[1], ("a".into(), Value::String("x".into())));
        assert_eq!(members[2], ("".into(), Value::Array(vec![])));
    }

    #[test]
    fn errors() {
        assert_eq!(parse(b"\"\xff\"").unwrap_err().offset, 1);
        assert_eq!(parse(b"[1,").unwrap_err().offset, 3);
        assert_eq!(parse(b"\"abc").unwrap_err().offset, 4);
        assert_eq!(parse(b"{\"a").unwrap_err().offset, 3);
        assert_eq!(parse(b"-").unwrap_err().offset, 1);
    }

    #[test]
    fn depth() {
        let nest = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(parse(nest(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse(nest(MAX_DEPTH + 1).as_bytes()).unwrap_err().offset, MAX_DEPTH as u64);
        assert!(parse(nest(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn members_keep_their_order_and_their_text() {
        let value = parse(br#"{"b": 1.0, "a": null}"#).unwrap();
        let Value::Object(members) = value else { panic!() };
        assert_eq!(members[0], ("b".into(), Value::Number("1.0")));
    }

    #[test]
    fn escapes_and_lone_surrogates() {
        assert_eq!(unescape(r"caf\u00e9"), "café");
        assert_ne!(unescape(r"\ud800"), unescape(r"\ud801"));
    }
}
