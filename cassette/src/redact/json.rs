//! Redaction of JSON by member name, on the token stream: every byte that isn't redacted stays as it is.

use std::io::{self, Write};
use std::sync::Arc;

use super::rule::Rule;
use super::rules::REDACTED;
use super::{Fired, Rules};
use crate::json::lex::{Kind, Lexer};
use crate::json::stack::Stack;
use crate::json::unescape;

/// Replaces string values of members whose name is on the list, at any depth, also in arrays directly under such
/// a name. Other values keep their type and so stay; members of an object go by their own names. An empty string
/// holds nothing and stays.
///
/// Takes one document or many (newline-delimited). Where the input is not JSON, the rest passes untouched.
pub(super) struct JsonFields {
    lexer: Lexer,
    broken: bool,
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
    text: Text,
}

/// The string value being read.
#[derive(PartialEq)]
enum Text {
    /// Stays.
    Kept,
    /// Goes; only its opening quote has come.
    Opened,
    /// Went.
    Replaced,
}

const MARK: &[u8] = b"\xef\xbb\xbf";

/// No name on a list is longer than this, with every character escaped.
const LONGEST_KEY: usize = 1024;

impl JsonFields {
    pub(super) fn new() -> JsonFields {
        JsonFields {
            lexer: Lexer::lenient(),
            broken: false,
            mark: 0,
            key: Vec::new(),
            armed: None,
            arrays: Stack::default(),
            rule: None,
            text: Text::Kept,
        }
    }

    pub(super) fn push(
        &mut self,
        mut chunk: &[u8],
        rules: &Rules,
        fired: &Fired,
        out: &mut impl Write,
    ) -> io::Result<()> {
        while self.mark < MARK.len() && !chunk.is_empty() {
            if chunk[0] != MARK[self.mark] {
                self.broken |= self.mark > 0;
                self.mark = MARK.len();
                break;
            }
            out.write_all(&chunk[..1])?;
            self.mark += 1;
            chunk = &chunk[1..];
        }
        // Of the chunk, `..kept` has been dealt with.
        let (mut at, mut kept) = (0, 0);
        while !self.broken {
            if self.idle() {
                at = self
                    .lexer
                    .skim(chunk, at, |name| !rules.fields.may_end(name) || !rules.fields.may_hold(name));
            }
            let piece = match self.lexer.next(chunk, at) {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(_) => {
                    self.broken = true;
                    break;
                }
            };
            at = piece.span.end;
            let text = &chunk[piece.span.clone()];
            match piece.kind {
                Kind::Whitespace | Kind::Colon | Kind::Comma => {}
                Kind::Key if piece.first && piece.done => self.armed = rule(text, rules),
                Kind::Key => {
                    if piece.first {
                        self.key.clear();
                    }
                    self.key.extend_from_slice(&text[..text.len().min(LONGEST_KEY + 1 - self.key.len())]);
                    if piece.done {
                        self.armed = rule(&self.key, rules);
                    }
                }
                Kind::ArrayStart => {
                    let armed = self.armed.take();
                    if armed.is_some() || self.arrays.depth() > 0 {
                        self.arrays.push(armed.is_some() || self.arrays.top() == Some(true));
                    }
                    self.rule = armed.or(self.rule.take());
                }
                Kind::ObjectStart => {
                    self.armed = None;
                    if self.arrays.depth() > 0 {
                        self.arrays.push(false);
                    }
                }
                Kind::ArrayEnd | Kind::ObjectEnd if self.arrays.depth() > 0 => self.arrays.pop(),
                Kind::ArrayEnd | Kind::ObjectEnd => {}
                Kind::Number | Kind::True | Kind::False | Kind::Null => self.armed = None,
                Kind::String => {
                    let mut next = text;
                    if piece.first {
                        let armed = self.armed.take();
                        if armed.is_none() && self.arrays.top() != Some(true) {
                            continue;
                        }
                        self.rule = armed.or(self.rule.take());
                        self.text = Text::Opened;
                        out.write_all(&chunk[kept..piece.span.start])?;
                        next = &text[1..];
                    } else if self.text == Text::Kept {
                        continue;
                    }
                    kept = at;
                    if self.text == Text::Opened {
                        match next.first() {
                            None => {}
                            Some(b'"') => out.write_all(b"\"\"")?,
                            Some(_) => {
                                write!(out, "\"{REDACTED}\"")?;
                                self.text = Text::Replaced;
                                if let Some(rule) = &self.rule {
                                    fired.count(&rule.label);
                                }
                            }
                        }
                    }
                    if piece.done {
                        self.text = Text::Kept;
                    }
                }
            }
        }
        out.write_all(&chunk[kept..])
    }

    /// Nothing is to be redacted before the next name that is on the list.
    fn idle(&self) -> bool {
        self.armed.is_none() && self.arrays.depth() == 0 && self.text == Text::Kept
    }

    pub(super) fn finish(self, out: &mut impl Write) -> io::Result<()> {
        // A body cut off right after a quote.
        if self.text == Text::Opened { out.write_all(b"\"") } else { Ok(()) }
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
