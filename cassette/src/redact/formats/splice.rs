//! Where the parsers hand what they have read: every byte is kept or skipped, in order, and placeholders come in
//! between. So a text within a text can be redacted though it is read decoded: what is kept of it is kept as it was
//! written.

use std::io::{self, Write};

/// Takes what becomes of a text.
pub(crate) trait Sink {
    /// The next bytes of the text stay.
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// The next bytes of the text go.
    fn skip(&mut self, count: usize) -> io::Result<()>;
    /// A placeholder comes here. It holds nothing that would need an escape.
    fn insert(&mut self, text: &str) -> io::Result<()>;
}

/// A writer gets what stays.
pub(crate) struct WriterSink<'a, W>(pub(crate) &'a mut W);

impl<W: Write> Sink for WriterSink<'_, W> {
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn skip(&mut self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn insert(&mut self, text: &str) -> io::Result<()> {
        self.0.write_all(text.as_bytes())
    }
}

/// What was decoded and handed on, and not decided yet: a few bytes, the beginning of an escape within.
#[derive(Default)]
pub(crate) struct Pending {
    raw: Vec<u8>,
    /// How many decoded bytes stand for how many as they are written.
    units: Vec<(usize, usize)>,
}

/// Takes a decoded text, and hands on the one that it was decoded from.
pub(crate) struct Encoded<'a> {
    pending: &'a mut Pending,
    next: &'a mut dyn Sink,
}

impl Pending {
    /// For what becomes of all that is pending, of which this is the last.
    pub(crate) fn sink<'a>(&'a mut self, raw: &[u8], plain: &[u8], next: &'a mut dyn Sink) -> Encoded<'a> {
        if !raw.is_empty() {
            self.raw.extend_from_slice(raw);
            self.units.push((plain.len(), raw.len()));
        }
        Encoded { pending: self, next }
    }

    /// Takes decoded bytes; how many as they are written.
    fn take(&mut self, mut count: usize) -> usize {
        let (mut taken, mut whole) = (0, 0);
        for (plain, raw) in &mut self.units {
            if count >= *plain {
                count -= *plain;
                taken += *raw;
                whole += 1;
            } else {
                // A part of a run; a part of one character takes its escape with it.
                let part = if plain == raw { count } else { *raw * usize::from(count > 0) };
                *plain -= count;
                *raw -= part;
                taken += part;
                break;
            }
        }
        self.units.drain(..whole);
        taken
    }
}

impl Sink for Encoded<'_> {
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        let taken = self.pending.take(bytes.len());
        self.next.keep(&self.pending.raw[..taken])?;
        self.pending.raw.drain(..taken);
        Ok(())
    }

    fn skip(&mut self, count: usize) -> io::Result<()> {
        let taken = self.pending.take(count);
        self.pending.raw.drain(..taken);
        self.next.skip(taken)
    }

    fn insert(&mut self, text: &str) -> io::Result<()> {
        self.next.insert(text)
    }
}
