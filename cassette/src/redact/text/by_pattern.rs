//! A writer that replaces tokens that match a pattern, in one pass. It holds only a window of the text in memory.
//!
//! Must not know: the patterns.

use std::io::{self, Write};
use std::sync::Arc;

use crate::redact::account::Account;
use crate::redact::patterns::{BEFORE, Class, Next, Patterns, last};
use crate::redact::rules::set::Rules;

/// A writer that replaces tokens by their patterns.
pub(crate) struct TokenReplacer<W> {
    patterns: Arc<Patterns>,
    rules: Arc<Rules>,
    account: Arc<Account>,
    /// Bytes that may be a part of a token, and that were not passed on yet.
    pub(crate) window: Vec<u8>,
    /// The window is searched again when it has this length.
    wanted: usize,
    /// The last bytes before the window.
    before: Vec<u8>,
    /// The class of the characters that may continue the last token. A token that was replaced may go on in the next
    /// bytes. Characters of this class are dropped until another character comes.
    swallow: Option<Class>,
    next: W,
}

/// A large write has at least this length. Shorter writes are collected in the window.
const BATCH: usize = 4 * 1024;

/// If the window is not empty, at least this many bytes of a large write are appended to it.
const JOINT: usize = 256;

impl<W: Write> TokenReplacer<W> {
    pub(crate) fn new(patterns: Arc<Patterns>, rules: Arc<Rules>, account: Arc<Account>, next: W) -> Self {
        let (window, before) = (Vec::new(), Vec::new());
        TokenReplacer { patterns, rules, account, window, wanted: BATCH, before, swallow: None, next }
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        let window = std::mem::take(&mut self.window);
        self.pass(&window, true)?;
        Ok(self.next)
    }

    /// Replaces the tokens in `text` and passes on the rest, up to an incomplete token. Returns how many bytes of the
    /// text it has dealt with. `whole` says that no text follows.
    pub(crate) fn pass(&mut self, text: &[u8], whole: bool) -> io::Result<usize> {
        let patterns = self.patterns.clone();
        // `text[..passed]` has been replaced or passed on.
        let mut passed = 0;
        loop {
            if let Some(class) = self.swallow {
                passed += text[passed..].iter().take_while(|b| class.has(**b)).count();
                if passed == text.len() {
                    break;
                }
                self.swallow = None;
            }
            match patterns.next(&self.before, text, passed, whole) {
                Next::Open(open) => {
                    self.next.write_all(&text[passed..open])?;
                    passed = open;
                    break;
                }
                Next::Token(token) => {
                    self.next.write_all(&text[passed..token.start])?;
                    let found = &text[token.start..token.end];
                    if self.account.is_excused(found) {
                        self.next.write_all(found)?;
                        passed = token.end;
                        continue;
                    }
                    let mut value = self.account.identity.value();
                    value.push(found);
                    let placeholder = self.account.replace(token.rule, &value, &self.rules, &[]);
                    self.next.write_all(placeholder.as_bytes())?;
                    passed = token.end;
                    self.swallow = token.swallow;
                }
            }
        }
        let mut room = [0; BEFORE];
        self.before = last(&self.before, &text[..passed], &mut room).to_vec();
        Ok(passed)
    }
}

impl<W: Write> Write for TokenReplacer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.patterns.is_empty() {
            self.next.write_all(bytes)?;
            return Ok(bytes.len());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.window.is_empty() && rest.len() >= BATCH {
                let passed = self.pass(rest, false)?;
                self.window.extend_from_slice(&rest[passed..]);
                self.wanted = BATCH.max(2 * self.window.len());
                break;
            }
            let large = rest.len() >= BATCH;
            // An incomplete token in the window needs more bytes from a large write. Usually a small part of the write
            // shows that the window holds no token.
            let taken = match large {
                true => self.window.len().max(JOINT),
                false => self.wanted.saturating_sub(self.window.len()).max(1),
            };
            let taken = taken.min(rest.len());
            self.window.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            if large || self.window.len() >= self.wanted {
                let window = std::mem::take(&mut self.window);
                let passed = self.pass(&window, false)?;
                let left = window.len() - passed;
                if left <= taken && large {
                    // The whole incomplete token came with this write, so the rest is searched in place.
                    rest = &bytes[bytes.len() - rest.len() - left..];
                    self.window = window;
                    self.window.clear();
                } else {
                    self.window = window;
                    self.window.drain(..passed);
                }
                self.wanted = BATCH.max(2 * self.window.len());
            }
        }
        Ok(bytes.len())
    }

    /// Flushes the next writer. The window stays, because it may hold the beginning of a token.
    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}
