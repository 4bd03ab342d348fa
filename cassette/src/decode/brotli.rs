//! The content coding `br`.

use std::io;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::{Out, PIECE, Stage, garbage, truncated};

/// The decoder for `br` (RFC 7932).
pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    piece: Box<[u8]>,
    started: bool,
    ended: bool,
}

impl Brotli {
    pub(super) fn new() -> Brotli {
        let alloc = StandardAlloc::default;
        // A strict decoder allows windows up to 16 MiB, the limit of the content coding.
        let state = BrotliState::new_strict(alloc(), alloc(), alloc());
        Brotli { state, piece: vec![0; PIECE].into(), started: false, ended: false }
    }
}

impl Stage for Brotli {
    fn push(&mut self, bytes: &[u8], out: Out<'_>) -> io::Result<()> {
        self.started |= !bytes.is_empty();
        let (mut left, mut read) = (bytes.len(), 0);
        while !self.ended {
            let (mut room, mut made, mut total) = (self.piece.len(), 0, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut read,
                bytes,
                &mut room,
                &mut made,
                &mut self.piece,
                &mut total,
                &mut self.state,
            );
            out(&self.piece[..made])?;
            match result {
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::ResultSuccess => self.ended = true,
                BrotliResult::ResultFailure => return Err(garbage("the brotli body is corrupt")),
            }
        }
        if left > 0 { Err(garbage("bytes after the end of the brotli body")) } else { Ok(()) }
    }

    fn end(&mut self, _: Out<'_>) -> io::Result<()> {
        if self.started && !self.ended { Err(truncated("the brotli body is cut off")) } else { Ok(()) }
    }
}
