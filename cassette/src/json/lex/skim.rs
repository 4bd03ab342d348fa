//! Skips whole tokens that the caller does not need, which is faster than to report each token.

use super::strings::text_end;
use super::{Expect, Inside, Lexer};

impl Lexer {
    /// Skips whole tokens of `chunk` from byte `at` on, as [`next`](Lexer::next) would report them, and returns the
    /// offset where it stopped. It stops at anything that needs a closer look: a name that is not `plain` or has an
    /// escape, a string that may be JSON itself, a token that may continue in the next chunk, an error. `plain` gets
    /// names without their quotes. Only [`lenient`](Lexer::lenient) lexers skip tokens. For any other lexer, the result
    /// is `at`.
    pub(crate) fn skim(&mut self, chunk: &[u8], at: usize, plain: impl Fn(&[u8]) -> bool) -> usize {
        debug_assert_eq!(at, self.read, "pieces are asked for in order");
        if !self.lenient || self.inside != Inside::Nothing {
            return at;
        }
        use Expect::*;
        let mut i = at;
        let mut object = self.open.top() == Some(true);
        while let Some(&b) = chunk.get(i) {
            let end = match (self.expect, b) {
                (_, b' ' | b'\n' | b'\r' | b'\t') => Some(i + 1),
                (Key | KeyOrEnd, b'"') => {
                    let end = text_end(chunk, i + 1)
                        .filter(|(end, escapes)| !escapes && plain(&chunk[i + 1..end - 1]));
                    end.map(|(end, _)| {
                        let colon = chunk.get(end) == Some(&b':');
                        self.expect = if colon { Value } else { Colon };
                        end + usize::from(colon)
                    })
                }
                (Colon, b':') => {
                    self.expect = Value;
                    Some(i + 1)
                }
                (CommaOrEnd, b',') => {
                    self.expect = if object { Key } else { Value };
                    Some(i + 1)
                }
                (Value | ValueOrEnd | Nothing, b'{' | b'[') => {
                    object = b == b'{';
                    self.open.push(object);
                    self.expect = if object { KeyOrEnd } else { ValueOrEnd };
                    Some(i + 1)
                }
                (KeyOrEnd | CommaOrEnd, b'}') if object => {
                    object = self.close();
                    Some(i + 1)
                }
                (ValueOrEnd | CommaOrEnd, b']') if !object => {
                    object = self.close();
                    Some(i + 1)
                }
                (Value | ValueOrEnd | Nothing, b) => {
                    let end = scalar_end(chunk, i, b);
                    if end.is_some() {
                        self.ended();
                    }
                    end
                }
                _ => None,
            };
            match end {
                Some(end) => i = end,
                None => break,
            }
        }
        self.read = i;
        i
    }

    /// Ends a container. Returns whether the container around it is an object.
    fn close(&mut self) -> bool {
        self.open.pop();
        self.ended();
        self.open.top() == Some(true)
    }
}

/// The end of a string, number or word that begins with `b` at `at`, if it certainly ends in the chunk.
#[inline(always)]
fn scalar_end(chunk: &[u8], at: usize, b: u8) -> Option<usize> {
    let word: &[u8] = match b {
        // A string that may be JSON itself needs a closer look.
        b'"' if matches!(chunk.get(at + 1), Some(b'{' | b'[')) => return None,
        b'"' => return text_end(chunk, at + 1).map(|(end, _)| end),
        b'-' | b'0'..=b'9' => return number_end(chunk, at),
        b't' => b"true",
        b'f' => b"false",
        b'n' => b"null",
        _ => return None,
    };
    chunk[at..].starts_with(word).then_some(at + word.len())
}

/// The end of a number. Another byte has to follow: a number at the end of the chunk may continue.
#[inline(always)]
fn number_end(chunk: &[u8], at: usize) -> Option<usize> {
    let digits = |from: usize| {
        let len = chunk.get(from..)?.iter().position(|b| !b.is_ascii_digit())?;
        Some(from + len)
    };
    let first = at + usize::from(chunk[at] == b'-');
    let mut end = if *chunk.get(first)? == b'0' { first + 1 } else { digits(first)? };
    if end == first {
        return None;
    }
    if *chunk.get(end)? == b'.' {
        let fraction = end + 1;
        end = digits(fraction)?;
        if end == fraction {
            return None;
        }
    }
    // Exponents are rare; `next` handles them.
    (!matches!(*chunk.get(end)?, b'e' | b'E')).then_some(end)
}
