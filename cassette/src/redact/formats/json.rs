//! Redaction of JSON by member name, on the token stream: every byte that isn't redacted stays as it is.

use std::io;
use std::sync::Arc;

use crate::json::lex::{Kind, Lexer};
use crate::json::stack::Stack;
use crate::json::unescape;
use crate::redact::account::identity::ValueDigest;
use crate::redact::formats::pass::Pass;
use crate::redact::formats::splice::Pending;
use crate::redact::formats::unescape::{Coding, Plain};
use crate::redact::rules::label::Left;
use crate::redact::rules::pointers::Pointers;
use crate::redact::rules::rule::Rule;
use crate::redact::rules::set::Rules;
use crate::redact::values::encoding::Encoding;

/// Replaces string values of members whose name is on the list, at any depth, also in arrays directly under such
/// a name. Other values keep their type and so stay, which is counted; members of an object go by their own names,
/// unless a pointer leads to it: then all strings in it go.
/// An empty string holds nothing and stays. A string that is JSON itself is opened, and treated the same.
///
/// Takes one document or many (newline-delimited). Where the input is not JSON, it passes untouched up to the next line
/// that begins with a bracket.
pub(crate) struct JsonFields {
    lexer: Lexer,
    broken: bool,
    /// The last byte was a line break.
    line: bool,
    /// Bytes of the byte order mark seen.
    mark: usize,
    /// The name being read, as it stands between its quotes.
    key: Vec<u8>,
    /// The rule that the last name fell under, for the value that comes next.
    armed: Option<Arc<Rule>>,
    /// From the outermost array under such a name inwards, for each open container: strings directly in it are
    /// redacted. Empty outside such arrays.
    arrays: Stack,
    /// The rule of the arrays.
    rule: Option<Arc<Rule>>,
    /// Where the value that comes next stands, if any rule asks for places.
    pointers: Option<Pointers>,
    /// The rule of a pointer that leads to a container which is open, and how many are open from that one on.
    deep: Option<(Arc<Rule>, usize)>,
    text: Text,
    /// How a string is written: of this document, and of those around it.
    encodings: Vec<Encoding>,
}

/// The string value being read.
enum Text {
    /// Stays.
    Kept,
    /// Its first byte hasn't come yet.
    Begun,
    /// May be JSON.
    Document(Box<JsonFields>, Plain, Pending),
    /// Goes.
    Secret(ValueDigest, Plain, Arc<Rule>, bool),
}

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Begins each document of a sequence (RFC 7464). JSON never has it.
pub(crate) const RECORD: u8 = 0x1e;

/// No name on a list is longer than this, with every character escaped.
const LONGEST_KEY: usize = 1024;

/// JSON in JSON in JSON: deeper than any that is real.
pub(crate) const MAX_NESTING: usize = 8;

impl JsonFields {
    pub(crate) fn new(rules: &Rules) -> JsonFields {
        JsonFields {
            lexer: Lexer::lenient(),
            broken: false,
            line: false,
            mark: 0,
            key: Vec::new(),
            armed: None,
            arrays: Stack::default(),
            rule: None,
            pointers: rules.pointers.begin(),
            deep: None,
            text: Text::Kept,
            encodings: vec![Encoding::Json],
        }
    }

    /// A document in a text that is written so. Its place is not that of a document.
    pub(crate) fn within(rules: &Rules, around: &[Encoding]) -> JsonFields {
        let encodings = [&[Encoding::Json], around].concat();
        JsonFields { mark: MARK.len(), pointers: None, encodings, ..JsonFields::new(rules) }
    }

    /// One of the documents of a text that holds more than them.
    pub(crate) fn among_others(rules: &Rules) -> JsonFields {
        JsonFields { mark: MARK.len(), ..JsonFields::new(rules) }
    }

    pub(crate) fn push(&mut self, chunk: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        let mut at = self.read(chunk, to)?;
        while at < chunk.len() {
            let passed = self.passed(&chunk[at..]);
            let run = passed.unwrap_or(chunk.len() - at);
            to.out.keep(&chunk[at..at + run])?;
            at += run;
            if passed.is_some() {
                self.begin_anew(to.rules);
                at += self.read(&chunk[at..], to)?;
            }
        }
        Ok(())
    }

    /// How much of what is no JSON stands before the next document. In JSON that is laid out over lines, the brackets of
    /// what is within have spaces before them.
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

    fn begin_anew(&mut self, rules: &Rules) {
        (self.lexer, self.broken) = (Lexer::lenient(), false);
        (self.arrays, self.armed, self.rule, self.deep) = (Stack::default(), None, None, None);
        self.pointers = self.pointers.take().and_then(|_| rules.pointers.begin());
    }

    /// The same, up to where it is no JSON: how many bytes that is.
    pub(crate) fn read(&mut self, chunk: &[u8], to: &mut Pass<'_>) -> io::Result<usize> {
        let (whole, mut chunk) = (chunk, chunk);
        while self.mark < MARK.len() && !chunk.is_empty() {
            if chunk[0] != MARK[self.mark] {
                self.broken |= self.mark > 0;
                self.mark = MARK.len();
                break;
            }
            to.out.keep(&chunk[..1])?;
            self.mark += 1;
            chunk = &chunk[1..];
        }
        // Of the chunk, `..kept` has been dealt with.
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
                    // Not where the broken token begins: that may have come before this chunk.
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
                        self.armed = rule(&self.key, to.rules);
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

    /// Something else stands within the document. A string doesn't go on after it.
    pub(crate) fn interrupt(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        self.broken |= !matches!(self.text, Text::Kept);
        self.end(to)
    }

    /// Nothing is to be redacted before the next name that is on the list.
    fn idle(&self) -> bool {
        self.armed.is_none()
            && self.arrays.depth() == 0
            && self.pointers.is_none()
            && matches!(self.text, Text::Kept)
    }

    /// A container begins: the rule that it falls under itself.
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

    /// The rule for the value that comes now, which is no container.
    fn rule_of_value(&mut self) -> Option<Arc<Rule>> {
        let placed = self.pointers.as_mut().and_then(|pointers| pointers.value());
        let armed = self.armed.take().or(placed);
        armed.or_else(|| self.rule_of_array()).or_else(|| self.deep.as_ref().map(|(rule, _)| rule.clone()))
    }

    fn rule_of_array(&self) -> Option<Arc<Rule>> {
        if self.arrays.top() == Some(true) { self.rule.clone() } else { None }
    }

    /// A string begins, with this byte if it is at hand.
    fn begin(&mut self, to: &Pass<'_>, first: Option<&u8>) -> Text {
        if let Some(rule) = self.rule_of_value() {
            return Text::Secret(to.account.identity.value(), Plain::new(Coding::Json), rule, false);
        }
        first.map_or(Text::Begun, |first| self.document(to.rules, *first))
    }

    /// A string that nothing says to redact, by its first byte.
    fn document(&self, rules: &Rules, first: u8) -> Text {
        match first {
            b'{' | b'[' if self.encodings.len() <= MAX_NESTING => {
                let inner = JsonFields::within(rules, &self.encodings);
                Text::Document(Box::new(inner), Plain::new(Coding::Json), Pending::default())
            }
            _ => Text::Kept,
        }
    }

    fn feed(&mut self, content: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        if let (Text::Begun, Some(first)) = (&self.text, content.first()) {
            self.text = self.document(to.rules, *first);
        }
        match &mut self.text {
            Text::Kept | Text::Begun => to.out.keep(content),
            Text::Document(inner, plain, pending) => plain
                .push(content, &mut |raw, plain| to.within(pending, raw, plain, |to| inner.push(plain, to))),
            Text::Secret(value, plain, _, any) => {
                *any |= !content.is_empty();
                to.out.skip(content.len())?;
                plain.push(content, &mut |raw, plain| {
                    value.push_as(raw, plain);
                    Ok(())
                })
            }
        }
    }

    /// The string is over.
    pub(crate) fn end(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        match std::mem::replace(&mut self.text, Text::Kept) {
            Text::Secret(mut value, plain, rule, true) => {
                plain.finish(&mut |raw, plain| {
                    value.push_as(raw, plain);
                    Ok(())
                })?;
                to.out.insert(&to.account.replace(&rule, &value, to.rules, &self.encodings))
            }
            Text::Document(mut inner, plain, mut pending) => {
                plain.finish(&mut |raw, plain| {
                    to.within(&mut pending, raw, plain, |to| inner.push(plain, to))
                })?;
                to.within(&mut pending, b"", b"", |to| inner.end(to))
            }
            Text::Kept | Text::Begun | Text::Secret(..) => Ok(()),
        }
    }

    /// The body is over: a string that was cut off is what it was up to there.
    pub(crate) fn finish(mut self, to: &mut Pass<'_>) -> io::Result<()> {
        let cut = matches!(self.text, Text::Secret(.., true));
        self.end(to)?;
        if cut { to.out.keep(b"\"") } else { Ok(()) }
    }
}

/// The rule for a name, given with the quotes around it.
fn rule(key: &[u8], rules: &Rules) -> Option<Arc<Rule>> {
    // What is longer has been cut short.
    if key.len() > LONGEST_KEY {
        return None;
    }
    let key = &key[1..key.len() - 1];
    if !rules.fields.may_hold(key) {
        return None;
    }
    let key = String::from_utf8_lossy(key);
    rules.field_rule(&unescape(&key))
}
