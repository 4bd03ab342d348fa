//! A writer that finds and redacts links while a text streams. It holds at most one link in memory.
//!
//! Must not know: what is redacted in a link.

use std::io::{self, Write};
use std::sync::Arc;

use super::link::Linked;
use super::parts::{STOPS, ends};
use crate::redact::account::Account;
use crate::redact::links::beginnings;
use crate::redact::links::beginnings::{Beginning, Beginnings};
use crate::redact::rules::set::Rules;

/// A writer that redacts links and passes on the text.
pub(crate) struct Links<W> {
    rules: Arc<Rules>,
    account: Arc<Account>,
    state: State,
    /// The bytes of a link that has not ended yet.
    held: Vec<u8>,
    /// The last bytes that came before the current write.
    before: Vec<u8>,
    next: W,
}

enum State {
    Outside,
    /// After the slashes of a link.
    Inside(Beginning),
    /// In the rest of a redacted value that was longer than [`LONGEST`]. The rest is dropped up to a character that
    /// ends every value, or up to one of these characters.
    Dropping(&'static [u8]),
}

/// The length of the longest link that is held. A longer link is redacted in pieces of this length.
const LONGEST: usize = 16 * 1024;

impl<W: Write> Links<W> {
    pub(crate) fn new(rules: Arc<Rules>, account: Arc<Account>, next: W) -> Self {
        Links { rules, account, state: State::Outside, held: Vec::new(), before: Vec::new(), next }
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.settle(true)?;
        Ok(self.next)
    }

    /// Redacts and writes the link that a text begins with, and returns its length. `whole` says that the text holds
    /// all that may belong to the link.
    fn link(&mut self, text: &[u8], whole: bool) -> io::Result<usize> {
        let State::Inside(beginning) = std::mem::replace(&mut self.state, State::Outside) else {
            return Ok(0);
        };
        let (end, edits) =
            Linked { rules: &self.rules, account: &self.account }.first(text, whole, &beginning);
        let mut done = 0;
        for (part, new) in &edits {
            self.next.write_all(&text[done..part.start])?;
            self.next.write_all(new)?;
            done = part.end;
        }
        self.next.write_all(&text[done..end])?;
        if !whole && done == text.len() && !edits.is_empty() {
            self.state = State::Dropping(if beginning.bare { STOPS } else { b"" });
        }
        Ok(end)
    }

    /// Redacts and writes the held bytes. `whole` says that no more bytes of the link will come. Otherwise, if another
    /// link begins in the held bytes, the bytes of that link stay held.
    fn settle(&mut self, whole: bool) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let mut at = self.link(&held, whole)?;
        let mut search = Beginnings::new();
        while at < held.len() {
            match search.find(&held, at) {
                Some(beginning) => {
                    self.next.write_all(&held[at..beginning.end])?;
                    at = beginning.end;
                    self.state = State::Inside(beginning);
                    if !whole {
                        self.held = held[at..].to_vec();
                        return Ok(());
                    }
                    at += self.link(&held[at..], whole)?;
                }
                None => {
                    self.next.write_all(&held[at..])?;
                    at = held.len();
                }
            }
        }
        self.held = held;
        self.held.clear();
        Ok(())
    }

    fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut at = 0;
        let (mut search, mut boundary) = (Beginnings::new(), self.boundary(bytes));
        while at < bytes.len() {
            let rest = &bytes[at..];
            match &self.state {
                State::Outside => {
                    match boundary.find(at).or_else(|| search.find(bytes, at.max(boundary.new))) {
                        Some(beginning) => {
                            self.next.write_all(&bytes[at..beginning.end])?;
                            at = beginning.end;
                            self.state = State::Inside(beginning);
                        }
                        None => {
                            self.next.write_all(rest)?;
                            return Ok(());
                        }
                    }
                }
                State::Inside(_) => {
                    let room = &rest[..rest.len().min(LONGEST - self.held.len())];
                    let end = room.iter().position(|b| ends(*b));
                    if let (Some(end), true) = (end, self.held.is_empty()) {
                        // The link ends in this write, at this character or before it.
                        at += self.link(&room[..end], true)?;
                        continue;
                    }
                    let part = &room[..end.unwrap_or(room.len())];
                    self.held.extend_from_slice(part);
                    at += part.len();
                    if end.is_some() || self.held.len() == LONGEST {
                        self.settle(end.is_some())?;
                    }
                }
                State::Dropping(stops) => {
                    let over = rest.iter().position(|b| ends(*b) || b"&#\\".contains(b) || stops.contains(b));
                    at += over.unwrap_or(rest.len());
                    if over.is_some() {
                        self.state = State::Outside;
                    }
                }
            }
        }
        Ok(())
    }

    /// The text around the boundary between the last write and the write of `bytes`.
    fn boundary(&self, bytes: &[u8]) -> Boundary {
        let new = match self.before.is_empty() {
            true => 0,
            false => bytes.len().min(beginnings::LONGEST),
        };
        let text = if new == 0 { Vec::new() } else { [&self.before, &bytes[..new]].concat() };
        Boundary { text, new, old: self.before.len(), search: Beginnings::new() }
    }
}

/// The text around the boundary between two writes.
struct Boundary {
    text: Vec<u8>,
    old: usize,
    new: usize,
    search: Beginnings,
}

impl Boundary {
    /// The next beginning of a link that ends in the new bytes, after the offset `at` in these bytes.
    fn find(&mut self, at: usize) -> Option<Beginning> {
        if at >= self.new {
            return None;
        }
        let found = self.search.find(&self.text, self.old + at)?;
        Some(Beginning { start: found.start.saturating_sub(self.old), end: found.end - self.old, ..found })
    }
}

impl<W: Write> Write for Links<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The redaction that runs before the code under test reads a response has no rules for links.
        if self.account.gives {
            self.next.write_all(bytes)?;
            return Ok(bytes.len());
        }
        self.pass(bytes)?;
        let kept = self.before.len().min(beginnings::LONGEST.saturating_sub(bytes.len()));
        self.before.drain(..self.before.len() - kept);
        self.before.extend_from_slice(&bytes[bytes.len().saturating_sub(beginnings::LONGEST)..]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}
