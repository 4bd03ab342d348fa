//! Finds where the chunks of a body end after the text of the body is rewritten. While recording, redaction rewrites
//! the received bytes to the stored bytes. On replay, secrets are filled into the stored bytes.
//!
//! Redaction changes lengths and holds bytes back. So the end of a chunk has another offset in the stored body, and
//! this offset is known only later. But redaction does not change line breaks. Therefore this module notes the end of a
//! chunk as a line and a column. It converts this place to an offset when the rewritten text reaches the place. If
//! redaction changed the line, an end in the middle of the line may be wrong by the difference of the lengths.
//!
//! Must not know: what rewrites the text, who reads it.

use std::collections::VecDeque;

use crate::tape::{Chunks, LineScan};

/// The greatest number of ends that are stored as offsets, and the greatest number that wait for a comparison. A longer
/// stream keeps its chunks only if each chunk is an event or a line.
const MOST: usize = 64 * 1024;

/// Converts the ends of chunks in the original text to offsets in the rewritten text.
#[derive(Debug, Default)]
pub(crate) struct Boundaries {
    read: Place,
    /// Ends that the rewritten text has not reached yet.
    waiting: VecDeque<Place>,
    written: Place,
    /// The number of bytes of the rewritten text so far.
    offset: u64,
    /// The offset at which the current line of the rewritten text begins.
    line_at: u64,
    last: u64,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    line: u64,
    column: u64,
}

impl Place {
    fn advance(&mut self, bytes: &[u8]) {
        let lines = memchr::memchr_iter(b'\n', bytes);
        let (count, last) = lines.fold((0, None), |(count, _), at| (count + 1, Some(at)));
        match last {
            Some(at) => *self = Place { line: self.line + count, column: (bytes.len() - at - 1) as u64 },
            None => self.column += bytes.len() as u64,
        }
    }
}

impl Boundaries {
    /// Takes bytes of the original text.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        self.read.advance(bytes);
    }

    /// Whether the original text so far ends with a line break.
    pub(crate) fn is_at_line_start(&self) -> bool {
        self.read.column == 0
    }

    /// Notes that a chunk ends after the bytes that were read so far. If the rewritten text has already reached this
    /// place, passes the offset to `found`.
    pub(crate) fn mark(&mut self, found: &mut impl FnMut(u64)) {
        if self.waiting.is_empty() && self.read.line <= self.written.line {
            let at = match self.read.line == self.written.line {
                true => self.line_at + self.read.column,
                false => self.offset,
            };
            if at <= self.offset {
                return self.find(at, found);
            }
        }
        self.waiting.push_back(self.read);
    }

    /// Takes bytes of the rewritten text. Passes the offset of each end of a chunk in these bytes to `found`.
    pub(crate) fn write(&mut self, mut bytes: &[u8], found: &mut impl FnMut(u64)) {
        while !bytes.is_empty() {
            let line_end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
            let (segment, rest) = bytes.split_at(line_end.unwrap_or(bytes.len()));
            let end = self.offset + segment.len() as u64;
            while let Some(place) = self.waiting.front().filter(|place| place.line <= self.written.line) {
                let at = match place.line == self.written.line {
                    true => self.line_at + place.column,
                    false => self.offset,
                };
                if at > end && line_end.is_none() {
                    break;
                }
                self.waiting.pop_front();
                self.find(at.min(end), found);
            }
            self.written.advance(segment);
            self.offset = end;
            if line_end.is_some() {
                self.line_at = end;
            }
            bytes = rest;
        }
    }

    fn find(&mut self, at: u64, found: &mut impl FnMut(u64)) {
        // Two ends at the same offset mean an empty chunk. A client cannot notice an empty chunk, so the second end is
        // ignored.
        if at > self.last {
            self.last = at;
            found(at);
        }
    }
}

/// Collects the ends of the chunks of a body while it is recorded. If all chunks are events, or all chunks are lines,
/// the result says only that.
#[derive(Debug)]
pub(crate) struct ChunkLog {
    boundaries: Boundaries,
    scan: LineScan,
    events: Pattern,
    lines: Pattern,
    /// The offsets of the ends. `None` after there were more than [`MOST`].
    at: Option<Vec<u64>>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// The content type is that of a stream.
    Stream,
    /// The body counts as a stream as long as each chunk ends with a line break.
    WhileLines,
    No,
}

impl ChunkLog {
    /// Makes a log for a body. `is_stream` says whether the content type is that of a stream. A body without a declared
    /// length also counts as a stream as long as each chunk ends with a line break, because several APIs send one JSON
    /// document on each line with the content type of JSON.
    pub(crate) fn new(is_stream: bool, has_length: bool) -> ChunkLog {
        ChunkLog {
            boundaries: Boundaries::default(),
            scan: LineScan::default(),
            events: Pattern::default(),
            lines: Pattern::default(),
            at: Some(Vec::new()),
            kind: match (is_stream, has_length) {
                (true, _) => Kind::Stream,
                (false, false) => Kind::WhileLines,
                (false, true) => Kind::No,
            },
        }
    }

    /// Whether the body counts as a stream so far.
    pub(crate) fn is_stream(&self) -> bool {
        self.kind != Kind::No
    }

    pub(crate) fn read(&mut self, bytes: &[u8]) {
        if self.is_stream() {
            self.boundaries.read(bytes);
        }
    }

    /// Notes the end of a chunk.
    pub(crate) fn mark(&mut self) {
        let breaks_lines = !self.boundaries.is_at_line_start() || self.boundaries.offset > MOST as u64;
        if self.kind == Kind::WhileLines && breaks_lines {
            *self = ChunkLog::new(false, true);
        }
        if self.is_stream() {
            let (at, events, lines) = (&mut self.at, &mut self.events, &mut self.lines);
            self.boundaries.mark(&mut |end| note(end, at, events, lines));
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if !self.is_stream() {
            return;
        }
        let mut from = 0;
        while let Some((end, is_event)) = self.scan.next(&bytes[from..]) {
            from += end;
            let offset = self.boundaries.offset + from as u64;
            self.lines.ends(offset);
            if is_event {
                self.events.ends(offset);
            }
        }
        let (at, events, lines) = (&mut self.at, &mut self.events, &mut self.lines);
        self.boundaries.write(bytes, &mut |end| note(end, at, events, lines));
    }

    /// Returns the ends of the chunks of the whole body.
    pub(crate) fn finish(self) -> Chunks {
        let total = self.boundaries.offset;
        let is_stream = self.is_stream();
        let at = self.at.map(|mut at| {
            at.retain(|end| *end < total);
            at
        });
        match at {
            _ if !is_stream => Chunks::One,
            Some(at) if at.is_empty() => Chunks::One,
            _ if self.events.holds(total) => Chunks::Events,
            _ if self.lines.holds(total) => Chunks::Lines,
            Some(at) => Chunks::At(at),
            None => Chunks::One,
        }
    }
}

fn note(end: u64, at: &mut Option<Vec<u64>>, events: &mut Pattern, lines: &mut Pattern) {
    if at.as_ref().is_some_and(|at| at.len() >= MOST) {
        *at = None;
    }
    if let Some(at) = at {
        at.push(end);
    }
    events.chunk(end);
    lines.chunk(end);
}

/// Checks whether the chunks end where the lines or the events end. Both kinds of ends become known little by little.
#[derive(Debug, Default)]
struct Pattern {
    ends: VecDeque<u64>,
    chunks: VecDeque<u64>,
    broken: bool,
}

impl Pattern {
    fn ends(&mut self, at: u64) {
        self.ends.push_back(at);
        self.compare();
    }

    fn chunk(&mut self, at: u64) {
        self.chunks.push_back(at);
        self.compare();
    }

    fn compare(&mut self) {
        while let (Some(end), Some(chunk)) = (self.ends.front(), self.chunks.front()) {
            self.broken |= end != chunk;
            self.ends.pop_front();
            self.chunks.pop_front();
        }
        if self.broken || self.ends.len().max(self.chunks.len()) > MOST {
            *self = Pattern { broken: true, ..Pattern::default() };
        }
    }

    /// Whether each chunk of a body is one event or one line. `total` is the length of the body.
    fn holds(&self, total: u64) -> bool {
        !self.broken && self.ends.iter().chain(&self.chunks).all(|at| *at == total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the chunks of a text that is not rewritten.
    fn chunks(is_stream: bool, chunks: &[&str]) -> Chunks {
        let mut log = ChunkLog::new(is_stream, false);
        for chunk in chunks {
            log.read(chunk.as_bytes());
            log.write(chunk.as_bytes());
            log.mark();
        }
        log.finish()
    }

    #[test]
    fn the_shortest_form() {
        assert_eq!(chunks(true, &[]), Chunks::One);
        assert_eq!(chunks(true, &["a: 1\n\n"]), Chunks::One);
        assert_eq!(chunks(true, &["a: 1\n\n", "", "b: 2\n\n"]), Chunks::Events);
        assert_eq!(chunks(true, &["a: 1\r\n\r\n", "b: 2\nc: 3\n\n", "rest"]), Chunks::Events);
        assert_eq!(chunks(true, &["1\n", "2\n"]), Chunks::Lines);
        assert_eq!(chunks(true, &["a: 1\n\nb: 2\n\n", "c: 3\n\n"]), Chunks::At(vec![12]));
        assert_eq!(chunks(true, &["a", "b", "c\n"]), Chunks::At(vec![1, 2]));
        assert_eq!(chunks(false, &["1\n", "2\n3\n", "4\n"]), Chunks::At(vec![2, 6]));
        assert_eq!(chunks(false, &["1\n", "2", "\n"]), Chunks::One);
    }

    /// The text is rewritten: `SECRET` is replaced, and the last bytes are held back.
    #[test]
    fn through_a_rewriting() {
        let mut log = ChunkLog::new(true, false);
        let mut held = String::new();
        for chunk in ["id: SECRET\n\n", "id: 2\n\n", "id: SECRET, SECRET\n\n", "half", " a line"] {
            log.read(chunk.as_bytes());
            held.push_str(chunk);
            let safe = held.len() - held.len().min(2);
            let rest = held.split_off(safe);
            log.write(held.replace("SECRET", "[a-longer-placeholder]").as_bytes());
            held = rest;
            log.mark();
        }
        log.write(held.as_bytes());
        let text =
            "id: [a-longer-placeholder]\n\nid: 2\n\nid: [a-longer-placeholder], [a-longer-placeholder]\n\n";
        let first = text.find("2").unwrap() as u64 - 4;
        let (second, third) = (first + 7, text.len() as u64);
        assert_eq!(log.finish(), Chunks::At(vec![first, second, third, third + 4]));
    }
}
