//! The ends of the chunks in which a streamed body arrived.
//!
//! Must not know: how a body reaches its client.

/// The ends of the chunks of a body that the server sent piece by piece. They are recorded because some clients treat
/// each chunk as one message.
///
/// A cassette has the key `chunks` only if the body is a stream and came in several chunks. For other bodies, the
/// chunks depend on TCP and on buffers, and would differ in each recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Chunks {
    /// The body came in one chunk, or its chunks do not matter.
    #[default]
    One,
    /// Each chunk was an event of `text/event-stream`: it ended with an empty line.
    Events,
    /// Each chunk was a line.
    Lines,
    /// The offsets in the stored body at which a chunk ended and the next one began.
    At(Vec<u64>),
}

impl Chunks {
    /// The variants that a cassette writes as a name, with their names.
    pub(super) const NAMES: [(&'static str, Chunks); 2] =
        [("events", Chunks::Events), ("lines", Chunks::Lines)];
}

/// Finds the ends of lines and of events in a text that comes in pieces. An event ends with an empty line (WHATWG HTML
/// §9.2.5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineScan {
    /// Whether the current line is empty so far. The CR of a line break does not count.
    is_empty: bool,
}

impl Default for LineScan {
    fn default() -> Self {
        LineScan { is_empty: true }
    }
}

impl LineScan {
    /// The end of the first line that ends in `bytes`, and whether the line was empty. Returns `None` if no line ends
    /// in `bytes`. After an end, call this method again with the rest of the bytes.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Option<(usize, bool)> {
        let end = memchr::memchr(b'\n', bytes);
        let line = &bytes[..end.unwrap_or(bytes.len())];
        self.is_empty &= line.iter().all(|b| *b == b'\r');
        let was_empty = self.is_empty;
        end.map(|end| {
            self.is_empty = true;
            (end + 1, was_empty)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_events() {
        let mut scan = LineScan::default();
        assert_eq!(scan.next(b"data: 1"), None);
        assert_eq!(scan.next(b"\r\n\r"), Some((2, false)));
        assert_eq!(scan.next(b"\r"), None);
        assert_eq!(scan.next(b"\ndata"), Some((1, true)));
        assert_eq!(scan.next(b"data"), None);
        assert_eq!(scan.next(b"\n\n"), Some((1, false)));
        assert_eq!(scan.next(b"\n"), Some((1, true)));
    }
}
