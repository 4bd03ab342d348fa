//! Removes the content codings of a body while it streams (RFC 9110 §8.4), so that the body can be redacted and read.
//! The output is passed on in small pieces, so that a few kilobytes that decode to gigabytes need little memory.
//!
//! Must not know: what a body holds, where its bytes go.

#[cfg(feature = "brotli")]
mod brotli;
mod gzip;
mod inflate;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;
use std::io::{self, Write};

/// A writer that decodes its input and passes it on to `next`. Call [`finish`](Decoder::finish) at the end: only it
/// detects a truncated body.
pub(crate) struct Decoder<W> {
    /// The decoders in the order in which they work. The coding that was applied last comes first.
    stages: Vec<Box<dyn Stage>>,
    next: W,
}

/// A content coding that this build cannot decode, with its name as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsupported(pub(crate) String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot decode the content-encoding `{}`", self.0)
    }
}

impl std::error::Error for Unsupported {}

/// A decoder for the value of a `content-encoding` header, which lists codings in the order of their application.
///
/// # Errors
///
/// A coding is unknown, or there are more than [`MAX_CODINGS`].
pub(crate) fn decoder<W: Write>(content_encoding: Option<&str>, next: W) -> Result<Decoder<W>, Unsupported> {
    let mut stages: Vec<Box<dyn Stage>> = Vec::new();
    for coding in content_encoding.unwrap_or("").split(',').map(str::trim).rev() {
        match coding.to_ascii_lowercase().as_str() {
            // `aws-chunked` is a coding of S3. Its chunks may be signed, so the body is kept as received.
            "aws-chunked" => {}
            other if !is_coding(other) => {}
            "gzip" | "x-gzip" => stages.push(Box::new(gzip::Gzip::new())),
            "deflate" => stages.push(Box::new(inflate::Deflate::new())),
            #[cfg(feature = "brotli")]
            "br" => stages.push(Box::new(brotli::Brotli::new())),
            #[cfg(feature = "zstd")]
            "zstd" => stages.push(Box::new(zstd::Zstd::new())),
            _ => return Err(Unsupported(coding.to_owned())),
        }
    }
    if stages.len() > MAX_CODINGS {
        return Err(Unsupported(content_encoding.unwrap_or("").to_owned()));
    }
    Ok(Decoder { stages, next })
}

/// Whether the value of a `content-encoding` header names a coding.
pub(crate) fn is_coded(content_encoding: &str) -> bool {
    content_encoding.split(',').any(|coding| is_coding(&coding.trim().to_ascii_lowercase()))
}

/// Whether a value in lower case may be a content coding. Servers also send the names of character sets and transfer
/// encodings, and media types. Clients ignore them.
fn is_coding(value: &str) -> bool {
    const NONE: [&str; 24] = [
        "",
        "identity",
        "none",
        "null",
        "no",
        "false",
        "plain",
        "text",
        "raw",
        "binary",
        "7bit",
        "8bit",
        "base64",
        "quoted-printable",
        "chunked",
        "utf-8",
        "utf8",
        "utf-16",
        "ascii",
        "us-ascii",
        "iso-8859-1",
        "iso-8859-15",
        "latin1",
        "windows-1252",
    ];
    !NONE.contains(&value) && !value.contains('/')
}

/// The greatest number of codings of one body. Each coding multiplies the size to which a hostile body can decode. curl
/// has the same limit for the same reason.
const MAX_CODINGS: usize = 5;

/// The most bytes that are passed on at once.
const PIECE: usize = 16 * 1024;

impl<W: Write> Decoder<W> {
    /// Ends the body and returns `next`. An empty input is an empty body in every coding.
    ///
    /// # Errors
    ///
    /// The body is truncated, or `next` failed.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        for i in 0..self.stages.len() {
            let (stage, rest) = self.stages[i..].split_first_mut().expect("i is in range");
            stage.end(&mut |piece| push(rest, piece, &mut self.next))?;
        }
        Ok(self.next)
    }
}

impl<W> Decoder<W> {
    /// The writer that gets the decoded bytes.
    pub(crate) fn next_mut(&mut self) -> &mut W {
        &mut self.next
    }

    /// The number of bytes after the end of the compressed data so far. They are dropped, as clients do.
    pub(crate) fn dropped(&self) -> u64 {
        self.stages.iter().map(|stage| stage.dropped()).sum()
    }

    /// Returns `next` after the body broke off. `next` has received all bytes that could be decoded.
    pub(crate) fn abandon(self) -> W {
        self.next
    }
}

impl<W: Write> Write for Decoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        push(&mut self.stages, bytes, &mut self.next)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

fn push(stages: &mut [Box<dyn Stage>], bytes: &[u8], next: &mut dyn Write) -> io::Result<()> {
    match stages.split_first_mut() {
        None => next.write_all(bytes),
        Some((stage, rest)) => stage.push(bytes, &mut |piece| push(rest, piece, next)),
    }
}

type Out<'a> = &'a mut dyn FnMut(&[u8]) -> io::Result<()>;

/// The decoder of one coding.
trait Stage: Send {
    fn push(&mut self, bytes: &[u8], out: Out<'_>) -> io::Result<()>;
    fn end(&mut self, out: Out<'_>) -> io::Result<()>;
    /// The number of bytes after the end of the data.
    fn dropped(&self) -> u64 {
        0
    }
}

fn garbage(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

fn truncated(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    const TEXT: &[u8] = b"hello, hello, hello, hello, \xff\x00 and good bye";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// One stored meta-block and an empty last meta-block (RFC 7932 §9.2).
    #[cfg(feature = "brotli")]
    fn brotli(bytes: &[u8]) -> Vec<u8> {
        let head = (bytes.len() as u32 - 1) << 4 | 1 << 20;
        [&head.to_le_bytes()[..3], bytes, &[3]].concat()
    }

    fn decode(encoding: &str, chunks: &[&[u8]]) -> io::Result<Vec<u8>> {
        let mut decoder = decoder(Some(encoding), Vec::new()).map_err(io::Error::other)?;
        for chunk in chunks {
            decoder.write_all(chunk)?;
        }
        decoder.finish()
    }

    #[track_caller]
    fn check(encoding: &str, coded: &[u8], plain: &[u8]) {
        for cut in 0..=coded.len() {
            let (a, b) = coded.split_at(cut);
            assert_eq!(decode(encoding, &[a, b]).unwrap(), plain, "{encoding} cut at {cut}");
        }
        let bytes: Vec<&[u8]> = coded.chunks(1).collect();
        assert_eq!(decode(encoding, &bytes).unwrap(), plain, "{encoding} byte by byte");
    }

    #[test]
    fn codings() {
        check("identity", TEXT, TEXT);
        check("", TEXT, TEXT);
        check("gzip", &gzip(TEXT), TEXT);
        check(" X-GZip ", &gzip(TEXT), TEXT);
        check("deflate", &zlib(TEXT), TEXT);
        check("deflate", &raw_deflate(TEXT), TEXT);
        check("gzip", &gzip(b""), b"");
        check("deflate, gzip", &gzip(&zlib(TEXT)), TEXT);
        check("gzip,, identity , gzip", &gzip(&gzip(TEXT)), TEXT);
        check("gzip", &[gzip(b"one "), gzip(b"two"), vec![0; 5]].concat(), b"one two");
    }

    #[cfg(feature = "brotli")]
    #[test]
    fn brotli_codings() {
        check("br", &brotli(TEXT), TEXT);
        check("gzip, br", &brotli(&gzip(TEXT)), TEXT);
        check("br, gzip", &gzip(&brotli(TEXT)), TEXT);
        let error = decode("br", &[b"\xff\xff\xff\xff\xff\xff"]).unwrap_err();
        assert_eq!(error.to_string(), "the brotli body is corrupt");
        let error = decode("br", &[&brotli(TEXT), b"x"]).unwrap_err();
        assert_eq!(error.to_string(), "bytes after the end of the brotli body");
        let whole = brotli(TEXT);
        for cut in 1..whole.len() {
            assert!(decode("br", &[&whole[..cut]]).is_err(), "cut at {cut}");
        }
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_codings() {
        use ruzstd::encoding::{CompressionLevel, compress_to_vec};
        let zstd = |bytes: &[u8]| compress_to_vec(bytes, CompressionLevel::Fastest);
        check("zstd", &zstd(TEXT), TEXT);
        check("zstd", &[zstd(b"one "), zstd(b"two")].concat(), b"one two");
        check("gzip, zstd", &zstd(&gzip(TEXT)), TEXT);
        check("zstd, gzip", &gzip(&zstd(TEXT)), TEXT);
        let long: Vec<u8> = (0..400_000u32).flat_map(|n| (n % 1000).to_string().into_bytes()).collect();
        let coded = zstd(&long);
        for size in [1000, 70_000, coded.len()] {
            let chunks: Vec<&[u8]> = coded.chunks(size).collect();
            assert!(decode("zstd", &chunks).unwrap() == long, "in chunks of {size}");
        }
        let whole = zstd(TEXT);
        for cut in 1..whole.len() {
            let error = decode("zstd", &[&whole[..cut]]).unwrap_err().to_string();
            assert!(error.ends_with("is cut off"), "cut at {cut}: {error}");
        }
        let fails = |coded: &[u8]| decode("zstd", &[coded]).unwrap_err().to_string();
        assert_eq!(fails(b"<html>, and more than a header"), "the body is not in zstd format");
        // A window of 2 GiB (RFC 8878 §3.1.1.1.2).
        let window = [&whole[..4], &[0, 21 << 3], &[0; 16]].concat();
        assert_eq!(fails(&window), "the zstd body asks for a window of more than 8 MiB");
        let mut wrong = whole.clone();
        *wrong.last_mut().unwrap() ^= 1;
        let message = fails(&wrong);
        assert!(
            message == "the zstd body does not match its checksum" || message == "the zstd body is corrupt",
            "{message}"
        );
    }

    #[test]
    fn optional_parts_of_the_gzip_header() {
        let mut coded = gzip(TEXT);
        coded[3] = 2 | 4 | 8 | 16;
        coded.splice(10..10, *b"\x03\x00abcname\0comment\0\x12\x34");
        check("gzip", &coded, TEXT);
    }

    #[test]
    fn empty_bodies() {
        for encoding in ["", "gzip", "deflate", "gzip, deflate"] {
            assert_eq!(decode(encoding, &[]).unwrap(), b"");
        }
    }

    #[test]
    fn truncated_bodies() {
        for (encoding, whole) in
            [("gzip", gzip(TEXT)), ("deflate", zlib(TEXT)), ("deflate", raw_deflate(TEXT))]
        {
            for cut in 1..whole.len() {
                let error = decode(encoding, &[&whole[..cut]]).unwrap_err();
                assert!(error.to_string().ends_with("is cut off"), "{encoding} cut at {cut}: {error}");
            }
        }
    }

    #[test]
    fn bytes_after_the_end_of_gzip() {
        for rest in [&b"x"[..], b"\0x", b"\x1f", b"\x1fx", b"<!-- cached -->", b"\0\0\x1f\x8b"] {
            let coded = [&gzip(TEXT), rest].concat();
            check("gzip", &coded, TEXT);
            let mut decoder = decoder(Some("gzip"), Vec::new()).unwrap();
            decoder.write_all(&coded).unwrap();
            let zeros = rest.iter().take_while(|b| **b == 0).count();
            assert_eq!(decoder.dropped() as usize, rest.len() - zeros, "{rest:?}");
        }
    }

    #[test]
    fn values_that_are_no_coding() {
        for value in ["", "none", "UTF-8", "binary", "text/plain", "identity, none"] {
            assert!(!is_coded(value), "{value}");
            check(value, TEXT, TEXT);
        }
        for value in ["gzip", "none, gzip", "dcb", "aws-chunked"] {
            assert!(is_coded(value), "{value}");
        }
    }

    #[test]
    fn garbage_bodies() {
        #[track_caller]
        fn fails(encoding: &str, coded: &[u8], message: &str) {
            assert_eq!(decode(encoding, &[coded]).unwrap_err().to_string(), message);
        }
        fails("gzip", b"<html>", "the body is not in gzip format");
        fails("deflate", b"\xff\xff\xff", "the compressed body is corrupt");
        fails("deflate", &[zlib(TEXT), b"x".to_vec()].concat(), "bytes after the end of the deflate body");
        let mut wrong = gzip(TEXT);
        *wrong.last_mut().unwrap() ^= 1;
        fails("gzip", &wrong, "the gzip body does not match its checksum");
    }

    #[test]
    fn unsupported_codings() {
        assert_eq!(decoder(Some("gzip, dcb"), Vec::new()).err(), Some(Unsupported("dcb".to_owned())));
        assert!(decoder(Some("gzip,gzip,gzip,gzip,gzip"), Vec::new()).is_ok());
        assert!(decoder(Some("gzip,gzip,gzip,gzip,gzip,gzip"), Vec::new()).is_err());
    }

    /// A writer that only counts bytes, and panics if one write is too long.
    #[derive(Default)]
    struct Sink(u64);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            assert!(bytes.len() <= PIECE, "collected {} bytes", bytes.len());
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_bomb_streams() {
        let member = gzip(&vec![0; 1 << 20]);
        let members = member.repeat(16);
        let bomb = gzip(&members);
        assert!(bomb.len() < 4096, "{}", bomb.len());
        let mut decoder = decoder(Some("gzip, gzip"), Sink::default()).unwrap();
        decoder.write_all(&bomb).unwrap();
        assert_eq!(decoder.finish().unwrap().0, 16 << 20);
    }
}
