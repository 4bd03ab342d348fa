//! A response body that the client reads. It reads the recorded body from the cassette piece by piece, fills in secrets
//! and parts of the request, and cuts the result into the chunks of the recording.
//!
//! Must not know: which recording the body belongs to.

use std::collections::VecDeque;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use super::chunking::{Cutter, Ends};
use super::silence::Silence;
use super::{Faults, note};
use crate::body::BoxError;
use crate::redact::Restorer;
use crate::tape::{self, BodyReader, TransportError};
use crate::template::Filler;

/// Reads a recorded body, fills in values, and passes the bytes on.
pub(super) struct RecordedBody {
    reader: Option<BodyReader>,
    refiller: Option<Restorer<Filler<Vec<u8>>>>,
    trailers: Option<HeaderMap>,
    cut: Option<TransportError>,
    /// Cuts the body into the recorded chunks. `None` if the recording has no chunks.
    chunks: Option<Box<(Ends, Cutter)>>,
    /// Chunks that are ready to be passed on.
    ready: VecDeque<Bytes>,
    silence: Option<Silence>,
    left: u64,
    /// Whether the response's head gives the length. If it does not, the body must not give its length either, because
    /// the client would see a length that the real server never sent.
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
        let chunks = Ends::of(&body.chunks).map(|ends| Box::new((ends, Cutter::default())));
        RecordedBody {
            reader: Some(reader),
            refiller,
            trailers,
            cut,
            chunks,
            ready: VecDeque::new(),
            silence: None,
            left,
            has_length,
            faults,
        }
    }

    /// Returns the next bytes for the client, or `None` after the last bytes.
    fn next_chunk(&mut self) -> std::result::Result<Option<Bytes>, BoxError> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                self.left = self.left.saturating_sub(chunk.len() as u64);
                return Ok(Some(chunk));
            }
            let Some(reader) = &mut self.reader else { return Ok(None) };
            match reader.next_chunk() {
                Err(e) => {
                    let text = format!("{e:?}");
                    self.reader = None;
                    self.cut = None;
                    note(&self.faults, e.into());
                    return Err(text.into());
                }
                Ok(Some(piece)) => self.stored(piece)?,
                Ok(None) => {
                    self.reader = None;
                    let rest = match self.refiller.take() {
                        Some(r) => r.finish()?.finish()?.into(),
                        None => Bytes::new(),
                    };
                    self.filled(rest);
                    let rest = self.chunks.as_mut().map(|chunks| chunks.1.rest());
                    self.ready.extend(rest.filter(|rest| !rest.is_empty()));
                }
            }
        }
    }

    /// Takes bytes that were read from the cassette.
    fn stored(&mut self, mut piece: Bytes) -> std::io::Result<()> {
        while !piece.is_empty() {
            let first = match &mut self.chunks {
                None => std::mem::take(&mut piece),
                Some(chunks) => {
                    let (ends, cutter) = &mut **chunks;
                    let (first, ends_here) = ends.split(&mut piece);
                    cutter.stored(&first, ends_here);
                    first
                }
            };
            let filled = self.refilled(first)?;
            self.filled(filled);
        }
        Ok(())
    }

    /// Takes bytes in which values are filled in, and makes chunks of them.
    fn filled(&mut self, bytes: Bytes) {
        match &mut self.chunks {
            None => self.ready.extend(Some(bytes).filter(|bytes| !bytes.is_empty())),
            Some(chunks) => {
                let cutter = &mut chunks.1;
                cutter.filled(&bytes);
                self.ready.extend(std::iter::from_fn(|| cutter.chunk()));
            }
        }
    }

    fn refilled(&mut self, chunk: Bytes) -> std::io::Result<Bytes> {
        let Some(refiller) = &mut self.refiller else { return Ok(chunk) };
        refiller.write_all(&chunk)?;
        Ok(std::mem::take(refiller.next_mut().next_mut()).into())
    }

    fn is_finished(&self) -> bool {
        let read =
            self.ready.is_empty() && self.reader.is_none() || (self.refiller.is_none() && self.left == 0);
        read && self.trailers.is_none() && self.cut.is_none()
    }
}

impl http_body::Body for RecordedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BoxError>>> {
        if self.silence.is_none() {
            match self.next_chunk() {
                Err(e) => return Poll::Ready(Some(Err(e))),
                Ok(Some(chunk)) => return Poll::Ready(Some(Ok(Frame::data(chunk)))),
                Ok(None) => {}
            }
            if self.cut == Some(TransportError::left()) {
                self.silence = Some(Silence::begin());
            }
        }
        if let Some(silence) = &self.silence {
            ready!(silence.poll(cx));
            self.silence = None;
        }
        Poll::Ready(match self.cut.take() {
            Some(e) => Some(Err(e.into())),
            None => self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))),
        })
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
