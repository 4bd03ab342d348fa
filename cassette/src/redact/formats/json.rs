//! Redaction of JSON by member name and by pointer, on a stream of tokens. Every byte that isn't redacted stays as it
//! is.
//!
//! Must not know: the text around a document, links, secrets by value.

use std::io;
use std::sync::Arc;

use crate::json::lex::{Kind, Lexer};
use crate::json::stack::Stack;
use crate::json::unescape;
use crate::redact::account::identity::ValueDigest;
use crate::redact::formats::pass::Pass;
use crate::redact::formats::splice::Pending;
use crate::redact::formats::unescape::{Coding, Unescaper};
use crate::redact::rules::label::Left;
use crate::redact::rules::pointers::Pointers;
use crate::redact::rules::rule::Rule;
use crate::redact::rules::set::Rules;
use crate::redact::values::encoding::Encoding;

/// Replaces the string value of a member whose name has a rule, at any depth. If the value is an array, the strings in
/// the array are replaced, and the strings in arrays inside it. If the value is an object, each of its members is
/// redacted only if the name of the member has a rule. If the value is a number or a boolean, it stays. The account
/// counts the numbers, booleans and objects that are the values of such members. If a pointer leads to a container, all
/// strings inside the container are replaced. Empty strings stay. If a string contains JSON, the rules for names apply
/// inside it.
///
/// Reads one document or many (newline-delimited). Text that is not JSON passes untouched, up to the next line that
/// begins with a bracket.
pub(crate) struct JsonFields {
    lexer: Lexer,
    broken: bool,
    /// Whether the last byte was a line break.
    line: bool,
    /// How many bytes of a byte order mark at the beginning have been read.
    bom: usize,
    /// The raw name being read, with its quotes.
    key: Vec<u8>,
    /// The rule for the last name, which applies to the next value.
    armed: Option<Arc<Rule>>,
    /// Whether the project keeps the field with the last name.
    excused: bool,
    /// The open containers, from the outermost array under a name with a rule inwards. Each entry says whether strings
    /// directly in the container are redacted. Empty outside such arrays.
    arrays: Stack,
    /// The rule for the strings in the containers of `arrays`.
    rule: Option<Arc<Rule>>,
    /// The position of the next value, if a rule has a pointer.
    pointers: Option<Pointers>,
    /// The rule of a pointer that leads to an open container, and the number of open containers from that container
    /// inwards, itself included.
    deep: Option<(Arc<Rule>, usize)>,
    text: Text,
    /// The encodings of a string: first the encoding of this document, then the encodings of the documents around it.
    encodings: Vec<Encoding>,
}

/// The string value being read.
enum Text {
    /// A string that is not redacted.
    Kept,
    /// A string that the project keeps.
    Excused(ValueDigest, Unescaper),
    /// A string whose first byte has not been read yet.
    Empty,
    /// A string that may be JSON.
    Document(Box<JsonFields>, Unescaper, Pending),
    /// A redacted string, and whether it has any content.
    Secret(ValueDigest, Unescaper, Arc<Rule>, bool),
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The byte before each document of a sequence (RFC 7464). JSON itself never contains it.
pub(crate) const RECORD: u8 = 0x1e;

/// The length in bytes of the longest name that is compared with rules, with its quotes and escapes.
const LONGEST_KEY: usize = 1024;

/// The deepest nesting of documents in strings that is read. Real documents are not nested that deep.
pub(crate) const MAX_NESTING: usize = 8;

impl JsonFields {
    pub(crate) fn new(rules: &Rules) -> JsonFields {
        JsonFields {
            lexer: Lexer::lenient(),
            broken: false,
            line: false,
            bom: 0,
            key: Vec::new(),
            armed: None,
            excused: false,
            arrays: Stack::default(),
            rule: None,
            pointers: rules.pointers.begin(),
            deep: None,
            text: Text::Kept,
            encodings: vec![Encoding::Json],
        }
    }

    /// The parser for a document inside a text with these encodings. JSON pointers do not apply to such a document.
    pub(crate) fn within(rules: &Rules, around: &[Encoding]) -> JsonFields {
        let encodings = [&[Encoding::Json], around].concat();
        JsonFields { bom: BOM.len(), pointers: None, encodings, ..JsonFields::new(rules) }
    }

    /// The parser for one of several documents in a text that also contains other text.
    pub(crate) fn among_others(rules: &Rules) -> JsonFields {
        JsonFields { bom: BOM.len(), ..JsonFields::new(rules) }
    }

    pub(crate) fn push(&mut self, chunk: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        let mut at = self.read(chunk, to)?;
        while at < chunk.len() {
            let passed = self.passed(&chunk[at..]);
            let run = passed.unwrap_or(chunk.len() - at);
            to.out.keep(&chunk[at..at + run])?;
            at += run;
            if passed.is_some() {
                self.restart(to.rules);
                at += self.read(&chunk[at..], to)?;
            }
        }
        Ok(())
    }

    /// The length of the text before the next document. `None` if no document begins in the text. A document begins
    /// with a bracket at the beginning of a line, or after the byte [`RECORD`]. In indented JSON the brackets of inner
    /// containers have spaces before them, so they do not begin a document.
    fn passed(&mut self, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            if self.line && matches!(text.get(at), Some(b'{' | b'[')) {
                return Some(at);
            }
            self.line &= at == text.len();
            at += memchr::memchr2(b'\n', RECORD, &text[at..])? + 1;
            self.line = text[at - 1] == b'\n';
            if !self.line {
                return Some(at);
            }
        }
    }

    fn restart(&mut self, rules: &Rules) {
        (self.lexer, self.broken) = (Lexer::lenient(), false);
        (self.arrays, self.armed, self.rule, self.deep) = (Stack::default(), None, None, None);
        self.pointers = self.pointers.take().and_then(|_| rules.pointers.begin());
    }

    /// Like `push`, but stops where the text is no JSON any more. Returns how many bytes it has read.
    pub(crate) fn read(&mut self, chunk: &[u8], to: &mut Pass<'_>) -> io::Result<usize> {
        let (whole, mut chunk) = (chunk, chunk);
        while self.bom < BOM.len() && !chunk.is_empty() {
            if chunk[0] != BOM[self.bom] {
                self.broken |= self.bom > 0;
                self.bom = BOM.len();
                break;
            }
            to.out.keep(&chunk[..1])?;
            self.bom += 1;
            chunk = &chunk[1..];
        }
        // `chunk[..kept]` has been kept or replaced.
        let (mut at, mut kept) = (0, 0);
        while !self.broken {
            if self.idle() {
                at = self.lexer.skim(chunk, at, |name| {
                    !to.rules.fields.may_end(name) || !to.rules.fields.may_hold(name)
                });
            }
            let piece = match self.lexer.next(chunk, at) {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(e) => {
                    self.broken = true;
                    // The JSON ends at the error, and not before the broken token, because that token may begin before
                    // this chunk.
                    at = self.lexer.place(&e);
                    break;
                }
            };
            at = piece.span.end;
            let text = &chunk[piece.span.clone()];
            match piece.kind {
                Kind::Whitespace | Kind::Colon | Kind::Comma => {}
                Kind::Key => {
                    if piece.first {
                        self.key.clear();
                    }
                    self.key.extend_from_slice(&text[..text.len().min(LONGEST_KEY + 1 - self.key.len())]);
                    if piece.done {
                        (self.armed, self.excused) = rule(&self.key, to.rules);
                        if let Some(pointers) = &mut self.pointers {
                            pointers.key(&self.key);
                        }
                    }
                }
                Kind::ArrayStart => {
                    let armed = self.open(true);
                    if armed.is_some() || self.arrays.depth() > 0 {
                        self.arrays.push(armed.is_some() || self.arrays.top() == Some(true));
                    }
                    self.rule = armed.or(self.rule.take());
                }
                Kind::ObjectStart => {
                    self.excused = false;
                    let of_array = self.rule_of_array();
                    let rule = self.open(false).or(of_array).filter(|_| self.deep.is_none());
                    if let Some(rule) = rule {
                        to.account.note(&rule.label.left(Left::Object));
                    }
                    if self.arrays.depth() > 0 {
                        self.arrays.push(false);
                    }
                }
                Kind::ArrayEnd | Kind::ObjectEnd => {
                    self.excused = false;
                    if let Some(pointers) = &mut self.pointers {
                        pointers.close();
                    }
                    self.deep = self.deep.take().map(|(rule, open)| (rule, open - 1)).filter(|(_, n)| *n > 0);
                    if self.arrays.depth() > 0 {
                        self.arrays.pop();
                    }
                }
                Kind::Number | Kind::True | Kind::False | Kind::Null => {
                    if piece.first
                        && let Some(rule) = self.rule_of_value()
                        && piece.kind != Kind::Null
                    {
                        let left = if piece.kind == Kind::Number { Left::Number } else { Left::Boolean };
                        to.account.note(&rule.label.left(left));
                    }
                }
                Kind::String => {
                    let (mut content, mut closing) = (piece.span.clone(), &text[..0]);
                    if piece.first {
                        self.text = self.begin(to, text.get(1));
                        content.start += 1;
                    }
                    if matches!(self.text, Text::Kept) {
                        continue;
                    }
                    if piece.done {
                        content.end -= 1;
                        closing = &chunk[content.end..at];
                    }
                    to.out.keep(&chunk[kept..content.start])?;
                    self.feed(&chunk[content], to)?;
                    kept = at - closing.len();
                    if piece.done {
                        self.end(to)?;
                    }
                }
            }
        }
        let read = if self.broken { at } else { chunk.len() };
        to.out.keep(&chunk[kept..read])?;
        let read = whole.len() - chunk.len() + read;
        self.line = whole[..read].last().map_or(self.line, |last| *last == b'\n');
        Ok(read)
    }

    /// Ends the current string, because other text interrupts the document. The string does not continue after that
    /// text.
    pub(crate) fn interrupt(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        self.broken |= !matches!(self.text, Text::Kept);
        self.end(to)
    }

    /// Whether nothing is redacted before the next name with a rule.
    fn idle(&self) -> bool {
        self.armed.is_none()
            && !self.excused
            && self.arrays.depth() == 0
            && self.pointers.is_none()
            && matches!(self.text, Text::Kept)
    }

    /// Begins a container, and returns the rule that applies to it.
    fn open(&mut self, is_array: bool) -> Option<Arc<Rule>> {
        let placed = self.pointers.as_mut().and_then(|pointers| pointers.value());
        if let Some(pointers) = &mut self.pointers {
            pointers.open(is_array);
        }
        match (&mut self.deep, &placed) {
            (Some((_, open)), _) => *open += 1,
            (None, Some(rule)) => self.deep = Some((rule.clone(), 1)),
            (None, None) => {}
        }
        self.armed.take().or(placed)
    }

    /// The rule for the next value, which is no container.
    fn rule_of_value(&mut self) -> Option<Arc<Rule>> {
        let placed = self.pointers.as_mut().and_then(|pointers| pointers.value());
        let armed = self.armed.take().or(placed);
        armed.or_else(|| self.rule_of_array()).or_else(|| self.deep.as_ref().map(|(rule, _)| rule.clone()))
    }

    fn rule_of_array(&self) -> Option<Arc<Rule>> {
        if self.arrays.top() == Some(true) { self.rule.clone() } else { None }
    }

    /// Begins a string. `first` is its first byte, if that byte has been read.
    fn begin(&mut self, to: &Pass<'_>, first: Option<&u8>) -> Text {
        if let Some(rule) = self.rule_of_value() {
            return Text::Secret(to.account.identity.value(), Unescaper::new(Coding::Json), rule, false);
        }
        first.map_or(Text::Empty, |first| self.document(to, *first))
    }

    /// Decides by the first byte whether a string without a rule may be JSON.
    fn document(&self, to: &Pass<'_>, first: u8) -> Text {
        match first {
            b'{' | b'[' if self.encodings.len() <= MAX_NESTING => {
                let inner = JsonFields::within(to.rules, &self.encodings);
                Text::Document(Box::new(inner), Unescaper::new(Coding::Json), Pending::default())
            }
            _ if self.excused => Text::Excused(to.account.identity.value(), Unescaper::new(Coding::Json)),
            _ => Text::Kept,
        }
    }

    fn feed(&mut self, content: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        if let (Text::Empty, Some(first)) = (&self.text, content.first()) {
            self.text = self.document(to, *first);
        }
        match &mut self.text {
            Text::Kept | Text::Empty => to.out.keep(content),
            Text::Excused(value, unescaper) => {
                to.out.keep(content)?;
                unescaper.push(content, &mut |raw, decoded| {
                    value.push_as(raw, decoded);
                    Ok(())
                })
            }
            Text::Document(inner, unescaper, pending) => unescaper.push(content, &mut |raw, decoded| {
                to.within(pending, raw, decoded, |to| inner.push(decoded, to))
            }),
            Text::Secret(value, unescaper, _, any) => {
                *any |= !content.is_empty();
                to.out.skip(content.len())?;
                unescaper.push(content, &mut |raw, decoded| {
                    value.push_as(raw, decoded);
                    Ok(())
                })
            }
        }
    }

    /// Ends the string.
    pub(crate) fn end(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        match std::mem::replace(&mut self.text, Text::Kept) {
            Text::Secret(mut value, unescaper, rule, true) => {
                unescaper.finish(&mut |raw, decoded| {
                    value.push_as(raw, decoded);
                    Ok(())
                })?;
                to.out.insert(&to.account.replace(&rule, &value, to.rules, &self.encodings))
            }
            Text::Excused(mut value, unescaper) => {
                unescaper.finish(&mut |raw, decoded| {
                    value.push_as(raw, decoded);
                    Ok(())
                })?;
                // The text stage decides about a token only when it has read the quote after it.
                to.account.excuse(&value);
                Ok(())
            }
            Text::Document(mut inner, unescaper, mut pending) => {
                unescaper.finish(&mut |raw, decoded| {
                    to.within(&mut pending, raw, decoded, |to| inner.push(decoded, to))
                })?;
                to.within(&mut pending, b"", b"", |to| inner.end(to))
            }
            Text::Kept | Text::Empty | Text::Secret(..) => Ok(()),
        }
    }

    /// Ends the body. A redacted string that was cut off gets a closing quote.
    pub(crate) fn finish(mut self, to: &mut Pass<'_>) -> io::Result<()> {
        let cut = matches!(self.text, Text::Secret(.., true));
        self.end(to)?;
        if cut { to.out.keep(b"\"") } else { Ok(()) }
    }
}

/// The rule for a raw name, which is given with its quotes, and whether the project keeps the field.
fn rule(key: &[u8], rules: &Rules) -> (Option<Arc<Rule>>, bool) {
    // The parser does not collect a longer name as a whole.
    if key.len() > LONGEST_KEY {
        return (None, false);
    }
    let key = &key[1..key.len() - 1];
    // A name that the project keeps stays in the filter.
    if !rules.fields.may_hold(key) {
        return (None, false);
    }
    let key = unescape(&String::from_utf8_lossy(key)).into_owned();
    (rules.field_rule(&key), rules.keeps_field(&key))
}
