//! Answers a request that has not ended: the client sends, awaits a message of the response, and sends again. The
//! response comes in the order in which it was recorded, relative to the messages of the request.
//!
//! Must not know: how the recording was chosen.

use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http_body::{Body as _, Frame, SizeHint};

use super::answer::Answered;
use super::replay::Replay;
use crate::body::{Body, BoxError};
use crate::capture::Capture;
use crate::messages::Messages;
use crate::player::{Chosen, Played};
use crate::tape::{Request, Turn};
use crate::template::Live;
use crate::timer::Wait;

/// How long the response waits for a client that sends nothing. A client that sends less than it did in the recording
/// then gets the rest of the response.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request whose recording was chosen by its beginning.
pub(super) struct Stream {
    pub(super) rest: RestOfRequest,
    pub(super) live: Option<Arc<Live>>,
}

/// The request while its response is sent. The body is read as it comes, so that the client can always send.
pub(super) struct RestOfRequest {
    pub(super) replay: Arc<Replay>,
    pub(super) chosen: Chosen,
    /// The request without its body.
    pub(super) head: Request,
    /// `None` after the end.
    pub(super) body: Option<Body>,
    /// `None` if the body cannot be compared with the recording.
    pub(super) capture: Option<Capture>,
    pub(super) messages: Messages,
    /// The number of messages so far.
    pub(super) seen: u64,
    /// The number of frames that came after the choice.
    pub(super) frames: u64,
}

impl Stream {
    /// The response, as soon as it is due.
    pub(super) async fn answer(self) -> Answered {
        let Stream { mut rest, live } = self;
        let replay = rest.replay.clone();
        let mut pace = Pace::new(replay.player.turns(&rest.chosen));
        std::future::poll_fn(|cx| pace.poll_next(&mut rest, cx)).await;
        match replay.player.play_recording(&rest.chosen, live) {
            Played::Response(response) => {
                let content_type = crate::capture::content_type(response.headers());
                let messages = Messages::of(content_type);
                Ok(response.map(|inner| {
                    let buffer = Bytes::new();
                    Body::new(Paced { inner, buffer, next: None, messages, rest, pace, is_over: false })
                }))
            }
            other => replay.played(other),
        }
    }
}

impl RestOfRequest {
    /// Reads what has come of the request.
    fn poll(&mut self, cx: &mut Context<'_>) {
        while let Some(body) = &mut self.body {
            let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) else { return };
            self.frames += 1;
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(chunk))) => {
                    let (_, ended) = self.messages.count(&chunk);
                    self.seen += ended;
                    self.capture.take_if(|capture| capture.write_all(&chunk).is_err());
                }
                Some(Ok(Err(_))) => {}
                Some(Err(_)) => {
                    self.body = None;
                    self.capture = None;
                }
                None => {
                    self.body = None;
                    self.check();
                }
            }
        }
    }

    /// Compares the whole request with its recording.
    fn check(&mut self) {
        let Some(capture) = self.capture.take() else { return };
        let mut headers = self.head.headers.clone();
        if let Ok(body) = capture.finish(&mut headers) {
            let request = Request { headers, body, ..self.head.clone() };
            self.replay.player.check_rest(&self.chosen, request);
        }
    }
}

/// Says when each part of a response is due.
struct Pace {
    turns: std::vec::IntoIter<Turn>,
    /// Whether what follows the turns came after the end of the request.
    is_complete: bool,
    /// How many messages of the request the parts of this turn need.
    needed: u64,
    /// How many parts this turn still has.
    parts: u64,
    /// The wait for the client, and the number of frames when it began.
    wait: Option<(u64, Wait)>,
    /// Whether the client did not send what it sent in the recording.
    has_given_up: bool,
}

impl Pace {
    fn new(turns: Vec<Turn>) -> Pace {
        let is_complete = turns.len() < Turn::MOST;
        let turns = turns.into_iter();
        Pace { turns, is_complete, needed: 0, parts: 0, wait: None, has_given_up: false }
    }

    /// Ready when the next part is due. Each call that is ready stands for one part.
    fn poll_next(&mut self, rest: &mut RestOfRequest, cx: &mut Context<'_>) -> Poll<()> {
        rest.poll(cx);
        while self.parts == 0
            && let Some(turn) = self.turns.next()
        {
            self.needed += turn.request;
            self.parts = turn.response;
        }
        let is_due = match self.parts {
            0 => !self.is_complete,
            _ => rest.seen >= self.needed,
        };
        if !is_due && rest.body.is_some() && !self.has_given_up {
            if self.wait.as_ref().is_none_or(|(frames, _)| *frames != rest.frames) {
                self.wait = Some((rest.frames, Wait::begin(PATIENCE)));
            }
            if let Some((_, wait)) = &self.wait {
                ready!(wait.poll(cx));
            }
            self.has_given_up = true;
        }
        self.wait = None;
        self.parts = self.parts.saturating_sub(1);
        Poll::Ready(())
    }
}

/// The body of a response whose parts wait for the messages of the request.
struct Paced {
    inner: Body,
    /// Bytes that are not due yet.
    buffer: Bytes,
    /// What follows the buffer: trailers, an error, or the end.
    next: Option<Option<Result<Frame<Bytes>, BoxError>>>,
    messages: Messages,
    rest: RestOfRequest,
    pace: Pace,
    is_over: bool,
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let me = &mut *self;
        me.rest.poll(cx);
        if me.is_over {
            return Poll::Ready(None);
        }
        if me.buffer.is_empty() && me.next.is_none() {
            match ready!(Pin::new(&mut me.inner).poll_frame(cx)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(chunk))) => me.buffer = chunk,
                Some(Ok(Err(other))) => me.next = Some(Some(Ok(other))),
                Some(Err(e)) => me.next = Some(Some(Err(e))),
                None => me.next = Some(None),
            }
        }
        if !me.buffer.is_empty() {
            return me.poll_buffer(cx).map(|chunk| Some(Ok(Frame::data(chunk))));
        }
        ready!(me.pace.poll_next(&mut me.rest, cx));
        me.is_over = true;
        Poll::Ready(me.next.take().flatten())
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.inner.size_hint();
        inner.exact().map_or(inner, |left| SizeHint::with_exact(left + self.buffer.len() as u64))
    }
}

impl Paced {
    /// The messages at the beginning of the buffer that are due.
    fn poll_buffer(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let mut due = 0;
        loop {
            let mut messages = self.messages.clone();
            let Some(piece) = messages.next(&self.buffer[due..]) else { break };
            if piece.begins && self.pace.poll_next(&mut self.rest, cx).is_pending() {
                break;
            }
            self.messages = messages;
            due += piece.len;
        }
        if due == 0 && self.buffer.has_remaining() {
            Poll::Pending
        } else {
            Poll::Ready(self.buffer.split_to(due))
        }
    }
}
