//! The pipeline for bodies. It decodes and redacts a body. It keeps a body up to the inline limit in memory, and writes
//! a longer body to a file.
//!
//! Recording and matching use the same pipeline, so that their results cannot differ. Must not know: cassettes,
//! matching.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use http::{HeaderMap, header};

use crate::boundaries::ChunkLog;
use crate::decode::{self, Decoder};
use crate::media_type;
use crate::poison::unpoisoned;
use crate::redact::{BodyRedactor, Hooked, Redactor, Side, Watch};
use crate::tape::{Body, BodySink, Chunks};

/// Headers with a digest of the body's bytes (RFC 9530, RFC 3230, RFC 1864). A client that checks a digest would refuse
/// a body that redaction changed.
pub(crate) const DIGESTS: [&str; 4] = ["content-digest", "repr-digest", "digest", "content-md5"];

/// Takes the bytes of a body as they were sent, and makes the body for the cassette from them.
pub(crate) struct Capture {
    pipeline: Pipeline,
    encoding: Option<String>,
    bytes: u64,
    redactor: Redactor,
    side: Side,
    log: Log,
}

/// The stages after decoding, from first to last.
type Redacted = Logged<Watch<Hooked<BodyRedactor<Logged<BodySink>>>>>;

/// The log of the ends of a response's chunks. `None` for a request.
#[derive(Clone, Default)]
struct Log(Option<Arc<Mutex<ChunkLog>>>);

enum Pipeline {
    Open(Box<Decoder<Redacted>>),
    /// The body cannot be decoded, so it cannot be searched for secrets. This is an error unless the body is empty.
    Opaque {
        encoding: String,
        side: Side,
    },
}

impl Capture {
    /// Makes a capture for the body of a request or an answer. `headers` are the original headers of the same message,
    /// and `uri` is the redacted URI of the request.
    pub(crate) fn new(
        redactor: &Redactor,
        side: Side,
        uri: &str,
        headers: &HeaderMap,
        sink: BodySink,
    ) -> Capture {
        let encoding = content_encoding(headers).filter(|list| !redactor.is_opaque(list));
        let log = match side {
            Side::Request => Log::default(),
            Side::Response => Log::of(headers),
        };
        let sink = Logged { next: sink, log: log.clone(), note: ChunkLog::write };
        let redacted = match side {
            Side::Request => redactor.body(content_type(headers), sink),
            Side::Response => redactor.for_responses().body(content_type(headers), sink),
        };
        let hooked = Hooked::new(redactor, side, uri, headers, redacted);
        let redacted = match side {
            Side::Request => Watch::new(redactor, hooked),
            Side::Response => Watch::none(hooked),
        };
        let redacted = Logged { next: redacted, log: log.clone(), note: ChunkLog::read };
        let pipeline = match decode::decoder(encoding.as_deref(), redacted) {
            Ok(decoder) => Pipeline::Open(Box::new(decoder)),
            Err(unsupported) => Pipeline::Opaque { encoding: unsupported.0, side },
        };
        Capture { pipeline, encoding, bytes: 0, redactor: redactor.clone(), side, log }
    }

    /// Notes the end of a chunk.
    pub(crate) fn mark(&self) {
        self.log.with(ChunkLog::mark);
    }

    /// Whether the body counts as a stream so far.
    pub(crate) fn is_stream(&self) -> bool {
        self.log.with(|log| log.is_stream()).unwrap_or(false)
    }

    /// The number of bytes after the end of the compressed data, which were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        match &self.pipeline {
            Pipeline::Open(decoder) => decoder.dropped(),
            Pipeline::Opaque { .. } => 0,
        }
    }

    /// Returns the body for the cassette. Removes headers that no longer describe the body: `content-encoding` if the
    /// body was decoded, and digests of the original bytes if the bytes have changed.
    pub(crate) fn finish(self, headers: &mut HeaderMap) -> io::Result<Body> {
        self.end(headers, |decoder| decoder.finish())
    }

    /// Does the same as `finish` for a body that was cut off. Returns the part of the body that can be decoded.
    pub(crate) fn finish_cut(self, headers: &mut HeaderMap) -> io::Result<Body> {
        self.end(headers, |decoder| Ok(decoder.abandon()))
    }

    fn end(
        self,
        headers: &mut HeaderMap,
        decoded: impl FnOnce(Decoder<Redacted>) -> io::Result<Redacted>,
    ) -> io::Result<Body> {
        match self.pipeline {
            // An empty body, such as the body of an answer to `HEAD`, was not encoded, so its headers stay.
            _ if self.bytes == 0 => Ok(Body::default()),
            Pipeline::Open(decoder) => {
                let (redacted, by_hook) = decoded(*decoder)?.next.finish()?.finish()?;
                let changed = redacted.changed();
                let content = redacted.finish()?.next.finish()?;
                if self.encoding.is_some() {
                    headers.remove(header::CONTENT_ENCODING);
                }
                if self.encoding.is_some() || by_hook || changed.get() {
                    for name in DIGESTS {
                        if headers.remove(name).is_some() {
                            self.redactor.leave_out(self.side, name);
                        }
                    }
                }
                let chunks = self.log.with(|log| std::mem::replace(log, ChunkLog::new(false, true)).finish());
                // If a hook of the project has changed the body, the noted ends have no meaning in it.
                let chunks = chunks.filter(|_| !by_hook).unwrap_or(Chunks::One);
                Ok(Body { content, encoding: self.encoding, chunks })
            }
            Pipeline::Opaque { encoding, side } => Err(opaque(&encoding, side)),
        }
    }
}

impl Write for Capture {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        self.bytes += chunk.len() as u64;
        match &mut self.pipeline {
            Pipeline::Open(next) => next.write_all(chunk).map(|()| chunk.len()),
            Pipeline::Opaque { .. } if chunk.is_empty() => Ok(0),
            Pipeline::Opaque { encoding, side } => Err(opaque(encoding, *side)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn of(headers: &HeaderMap) -> Log {
        let is_stream = content_type(headers).is_some_and(media_type::is_stream);
        let has_length = headers.contains_key(header::CONTENT_LENGTH);
        let log = ChunkLog::new(is_stream, has_length);
        Log(log.is_stream().then(|| Arc::new(Mutex::new(log))))
    }

    fn with<T>(&self, f: impl FnOnce(&mut ChunkLog) -> T) -> Option<T> {
        let mut log = unpoisoned(self.0.as_ref()?.lock());
        Some(f(&mut log))
    }
}

/// A writer that passes bytes on to `next`, and notes them in the log.
struct Logged<W> {
    next: W,
    log: Log,
    note: fn(&mut ChunkLog, &[u8]),
}

impl<W: Write> Write for Logged<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.next.write(bytes)?;
        self.log.with(|log| (self.note)(log, &bytes[..written]));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

fn opaque(encoding: &str, side: Side) -> io::Error {
    let (whose, hint) = match side {
        Side::Request => ("of the request", "let the client send the body uncompressed, or with gzip"),
        Side::Response => ("of the response", "let the client ask for `accept-encoding: gzip`"),
    };
    io::Error::other(format!(
        "content-encoding `{encoding}` {whose} can't be decoded, so cassette can't search the body for secrets; {hint}, \
         or keep it as it is, unsearched: `Config::opaque_encoding({encoding:?})`"
    ))
}

pub(crate) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok())
}

/// Returns the content codings of a body as one list, in the order in which they were applied. Several header lines
/// form one list (RFC 9110 §5.3). Returns `None` if the body is not encoded, or if no value names a coding. A coding
/// that is not text stays in the list and counts as unknown.
pub(crate) fn content_encoding(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::CONTENT_ENCODING).iter();
    let list: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    Some(list.join(", ")).filter(|list| decode::is_coded(list))
}
