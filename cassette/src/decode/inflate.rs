//! Deflate streams, and the content coding `deflate`.

use std::io;

use flate2::{Decompress, FlushDecompress, Status};

use super::{Out, PIECE, Stage, garbage, truncated};

/// The decoder for a deflate stream (RFC 1951), bare or in zlib's format.
pub(super) struct Inflate {
    state: Decompress,
    piece: Box<[u8]>,
    pub(super) ended: bool,
}

impl Inflate {
    pub(super) fn new(zlib: bool) -> Inflate {
        Inflate { state: Decompress::new(zlib), piece: vec![0; PIECE].into(), ended: false }
    }

    /// Returns how many of `bytes` belonged to the stream.
    pub(super) fn push(&mut self, bytes: &[u8], out: Out<'_>) -> io::Result<usize> {
        let mut read = 0;
        while !self.ended {
            let before = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(&bytes[read..], &mut self.piece, FlushDecompress::None)
                .map_err(|_| garbage("the compressed body is corrupt"))?;
            let taken = (self.state.total_in() - before.0) as usize;
            let made = (self.state.total_out() - before.1) as usize;
            read += taken;
            self.ended = status == Status::StreamEnd;
            out(&self.piece[..made])?;
            if made == 0 && (taken == 0 || read == bytes.len()) {
                break;
            }
        }
        Ok(read)
    }
}

/// The decoder for `deflate`. RFC 9110 defines it as zlib's format, but some servers send a bare deflate stream. The
/// first two bytes of the body show which of the two it is.
pub(super) enum Deflate {
    Start(Vec<u8>),
    Body(Inflate),
}

impl Deflate {
    pub(super) fn new() -> Deflate {
        Deflate::Start(Vec::with_capacity(2))
    }
}

impl Stage for Deflate {
    fn push(&mut self, mut bytes: &[u8], out: Out<'_>) -> io::Result<()> {
        if let Deflate::Start(head) = self {
            let (first, rest) = bytes.split_at(bytes.len().min(2 - head.len()));
            head.extend_from_slice(first);
            bytes = rest;
            let &[a, b] = head.as_slice() else { return Ok(()) };
            // RFC 1950 §2.2: method 8, a window up to 32 KiB, and check bits that make the two bytes, read as one
            // number, a multiple of 31.
            let zlib = a & 0x0f == 8 && a >> 4 <= 7 && u16::from_be_bytes([a, b]).is_multiple_of(31);
            let mut inflate = Inflate::new(zlib);
            inflate.push(&[a, b], out)?;
            *self = Deflate::Body(inflate);
        }
        if let Deflate::Body(inflate) = self
            && inflate.push(bytes, out)? < bytes.len()
        {
            return Err(garbage("bytes after the end of the deflate body"));
        }
        Ok(())
    }

    fn end(&mut self, _: Out<'_>) -> io::Result<()> {
        match self {
            Deflate::Start(head) if head.is_empty() => Ok(()),
            Deflate::Body(inflate) if inflate.ended => Ok(()),
            _ => Err(truncated("the deflate body is cut off")),
        }
    }
}
