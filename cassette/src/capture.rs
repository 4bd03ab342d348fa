//! A body on its way to the tape: decoded, redacted, kept up to the inline limit or written to a file.
//!
//! One pipeline for what is recorded and for what is matched, so that the two can't differ.

use std::io::{self, Write};

use http::{HeaderMap, header};

use crate::decode::{self, Decoder};
use crate::redact::{BodyRedactor, Hooked, Redactor, Side, Watch};
use crate::tape::{Body, BodySink};

/// Headers that hold a digest of the body's bytes (RFC 9530, RFC 3230, RFC 1864): of another body they would refuse
/// the recording.
pub(crate) const DIGESTS: [&str; 4] = ["content-digest", "repr-digest", "digest", "content-md5"];

/// Takes a body's bytes as they come off the wire; [`finish`](Capture::finish) gives what goes on the tape.
pub(crate) struct Capture {
    pipeline: Pipeline,
    encoding: Option<String>,
    bytes: u64,
}

/// What the decoded body goes through, first to last.
type Redacted = Watch<Hooked<BodyRedactor<BodySink>>>;

enum Pipeline {
    Open(Box<Decoder<Redacted>>),
    /// The body's encoding can't be decoded, so it can't be searched for secrets either. Fine if it is empty.
    Opaque {
        encoding: String,
        side: Side,
    },
}

impl Capture {
    /// For the body of a request or an answer with these headers, as they came. `uri` is that of the request, redacted.
    pub(crate) fn new(
        redactor: &Redactor,
        side: Side,
        uri: &str,
        headers: &HeaderMap,
        sink: BodySink,
    ) -> Capture {
        let encoding = content_encoding(headers);
        let redacted = match side {
            Side::Request => redactor.body(content_type(headers), sink),
            Side::Response => redactor.for_responses().body(content_type(headers), sink),
        };
        let hooked = Hooked::new(redactor, side, uri, headers, redacted);
        let redacted = match side {
            Side::Request => Watch::new(redactor, hooked),
            Side::Response => Watch::none(hooked),
        };
        let pipeline = match decode::decoder(encoding.as_deref(), redacted) {
            Ok(decoder) => Pipeline::Open(Box::new(decoder)),
            Err(unsupported) => Pipeline::Opaque { encoding: unsupported.0, side },
        };
        Capture { pipeline, encoding, bytes: 0 }
    }

    /// The body for the tape. `headers` lose what no longer describes it: `content-encoding`, once decoded, and
    /// digests of what it was.
    pub(crate) fn finish(self, headers: &mut HeaderMap) -> io::Result<Body> {
        self.end(headers, |decoder| decoder.finish())
    }

    /// The same for a body that broke off in the middle: what could be decoded by then.
    pub(crate) fn finish_cut(self, headers: &mut HeaderMap) -> io::Result<Body> {
        self.end(headers, |decoder| Ok(decoder.abandon()))
    }

    fn end(
        self,
        headers: &mut HeaderMap,
        decoded: impl FnOnce(Decoder<Redacted>) -> io::Result<Redacted>,
    ) -> io::Result<Body> {
        match self.pipeline {
            // Nothing was encoded: the answer to a HEAD request keeps the header as it was.
            _ if self.bytes == 0 => Ok(Body::default()),
            Pipeline::Open(decoder) => {
                let (redacted, by_hook) = decoded(*decoder)?.finish()?.finish()?;
                let changed = redacted.changed();
                let content = redacted.finish()?.finish()?;
                if self.encoding.is_some() {
                    headers.remove(header::CONTENT_ENCODING);
                }
                if self.encoding.is_some() || by_hook || changed.get() {
                    DIGESTS.iter().for_each(|name| _ = headers.remove(*name));
                }
                Ok(Body { content, encoding: self.encoding })
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

fn opaque(encoding: &str, side: Side) -> io::Error {
    let (whose, way_out) = match side {
        Side::Request => ("of the request", "let the client send it as it is, or with gzip"),
        Side::Response => ("of the answer", "let the client ask for `accept-encoding: gzip`"),
    };
    io::Error::other(format!(
        "content-encoding `{encoding}` {whose} can't be decoded here, so the body can't be searched for secrets; \
         {way_out}"
    ))
}

pub(crate) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok())
}

/// All codings as one list, in the order in which they were applied: several header lines are one list
/// (RFC 9110 §5.3). What is no text is no known coding either, and must not pass for none.
pub(crate) fn content_encoding(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::CONTENT_ENCODING).iter();
    let list: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    Some(list.join(", ")).filter(|list| !list.is_empty() && !list.eq_ignore_ascii_case("identity"))
}
