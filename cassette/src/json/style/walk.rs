//! A pass through a whole document that is in memory. It is about three times as fast as the lexer, which goes token by
//! token.
//!
//! The pass only accepts or refuses a document. The lexer looks at a refused document again: the document may be legal,
//! and the lexer can say what is wrong.

use crate::json::lex::text_special;

/// The greatest number of levels, because one bit of a `u64` is kept for each level. Deeper documents are refused.
const DEPTH: usize = 64;

/// Follows one document (RFC 8259) from its first byte to the end of its value, and calls `gap` for every run of
/// whitespace between its tokens with the run's start and end. `None` if `gap` returns `false`, or the text is no such
/// document, begins with whitespace, or has more than `max_depth` levels (64 at most).
///
/// Bytes above 0x7f pass anywhere in strings; check the UTF-8 first if it matters.
#[inline(always)]
pub(super) fn walk(
    text: &[u8],
    max_depth: usize,
    mut gap: impl FnMut(usize, usize) -> bool,
) -> Option<usize> {
    let max_depth = max_depth.min(DEPTH);
    // Whether each open container is an object, the innermost in the lowest bit.
    let (mut objects, mut depth) = (0u64, 0);
    let mut i = 0;
    let mut space = |i: usize| match text.get(i)? {
        b' ' | b'\n' | b'\r' | b'\t' => {
            let len = text[i..].iter().position(|b| !matches!(b, b' ' | b'\n' | b'\r' | b'\t'));
            let end = len.map_or(text.len(), |len| i + len);
            gap(i, end).then_some(end)
        }
        _ => Some(i),
    };
    'value: loop {
        i = match *text.get(i)? {
            b'"' => string(text, i + 1)?,
            b'-' | b'0'..=b'9' => number(text, i)?,
            b't' => word(text, i, b"true")?,
            b'f' => word(text, i, b"false")?,
            b'n' => word(text, i, b"null")?,
            open @ (b'{' | b'[') => {
                if depth == max_depth {
                    return None;
                }
                i = space(i + 1)?;
                if *text.get(i)? == open + 2 {
                    i + 1
                } else {
                    depth += 1;
                    objects = objects << 1 | u64::from(open == b'{');
                    if open == b'{' {
                        i = key(text, i, &mut space)?;
                    }
                    continue 'value;
                }
            }
            _ => return None,
        };
        loop {
            if depth == 0 {
                return Some(i);
            }
            i = space(i)?;
            let object = objects & 1 == 1;
            match *text.get(i)? {
                b',' => {
                    i = space(i + 1)?;
                    if object {
                        i = key(text, i, &mut space)?;
                    }
                    continue 'value;
                }
                b'}' if object => {}
                b']' if !object => {}
                _ => return None,
            }
            i += 1;
            depth -= 1;
            objects >>= 1;
        }
    }
}

/// The offset of a member's value, from the offset of its name.
#[inline(always)]
fn key(text: &[u8], at: usize, space: &mut impl FnMut(usize) -> Option<usize>) -> Option<usize> {
    if *text.get(at)? != b'"' {
        return None;
    }
    let end = space(string(text, at + 1)?)?;
    if *text.get(end)? != b':' {
        return None;
    }
    space(end + 1)
}

/// The end of a string that begins before `from`.
#[inline(always)]
fn string(text: &[u8], from: usize) -> Option<usize> {
    let mut i = from;
    loop {
        i += text_special(text.get(i..)?)?;
        match text[i] {
            b'"' => return Some(i + 1),
            b'\\' => {
                i += match text.get(i + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    b'u' if text.get(i + 2..i + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}

#[inline(always)]
fn number(text: &[u8], at: usize) -> Option<usize> {
    let digits = |from: usize| {
        let rest = text.get(from..)?;
        let len = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        (len > 0).then_some(from + len)
    };
    let first = at + usize::from(text[at] == b'-');
    let mut end = if *text.get(first)? == b'0' { first + 1 } else { digits(first)? };
    if text.get(end) == Some(&b'.') {
        end = digits(end + 1)?;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = matches!(text.get(end + 1), Some(b'+' | b'-'));
        end = digits(end + 1 + usize::from(sign))?;
    }
    Some(end)
}

#[inline(always)]
fn word(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    text[at..].starts_with(word).then_some(at + word.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::lex::{Kind, Lexer};
    use proptest::prelude::*;

    /// The lexer's result: the end of the value, and the whitespace before it.
    fn lexed(text: &[u8]) -> Option<(usize, Vec<(usize, usize)>)> {
        let mut lexer = Lexer::new();
        let (mut at, mut end, mut gaps) = (0, 0, Vec::new());
        while let Some(piece) = lexer.next(text, at).ok()? {
            at = piece.span.end;
            match piece.kind {
                Kind::Whitespace if piece.span.start == 0 => return None,
                Kind::Whitespace => gaps.push((piece.span.start, at)),
                _ => end = at,
            }
        }
        lexer.finish().ok()?;
        gaps.retain(|(start, _)| *start < end);
        Some((end, gaps))
    }

    #[track_caller]
    fn check(text: &[u8]) {
        let mut gaps = Vec::new();
        let end = walk(text, 64, |start, end| {
            gaps.push((start, end));
            true
        });
        let found = end.map(|end| (end, gaps));
        let expected = lexed(text);
        // `walk` accepts any bytes after the value, and the lexer does not.
        match (&found, &expected) {
            (Some((end, _)), None) => assert!(lexed(&text[..*end]) == found, "{}", text.escape_ascii()),
            _ => assert_eq!(found, expected, "{}", text.escape_ascii()),
        }
    }

    #[test]
    fn depth() {
        for (levels, max, expected) in [(64, 64, true), (65, 99, false), (3, 3, true), (4, 3, false)] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let inner = if open == "[" { "" } else { "1" };
                let text = open.repeat(levels) + inner + &close.repeat(levels);
                let found = walk(text.as_bytes(), max, |_, _| false);
                assert_eq!(found, expected.then_some(text.len()), "{levels} levels of {open}");
            }
        }
    }

    proptest! {
        #[test]
        fn says_what_the_lexer_says(tokens in prop::collection::vec(prop::sample::select(&[
            "{", "}", "[", "]", ":", ",", "\"a\"", "\"a\":", "\"long name, longer than a word\":1", "\"b\\\"\":1", "\"\\\\\"",
            "\"\\u00e9\\ud800\"", "\"\\u00g9\"", "\"\\x\"", "\"\n\"", "\"\u{1f}\"", "\"\u{7f}\u{e9}\"", " ", "\r\n\t", "0", "01", "-",
            "-1.50", "1.", "1e5", "2E+7", "3e", "-0", "true", "tru", "false", "null", "x", "{\"a\":[1,{\"a\" : \"b\"}],\"n\":null}",
            "[ 1, 2 ]", "\"", "\\",
        ][..]), 0..16), brackets: bool) {
            let text = if brackets { format!("[{}]", tokens.join(",")) } else { tokens.concat() };
            check(text.as_bytes());
        }
    }
}
