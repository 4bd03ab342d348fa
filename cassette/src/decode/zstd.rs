//! The content coding `zstd`.

use std::io::{self, Write};

use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Out, PIECE, Stage, garbage, truncated};

/// The decoder for `zstd` (RFC 8878). A body is one frame after the other.
pub(super) struct Zstd {
    decoder: FrameDecoder,
    /// The bytes that are not a complete header or block yet.
    held: Vec<u8>,
    place: Place,
    /// Whether the frame ends with a checksum.
    checksum: bool,
}

enum Place {
    BetweenFrames,
    InFrame,
}

/// The length of the longest frame header in bytes (RFC 8878 §3.1.1).
const LONGEST_HEADER: usize = 18;

/// The size of the largest block in bytes, both before and after decompression (§3.1.1.2.4).
const LARGEST_BLOCK: usize = 128 * 1024;

/// The size in bytes of the largest window that the content coding allows (RFC 9659 §3).
const LARGEST_WINDOW: u64 = 8 << 20;

const CORRUPT: &str = "the zstd body is corrupt";

impl Zstd {
    pub(super) fn new() -> Zstd {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(LARGEST_WINDOW);
        Zstd { decoder, held: Vec::new(), place: Place::BetweenFrames, checksum: false }
    }

    /// Consumes the complete parts of `held`. `last` says that no more bytes come.
    fn advance(&mut self, last: bool, out: Out<'_>) -> io::Result<()> {
        let mut at = 0;
        loop {
            let held = &self.held[at..];
            match self.place {
                Place::BetweenFrames if held.is_empty() || (held.len() < LONGEST_HEADER && !last) => break,
                Place::BetweenFrames => {
                    let mut rest = held;
                    match self.decoder.init(&mut rest) {
                        Ok(()) => {}
                        Err(FrameDecoderError::WindowSizeTooBig { .. }) => {
                            return Err(garbage("the zstd body asks for a window of more than 8 MiB"));
                        }
                        Err(_) if last && held.len() < LONGEST_HEADER => {
                            return Err(truncated("the zstd body is cut off"));
                        }
                        Err(_) => return Err(garbage("the body is not in zstd format")),
                    }
                    // §3.1.1.1.1: the descriptor follows the magic number.
                    self.checksum = held[4] & 4 != 0;
                    at += held.len() - rest.len();
                    self.place = Place::InFrame;
                }
                Place::InFrame => {
                    let Some(&[a, b, c]) = held.first_chunk() else { break };
                    // §3.1.1.2: the header holds whether this is the last block, its type and its size.
                    let header = u32::from_le_bytes([a, b, c, 0]);
                    let (is_last, repeats) = (header & 1 == 1, header >> 1 & 3 == 1);
                    let size = header as usize >> 3;
                    if size > LARGEST_BLOCK {
                        return Err(garbage(CORRUPT));
                    }
                    let content = if repeats { 1 } else { size };
                    let whole = 3 + content + if is_last && self.checksum { 4 } else { 0 };
                    let Some(mut block) = held.get(..whole) else { break };
                    let one = BlockDecodingStrategy::UptoBlocks(1);
                    self.decoder.decode_blocks(&mut block, one).map_err(|_| garbage(CORRUPT))?;
                    self.decoder.collect_to_writer(Pieces(out))?;
                    at += whole;
                    if is_last {
                        let wanted = self.decoder.get_checksum_from_data();
                        if wanted.is_some() && wanted != self.decoder.get_calculated_checksum() {
                            return Err(garbage("the zstd body does not match its checksum"));
                        }
                        self.place = Place::BetweenFrames;
                    }
                }
            }
        }
        self.held.drain(..at);
        Ok(())
    }
}

impl Stage for Zstd {
    fn push(&mut self, bytes: &[u8], out: Out<'_>) -> io::Result<()> {
        for piece in bytes.chunks(LARGEST_BLOCK) {
            self.held.extend_from_slice(piece);
            self.advance(false, out)?;
        }
        Ok(())
    }

    fn end(&mut self, out: Out<'_>) -> io::Result<()> {
        self.advance(true, out)?;
        match self.place {
            Place::BetweenFrames => Ok(()),
            Place::InFrame => Err(truncated("the zstd body is cut off")),
        }
    }
}

/// A writer that passes its input on in small pieces.
struct Pieces<'a>(Out<'a>);

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        bytes.chunks(PIECE).try_for_each(&mut *self.0)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
