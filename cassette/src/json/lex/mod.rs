//! A tokenizer that takes a document in chunks (RFC 8259). It keeps a state and one bit for each open container, never
//! the text, so even a long and deep body needs little memory.

mod skim;
mod strings;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::SyntaxError;
use super::stack::Stack;
use strings::PLAIN;
pub(crate) use strings::{quote_or_backslash, text_special};

/// Splits a document, fed in chunks of any size, into tokens.
///
/// A token that straddles chunks is returned as several `Piece`s. The concatenation of all pieces is exactly the
/// input. Strings are checked by RFC 8259 (no raw control characters, only known escapes; lone surrogates such as
/// `\ud800` are legal), except that any bytes above 0x7f pass. Check the UTF-8 first if it matters.
///
/// ```
/// use cassette::__support::{Kind, Lexer};
///
/// let mut lexer = Lexer::new();
/// let mut kinds = Vec::new();
/// for chunk in [&b"[tr"[..], b"ue]"] {
///     let mut at = 0;
///     while let Some(piece) = lexer.next(chunk, at)? {
///         at = piece.span.end;
///         kinds.push((piece.kind, piece.done));
///     }
/// }
/// lexer.finish()?;
/// assert_eq!(
///     kinds,
///     [(Kind::ArrayStart, true), (Kind::True, false), (Kind::True, true), (Kind::ArrayEnd, true)]
/// );
/// # Ok::<(), cassette::TestError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lexer {
    expect: Expect,
    inside: Inside,
    open: Stack,
    lenient: bool,
    /// The offset of the current chunk's first byte in the whole input.
    base: u64,
    /// The offset in the current chunk up to which it has been read; the next call must continue there.
    read: usize,
}

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `{`
    ObjectStart,
    /// `}`
    ObjectEnd,
    /// `[`
    ArrayStart,
    /// `]`
    ArrayEnd,
    /// `:`
    Colon,
    /// `,`
    Comma,
    /// The name of an object's member, with its quotes.
    Key,
    /// A string that is a value, with its quotes.
    String,
    /// A number.
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
    /// A run of insignificant whitespace, or a part of one.
    Whitespace,
}

/// A token, or the part of it that lies in the current chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The kind of the token.
    pub kind: Kind,
    /// The place in the chunk. It is empty if the token is a number that ended with the previous chunk: only this chunk
    /// shows that the number does not continue.
    pub span: Range<usize>,
    /// Whether this piece begins the token.
    pub first: bool,
    /// Whether this piece ends the token.
    pub done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// A key or a string, with the progress of an escape: 0 outside of an escape, 1 after its backslash, 2 to 5 if 1 to
    /// 4 of its hex digits are still missing.
    Text(Kind, u8),
    Number(Number),
    /// `true`, `false` or `null`, with the number of bytes seen.
    Word(Kind, u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Int,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

impl Number {
    fn may_end(self) -> bool {
        matches!(self, Number::Zero | Number::Int | Number::Fraction | Number::Exponent)
    }

    fn next(self, b: u8) -> Option<Number> {
        Some(match (self, b) {
            (Number::Minus, b'0') => Number::Zero,
            (Number::Minus, b'1'..=b'9') | (Number::Int, b'0'..=b'9') => Number::Int,
            (Number::Zero | Number::Int, b'.') => Number::Point,
            (Number::Point | Number::Fraction, b'0'..=b'9') => Number::Fraction,
            (Number::Zero | Number::Int | Number::Fraction, b'e' | b'E') => Number::E,
            (Number::E, b'+' | b'-') => Number::Sign,
            (Number::E | Number::Sign | Number::Exponent, b'0'..=b'9') => Number::Exponent,
            _ => return None,
        })
    }
}

impl Default for Lexer {
    fn default() -> Self {
        Lexer::new()
    }
}

impl Lexer {
    /// A lexer for one document: one value with whitespace around it.
    pub fn new() -> Lexer {
        Lexer {
            expect: Expect::Value,
            inside: Inside::Nothing,
            open: Stack::default(),
            lenient: false,
            base: 0,
            read: 0,
        }
    }

    /// A lexer for redaction. It accepts any number of values in sequence (newline-delimited JSON, concatenated
    /// documents), and any bytes and escapes in strings. A string therefore ends at its closing quote and nowhere else.
    pub fn lenient() -> Lexer {
        Lexer { lenient: true, ..Lexer::new() }
    }

    /// The next token of `chunk` from byte `at`, or the next piece of a token. `None` at the end of the chunk: then the
    /// caller passes the next chunk. `at` is 0 for a new chunk, and the end of the last piece's span after that.
    ///
    /// # Errors
    ///
    /// The input breaks the grammar. Everything before [`SyntaxError::offset`] that was not returned yet belongs to the
    /// broken token. The lexer must not be used any further.
    #[inline(always)]
    pub fn next(&mut self, chunk: &[u8], at: usize) -> Result<Option<Piece>, SyntaxError> {
        debug_assert_eq!(at, self.read, "pieces are asked for in order");
        if at >= chunk.len() {
            self.base += chunk.len() as u64;
            self.read = 0;
            return Ok(None);
        }
        let first = matches!(self.inside, Inside::Nothing);
        let (kind, end, done) = match self.inside {
            Inside::Nothing => self.start(chunk, at)?,
            Inside::Text(kind, escape) => self.text(chunk, at, kind, escape)?,
            Inside::Number(state) => self.number(chunk, at, state)?,
            Inside::Word(kind, seen) => self.word(chunk, at, kind, seen)?,
        };
        self.read = end;
        Ok(Some(Piece { kind, span: at..end, first, done }))
    }

    /// The offset of an error within the chunk that [`next`](Lexer::next) was given.
    pub(crate) fn place(&self, error: &SyntaxError) -> usize {
        (error.offset - self.base) as usize
    }

    /// Checks, after the last chunk, that the document is complete.
    ///
    /// # Errors
    ///
    /// The input ended in the middle of a document.
    pub fn finish(&self) -> Result<(), SyntaxError> {
        let complete = match self.inside {
            Inside::Nothing => self.expect == Expect::Nothing || (self.lenient && self.open.depth() == 0),
            Inside::Number(state) => state.may_end() && self.open.depth() == 0,
            _ => false,
        };
        let offset = self.base + self.read as u64;
        if complete { Ok(()) } else { Err(SyntaxError { offset, message: "unexpected end of input" }) }
    }

    /// The number of open containers.
    pub fn depth(&self) -> usize {
        self.open.depth()
    }

    fn error<T>(&self, at: usize, message: &'static str) -> Result<T, SyntaxError> {
        Err(SyntaxError { offset: self.base + at as u64, message })
    }

    #[inline(always)]
    fn start(&mut self, chunk: &[u8], at: usize) -> Result<(Kind, usize, bool), SyntaxError> {
        let b = chunk[at];
        if matches!(b, b' ' | b'\n' | b'\r' | b'\t') {
            let rest = &chunk[at..];
            let len = rest.iter().position(|b| !matches!(b, b' ' | b'\n' | b'\r' | b'\t'));
            return Ok((Kind::Whitespace, len.map_or(chunk.len(), |n| at + n), true));
        }
        if self.expect == Expect::Nothing && self.lenient {
            self.expect = Expect::Value;
        }
        use Expect::*;
        let kind = match (self.expect, b) {
            (Value | ValueOrEnd, b'{') => {
                self.open.push(true);
                self.expect = KeyOrEnd;
                Kind::ObjectStart
            }
            (Value | ValueOrEnd, b'[') => {
                self.open.push(false);
                self.expect = ValueOrEnd;
                Kind::ArrayStart
            }
            (Value | ValueOrEnd, b'"') => return self.text(chunk, at + 1, Kind::String, 0),
            (Key | KeyOrEnd, b'"') => return self.text(chunk, at + 1, Kind::Key, 0),
            (Value | ValueOrEnd, b'-') => return self.number(chunk, at + 1, Number::Minus),
            (Value | ValueOrEnd, b'0') => return self.number(chunk, at + 1, Number::Zero),
            (Value | ValueOrEnd, b'1'..=b'9') => return self.number(chunk, at + 1, Number::Int),
            (Value | ValueOrEnd, b't') => return self.word(chunk, at + 1, Kind::True, 1),
            (Value | ValueOrEnd, b'f') => return self.word(chunk, at + 1, Kind::False, 1),
            (Value | ValueOrEnd, b'n') => return self.word(chunk, at + 1, Kind::Null, 1),
            (KeyOrEnd | CommaOrEnd, b'}') if self.open.top() == Some(true) => {
                self.open.pop();
                self.ended();
                Kind::ObjectEnd
            }
            (ValueOrEnd | CommaOrEnd, b']') if self.open.top() == Some(false) => {
                self.open.pop();
                self.ended();
                Kind::ArrayEnd
            }
            (Colon, b':') => {
                self.expect = Value;
                Kind::Colon
            }
            (CommaOrEnd, b',') => {
                self.expect = if self.open.top() == Some(true) { Key } else { Value };
                Kind::Comma
            }
            (Value, _) => return self.error(at, "expected a value"),
            (ValueOrEnd, _) => return self.error(at, "expected a value or `]`"),
            (Key, _) => return self.error(at, "expected a member name in quotes"),
            (KeyOrEnd, _) => return self.error(at, "expected a member name in quotes or `}`"),
            (Colon, _) => return self.error(at, "expected `:`"),
            (CommaOrEnd, _) if self.open.top() == Some(true) => return self.error(at, "expected `,` or `}`"),
            (CommaOrEnd, _) => return self.error(at, "expected `,` or `]`"),
            (Nothing, _) => return self.error(at, "expected nothing after the value"),
        };
        Ok((kind, at + 1, true))
    }

    /// Sets the expectation after a complete value.
    fn ended(&mut self) {
        self.expect = if self.open.depth() == 0 { Expect::Nothing } else { Expect::CommaOrEnd };
    }

    /// Reads on inside a string, from offset `from`. The caller makes the piece from the result. The piece begins at
    /// `from`, or one byte earlier if it has the opening quote.
    #[inline(always)]
    fn text(
        &mut self,
        chunk: &[u8],
        from: usize,
        kind: Kind,
        mut escape: u8,
    ) -> Result<(Kind, usize, bool), SyntaxError> {
        let mut i = from;
        while i < chunk.len() {
            let b = chunk[i];
            match escape {
                0 if PLAIN[b as usize] && self.lenient => {
                    let special = quote_or_backslash(&chunk[i..]);
                    i = special.map_or(chunk.len(), |n| i + n);
                    continue;
                }
                0 if PLAIN[b as usize] => {}
                0 if b == b'"' => {
                    self.inside = Inside::Nothing;
                    if kind == Kind::Key {
                        self.expect = Expect::Colon
                    } else {
                        self.ended()
                    }
                    return Ok((kind, i + 1, true));
                }
                0 if b == b'\\' => escape = 1,
                0 if self.lenient => {}
                0 => return self.error(i, "control character in a string"),
                1 if self.lenient => escape = 0,
                1 if b == b'u' => escape = 5,
                1 if matches!(b, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => escape = 0,
                1 => return self.error(i, "unknown escape in a string"),
                _ if b.is_ascii_hexdigit() => escape = if escape == 2 { 0 } else { escape - 1 },
                _ => return self.error(i, "expected four hexadecimal digits after `\\u`"),
            }
            i += 1;
        }
        self.inside = Inside::Text(kind, escape);
        Ok((kind, i, false))
    }

    #[inline(always)]
    fn number(
        &mut self,
        chunk: &[u8],
        from: usize,
        mut state: Number,
    ) -> Result<(Kind, usize, bool), SyntaxError> {
        let kind = Kind::Number;
        for (i, &b) in chunk.iter().enumerate().skip(from) {
            match state.next(b) {
                Some(next) => state = next,
                None if state.may_end() => {
                    self.inside = Inside::Nothing;
                    self.ended();
                    return Ok((kind, i, true));
                }
                None => return self.error(i, "expected a digit"),
            }
        }
        self.inside = Inside::Number(state);
        Ok((kind, chunk.len(), false))
    }

    #[inline(always)]
    fn word(
        &mut self,
        chunk: &[u8],
        from: usize,
        kind: Kind,
        mut seen: u8,
    ) -> Result<(Kind, usize, bool), SyntaxError> {
        let word: &[u8] = match kind {
            Kind::True => b"true",
            Kind::False => b"false",
            _ => b"null",
        };
        let mut i = from;
        while i < chunk.len() && usize::from(seen) < word.len() {
            if chunk[i] != word[usize::from(seen)] {
                return self.error(i, "expected `true`, `false` or `null`");
            }
            i += 1;
            seen += 1;
        }
        let done = usize::from(seen) == word.len();
        if done {
            self.inside = Inside::Nothing;
            self.ended();
        } else {
            self.inside = Inside::Word(kind, seen);
        }
        Ok((kind, i, done))
    }
}
