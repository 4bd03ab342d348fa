//! A response body that is read from the cassette chunk by chunk, with the session's secrets and parts of the request
//! filled in.
//!
//! Must not know: which recording the body belongs to.

use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use super::{Faults, note};
use crate::body::BoxError;
use crate::redact::Restorer;
use crate::tape::{self, BodyReader, TransportError};
use crate::template::Filler;

/// Reads a recorded body, fills it in, and passes it on.
pub(super) struct RecordedBody {
    reader: Option<BodyReader>,
    refiller: Option<Restorer<Filler<Vec<u8>>>>,
    trailers: Option<HeaderMap>,
    cut: Option<TransportError>,
    left: u64,
    /// Whether the response's head gives the length. If it does not, the body must not give one either: the client
    /// would see a length that the real server never sent.
    has_length: bool,
    faults: Faults,
}

impl RecordedBody {
    pub(super) fn new(
        body: &tape::Body,
        reader: BodyReader,
        refiller: Option<Restorer<Filler<Vec<u8>>>>,
        trailers: HeaderMap,
        cut: Option<TransportError>,
        has_length: bool,
        faults: Faults,
    ) -> RecordedBody {
        let trailers = Some(trailers).filter(|t| !t.is_empty());
        let left = body.size();
        RecordedBody { reader: Some(reader), refiller, trailers, cut, left, has_length, faults }
    }

    fn next(&mut self) -> std::result::Result<Option<Frame<Bytes>>, BoxError> {
        while let Some(reader) = &mut self.reader {
            let chunk = match reader.next_chunk() {
                Err(e) => {
                    let text = format!("{e:?}");
                    self.reader = None;
                    self.cut = None;
                    note(&self.faults, e.into());
                    return Err(text.into());
                }
                Ok(Some(chunk)) => self.refilled(chunk)?,
                Ok(None) => {
                    self.reader = None;
                    match self.refiller.take() {
                        Some(r) => r.finish()?.finish()?.into(),
                        None => Bytes::new(),
                    }
                }
            };
            if !chunk.is_empty() {
                self.left = self.left.saturating_sub(chunk.len() as u64);
                return Ok(Some(Frame::data(chunk)));
            }
        }
        match self.cut.take() {
            Some(e) => Err(e.into()),
            None => Ok(self.trailers.take().map(Frame::trailers)),
        }
    }

    fn refilled(&mut self, chunk: Bytes) -> std::io::Result<Bytes> {
        let Some(refiller) = &mut self.refiller else { return Ok(chunk) };
        refiller.write_all(&chunk)?;
        Ok(std::mem::take(refiller.next_mut().next_mut()).into())
    }

    fn is_finished(&self) -> bool {
        let read = self.reader.is_none() || (self.refiller.is_none() && self.left == 0);
        read && self.trailers.is_none() && self.cut.is_none()
    }
}

impl http_body::Body for RecordedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.next().transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.is_finished()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.refiller {
            None if self.has_length && self.cut.is_none() => SizeHint::with_exact(self.left),
            _ => SizeHint::default(),
        }
    }
}
