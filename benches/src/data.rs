//! Generates the bodies of the workloads: JSON as an API sends it. It is the same in every run.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A large body repeats the same rows. This is their number. Only these rows, about 1.1 MB, are in memory, and the
/// server streams the body from them.
const ROWS: u32 = 6_000;

/// Size of the chunks of a large body, in bytes.
const CHUNK: usize = 64 * 1024;

/// A JSON array of rows, streamed.
pub struct Large {
    rows: Bytes,
    /// How many repetitions of the rows are left.
    repeats: u64,
    /// The offset of the next chunk in `rows`.
    at: usize,
    /// How many bytes of the body are left.
    left: u64,
    /// The first bytes of the body. They are different in every body. `None` after they have been sent.
    opening: Option<Bytes>,
}

const END: &[u8] = b"{\"id\":0}\n]\n";

impl Large {
    /// Makes the body with the number `n`. It has at least `size` bytes, and at most 2 MB more. `rows` is the result of
    /// [`rows`].
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
        // Knuth's multiplicative hashing. The values look like real data, but depend only on the number of the row.
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

/// The body of the small exchange with the number `n`: JSON of 2 KB, different for each `n`.
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
