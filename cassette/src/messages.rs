//! Counts the messages of a body that is sent message by message.
//!
//! Must not know: who sends the body, what a message means.

use crate::media_type;

/// Finds the messages of a body in its bytes, which come in any pieces.
#[derive(Clone, Debug)]
pub(crate) struct Messages(Framing);

#[derive(Clone, Debug)]
enum Framing {
    /// Five bytes before each message: flags, and the length (gRPC, Connect). `left` counts what is missing of a message
    /// whose five bytes have come.
    Envelopes { prefix: Vec<u8>, left: u64 },
    /// Each message is a line.
    Lines { begun: bool },
}

/// A piece of a body that belongs to one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) len: usize,
    /// Whether the message begins with this piece.
    pub(crate) begins: bool,
    /// Whether the message ends with this piece.
    pub(crate) ends: bool,
}

/// The length of the bytes before a message in an envelope.
const PREFIX: usize = 5;

impl Messages {
    /// The messages of a body with this content type.
    pub(crate) fn of(content_type: Option<&str>) -> Messages {
        let is_enveloped = content_type.is_some_and(|t| media_type::is_enveloped(&media_type::essence(t)));
        Messages(match is_enveloped {
            true => Framing::Envelopes { prefix: Vec::new(), left: 0 },
            false => Framing::Lines { begun: false },
        })
    }

    /// Whether the body says where its messages end. A body of lines may be one long text.
    pub(crate) fn is_exact(&self) -> bool {
        matches!(self.0, Framing::Envelopes { .. })
    }

    /// The first piece of these bytes; `None` if there are none. Call it again with the rest.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Option<Piece> {
        if bytes.is_empty() {
            return None;
        }
        Some(match &mut self.0 {
            Framing::Lines { begun } => {
                let end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
                let begins = !std::mem::replace(begun, end.is_none());
                Piece { len: end.unwrap_or(bytes.len()), begins, ends: end.is_some() }
            }
            Framing::Envelopes { prefix, left } => {
                let begins = prefix.is_empty();
                let of_prefix = (PREFIX - prefix.len()).min(bytes.len());
                if of_prefix > 0 {
                    prefix.extend_from_slice(&bytes[..of_prefix]);
                    if let [_, a, b, c, d] = prefix[..] {
                        *left = u32::from_be_bytes([a, b, c, d]).into();
                    }
                }
                let rest = &bytes[of_prefix..];
                let of_message = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= of_message as u64;
                let ends = prefix.len() == PREFIX && *left == 0;
                if ends {
                    prefix.clear();
                }
                Piece { len: of_prefix + of_message, begins, ends }
            }
        })
    }

    /// How many messages begin in these bytes, and how many end.
    pub(crate) fn count(&mut self, mut bytes: &[u8]) -> (u64, u64) {
        let (mut begun, mut ended) = (0, 0);
        while let Some(piece) = self.next(bytes) {
            begun += u64::from(piece.begins);
            ended += u64::from(piece.ends);
            bytes = &bytes[piece.len..];
        }
        (begun, ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the messages of a body that comes in pieces of any length.
    #[track_caller]
    fn check(content_type: &str, body: &[u8], expected: (u64, u64)) {
        for size in 1..=body.len() {
            let mut messages = Messages::of(Some(content_type));
            let counts = body.chunks(size).map(|piece| messages.count(piece));
            let sum = counts.fold((0, 0), |sum, n| (sum.0 + n.0, sum.1 + n.1));
            assert_eq!(sum, expected, "pieces of {size}");
        }
    }

    #[test]
    fn envelopes_and_lines() {
        check("application/grpc+proto", b"\0\0\0\0\x03abc\0\0\0\0\0\x01\0\0\0\x01d", (3, 3));
        check("application/grpc", b"\0\0\0\0\x03abc\0\0\0\0\x05de", (2, 1));
        check("application/connect+json", b"\0\0\0\0\x02{}\0\0", (2, 1));
        check("application/x-ndjson", b"{}\n{}\n{", (3, 2));
        check("text/plain", b"abc", (1, 0));
    }
}
