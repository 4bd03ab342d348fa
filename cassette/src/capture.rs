//! The pipeline of a body. It decodes the body and redacts it. It keeps a body up to the inline limit in memory, and
//! writes a longer body to a file.
//!
//! Recording and matching use the same pipeline, so that their results cannot differ. Must not know: cassettes,
//! matching.

use std::io::{self, Write};

use http::{HeaderMap, header};

use crate::decode::{self, Decoder};
use crate::redact::{BodyRedactor, Hooked, Redactor, Side, Watch};
use crate::tape::{Body, BodySink};

/// Headers with a digest of the body's bytes (RFC 9530, RFC 3230, RFC 1864). A client that checks them would refuse a
/// body that redaction changed.
pub(crate) const DIGESTS: [&str; 4] = ["content-digest", "repr-digest", "digest", "content-md5"];

/// Takes the bytes of a body as they were sent. [`finish`](Capture::finish) returns the body for the cassette.
pub(crate) struct Capture {
    pipeline: Pipeline,
    encoding: Option<String>,
    bytes: u64,
    redactor: Redactor,
    side: Side,
}

/// The stages after decoding, from first to last.
type Redacted = Watch<Hooked<BodyRedactor<BodySink>>>;

enum Pipeline {
    Open(Box<Decoder<Redacted>>),
    /// The body cannot be decoded, so it cannot be searched for secrets. This is an error unless the body is empty.
    Opaque {
        encoding: String,
        side: Side,
    },
}

impl Capture {
    /// A capture for the body of a request or an answer. `headers` are the original headers of the same message, and
    /// `uri` is the redacted URI of the request.
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
        Capture { pipeline, encoding, bytes: 0, redactor: redactor.clone(), side }
    }

    /// The body for the cassette. Removes the headers that no longer describe the body: `content-encoding` if the body
    /// was decoded, and digests of the original bytes if the bytes have changed.
    pub(crate) fn finish(self, headers: &mut HeaderMap) -> io::Result<Body> {
        self.end(headers, |decoder| decoder.finish())
    }

    /// Like `finish`, for a body that was cut off: the result is the part that can be decoded.
    pub(crate) fn finish_cut(self, headers: &mut HeaderMap) -> io::Result<Body> {
        self.end(headers, |decoder| Ok(decoder.abandon()))
    }

    fn end(
        self,
        headers: &mut HeaderMap,
        decoded: impl FnOnce(Decoder<Redacted>) -> io::Result<Redacted>,
    ) -> io::Result<Body> {
        match self.pipeline {
            // An empty body, such as that of an answer to HEAD, was not encoded. Its headers stay.
            _ if self.bytes == 0 => Ok(Body::default()),
            Pipeline::Open(decoder) => {
                let (redacted, by_hook) = decoded(*decoder)?.finish()?.finish()?;
                let changed = redacted.changed();
                let content = redacted.finish()?.finish()?;
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
    let (whose, hint) = match side {
        Side::Request => ("of the request", "let the client send the body uncompressed, or with gzip"),
        Side::Response => ("of the response", "let the client ask for `accept-encoding: gzip`"),
    };
    io::Error::other(format!(
        "content-encoding `{encoding}` {whose} can't be decoded, so cassette can't search the body for secrets; {hint}"
    ))
}

pub(crate) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok())
}

/// The content codings as one list, in the order in which they were applied. Several header lines form one list (RFC
/// 9110 §5.3). `None` if the body is not encoded. A coding that is not text is kept in the list, so that it counts as
/// unknown.
pub(crate) fn content_encoding(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::CONTENT_ENCODING).iter();
    let list: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    Some(list.join(", ")).filter(|list| !list.is_empty() && !list.eq_ignore_ascii_case("identity"))
}
