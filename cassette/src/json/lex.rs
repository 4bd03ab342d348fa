//! A tokenizer that is pushed one chunk after the other (RFC 8259). It keeps a state and one bit for each
//! open container, never the text, so a body of any length and depth goes through in bounded memory.

use std::ops::Range;

use super::SyntaxError;
use super::stack::Stack;

/// Splits a document, fed in chunks of any size, into tokens.
///
/// A token that straddles chunks comes as several [`Piece`]s. The concatenation of all pieces is exactly the
/// input. Strings are checked as RFC 8259 has them (no raw control characters, known escapes; lone surrogates
/// such as `\ud800` are legal there), except that any bytes above 0x7f pass: who needs UTF-8 checks that first.
///
/// ```
/// use cassette::json::lex::{Kind, Lexer};
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
    /// Of the first byte of the current chunk in the whole input.
    base: u64,
    /// How far the current chunk has been read: where the next call must go on.
    read: usize,
}

/// What a token is.
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

/// A token, or as much of it as lies in the current chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What the token is.
    pub kind: Kind,
    /// Where in the chunk. May be empty for a number that turns out to have ended with the last chunk.
    pub span: Range<usize>,
    /// This piece begins the token.
    pub first: bool,
    /// This piece ends the token.
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
    /// A key or a string; how far an escape has come: 0 none, 1 after the backslash, 2–5 hex digits to go + 1.
    Text(Kind, u8),
    Number(Number),
    /// `true`, `false`, `null`: bytes seen.
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
    /// For one document: one value with whitespace around it.
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

    /// For redaction: any number of values one after the other (newline-delimited JSON, concatenated
    /// documents), and strings with any bytes and escapes in them. So a string ends at its closing quote and
    /// nowhere else.
    pub fn lenient() -> Lexer {
        Lexer { lenient: true, ..Lexer::new() }
    }

    /// The next token, or the next piece of one, of `chunk` from byte `at`. `None` when all of the chunk has
    /// been reported. `at` is 0 for a new chunk, and the end of the last piece's span after that.
    ///
    /// # Errors
    ///
    /// Where the input breaks the grammar. Everything before [`SyntaxError::offset`] that was not reported yet
    /// belongs to the broken token. The lexer must not be used any further.
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

    /// Where in the chunk that [`next`](Lexer::next) was given an error of its is.
    pub(crate) fn place(&self, error: &SyntaxError) -> usize {
        (error.offset - self.base) as usize
    }

    /// Passes over whole tokens from byte `at` of `chunk` on, as [`next`](Lexer::next) would report them, and
    /// says where it stopped. That is where anything comes that wants a closer look: a name that is not `plain`
    /// or has an escape in it, a token that may go on in the next chunk, an error. `plain` is given the names
    /// without their quotes. For [`lenient`](Lexer::lenient) lexers; others stay where they are.
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

    /// Ends a container. Whether it lies directly in an object.
    fn close(&mut self) -> bool {
        self.open.pop();
        self.ended();
        self.open.top() == Some(true)
    }

    /// Says that there is no more input.
    ///
    /// # Errors
    ///
    /// The input ended in the middle.
    pub fn finish(&self) -> Result<(), SyntaxError> {
        let complete = match self.inside {
            Inside::Nothing => self.expect == Expect::Nothing || (self.lenient && self.open.depth() == 0),
            Inside::Number(state) => state.may_end() && self.open.depth() == 0,
            _ => false,
        };
        let offset = self.base + self.read as u64;
        if complete { Ok(()) } else { Err(SyntaxError { offset, message: "unexpected end of input" }) }
    }

    /// How many containers are open.
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

    /// After a whole value: what may follow it.
    fn ended(&mut self) {
        self.expect = if self.open.depth() == 0 { Expect::Nothing } else { Expect::CommaOrEnd };
    }

    /// From `from` on inside a string; the piece begins at `start`, which is less only on its opening quote.
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

/// The end of a string, number or word that begins with `b` at `at`, if it surely ends in the chunk.
#[inline(always)]
fn scalar_end(chunk: &[u8], at: usize, b: u8) -> Option<usize> {
    let word: &[u8] = match b {
        // What may be JSON itself is looked at.
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

/// Where the string ends whose opening quote is before `from`: after its closing quote. And whether there are
/// escapes in it.
#[inline(always)]
fn text_end(chunk: &[u8], from: usize) -> Option<(usize, bool)> {
    let (mut i, mut escapes) = (from, false);
    loop {
        i += quote_or_backslash(chunk.get(i..)?)?;
        if chunk[i] == b'"' {
            return Some((i + 1, escapes));
        }
        escapes = true;
        i += 2;
    }
}

/// Strings are mostly so short that calling for `memchr` takes longer than looking at eight bytes in a register.
#[inline(always)]
pub(crate) fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    let (words, _) = text.as_chunks();
    for (n, word) in words.iter().take(NEAR).enumerate() {
        let word = u64::from_le_bytes(*word);
        let found =
            zeros(word ^ u64::from_ne_bytes([b'"'; 8])) | zeros(word ^ u64::from_ne_bytes([b'\\'; 8]));
        if found != 0 {
            return Some(8 * n + found.trailing_zeros() as usize / 8);
        }
    }
    let near = 8 * words.len().min(NEAR);
    memchr::memchr2(b'"', b'\\', &text[near..]).map(|n| near + n)
}

/// The same, or a control character.
#[inline(always)]
pub(crate) fn text_special(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks();
    for (n, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ u64::from_ne_bytes([b'"'; 8]))
            | zeros(word ^ u64::from_ne_bytes([b'\\'; 8]))
            | controls(word);
        if found != 0 {
            return Some(8 * n + found.trailing_zeros() as usize / 8);
        }
    }
    let special = rest.iter().position(|b| !PLAIN[usize::from(*b)]);
    special.map(|n| 8 * words.len() + n)
}

/// Sets the upper bit of the first byte below 0x20, and of none before it.
#[inline(always)]
fn controls(word: u64) -> u64 {
    word.wrapping_sub(u64::from_ne_bytes([0x20; 8])) & !word & u64::from_ne_bytes([0x80; 8])
}

/// Words of eight bytes.
const NEAR: usize = 4;

/// Sets the upper bit of the first byte that is 0, and of none before it.
#[inline(always)]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(u64::from_ne_bytes([1; 8])) & !word & u64::from_ne_bytes([0x80; 8])
}

/// A number is over when something else comes: not at the end of the chunk.
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
    // Exponents are rare: who reports them piece by piece knows them.
    (!matches!(*chunk.get(end)?, b'e' | b'E')).then_some(end)
}

/// Bytes that stand for themselves in a string.
static PLAIN: [bool; 256] = {
    let mut table = [true; 256];
    let mut b = 0;
    while b < 0x20 {
        table[b] = false;
        b += 1;
    }
    table[b'"' as usize] = false;
    table[b'\\' as usize] = false;
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole tokens as texts, or the offset of the error; for every way to cut the input in two.
    fn lex(mut lexer: Lexer, chunks: &[&[u8]]) -> Result<Vec<(Kind, Vec<u8>)>, u64> {
        let mut tokens: Vec<(Kind, Vec<u8>)> = Vec::new();
        for chunk in chunks {
            let mut at = 0;
            while let Some(piece) = lexer.next(chunk, at).map_err(|e| e.offset)? {
                assert_eq!(piece.span.start, at, "no gaps");
                at = piece.span.end;
                let text = &chunk[piece.span];
                match tokens.last_mut() {
                    Some((kind, last))
                        if !piece.first || (*kind, piece.kind) == (Kind::Whitespace, *kind) =>
                    {
                        last.extend_from_slice(text);
                    }
                    _ => tokens.push((piece.kind, text.to_vec())),
                }
            }
        }
        lexer.finish().map_err(|e| e.offset)?;
        Ok(tokens)
    }

    #[track_caller]
    fn check(input: &[u8], error_at: Option<u64>) {
        let whole = lex(Lexer::new(), &[input]);
        assert_eq!(whole.as_ref().err().copied(), error_at, "{}", input.escape_ascii());
        if let Ok(tokens) = &whole {
            let joined: Vec<u8> = tokens.iter().flat_map(|(_, t)| t.clone()).collect();
            assert_eq!(joined, input);
        }
        for cut in 0..=input.len() {
            let (a, b) = input.split_at(cut);
            assert_eq!(lex(Lexer::new(), &[a, b]), whole, "cut at {cut}: {}", input.escape_ascii());
        }
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(lex(Lexer::new(), &bytes), whole, "byte by byte: {}", input.escape_ascii());
    }

    #[test]
    fn documents() {
        check(b"null", None);
        check(b" true ", None);
        check(b"-0", None);
        check(b"1.50e+10", None);
        check(br#"{"a":[1,2,{"b":"c\"\\\/\b\f\n\r\t\u00e9\ud800"}],"a":false}"#, None);
        check("{\"é\": [ ] , \"x\" : { } }\r\n".as_bytes(), None);
        check(b"\"\xff\xfe\"", None);
        check(b"[[],{},\"\"]", None);
    }

    #[test]
    fn errors_say_where() {
        check(b"", Some(0));
        check(b"  ", Some(2));
        check(b"nul", Some(3));
        check(b"nulL", Some(3));
        check(b"01", Some(1));
        check(b"-", Some(1));
        check(b"1.", Some(2));
        check(b"1.e3", Some(2));
        check(b"+1", Some(0));
        check(b"[1,]", Some(3));
        check(b"[1 2]", Some(3));
        check(b"{\"a\":1,}", Some(7));
        check(b"{\"a\" 1}", Some(5));
        check(b"{a:1}", Some(1));
        check(b"[}", Some(1));
        check(b"{]", Some(1));
        check(b"[1}", Some(2));
        check(b"{\"a\":1]", Some(6));
        check(b"]", Some(0));
        check(b"1 2", Some(2));
        check(b"\"a\nb\"", Some(2));
        check(b"\"\\x\"", Some(2));
        check(b"\"\\u12g4\"", Some(5));
        check(b"\"abc", Some(4));
        check(b"\xef\xbb\xbf1", Some(0));
        check(b"[1", Some(2));
        check(b"'a'", Some(0));
    }

    #[test]
    fn lenient() {
        for (input, ok) in [("1 2\n{}\n[]{}", true), ("", true), ("1\n", true), ("{} x", false), ("[", false)]
        {
            assert_eq!(lex(Lexer::lenient(), &[input.as_bytes()]).is_ok(), ok, "{input}");
        }
    }

    type Tokens = Vec<(Kind, Vec<u8>)>;

    /// All that [`lex`] tells, with `skim` wherever it can be asked.
    fn skimmed(chunks: &[&[u8]], plain: impl Fn(&[u8]) -> bool) -> (Tokens, Result<usize, u64>) {
        let (mut lexer, mut looked_at) = (Lexer::lenient(), Vec::new());
        for chunk in chunks {
            let mut at = 0;
            loop {
                at = lexer.skim(chunk, at, &plain);
                match lexer.next(chunk, at) {
                    Ok(None) => break,
                    Err(e) => return (looked_at, Err(e.offset)),
                    Ok(Some(piece)) => {
                        at = piece.span.end;
                        if piece.kind == Kind::Key && piece.first && piece.done {
                            looked_at.push((piece.kind, chunk[piece.span].to_vec()));
                        }
                    }
                }
            }
        }
        (looked_at, lexer.finish().map(|()| lexer.depth()).map_err(|e| e.offset))
    }

    #[track_caller]
    fn check_skim(input: &[u8], cut: usize) {
        let (a, b) = input.split_at(cut);
        let expected = lex(Lexer::lenient(), &[a, b]);
        let (names, result) = skimmed(&[a, b], |_| true);
        assert_eq!(result.err(), expected.as_ref().err().copied(), "cut at {cut}: {}", input.escape_ascii());
        assert!(names.iter().all(|(_, name)| name.contains(&b'\\')), "{}", input.escape_ascii());
        let (names, result) = skimmed(&[input], |name| name != b"a");
        assert_eq!(result.err(), expected.as_ref().err().copied(), "{}", input.escape_ascii());
        let wanted =
            expected.unwrap_or_default().into_iter().filter(|token| *token == (Kind::Key, b"\"a\"".into()));
        let names = names.into_iter().filter(|(_, name)| !name.contains(&b'\\'));
        if result.is_ok() {
            assert_eq!(names.collect::<Vec<_>>(), wanted.collect::<Vec<_>>(), "{}", input.escape_ascii());
        }
    }

    proptest::proptest! {
        #[test]
        fn skimming_changes_nothing(
            tokens in proptest::collection::vec(proptest::sample::select(&[
                "{", "}", "[", "]", ":", ",", ",", "\"a\"", "\"a\":", "\"long name, longer than a word\":",
                "\"b\\\"\":1", "\"c\\\\\"", "\"\n\x01\"", " ", "\r\n\t", "0", "01", "-", "-1.50", "1.", "1e5",
                "2E+7", "123456789", "true", "tru", "false", "null", "x", "{\"a\":[1,{\"a\":\"b\"}],\"n\":null}",
                "\"", "\\", "\u{e9}",
            ][..]), 0..24),
            cut in proptest::arbitrary::any::<proptest::sample::Index>(),
        ) {
            let input = tokens.concat().into_bytes();
            check_skim(&input, cut.index(input.len() + 1));
        }

        #[test]
        fn skimming_lists_of_anything(
            tokens in proptest::collection::vec(proptest::sample::select(&[
                "0", "-0", "12.5", "3e1", "1.e", "\"a\"", "{}", "{\"a\":0}", "{\"b\":[],\"a\" : [ ] }", "[true]", "nul", "{,}",
            ][..]), 0..12),
            cut in proptest::arbitrary::any::<proptest::sample::Index>(),
        ) {
            let input = format!("[{}]", tokens.join(",")).into_bytes();
            check_skim(&input, cut.index(input.len() + 1));
        }
    }

    #[test]
    fn a_million_levels() {
        let mut deep = vec![b'['; 1_000_000];
        deep.extend(vec![b']'; 1_000_000]);
        assert_eq!(lex(Lexer::new(), &[&deep]).map(|t| t.len()), Ok(2_000_000));
        assert_eq!(lex(Lexer::new(), &[&deep[..1_000_000]]), Err(1_000_000));
    }

    #[test]
    fn position_of_an_error() {
        let input = b"{\n  \"a\": x}";
        let mut lexer = Lexer::new();
        let mut at = 0;
        let error = loop {
            match lexer.next(input, at) {
                Ok(piece) => at = piece.expect("it is broken before its end").span.end,
                Err(e) => break e,
            }
        };
        assert_eq!(error.position(input), (2, 8));
        assert_eq!(error.to_string(), "invalid JSON at byte 9: expected a value");
    }
}
