//! Secrets that are known by their form: a writer that puts `[jwt:1]` and the like in their place, in one pass and
//! a window of memory.
//!
//! Must not know: the forms.

mod forms;

use std::io::{self, Write};
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use aho_corasick::packed::{self, Searcher};

use super::rule::Rule;
use super::{Fired, Rules};
use crate::{Error, Result};
use forms::{BEFORE, Class, FORMS, Form, Found};

/// The forms whose rules are in force, ready to be looked for.
pub(super) struct Shapes {
    anchors: Option<Anchors>,
    /// By anchor: its length, the form, its rule.
    known: Vec<(usize, Form, Arc<Rule>)>,
    longest_anchor: usize,
}

/// Vectorised where the processor can.
enum Anchors {
    Packed(Searcher),
    Automaton(AhoCorasick),
}

/// A secret in a text.
#[derive(Debug)]
pub(super) struct Shape<'s> {
    pub(super) rule: &'s Arc<Rule>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// What follows in these characters belongs to it.
    swallow: Option<Class>,
}

/// The next thing in a text.
pub(super) enum Next<'s> {
    Shape(Shape<'s>),
    /// There is none that begins before this place; what begins there needs more text to tell.
    Open(usize),
}

impl Shapes {
    /// # Errors
    ///
    /// The search can't be built: never, with the anchors that there are.
    pub(super) fn new(rules: &Rules) -> Result<Shapes> {
        let (mut patterns, mut known) = (Vec::new(), Vec::new());
        for form in FORMS {
            let Some(rule) = rules.default_rule(form.id) else { continue };
            for anchor in form.anchors {
                patterns.push(*anchor);
                known.push((anchor.len(), *form, rule.clone()));
            }
        }
        // Of anchors that begin alike the longer one is tried first.
        let mut order: Vec<usize> = (0..patterns.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(patterns[*i].len()));
        let patterns: Vec<&str> = order.iter().map(|i| patterns[*i]).collect();
        let known: Vec<_> = order.iter().map(|i| known[*i].clone()).collect();
        let longest_anchor = patterns.first().map_or(0, |p| p.len());
        let anchors = match patterns.is_empty() {
            true => None,
            false => Some(Anchors::new(&patterns)?),
        };
        Ok(Shapes { anchors, known, longest_anchor })
    }

    /// The first secret in `text` that begins at `from` or later. `before` is what came before the text; `whole` says
    /// that nothing follows.
    pub(super) fn next(&self, before: &[u8], text: &[u8], from: usize, whole: bool) -> Next<'_> {
        let mut at = from;
        while let Some((start, id)) = self.anchors.as_ref().and_then(|anchors| anchors.find(text, at)) {
            let (anchor, form, rule) = &self.known[id];
            let mut room = [0; BEFORE];
            let before = last(before, &text[..start], &mut room);
            match form.at(before, *anchor, &text[start..], whole) {
                Found::Nothing => at = start + 1,
                Found::More => return Next::Open(start),
                Found::Secret(span, swallow) => {
                    let (start, end) = (start + span.start, start + span.end);
                    return Next::Shape(Shape { rule, start, end, swallow });
                }
            }
        }
        // An anchor may have begun.
        let begun = if whole { 0 } else { self.longest_anchor.saturating_sub(1) };
        Next::Open(text.len().saturating_sub(begun).max(at.min(text.len())))
    }
}

impl Anchors {
    fn new(patterns: &[&str]) -> Result<Anchors> {
        let mut config = packed::Config::new();
        if let Some(searcher) =
            config.match_kind(packed::MatchKind::LeftmostFirst).builder().extend(patterns).build()
        {
            return Ok(Anchors::Packed(searcher));
        }
        let built = AhoCorasick::builder().match_kind(aho_corasick::MatchKind::LeftmostFirst).build(patterns);
        built
            .map(Anchors::Automaton)
            .map_err(|e| Error::with_source("the search for shapes can't be built", e))
    }

    fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let span = aho_corasick::Span { start: from, end: text.len() };
        let found = match self {
            Anchors::Packed(searcher) => searcher.find_in(text, span),
            Anchors::Automaton(automaton) => automaton.find(aho_corasick::Input::new(text).span(span)),
        };
        found.map(|m| (m.start(), m.pattern().as_usize()))
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
pub(super) struct ShapeReplacer<W> {
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

impl<W: Write> ShapeReplacer<W> {
    pub(super) fn new(shapes: Arc<Shapes>, rules: Arc<Rules>, fired: Arc<Fired>, next: W) -> Self {
        let (window, before) = (Vec::new(), Vec::new());
        ShapeReplacer { shapes, rules, fired, window, wanted: BATCH, before, swallow: None, next }
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
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
                    let placeholder = self.fired.replace(shape.rule, &value, &self.rules);
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
        if self.shapes.anchors.is_none() {
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
            let taken = rest.len().min(self.wanted.saturating_sub(self.window.len()).max(1));
            self.window.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            if self.window.len() >= self.wanted {
                let window = std::mem::take(&mut self.window);
                let passed = self.pass(&window, false)?;
                let left = window.len() - passed;
                if left <= taken && rest.len() + left >= BATCH {
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
mod tests;
