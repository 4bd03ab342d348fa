//! The recording of one exchange: it collects the request and the answer until both have ended, and then hands the
//! interaction to the outbox.
//!
//! Must not know: the other exchanges.

use std::future::{Future as _, poll_fn};
use std::io::Write as _;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use tokio::sync::watch;

use super::Lost;
use super::outbox::{Objected, Outbox};
use super::rest::{Rest, Taken};
use super::turn_log::TurnLog;
use crate::capture::Capture;
use crate::error::Error;
use crate::poison::unpoisoned;
use crate::reason;
use crate::redact::{Objection, Redactor, Side};
use crate::report::{DroppedBytes, UpstreamFailure};
use crate::tape::{self, Interaction, Outcome, Request, Response, TransportError, TransportErrorKind};
use crate::timer::Wait;

/// How long a client may send nothing before it counts as waiting for the response.
const SILENCE: Duration = Duration::from_secs(2);

/// A handle to one exchange. The request's body, the response's body and the recorder share it.
#[derive(Clone)]
pub(crate) struct Exchange(Arc<ExchangeInner>);

struct ExchangeInner {
    place: u64,
    outbox: Arc<dyn Outbox>,
    /// `None` after the exchange was written. So an exchange is written only once.
    parts: Mutex<Option<Parts>>,
    request_over: watch::Sender<bool>,
    /// Set if the redaction objects to the request. The rest of the request must not be sent then.
    objection: OnceLock<Objected>,
}

/// The parts of an exchange that have arrived so far. The recorder writes the exchange when both the request and the
/// response have ended, because a server may respond before it has read the whole request.
pub(super) struct Parts {
    pub(super) method: http::Method,
    uri: String,
    headers: HeaderMap,
    request: Upload,
    answer: Download,
    lost: Lost,
    /// The order of messages as long as the request goes on.
    turns: TurnLog,
    /// The number of chunks of the request.
    sent: u64,
}

/// The state of the request's body. `Arriving(None)` means that the body is not recorded: the recording is closed, or
/// the capture failed, and the recorder has already noted the error.
enum Upload {
    Arriving(Option<Capture>),
    Over(tape::Body),
}

enum Download {
    Awaited,
    Arriving(ResponseParts),
    /// `None` if the answer could not be recorded. The recorder has already noted the error then.
    Over(Option<Outcome>),
}

struct ResponseParts {
    status: u16,
    reason: Option<HeaderValue>,
    version: http::Version,
    headers: HeaderMap,
    capture: Option<Capture>,
    /// The number of bytes that the server has sent of the body so far, before any decoding.
    bytes: u64,
    /// The time at which the last bytes came.
    last: Instant,
    /// The bytes that came after the client stopped reading.
    rest: Option<Rest>,
}

/// A guard to hold while the client waits for the answer. If the guard is dropped before [`over`](Self::over), the
/// client has given up, and the exchange is recorded as failed.
pub(crate) struct Waiting(Option<Exchange>);

impl Waiting {
    pub(crate) fn over(mut self) {
        self.0 = None;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(exchange) = self.0.take() {
            exchange.fail(&TransportError::gave_up());
        }
    }
}

impl Exchange {
    /// Begins an exchange. `place` is its place on the cassette.
    pub(super) fn new(outbox: Arc<dyn Outbox>, place: u64, parts: Parts) -> Exchange {
        Exchange(Arc::new(ExchangeInner {
            place,
            outbox,
            parts: Mutex::new(Some(parts)),
            request_over: watch::Sender::new(false),
            objection: OnceLock::new(),
        }))
    }

    /// Makes the guard to hold while the client waits for the answer.
    pub(crate) fn waiting(&self) -> Waiting {
        Waiting(Some(self.clone()))
    }

    /// Records the head of an answer, and prepares the capture of its body.
    pub(super) fn respond(&self, head: &http::response::Parts) {
        let outbox = &self.0.outbox;
        if let Some(parts) = self.parts().as_mut() {
            let (headers, capture) = match outbox.redactor().response(&parts.uri, head) {
                Ok(headers) => (headers, outbox.capture(Side::Response, &parts.uri, &head.headers)),
                Err(objection) => {
                    outbox.object(&parts.objected(objection));
                    (HeaderMap::new(), None)
                }
            };
            parts.note_turn(|turns| turns.head(&head.headers));
            parts.lost.headers = Lost::headers(&head.headers, &headers);
            let (status, version) = (head.status.as_u16(), head.version);
            let reason = reason::of(&head.extensions).map(|reason| outbox.redactor().reason(reason));
            parts.answer = Download::Arriving(ResponseParts {
                status,
                reason,
                version,
                headers,
                capture,
                bytes: 0,
                last: Instant::now(),
                rest: None,
            });
        }
    }

    /// Notes that the code under test must not read the answer, and returns the objection. Returns `None` if the
    /// exchange has already been written.
    pub(crate) fn object(&self, objection: Objection) -> Option<Objected> {
        let objected = {
            let mut guard = self.parts();
            let parts = guard.as_mut()?;
            parts.answer = Download::Over(None);
            parts.objected(objection)
        };
        self.0.outbox.object(&objected);
        self.write_when_over();
        Some(objected)
    }

    /// The objection because of which the rest of the request was not sent, if there is one.
    pub(crate) fn objected(&self) -> Option<&Objected> {
        self.0.objection.get()
    }

    /// Notes that the answer's body cannot be decoded.
    pub(super) fn unreadable(&self, e: std::io::Error) {
        let Some(what) = self.parts().as_ref().map(Parts::describe) else { return };
        self.0.outbox.problem(Error::with_source(format!("could not read the answer to {what}"), e));
    }

    /// Notes that the request failed without a response.
    pub(crate) fn fail(&self, error: &TransportError) {
        let mut guard = self.parts();
        let Some(parts) = guard.as_mut().filter(|p| matches!(p.answer, Download::Awaited)) else { return };
        // A library below cassette wrote the message. It may contain URLs, so cassette redacts it.
        let message = self.0.outbox.redactor().text(&error.message);
        let error = TransportError { kind: error.kind, message };
        parts.answer = Download::Over(Some(Outcome::Error(error.clone())));
        let (method, uri) = (parts.method.clone(), parts.uri.clone());
        drop(guard);
        self.0.outbox.upstream_failure(UpstreamFailure { method, uri, error });
        self.write_when_over();
    }

    /// Waits until the client has sent its whole request. Matching compares whole requests, so the cassette needs the
    /// whole request even if the server did not read all of it. A client that sends nothing for a while may itself wait
    /// for the response, so this function does not wait for it any longer.
    pub(crate) async fn request_over(&self) {
        let mut over = self.0.request_over.subscribe();
        // The wait cannot fail, because this exchange owns the sender.
        let mut over = pin!(over.wait_for(|over| *over));
        let mut wait = None;
        poll_fn(|cx| {
            if over.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            loop {
                let chunks = self.parts().as_ref().map_or(0, |parts| parts.sent);
                if wait.as_ref().is_none_or(|(before, _)| *before != chunks) {
                    wait = Some((chunks, Wait::begin(SILENCE)));
                }
                let Some((before, silence)) = &wait else { return Poll::Ready(()) };
                ready!(silence.poll(cx));
                if self.parts().as_ref().is_none_or(|parts| parts.sent == *before) {
                    return Poll::Ready(());
                }
            }
        })
        .await;
    }

    /// Records a chunk of a body.
    ///
    /// # Errors
    ///
    /// The redaction objects to the request, so the rest of the request must not be sent.
    pub(super) fn data(&self, direction: Direction, chunk: &[u8]) -> Result<(), TransportError> {
        let mut guard = self.parts();
        let Some(parts) = guard.as_mut() else { return Ok(()) };
        match direction {
            Direction::Request => {
                parts.sent += 1;
                parts.turns.request(chunk);
            }
            Direction::Response => parts.note_turn(|turns| turns.response(chunk)),
        }
        if direction == Direction::Response && !chunk.is_empty() {
            parts.lost.chunks += 1;
        }
        if let (Direction::Response, Download::Arriving(response)) = (direction, &mut parts.answer) {
            response.bytes += chunk.len() as u64;
            response.last = Instant::now();
        }
        let Some(capture) = parts.capture(direction) else { return Ok(()) };
        let written = capture.as_mut().map(|open| open.write_all(chunk).map(|()| open.mark()));
        let Some(Err(e)) = written else { return Ok(()) };
        *capture = None;
        let reason = Unrecorded::of(parts, direction, e);
        drop(guard);
        self.unrecorded(reason)
    }

    /// Records the end of a body.
    ///
    /// # Errors
    ///
    /// The redaction objects to the request, so the request must not be completed.
    pub(super) fn end(&self, direction: Direction, trailers: HeaderMap) -> Result<(), TransportError> {
        match direction {
            Direction::Request => self.end_request(true),
            Direction::Response => {
                self.end_response(trailers, None);
                Ok(())
            }
        }
    }

    /// Notes why a body cannot be recorded.
    ///
    /// # Errors
    ///
    /// The redaction objects to the body of a request, so cassette must not send the request.
    fn unrecorded(&self, reason: Unrecorded) -> Result<(), TransportError> {
        match reason {
            Unrecorded::Other(problem) => self.0.outbox.problem(problem),
            Unrecorded::Objected(objected, direction) => {
                self.0.outbox.object(&objected);
                if direction == Direction::Request {
                    let message = Error::from(&objected).to_string();
                    let _ = self.0.objection.set(objected);
                    return Err(TransportError { kind: TransportErrorKind::Protocol, message });
                }
            }
        }
        Ok(())
    }

    /// Records that a body ended early: the connection broke, or the receiver stopped reading.
    pub(super) fn cut(&self, direction: Direction, error: TransportError) {
        match direction {
            Direction::Request => _ = self.end_request(false),
            Direction::Response => self.end_response(HeaderMap::new(), Some(error)),
        }
    }

    /// Ends the exchange because the test is over, and records what is still missing as cut off.
    pub(super) fn give_up(&self) {
        let error = TransportError {
            kind: TransportErrorKind::Timeout,
            message: "the test ended before the response did".into(),
        };
        self.fail(&error);
        self.cut_rest();
        _ = self.end_request(false);
    }

    /// Notes that the client stopped reading the response. Returns whether the recording reads the rest of it.
    pub(super) fn left(&self) -> bool {
        let limits = self.0.outbox.drain();
        let mut guard = self.parts();
        let Some(Download::Arriving(response)) = guard.as_mut().map(|parts| &mut parts.answer) else {
            return false;
        };
        response.rest = Some(Rest::new(Instant::now()));
        !limits.limit(response.is_stream()).is_zero()
    }

    /// Takes a chunk that came after the client stopped reading. Returns whether the recording reads the next chunk.
    pub(super) fn rest(&self, chunk: Bytes) -> bool {
        let limits = self.0.outbox.drain();
        let taken = {
            let mut guard = self.parts();
            let Some(Download::Arriving(response)) = guard.as_mut().map(|parts| &mut parts.answer) else {
                return false;
            };
            let (is_stream, bytes) = (response.is_stream(), response.bytes);
            let Some(rest) = &mut response.rest else { return false };
            rest.take(chunk, is_stream, bytes, limits.limit(is_stream))
        };
        match taken {
            Taken::Held => true,
            Taken::Recorded(chunk) => self.data(Direction::Response, &chunk).is_ok(),
            Taken::Over => {
                self.cut_rest();
                false
            }
        }
    }

    /// Records the end of a response that came whole after its client stopped reading.
    pub(super) fn end_rest(&self, trailers: HeaderMap) {
        self.record_rest(true);
        self.end_response(trailers, None);
    }

    /// Records that the connection broke after the client stopped reading the response.
    pub(super) fn break_rest(&self, error: TransportError) {
        self.record_rest(true);
        self.end_response(HeaderMap::new(), Some(error));
    }

    /// Records the response as cut by its client. Of the held chunks, only those before the first pause are recorded.
    pub(super) fn cut_rest(&self) {
        self.record_rest(false);
        self.end_response(HeaderMap::new(), Some(TransportError::left()));
    }

    fn record_rest(&self, ended: bool) {
        let rest = match self.parts().as_mut().map(|parts| &mut parts.answer) {
            Some(Download::Arriving(response)) => response.rest.take(),
            _ => None,
        };
        for chunk in rest.into_iter().flat_map(|rest| rest.chunks(ended)) {
            // An objection to a response does not stop the response, so the result is ignored.
            _ = self.data(Direction::Response, &chunk);
        }
    }

    /// The time up to which the end of the recording waits for this exchange, if nothing more comes. The test ended at
    /// `end`.
    pub(super) fn deadline(&self, end: Instant, grace: Duration) -> Instant {
        let limits = self.0.outbox.drain();
        let guard = self.parts();
        let Some(Parts { request: Upload::Over(_), answer: Download::Arriving(response), .. }) = &*guard
        else {
            return end + grace;
        };
        let is_stream = response.is_stream();
        let limit = limits.limit(is_stream);
        let deadline = match &response.rest {
            Some(rest) => rest.deadline(is_stream, response.last, limit),
            // The client still reads the response: the task that reads it has outlived the test.
            None => response.last.max(end) + limit,
        };
        deadline.min(end + grace)
    }

    fn end_request(&self, whole: bool) -> Result<(), TransportError> {
        let mut guard = self.parts();
        let Some(parts) = guard.as_mut() else { return Ok(()) };
        let Upload::Arriving(capture) = &mut parts.request else { return Ok(()) };
        let dropped = capture.as_ref().map_or(0, Capture::dropped);
        let finished = capture.take().map(|c| match whole {
            true => c.finish(&mut parts.headers),
            false => c.finish_cut(&mut parts.headers),
        });
        let (body, problem) = match finished.transpose() {
            Ok(body) => (body.unwrap_or_default(), None),
            Err(e) => (tape::Body::default(), Some(e)),
        };
        if parts.headers.contains_key(header::CONTENT_LENGTH) {
            parts.headers.insert(header::CONTENT_LENGTH, body.size().into());
        }
        parts.request = Upload::Over(body);
        let dropped = parts.dropped(dropped);
        let reason = problem.map(|e| Unrecorded::of(parts, Direction::Request, e));
        drop(guard);
        dropped.into_iter().for_each(|dropped| self.0.outbox.dropped(dropped));
        let passes = reason.map_or(Ok(()), |reason| self.unrecorded(reason));
        self.0.request_over.send_replace(true);
        self.write_when_over();
        passes
    }

    fn end_response(&self, trailers: HeaderMap, cut: Option<TransportError>) {
        let mut guard = self.parts();
        let Some(parts) = guard.as_mut().filter(|p| matches!(p.answer, Download::Arriving(_))) else {
            return;
        };
        let Download::Arriving(response) = std::mem::replace(&mut parts.answer, Download::Over(None)) else {
            return;
        };
        // A cut is no end that the client saw, unless the server broke off.
        if cut.as_ref() != Some(&TransportError::left()) {
            parts.note_turn(TurnLog::end);
        }
        let head_only = parts.method == http::Method::HEAD || response.status == 304;
        let dropped = parts.dropped(response.capture.as_ref().map_or(0, Capture::dropped));
        let was_left = cut.as_ref() == Some(&TransportError::left());
        let finished = response.finish(head_only, self.0.outbox.redactor(), trailers, cut);
        let problem = match finished {
            Ok(outcome) => {
                parts.answer = Download::Over(outcome);
                None
            }
            Err(e) => Some(Unrecorded::of(parts, Direction::Response, e)),
        };
        drop(guard);
        dropped.into_iter().for_each(|dropped| self.0.outbox.dropped(dropped));
        if was_left {
            self.0.outbox.note_cut();
        }
        // The client already has the answer, so an objection stops nothing, and the result is ignored.
        _ = problem.map(|reason| self.unrecorded(reason));
        self.write_when_over();
    }

    fn write_when_over(&self) {
        let over = |p: &mut Parts| matches!((&p.request, &p.answer), (Upload::Over(_), Download::Over(_)));
        let Some(parts) = self.parts().take_if(over) else { return };
        let lost = Lost { request: parts.describe(), ..parts.lost };
        let interaction = match (parts.request, parts.answer) {
            (Upload::Over(body), Download::Over(Some(outcome))) => {
                let request = Request { method: parts.method, uri: parts.uri, headers: parts.headers, body };
                let turns = match &outcome {
                    Outcome::Response(_) => parts.turns.finish(),
                    Outcome::Error(_) => Vec::new(),
                };
                Some(Interaction { turns, ..Interaction::new(request, outcome) })
            }
            _ => None,
        };
        self.0.outbox.over(self.0.place, interaction, lost);
    }

    pub(super) fn outbox(&self) -> &dyn Outbox {
        &*self.0.outbox
    }

    pub(super) fn parts(&self) -> MutexGuard<'_, Option<Parts>> {
        unpoisoned(self.0.parts.lock())
    }
}

impl Parts {
    /// The parts of a request whose body has not come yet.
    pub(super) fn new(
        method: http::Method,
        uri: String,
        headers: HeaderMap,
        capture: Option<Capture>,
        turns: TurnLog,
    ) -> Parts {
        Parts {
            method,
            uri,
            headers,
            request: Upload::Arriving(capture),
            answer: Download::Awaited,
            lost: Lost::default(),
            turns,
            sent: 0,
        }
    }

    /// Notes a part of the response, if the request goes on.
    fn note_turn(&mut self, note: impl FnOnce(&mut TurnLog)) {
        if let Upload::Arriving(_) = self.request {
            note(&mut self.turns);
        }
    }

    fn capture(&mut self, direction: Direction) -> Option<&mut Option<Capture>> {
        match (direction, &mut self.request, &mut self.answer) {
            (Direction::Request, Upload::Arriving(capture), _) => Some(capture),
            (Direction::Response, _, Download::Arriving(response)) => Some(&mut response.capture),
            _ => None,
        }
    }

    pub(super) fn describe(&self) -> String {
        format!("{} {}", self.method, self.uri)
    }

    fn dropped(&self, bytes: u64) -> Option<DroppedBytes> {
        let (method, uri) = (self.method.clone(), self.uri.clone());
        (bytes > 0).then_some(DroppedBytes { method, uri, bytes })
    }

    fn objected(&self, objection: Objection) -> Objected {
        Objected { method: self.method.clone(), uri: self.uri.clone(), objection }
    }
}

/// The reason why a body is not recorded.
enum Unrecorded {
    Objected(Objected, Direction),
    Other(Error),
}

impl Unrecorded {
    fn of(parts: &Parts, direction: Direction, e: std::io::Error) -> Unrecorded {
        match Objection::of(&e) {
            Some(objection) => Unrecorded::Objected(parts.objected(objection.clone()), direction),
            None => {
                let message = format!("could not record the {} {}", direction.body_of(), parts.describe());
                Unrecorded::Other(Error::with_source(message, e))
            }
        }
    }
}

impl ResponseParts {
    fn is_stream(&self) -> bool {
        self.capture.as_ref().is_some_and(Capture::is_stream)
    }

    /// Returns `None` if there is no capture: it failed earlier, or the recording is closed.
    fn finish(
        self,
        head_only: bool,
        redactor: &Redactor,
        trailers: HeaderMap,
        cut: Option<TransportError>,
    ) -> std::io::Result<Option<Outcome>> {
        let ResponseParts { status, reason, version, mut headers, capture, .. } = self;
        let Some(capture) = capture else { return Ok(None) };
        let body = match cut {
            // A body that was cut off cannot be decoded to its end. The client saw the part that can be decoded.
            Some(_) => capture.finish_cut(&mut headers)?,
            None => capture.finish(&mut headers)?,
        };
        if let Some(declared) = headers.get(header::CONTENT_LENGTH)
            && !head_only
        {
            let declared = declared.to_str().ok().and_then(|l| l.parse().ok());
            match &cut {
                None => _ = headers.insert(header::CONTENT_LENGTH, body.size().into()),
                // The header stays if it declares more bytes than the recorded part has. On replay, a client sees from
                // the header that the body is incomplete.
                Some(_) if body.encoding.is_none() && declared.is_some_and(|l: u64| l > body.size()) => {}
                Some(_) => _ = headers.remove(header::CONTENT_LENGTH),
            }
        }
        let trailers = redactor.headers(&trailers, Side::Response);
        Ok(Some(Outcome::Response(Response { status, reason, version, headers, body, trailers, cut })))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    Response,
}

impl Direction {
    fn body_of(self) -> &'static str {
        match self {
            Direction::Request => "request body of",
            Direction::Response => "response to",
        }
    }
}
