//! Answers requests from a cassette: redacts and decodes a request in the same way as a recording does, and lets the
//! player answer it.
//!
//! Must not know: modes, connections to real servers.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use super::answer::{Answered, refusal};
use super::opening::Start;
use super::stream::{RestOfRequest, Stream};
use crate::body::{Body, BoxError};
use crate::capture::Capture;
use crate::player::{Asked, Fault, Played, Player};
use crate::redact::{Objection, Redactor, Side};
use crate::report::{Problem, TestSite};
use crate::tape::{self, BodySink, Request, TransportError, TransportErrorKind};
use crate::template::Listener;
use crate::timer::Wait;

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
    /// The client waits for the response in the middle of its request.
    Open,
}

/// A request as far as it was read.
pub(super) enum Reading {
    Whole(Asked),
    /// The response is due, although the request has not ended.
    Stream(Box<Stream>),
    /// The request has not ended, and the client sends nothing. The body is the rest of it.
    Open(Asked, Body),
}

/// How long a client may send nothing before the response is chosen by the beginning of its request, if responses to
/// requests that begin like this one came before the end of the request.
const STALL: Duration = Duration::from_millis(250);
/// How long a client may send nothing before its request is answered as far as it has come.
const SILENCE: Duration = Duration::from_secs(3);
/// The same, if the request may still become one that was recorded.
const LONG_SILENCE: Duration = Duration::from_secs(10);

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
    /// client sent it. `streams` says whether the beginning of the request may choose a recording.
    pub(super) async fn read(
        self: &Arc<Self>,
        head: &http::request::Parts,
        mut body: Body,
        mut held: Option<&mut Held>,
        streams: bool,
    ) -> Result<Reading, Unread> {
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
        let sink =
            BodySink::hash_only(self.inline_limit).with_reader(self.player.reader(&uri, &head.headers));
        let mut capture = Capture::new(&self.redactor, Side::Request, &uri, &head.headers, sink);
        let mut listener = self.player.has_templates().then(|| Listener::new(head));
        let request = |headers| Request {
            method: head.method.clone(),
            uri: uri.clone(),
            headers,
            body: tape::Body::default(),
        };
        let mut start = streams.then(|| Start::of(&self.player, || request(headers.clone()))).flatten();
        // How long the client has sent nothing.
        let mut silent = Duration::ZERO;
        let is_open = loop {
            let is_stalled = silent == STALL;
            if let Some(begun) = &mut start
                && (is_stalled || begun.is_enough(&self.player))
                && let Some(chosen) = begun.choose(self, head)
            {
                let rest = RestOfRequest {
                    replay: self.clone(),
                    chosen,
                    head: request(headers),
                    body: Some(body),
                    capture: Some(capture),
                    messages: begun.messages.clone(),
                    seen: begun.seen,
                    frames: 0,
                };
                let live = listener.map(|listener| Arc::new(listener.finish()));
                return Ok(Reading::Stream(Box::new(Stream { rest, live })));
            }
            let until = match silent {
                Duration::ZERO if start.is_some() => STALL,
                _ if silent < SILENCE => SILENCE,
                _ => LONG_SILENCE,
            };
            let Some(frame) = next_frame(&mut body, until - silent).await else {
                silent = until;
                let may_match = || {
                    let head = request(headers.clone());
                    held.is_none()
                        && match &start {
                            // Nothing begins like this request, and the others do not wait for the end.
                            Some(_) => self.player.has_whole(&head),
                            None => self.player.has_same_place(&head),
                        }
                };
                if silent == LONG_SILENCE || silent == SILENCE && !may_match() {
                    break true;
                }
                continue;
            };
            silent = Duration::ZERO;
            let Some(frame) = frame else { break false };
            let frame = frame.map_err(|e| broken(&*e))?;
            if let Some(chunk) = frame.data_ref() {
                capture.write_all(chunk).map_err(failed)?;
                start = start.and_then(|start| start.pushed(chunk));
                if let Some(listener) = &mut listener {
                    listener.push(chunk);
                }
            }
            if let Some(held) = &mut held {
                held.push(frame)?;
            }
        };
        let captured = if is_open { capture.finish_cut(&mut headers) } else { capture.finish(&mut headers) };
        let request = Request { body: captured.map_err(failed)?, ..request(headers) };
        let asked = Asked { request, live: listener.map(|listener| Arc::new(listener.finish())) };
        Ok(if is_open { Reading::Open(asked, body) } else { Reading::Whole(asked) })
    }
}

/// The next frame of a body; `None` if the client sends nothing for so long.
async fn next_frame(body: &mut Body, longest: Duration) -> Option<Option<Result<Frame<Bytes>, BoxError>>> {
    let mut wait = None;
    std::future::poll_fn(|cx| {
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
            return Poll::Ready(Some(frame));
        }
        // Most bodies have come already, and need no wait.
        wait.get_or_insert_with(|| Wait::begin(longest)).poll(cx).map(|()| None)
    })
    .await
}

/// The greatest length of a request's body, in bytes, in the modes `append` and `verify`, which match a request before
/// they send it. The body is held in memory, because a file on disk would contain its secrets.
pub(super) const MOST_HELD: usize = 32 << 20;

/// The body of a request that the engine has read, held in memory so that the engine can still send it.
#[derive(Default)]
pub(super) struct Held {
    frames: VecDeque<Frame<Bytes>>,
    bytes: usize,
    /// What follows the frames, if the request has not ended.
    rest: Option<Body>,
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

    /// Makes a body that sends the held frames, and then the rest of the request's body.
    pub(super) fn followed_by(self, rest: Body) -> Body {
        Body::new(Held { rest: Some(rest), ..self })
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
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let (true, Some(rest)) = (self.frames.is_empty(), &mut self.rest) {
            return Pin::new(rest).poll_frame(cx);
        }
        let frame = self.frames.pop_front();
        self.bytes -= frame.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len);
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.rest.as_ref().is_none_or(|rest| rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_some() {
            return SizeHint::default();
        }
        SizeHint::with_exact(self.bytes as u64)
    }
}
