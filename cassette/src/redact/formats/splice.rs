//! The output of the parsers. A parser decides about the bytes of its text in order: it keeps a byte or skips it, and
//! inserts placeholders. The sink for an encoded text converts counts of decoded bytes into counts of original bytes,
//! so the kept parts of the text stay byte-exact.
//!
//! Must not know: formats, rules.

use std::io::{self, Write};

/// Receives the decisions of a parser about a text.
pub(crate) trait Sink {
    /// The next bytes of the text stay.
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// The next bytes of the text are dropped.
    fn skip(&mut self, count: usize) -> io::Result<()>;
    /// The text, which is a placeholder, is inserted here. A placeholder needs no escapes in any format.
    fn insert(&mut self, text: &str) -> io::Result<()>;
}

/// Writes the kept bytes and the placeholders to a writer.
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

/// Bytes that the inner parser has received, but not yet kept or skipped. They are few, such as the beginning of an
/// escape in the inner text.
#[derive(Default)]
pub(crate) struct Pending {
    raw: Vec<u8>,
    /// For each piece: the number of decoded bytes, and the number of raw bytes.
    units: Vec<(usize, usize)>,
}

/// A sink for decisions about a decoded text. It passes the same decisions about the original text to the next sink.
pub(crate) struct Encoded<'a> {
    pending: &'a mut Pending,
    next: &'a mut dyn Sink,
}

impl Pending {
    /// Adds a piece to the pending bytes, and returns the sink for decisions about all of them.
    pub(crate) fn sink<'a>(&'a mut self, raw: &[u8], decoded: &[u8], next: &'a mut dyn Sink) -> Encoded<'a> {
        if !raw.is_empty() {
            self.raw.extend_from_slice(raw);
            self.units.push((decoded.len(), raw.len()));
        }
        Encoded { pending: self, next }
    }

    /// Removes decoded bytes, and returns the number of raw bytes for them.
    fn take(&mut self, mut count: usize) -> usize {
        let (mut taken, mut whole) = (0, 0);
        for (decoded, raw) in &mut self.units {
            if count >= *decoded {
                count -= *decoded;
                taken += *raw;
                whole += 1;
            } else {
                // A part of an unescaped run has as many raw bytes as decoded bytes. A part of an escaped character
                // takes the whole escape.
                let part = if decoded == raw { count } else { *raw * usize::from(count > 0) };
                *decoded -= count;
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
