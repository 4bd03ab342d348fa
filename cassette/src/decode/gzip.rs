//! The content coding `gzip`. This file reads the framing of the format, so that it can distinguish a truncated body
//! from a complete body.

use std::io;

use flate2::Crc;

use super::inflate::Inflate;
use super::{Out, Stage, garbage, truncated};

/// The decoder for `gzip` (RFC 1952). A body is any number of members, and zeros after the last member, which some
/// archivers add. Other bytes after the last member are dropped, as clients do.
pub(super) struct Gzip {
    at: Gz,
    /// The bits of FLG in the member's header that announce optional parts which are still to come.
    flags: u8,
    inflate: Inflate,
    crc: Crc,
    members: u32,
    dropped: u64,
}

#[derive(Clone, Copy)]
enum Gz {
    /// In the ten fixed bytes of the header. The value is the index of the next byte.
    Head(u8),
    ExtraLength(Option<u8>),
    Extra(u16),
    Name,
    Comment,
    HeadCrc(u8),
    Body,
    /// In the checksum and size after the compressed data. The value is the index of the next byte.
    Tail(u8),
    Padding,
    /// After the data: everything is dropped.
    Over,
}

impl Gzip {
    pub(super) fn new() -> Gzip {
        Gzip {
            at: Gz::Head(0),
            flags: 0,
            inflate: Inflate::new(false),
            crc: Crc::new(),
            members: 0,
            dropped: 0,
        }
    }

    /// The next header part that FLG announces.
    fn next_part(&mut self) -> Gz {
        for (bit, part) in [(4, Gz::ExtraLength(None)), (8, Gz::Name), (16, Gz::Comment), (2, Gz::HeadCrc(0))]
        {
            if self.flags & bit != 0 {
                self.flags &= !bit;
                return part;
            }
        }
        Gz::Body
    }

    fn header(&mut self, b: u8) -> io::Result<Gz> {
        Ok(match self.at {
            Gz::Head(at) => {
                match (at, b) {
                    (0, 0) if self.members > 0 => return Ok(Gz::Padding),
                    (0, 0x1f) | (1, 0x8b) | (2, 8) | (4.., _) => {}
                    (3, flags) if flags & 0xe0 == 0 => self.flags = flags,
                    // The first byte looked like another member.
                    (0 | 1, _) if self.members > 0 => {
                        self.dropped += u64::from(at) + 1;
                        return Ok(Gz::Over);
                    }
                    _ => return Err(garbage("the body is not in gzip format")),
                }
                if at == 9 { self.next_part() } else { Gz::Head(at + 1) }
            }
            Gz::ExtraLength(None) => Gz::ExtraLength(Some(b)),
            Gz::ExtraLength(Some(low)) => match u16::from_le_bytes([low, b]) {
                0 => self.next_part(),
                n => Gz::Extra(n),
            },
            Gz::Extra(1) => self.next_part(),
            Gz::Extra(n) => Gz::Extra(n - 1),
            Gz::Name | Gz::Comment if b != 0 => self.at,
            Gz::Name | Gz::Comment => self.next_part(),
            Gz::HeadCrc(0) => Gz::HeadCrc(1),
            Gz::HeadCrc(_) => self.next_part(),
            Gz::Tail(at) => {
                let tail = u64::from(self.crc.amount()) << 32 | u64::from(self.crc.sum());
                if tail.to_le_bytes()[usize::from(at)] != b {
                    return Err(garbage("the gzip body does not match its checksum"));
                }
                if at == 7 {
                    *self = Gzip { members: self.members.saturating_add(1), ..Gzip::new() };
                    Gz::Head(0)
                } else {
                    Gz::Tail(at + 1)
                }
            }
            Gz::Padding if b == 0 => Gz::Padding,
            Gz::Padding | Gz::Over => {
                self.dropped += 1;
                Gz::Over
            }
            Gz::Body => Gz::Body,
        })
    }
}

impl Stage for Gzip {
    fn push(&mut self, mut bytes: &[u8], out: Out<'_>) -> io::Result<()> {
        while let Some(&b) = bytes.first() {
            if !matches!(self.at, Gz::Body) {
                self.at = self.header(b)?;
                bytes = &bytes[1..];
                continue;
            }
            let crc = &mut self.crc;
            let read = self.inflate.push(bytes, &mut |piece| {
                crc.update(piece);
                out(piece)
            })?;
            bytes = &bytes[read..];
            if self.inflate.ended {
                self.at = Gz::Tail(0);
            }
        }
        Ok(())
    }

    fn end(&mut self, _: Out<'_>) -> io::Result<()> {
        match self.at {
            Gz::Head(0) | Gz::Padding | Gz::Over => Ok(()),
            // A single byte that looks like another member.
            Gz::Head(1) if self.members > 0 => Ok(()),
            _ => Err(truncated("the gzip body is cut off")),
        }
    }

    fn dropped(&self) -> u64 {
        match self.at {
            Gz::Head(1) if self.members > 0 => 1,
            _ => self.dropped,
        }
    }
}
