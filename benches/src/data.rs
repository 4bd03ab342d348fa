//! Generates the bodies: JSON like that of an API, the same in every run.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Number of rows in the part of a large body that repeats. Only this part, about 1.1 MB, is in memory: an uncompressed
/// body is streamed from it.
const ROWS: u32 = 6_000;

/// Size of the chunks of a large body, in bytes.
const CHUNK: usize = 64 * 1024;

/// A JSON array of rows, streamed.
pub struct Large {
    rows: Bytes,
    /// How many repetitions of the rows are left.
    repeats: u64,
    /// Offset of the next chunk within the rows.
    at: usize,
    /// Bytes left.
    left: u64,
    /// The first bytes, which differ from those of every other body. `None` once they are sent.
    opening: Option<Bytes>,
}

const END: &[u8] = b"{\"id\":0}\n]\n";

impl Large {
    /// Body number `n`. It has at least `size` bytes, and at most 2 MB more. `rows` come from [`rows`].
    pub fn new(rows: Bytes, size: u64, n: u64) -> Large {
        let repeats = size.div_ceil(rows.len() as u64);
        let opening = Bytes::from(format!("[\n{{\"page\":{n}}},\n"));
        let left = repeats * rows.len() as u64 + (opening.len() + END.len()) as u64;
        Large { rows, repeats, at: 0, left, opening: Some(opening) }
    }

    fn piece(&mut self) -> Option<Bytes> {
        if self.left == 0 {
            return None;
        }
        if let Some(opening) = self.opening.take() {
            return Some(opening);
        }
        if self.repeats == 0 {
            return Some(Bytes::from_static(END));
        }
        let end = self.rows.len().min(self.at + CHUNK);
        let chunk = self.rows.slice(self.at..end);
        self.at = end;
        if end == self.rows.len() {
            (self.at, self.repeats) = (0, self.repeats - 1);
        }
        Some(chunk)
    }
}

impl Iterator for Large {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let chunk = self.piece()?;
        self.left -= chunk.len() as u64;
        Some(chunk)
    }
}

impl Body for Large {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.next().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The rows of a large body, each with a comma after it.
pub fn rows() -> Bytes {
    let mut text = String::new();
    for i in 0..ROWS {
        // Knuth's multiplicative hashing: the values look like data, but depend on the number only.
        let mixed = i.wrapping_mul(2_654_435_761);
        let (cents, day, stock) = (mixed % 100_000, mixed % 28 + 1, mixed % 3 > 0);
        text.push_str(&format!(
            "{{\"id\":{i},\"sku\":\"SKU-{mixed:08x}\",\"name\":\"Item {i}, \\\"as new\\\"\",\"price\":{}.{:02},\
             \"currency\":\"EUR\",\"in_stock\":{stock},\"tags\":[\"a{}\",\"b{}\"],\"note\":null,\
             \"updated_at\":\"2026-02-{day:02}T08:15:00Z\"}},\n",
            cents / 100,
            cents % 100,
            mixed % 7,
            mixed % 11,
        ));
    }
    text.into()
}

/// The body of small exchange number `n`: JSON of 2 KB, different from every other.
pub fn small(n: u32) -> String {
    let mut text = format!("{{\"n\":{n},\"rows\":[0");
    let mut i = n;
    while text.len() < 2_040 {
        i = i.wrapping_mul(2_654_435_761).wrapping_add(1);
        text.push_str(&format!(",{{\"id\":{i},\"state\":\"open\"}}"));
    }
    text.push_str("]}");
    text
}
