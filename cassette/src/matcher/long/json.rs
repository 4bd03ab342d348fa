//! Hashes a JSON document as [`Tree`](super::super::json::Tree) compares a short one: without ignored places, numbers
//! by value, and the members of an object in any order.
//!
//! The hash of an object is the sum of the hashes of its members, so nothing has to be sorted. Members with the same
//! name count as often as they occur, in any order.

use super::hash::{self, LONGEST_NAME, Sample, Stream};
use super::{OwnOptions, PREVIEW, TOKEN};
use crate::json::lex::{Kind, Lexer, Piece};
use crate::json::{MAX_DEPTH, canonical_number, unescape};
use crate::matcher::options::Counts;
use crate::meaning::{LEVELS, Meaning};
use crate::syntax::pointer::{Pointer, push_segment};

#[derive(Debug)]
pub(in crate::matcher) struct JsonReader {
    lexer: Lexer,
    rules: Vec<(Pointer, Counts)>,
    frames: Vec<Frame>,
    /// The current token, or the part of a string that was not hashed yet. Strings are without quotes.
    token: Vec<u8>,
    /// The hash of the current string.
    stream: Stream,
    preview: String,
    /// The pointer of the innermost container, as far as the sample needs it.
    pointer: String,
    sample: Sample,
    /// The hash of the document; `Some(None)` if all of it is ignored.
    root: Option<Option<u128>>,
    failed: bool,
}

/// An open array or object.
#[derive(Debug)]
struct Frame {
    is_object: bool,
    place: Option<Inside>,
    /// The length of the pointer outside this container.
    outside: usize,
    /// The name of the current member.
    name: String,
    index: u64,
    hash: u128,
    /// The members or elements that count.
    kept: u128,
    /// Ignored elements since the last one that counts.
    blanks: u128,
}

/// How the options apply to a value that is not ignored as a whole.
#[derive(Clone, Debug)]
struct Inside {
    counts: Counts,
    /// The options whose pointers lead to this value, and how many of their segments are used.
    rests: Vec<(usize, usize)>,
}

mod tag {
    pub(super) const NULL: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const TRUE: u8 = 3;
    pub(super) const NUMBER: u8 = 4;
    pub(super) const STRING: u8 = 5;
    pub(super) const ARRAY: u8 = 6;
    pub(super) const OBJECT: u8 = 7;
    pub(super) const NAME: u8 = 8;
    pub(super) const MEMBER: u8 = 9;
    pub(super) const ELEMENT: u8 = 10;
    pub(super) const IGNORED: u8 = 11;
}

impl JsonReader {
    pub(super) fn new(options: &OwnOptions) -> JsonReader {
        let rules = options.0.iter().flat_map(|o| o.json.iter().cloned()).collect();
        JsonReader {
            lexer: Lexer::new(),
            rules,
            frames: Vec::new(),
            token: Vec::new(),
            stream: Stream::new(tag::STRING),
            preview: String::new(),
            pointer: String::new(),
            sample: Sample::new(),
            root: None,
            failed: false,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while !self.failed {
            match self.lexer.next(bytes, at) {
                Ok(None) => return,
                Ok(Some(piece)) => {
                    at = piece.span.end;
                    self.failed = self.piece(&bytes[piece.span.clone()], &piece).is_none();
                }
                Err(_) => self.failed = true,
            }
        }
    }

    /// `None` if the body is not JSON.
    pub(super) fn finish(mut self) -> Option<Meaning> {
        if self.failed || self.lexer.finish().is_err() {
            return None;
        }
        // Only the end of the body ends a number that is the whole document.
        if self.root.is_none() {
            self.scalar(Kind::Number)?;
        }
        let root = self.root?;
        let hash = root.unwrap_or_else(|| hash::of(tag::IGNORED, b""));
        let is_empty = root.is_none_or(|hash| hash == hash::mixed(tag::OBJECT, [0, 0]));
        Some(Meaning::Json(self.sample.finish(hash, is_empty)))
    }

    /// `None` if the document cannot be hashed.
    fn piece(&mut self, text: &[u8], piece: &Piece) -> Option<()> {
        match piece.kind {
            Kind::Whitespace | Kind::Colon | Kind::Comma => Some(()),
            Kind::ObjectStart | Kind::ArrayStart => self.open(piece.kind == Kind::ObjectStart),
            Kind::ObjectEnd | Kind::ArrayEnd => self.close(),
            Kind::Key | Kind::String => {
                if piece.first {
                    self.token.clear();
                    self.stream.restart(tag::STRING);
                    self.preview.clear();
                }
                self.token.extend_from_slice(&text[usize::from(piece.first)..]);
                if piece.done {
                    self.token.pop();
                    return if piece.kind == Kind::Key { self.name() } else { self.scalar(Kind::String) };
                }
                if self.token.len() > TOKEN {
                    let cut = whole_characters(&self.token);
                    if piece.kind == Kind::Key || cut == 0 {
                        return None;
                    }
                    self.string(cut)?;
                }
                Some(())
            }
            Kind::Number | Kind::True | Kind::False | Kind::Null => {
                if piece.first {
                    self.token.clear();
                }
                self.token.extend_from_slice(text);
                if self.token.len() > TOKEN {
                    return None;
                }
                if piece.done { self.scalar(piece.kind) } else { Some(()) }
            }
        }
    }

    fn name(&mut self) -> Option<()> {
        let name = unescape(std::str::from_utf8(&self.token).ok()?);
        let frame = self.frames.last_mut()?;
        frame.name.clear();
        frame.name.push_str(&name);
        Some(())
    }

    /// Hashes the next `len` bytes of a string.
    fn string(&mut self, len: usize) -> Option<()> {
        let text = unescape(std::str::from_utf8(&self.token[..len]).ok()?);
        self.stream.write(text.as_bytes());
        if self.preview.len() < PREVIEW {
            self.preview.extend(text.chars().take(PREVIEW));
        }
        self.token.drain(..len);
        Some(())
    }

    fn scalar(&mut self, kind: Kind) -> Option<()> {
        let inside = self.inside();
        let counts = inside.is_some_and(|inside| inside.counts == Counts::Yes);
        let hash = match kind {
            Kind::String => {
                self.string(self.token.len())?;
                self.stream.end()
            }
            Kind::Number => {
                let text = std::str::from_utf8(&self.token).ok()?;
                hash::of(tag::NUMBER, canonical_number(text).as_bytes())
            }
            Kind::True => hash::of(tag::TRUE, b""),
            Kind::False => hash::of(tag::FALSE, b""),
            _ => hash::of(tag::NULL, b""),
        };
        self.ended(counts.then_some(hash), kind);
        Some(())
    }

    fn open(&mut self, is_object: bool) -> Option<()> {
        if self.frames.len() == MAX_DEPTH {
            return None;
        }
        let place = self.inside();
        let outside = self.pointer.len();
        self.push_pointer();
        self.frames.push(Frame {
            is_object,
            place,
            outside,
            name: String::new(),
            index: 0,
            hash: 0,
            kept: 0,
            blanks: 0,
        });
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        let frame = self.frames.pop()?;
        self.pointer.truncate(frame.outside);
        let ignored = frame.place.as_ref().is_none_or(|place| place.counts == Counts::No);
        let tag = if frame.is_object { tag::OBJECT } else { tag::ARRAY };
        let hash = (!ignored || frame.kept > 0).then(|| hash::mixed(tag, [frame.kept, frame.hash]));
        self.ended(hash, if frame.is_object { Kind::ObjectEnd } else { Kind::ArrayEnd });
        Some(())
    }

    /// How the options apply to the value that begins here. `None` if the value is ignored as a whole.
    fn inside(&self) -> Option<Inside> {
        let (counts, rests) = match self.frames.last() {
            None => (Counts::Yes, (0..self.rules.len()).map(|rule| (rule, 0)).collect::<Vec<_>>()),
            Some(frame) => {
                let place = frame.place.as_ref()?;
                if place.rests.is_empty() {
                    (place.counts, Vec::new())
                } else {
                    let index = frame.index.to_string();
                    let name = if frame.is_object { &frame.name } else { &index };
                    let leads = |(rule, level): &(usize, usize)| {
                        self.rules[*rule].0.takes(*level, name).then_some((*rule, level + 1))
                    };
                    (place.counts, place.rests.iter().filter_map(leads).collect())
                }
            }
        };
        let is_here = |(rule, level): &&(usize, usize)| self.rules[*rule].0.depth() == *level;
        let counts = rests.iter().rev().find(is_here).map_or(counts, |(rule, _)| self.rules[*rule].1);
        let required = || rests.iter().any(|rest| !is_here(&rest) && self.rules[rest.0].1 == Counts::Yes);
        (counts == Counts::Yes || required()).then_some(Inside { counts, rests })
    }

    /// Adds a value to its container. `hash` is `None` if the value is ignored.
    fn ended(&mut self, hash: Option<u128>, kind: Kind) {
        let depth = self.frames.len();
        if let Some(hash) = hash
            && (1..=LEVELS).contains(&depth)
        {
            let length = self.pointer.len();
            self.push_pointer();
            let (token, preview) = (&self.token, &self.preview);
            self.sample.add(depth - 1, &self.pointer, hash, || match kind {
                Kind::ObjectEnd => "{…}".to_owned(),
                Kind::ArrayEnd => "[…]".to_owned(),
                Kind::String => super::shortened(format!("{preview:?}")),
                _ => super::shortened(String::from_utf8_lossy(token).into_owned()),
            });
            self.pointer.truncate(length);
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(hash);
            return;
        };
        if frame.is_object {
            if let Some(hash) = hash {
                let name = hash::of(tag::NAME, frame.name.as_bytes());
                frame.hash = frame.hash.wrapping_add(hash::mixed(tag::MEMBER, [name, hash]));
                frame.kept += 1;
            }
            return;
        }
        frame.index += 1;
        let ignored = frame.place.as_ref().is_none_or(|place| place.counts == Counts::No);
        match hash {
            // In an ignored array, elements after the last required one are dropped.
            None if ignored => frame.blanks += 1,
            None => frame.element(hash::of(tag::IGNORED, b"")),
            Some(hash) => {
                for _ in 0..std::mem::take(&mut frame.blanks) {
                    frame.element(hash::of(tag::IGNORED, b""));
                }
                frame.element(hash);
            }
        }
    }

    /// Appends the current member or element to the pointer, as far as the sample needs it.
    fn push_pointer(&mut self) {
        if let Some(frame) = self.frames.last()
            && self.frames.len() <= LEVELS
            && self.pointer.len() <= LONGEST_NAME
        {
            if frame.is_object {
                push_segment(&mut self.pointer, &frame.name);
            } else {
                push_segment(&mut self.pointer, &frame.index.to_string());
            }
        }
    }
}

impl Frame {
    fn element(&mut self, hash: u128) {
        self.hash = hash::mixed(tag::ELEMENT, [self.hash, hash]);
        self.kept += 1;
    }
}

/// The length of the beginning of a JSON string that can be unescaped by itself: it does not end within a character or
/// an escape, nor between the two halves of a surrogate pair.
fn whole_characters(raw: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &raw[at..]) {
        let start = at + found;
        let length = if raw.get(start + 1) == Some(&b'u') { 6 } else { 2 };
        let is_high = length == 6
            && matches!(
                raw.get(start + 2..start + 4),
                Some([b'd' | b'D', b'8'..=b'9' | b'a' | b'b' | b'A' | b'B'])
            );
        if start + length + if is_high { 6 } else { 0 } > raw.len() {
            return start;
        }
        let low = raw.get(start + 6..start + 10);
        let pair = is_high && matches!(low, Some([b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F']));
        at = start + if pair { 12 } else { length };
    }
    let mut end = raw.len();
    for back in 1..=3.min(raw.len() - at) {
        match raw[raw.len() - back] {
            0x80..=0xbf => {}
            0xc0.. => {
                end = raw.len() - back;
                break;
            }
            _ => break,
        }
    }
    end
}
