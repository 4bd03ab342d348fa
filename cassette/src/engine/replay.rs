//! Answers requests from a cassette: redacts and decodes a request in the same way as a recording does, and lets the
//! player answer it.
//!
//! Must not know: modes, connections to real servers.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;

use super::answer::{Answered, refusal};
use crate::body::{Body, BoxError};
use crate::capture::Capture;
use crate::player::{Asked, Fault, Played, Player};
use crate::redact::{Objection, Redactor, Side};
use crate::report::{Problem, TestSite};
use crate::tape::{BodySink, Request, TransportError, TransportErrorKind};
use crate::template::Listener;

/// Answers requests from a cassette.
pub(crate) struct Replay {
    pub(crate) player: Box<Player>,
    pub(crate) redactor: Redactor,
    pub(crate) inline_limit: usize,
    pub(crate) site: TestSite,
}

/// The reason why a request could not be read.
pub(super) enum Unread {
    /// The client stopped before it had sent the whole body.
    Broken(TransportError),
    /// The request must not be sent, or cannot be redacted.
    Objected(Objection),
    /// The body must be held in memory, and is longer than [`MOST_HELD`].
    TooLong,
}

impl Replay {
    pub(super) fn played(&self, played: Played) -> Answered {
        match played {
            Played::Response(response) => Ok(response),
            Played::Error(e) => Err(e),
            Played::Unmatched(u) => Ok(refusal(&self.site, Problem::Unmatched(*u))),
            Played::Faulty(Fault::Unreadable(e)) => Ok(refusal(&self.site, Problem::Other(e))),
            Played::Faulty(Fault::Unfilled(unfilled)) => Ok(refusal(&self.site, Problem::Unfilled(unfilled))),
        }
    }

    /// Reads a request, and returns it as a recording would store it. The request goes through the same pipeline as in
    /// a recording, but a body above the inline limit is only hashed. If `held` is given, it gets the body as the
    /// client sent it.
    pub(super) async fn read(
        &self,
        head: &http::request::Parts,
        mut body: Body,
        mut held: Option<&mut Held>,
    ) -> Result<Asked, Unread> {
        let broken = |e: &(dyn std::error::Error + 'static)| {
            Unread::Broken(TransportError {
                kind: TransportErrorKind::Reset,
                message: format!("could not read the request body: {}", crate::error::chain(e)),
            })
        };
        let failed = |e: io::Error| match Objection::of(&e) {
            Some(objection) => Unread::Objected(objection.clone()),
            None => broken(&e),
        };
        let (uri, mut headers) = self.redactor.request(head).map_err(Unread::Objected)?;
        let sink = BodySink::hash_only(self.inline_limit);
        let mut capture = Capture::new(&self.redactor, Side::Request, &uri, &head.headers, sink);
        let mut listener = self.player.has_templates().then(|| Listener::new(head));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| broken(&*e))?;
            if let Some(chunk) = frame.data_ref() {
                capture.write_all(chunk).map_err(failed)?;
                if let Some(listener) = &mut listener {
                    listener.push(chunk);
                }
            }
            if let Some(held) = &mut held {
                held.push(frame)?;
            }
        }
        let body = capture.finish(&mut headers).map_err(failed)?;
        let request = Request { method: head.method.clone(), uri, headers, body };
        Ok(Asked { request, live: listener.map(|listener| Arc::new(listener.finish())) })
    }
}

/// The greatest length of a request's body, in bytes, in the modes `append` and `verify`, which match a request before
/// they send it. The body is held in memory, because a file on disk would contain its secrets.
pub(super) const MOST_HELD: usize = 32 << 20;

/// The body of a request that the engine has read, held in memory so that the engine can still send it.
#[derive(Default)]
pub(super) struct Held {
    frames: VecDeque<Frame<Bytes>>,
    bytes: usize,
}

impl Held {
    fn push(&mut self, frame: Frame<Bytes>) -> Result<(), Unread> {
        self.bytes += frame.data_ref().map_or(0, Bytes::len);
        if self.bytes > MOST_HELD {
            return Err(Unread::TooLong);
        }
        self.frames.push_back(frame);
        Ok(())
    }

    /// Returns the whole body, or `None` if the body has trailers.
    pub(super) fn data(&self) -> Option<Vec<u8>> {
        let mut data = Vec::with_capacity(self.bytes);
        for frame in &self.frames {
            data.extend_from_slice(frame.data_ref()?);
        }
        Some(data)
    }

    /// Makes a body that sends the held frames.
    pub(super) fn into_body(self) -> Body {
        if self.frames.is_empty() { Body::empty() } else { Body::new(self) }
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = self.frames.pop_front();
        self.bytes -= frame.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len);
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes as u64)
    }
}
