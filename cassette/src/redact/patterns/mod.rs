//! Secrets that are known by their form: a writer that puts `[jwt:1]` and the like in their place, in one pass and
//! a window of memory.
//!
//! Must not know: the forms.

mod anchors;
mod tokens;

use std::io::{self, Write};
use std::sync::Arc;

use crate::redact::rules::rule::Rule;
use crate::redact::{Fired, Rules};
use anchors::ANCHORS;
pub(crate) use tokens::BEFORE;
use tokens::{Class, FORMS, Found, Runs};

/// The rules of the forms, as far as they are in force.
pub(crate) struct Shapes {
    /// By form.
    rules: [Option<Arc<Rule>>; FORMS.len()],
}

/// A secret in a text.
#[derive(Debug)]
pub(crate) struct Shape<'s> {
    pub(crate) rule: &'s Arc<Rule>,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// What follows in these characters belongs to it.
    swallow: Option<Class>,
}

/// The next thing in a text.
pub(crate) enum Next<'s> {
    Shape(Shape<'s>),
    /// There is none that begins before this place; what begins there needs more text to tell.
    Open(usize),
}

impl Shapes {
    pub(crate) fn new(rules: &Rules) -> Shapes {
        Shapes { rules: std::array::from_fn(|form| rules.default_rule(FORMS[form].id).cloned()) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.iter().all(Option::is_none)
    }

    /// The first secret in `text` that begins at `from` or later. `before` is what came before the text; `whole` says
    /// that nothing follows.
    pub(crate) fn next(&self, before: &[u8], text: &[u8], from: usize, whole: bool) -> Next<'_> {
        let mut at = from;
        let runs = Runs::default();
        while let Some((start, anchor)) = ANCHORS.find(text, at) {
            at = start + 1;
            let Some(rule) = &self.rules[anchor.form] else { continue };
            let mut room = [0; BEFORE];
            let before = last(before, &text[..start], &mut room);
            match FORMS[anchor.form].at(before, anchor.text.len(), &text[start..], whole, (&runs, start)) {
                Found::Nothing => {}
                Found::More => return Next::Open(start),
                Found::Secret(span, swallow) => {
                    // Before a password there may be a token as the user: then both go.
                    let user = &text[start + 1..start + span.start.max(1)];
                    let (user_at, end) = (start + 1, start + span.end);
                    let start = match self.next(&text[start..=start], user, 0, true) {
                        Next::Shape(inner) => user_at + inner.start,
                        Next::Open(_) => start + span.start,
                    };
                    return Next::Shape(Shape { rule, start, end, swallow });
                }
            }
        }
        // An anchor may have begun.
        let begun = if whole { 0 } else { ANCHORS.longest() - 1 };
        Next::Open(text.len().saturating_sub(begun).max(at.min(text.len())))
    }
}

/// The last bytes of two texts that follow each other.
fn last<'r>(a: &[u8], b: &'r [u8], room: &'r mut [u8; BEFORE]) -> &'r [u8] {
    if b.len() >= BEFORE || a.is_empty() {
        return &b[b.len().saturating_sub(BEFORE)..];
    }
    let a = &a[a.len().saturating_sub(BEFORE - b.len())..];
    room[..a.len()].copy_from_slice(a);
    room[a.len()..a.len() + b.len()].copy_from_slice(b);
    &room[..a.len() + b.len()]
}

/// A writer that replaces what has a form.
pub(crate) struct ShapeReplacer<W> {
    shapes: Arc<Shapes>,
    rules: Arc<Rules>,
    fired: Arc<Fired>,
    /// What was written and not decided yet.
    window: Vec<u8>,
    /// The window is looked at again when it is as long as this.
    wanted: usize,
    /// The last bytes before the window.
    before: Vec<u8>,
    swallow: Option<Class>,
    next: W,
}

/// Shorter writes are collected.
const BATCH: usize = 4 * 1024;

/// Of a large write, what is looked at together with what came before.
const JOINT: usize = 256;

impl<W: Write> ShapeReplacer<W> {
    pub(crate) fn new(shapes: Arc<Shapes>, rules: Arc<Rules>, fired: Arc<Fired>, next: W) -> Self {
        let (window, before) = (Vec::new(), Vec::new());
        ShapeReplacer { shapes, rules, fired, window, wanted: BATCH, before, swallow: None, next }
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        let window = std::mem::take(&mut self.window);
        self.pass(&window, true)?;
        Ok(self.next)
    }

    /// Replaces what is found in `text` and passes the rest on, as far as it is settled: so far.
    fn pass(&mut self, text: &[u8], whole: bool) -> io::Result<usize> {
        let shapes = self.shapes.clone();
        // Of the text, `..passed` has been dealt with.
        let mut passed = 0;
        loop {
            if let Some(class) = self.swallow {
                passed += text[passed..].iter().take_while(|b| class.has(**b)).count();
                if passed == text.len() {
                    break;
                }
                self.swallow = None;
            }
            match shapes.next(&self.before, text, passed, whole) {
                Next::Open(open) => {
                    self.next.write_all(&text[passed..open])?;
                    passed = open;
                    break;
                }
                Next::Shape(shape) => {
                    self.next.write_all(&text[passed..shape.start])?;
                    let mut value = self.fired.identity.value();
                    value.push(&text[shape.start..shape.end]);
                    let placeholder = self.fired.replace(shape.rule, &value, &self.rules, &[]);
                    self.next.write_all(placeholder.as_bytes())?;
                    passed = shape.end;
                    self.swallow = shape.swallow;
                }
            }
        }
        let mut room = [0; BEFORE];
        self.before = last(&self.before, &text[..passed], &mut room).to_vec();
        Ok(passed)
    }
}

impl<W: Write> Write for ShapeReplacer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.shapes.is_empty() {
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
            // What is open needs more of a large write; most is open for no good reason.
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
                    // All that is open came with this write: the rest can be looked at where it lies.
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

    /// Does not pass on the window: it may hold the first half of a secret.
    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

#[cfg(test)]
pub(crate) mod tests;
