//! Reads compressed data (gzip, zstd) in a file: the whole file, or base64 texts in the file. The data is decompressed
//! as a stream.
//!
//! Must not know: what the leak check searches for.

use std::io::{self, BufRead, BufReader, Read, Write as _};

use memchr::memmem::Finder;

use crate::decode::{Decoder, decoder};

/// The first bytes of each content coding (RFC 1952 §2.3.1, RFC 8878 §3.1.1), and the same bytes in base64.
const CODINGS: [(&str, &[u8], &str); 2] =
    [("gzip", &[0x1f, 0x8b], "H4sI"), ("zstd", &[0x28, 0xb5, 0x2f, 0xfd], "KLUv")];

/// The length of the longest beginning in [`CODINGS`].
const MAGIC: usize = 4;

/// The number of compressed bytes that are decompressed at a time. They decompress to a few megabytes at most.
const STEP: usize = 128;

const CHUNK: usize = 64 * 1024;

/// The coding of a file that is compressed as a whole.
pub(crate) fn coding(mut file: impl Read) -> io::Result<Option<&'static str>> {
    let mut magic = Vec::with_capacity(MAGIC);
    file.by_ref().take(MAGIC as u64).read_to_end(&mut magic)?;
    Ok(CODINGS.iter().find(|(_, bytes, _)| magic.starts_with(bytes)).map(|(coding, ..)| *coding))
}

/// Finds the offsets in a text where compressed data in base64 may begin, with their codings.
pub(crate) struct Beginnings<R> {
    reader: R,
    finders: [(&'static str, Finder<'static>); 2],
    /// The part of the text that is in memory.
    text: Vec<u8>,
    /// The offset of `text` in the whole text.
    base: u64,
    /// Every beginning before this place in `text` was found.
    searched: usize,
    /// The beginnings in `text` that have not been returned yet, the last beginning first.
    hits: Vec<(usize, &'static str)>,
}

impl<R: Read> Beginnings<R> {
    pub(crate) fn new(reader: R) -> Self {
        let finders = CODINGS.map(|(coding, _, base64)| (coding, Finder::new(base64)));
        Beginnings { reader, finders, text: Vec::new(), base: 0, searched: 0, hits: Vec::new() }
    }

    /// The next beginning.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, &'static str)>> {
        loop {
            while let Some((at, coding)) = self.hits.pop() {
                // A hit after a base64 character is in the middle of a base64 text, unless that character is part of an
                // escaped line break.
                if at == 0 || !is_base64(self.text[at - 1]) || self.text[..at].ends_with(b"\\n") {
                    return Ok(Some((self.base + at as u64, coding)));
                }
            }
            // Keep the two bytes that the check above may need.
            let done = self.searched.saturating_sub(2);
            self.text.drain(..done);
            self.base += done as u64;
            self.searched -= done;
            if self.reader.by_ref().take(CHUNK as u64).read_to_end(&mut self.text)? == 0 {
                return Ok(None);
            }
            for (coding, finder) in &self.finders {
                let found = finder.find_iter(&self.text[self.searched..]);
                self.hits.extend(found.map(|at| (self.searched + at, *coding)));
            }
            self.hits.sort_unstable_by(|a, b| b.cmp(a));
            // The text may end in a part of a beginning.
            self.searched = self.searched.max((self.text.len() + 1).saturating_sub(MAGIC));
        }
    }
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"+/-_".contains(&b)
}

/// Decodes base64 in either alphabet, also if it is split over lines or has the escapes of JSON. Other characters end
/// the text.
pub(crate) struct Base64<R> {
    text: BufReader<R>,
    /// Whether the last character was a backslash.
    escaped: bool,
    bits: u32,
    held: u32,
}

impl<R: Read> Base64<R> {
    pub(crate) fn new(text: R) -> Self {
        Base64 { text: BufReader::new(text), escaped: false, bits: 0, held: 0 }
    }
}

impl<R: Read> Read for Base64<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < out.len() {
            let text = match self.text.fill_buf() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                text => text?,
            };
            let (mut used, mut ended) = (0, text.is_empty());
            for b in text {
                let escaped = std::mem::take(&mut self.escaped);
                let six = match b {
                    b'n' | b'r' if escaped => None,
                    b'A'..=b'Z' => Some(b - b'A'),
                    b'a'..=b'z' => Some(b - b'a' + 26),
                    b'0'..=b'9' => Some(b - b'0' + 52),
                    b'+' | b'-' => Some(62),
                    b'/' | b'_' => Some(63),
                    b'\r' | b'\n' => None,
                    b'\\' => {
                        self.escaped = true;
                        None
                    }
                    _ => {
                        ended = true;
                        break;
                    }
                };
                used += 1;
                if let Some(six) = six {
                    self.bits = self.bits << 6 | u32::from(six);
                    self.held += 6;
                }
                if self.held >= 8 {
                    self.held -= 8;
                    out[written] = (self.bits >> self.held) as u8;
                    written += 1;
                    if written == out.len() {
                        break;
                    }
                }
            }
            self.text.consume(used);
            if ended {
                break;
            }
        }
        Ok(written)
    }
}

/// Decompresses a stream. Invalid data ends the stream.
pub(crate) struct Unpacked<R> {
    packed: R,
    /// `None` at the end of the stream.
    decoder: Option<Decoder<Vec<u8>>>,
    ready: Vec<u8>,
    /// The number of bytes of `ready` that were read.
    read: usize,
    /// Whether the data was invalid or cut off.
    pub(crate) is_broken: bool,
}

impl<R: Read> Unpacked<R> {
    pub(crate) fn new(packed: R, coding: &str) -> Self {
        // A coding that this build does not support counts as broken.
        let decoder = decoder(Some(coding), Vec::new()).ok();
        Unpacked { packed, is_broken: decoder.is_none(), decoder, ready: Vec::new(), read: 0 }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.read == self.ready.len() {
            let Some(decoder) = &mut self.decoder else { return Ok(0) };
            let mut packed = [0; STEP];
            let count = self.packed.read(&mut packed)?;
            let is_good = decoder.write_all(&packed[..count]).is_ok();
            self.ready.clear();
            std::mem::swap(&mut self.ready, decoder.next_mut());
            self.read = 0;
            if count == 0 || !is_good {
                let Some(decoder) = self.decoder.take() else { return Ok(0) };
                // Bytes after the end of the data are not decoded, so the data counts as broken.
                let is_whole = is_good && decoder.dropped() == 0;
                match decoder.finish() {
                    Ok(rest) if is_good => self.ready.extend(rest),
                    _ => self.is_broken = true,
                }
                self.is_broken |= !is_whole;
            }
        }
        let rest = &self.ready[self.read..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beginnings(text: &str) -> Vec<(u64, &'static str)> {
        let mut beginnings = Beginnings::new(text.as_bytes());
        std::iter::from_fn(|| beginnings.next().unwrap()).collect()
    }

    #[test]
    fn beginnings_of_compressed_data() {
        assert_eq!(beginnings("H4sIA \"KLUv/Q\" \\nH4sI"), [(0, "gzip"), (7, "zstd"), (17, "gzip")]);
        assert_eq!(beginnings("aH4sI /H4sI KLU H4s"), []);
        for at in CHUNK - 8..CHUNK + 2 {
            let text = format!("{} H4sI and KLUv", ".".repeat(at));
            assert_eq!(beginnings(&text), [(at as u64 + 1, "gzip"), (at as u64 + 10, "zstd")]);
            assert_eq!(beginnings(&text.replace(" H4sI", "xH4sI")), [(at as u64 + 10, "zstd")]);
        }
    }

    #[test]
    fn base64_as_far_as_it_goes() {
        for (text, bytes) in [
            ("aGVsbG8_Pw==\" H4sI", "hello??"),
            ("aGVs\r\nbG8\\/Pw", "hello??"),
            ("aGVs\\r\\nbG8/Pw", "hello??"),
            ("", ""),
            ("=aGVs", ""),
        ] {
            let mut out = String::new();
            Base64::new(text.as_bytes()).read_to_string(&mut out).unwrap();
            assert_eq!(out, bytes, "{text}");
        }
    }

    #[test]
    fn invalid_data_ends_the_stream() {
        use flate2::{Compression, write::GzEncoder};
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&[b'x'; 300_000]).unwrap();
        let packed = packed.finish().unwrap();
        let unpack = |bytes: &[u8]| {
            let (mut unpacked, mut out) = (Unpacked::new(bytes, "gzip"), Vec::new());
            unpacked.read_to_end(&mut out).unwrap();
            assert!(out.iter().all(|b| *b == b'x'));
            (out.len(), unpacked.is_broken)
        };
        assert_eq!(unpack(&packed), (300_000, false));
        assert_eq!(unpack(&[&packed[..], b"more"].concat()), (300_000, true));
        let (cut, is_broken) = unpack(&packed[..packed.len() / 2]);
        assert!(cut > 0 && is_broken);
        assert_eq!(unpack(b"H4sI"), (0, true));
    }
}
