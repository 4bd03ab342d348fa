//! Live exchange → redacted interaction in the journal, while every byte passes through untouched.
//!
//! Must not know: sockets, modes, what a failure reads like.

use std::collections::HashMap;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::body::{Body, BoxError};
use crate::capture::{self, Capture};
use crate::error::{Error, Result};
use crate::redact::{Redactor, Side};
use crate::report::UpstreamFailure;
use crate::tape::{
    self, Interaction, Journal, Outcome, Request, Response, TransportError, TransportErrorKind,
};

/// Records exchanges into a journal. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Inner>);

struct Inner {
    journal: RwLock<Option<Journal>>,
    redactor: Redactor,
    state: Mutex<State>,
    settled: Condvar,
}

#[derive(Default)]
struct State {
    next: u64,
    in_flight: HashMap<u64, Exchange>,
    problems: Vec<Error>,
    upstream_failures: Vec<UpstreamFailure>,
}

/// One exchange on its way: a handle shared by the request's body, the response's body and the recorder.
#[derive(Clone)]
pub(crate) struct Exchange(Arc<ExchangeInner>);

struct ExchangeInner {
    order: u64,
    recorder: Recorder,
    parts: Mutex<Option<Parts>>,
}

/// What is known so far. Taken out when the exchange is written, so that it is written once.
struct Parts {
    method: http::Method,
    uri: String,
    headers: HeaderMap,
    request_capture: Option<Capture>,
    request_body: tape::Body,
    response: Option<ResponseParts>,
}

struct ResponseParts {
    status: u16,
    version: http::Version,
    headers: HeaderMap,
    capture: Option<Capture>,
}

impl Recorder {
    pub(crate) fn new(journal: Journal, redactor: Redactor) -> Recorder {
        Recorder(Arc::new(Inner {
            journal: RwLock::new(Some(journal)),
            redactor,
            state: Mutex::default(),
            settled: Condvar::new(),
        }))
    }

    /// An exchange begins: its place in the cassette is taken now, whatever order responses end in.
    pub(crate) fn begin(&self, head: &http::request::Parts) -> Exchange {
        let redactor = &self.0.redactor;
        let parts = Parts {
            method: head.method.clone(),
            uri: redactor.uri(&head.uri.to_string()),
            headers: redactor.headers(&head.headers, Side::Request),
            request_capture: self.capture(&head.headers),
            request_body: tape::Body::default(),
            response: None,
        };
        let mut state = self.state();
        let order = state.next;
        state.next += 1;
        let exchange = Exchange(Arc::new(ExchangeInner {
            order,
            recorder: self.clone(),
            parts: Mutex::new(Some(parts)),
        }));
        state.in_flight.insert(order, exchange.clone());
        exchange
    }

    /// Waits until what is in flight has ended, for `grace` at most; what hasn't is recorded as cut there.
    /// Returns everything that makes the recording unfit to be installed.
    pub(crate) fn settle(&self, grace: Duration) -> Vec<Error> {
        let end = Instant::now() + grace;
        let mut state = self.state();
        while !state.in_flight.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.0.settled.wait_timeout(state, left).unwrap_or_else(|e| e.into_inner()).0;
        }
        let late: Vec<Exchange> = state.in_flight.values().cloned().collect();
        drop(state);
        for exchange in late {
            exchange.cut(TransportError {
                kind: TransportErrorKind::Timeout,
                message: "the test ended before the response did".into(),
            });
        }
        std::mem::take(&mut self.state().problems)
    }

    /// Upstream failures so far, with the request they ended: worth telling when the test fails.
    pub(crate) fn upstream_failures(&self) -> Vec<UpstreamFailure> {
        self.state().upstream_failures.clone()
    }

    /// Ends the recording and gives the journal back. What still trickles in is dropped.
    pub(crate) fn close(&self) -> Option<Journal> {
        self.0.journal.write().unwrap_or_else(|e| e.into_inner()).take()
    }

    fn with_journal<T>(&self, f: impl FnOnce(&Journal) -> T) -> Option<T> {
        self.0.journal.read().unwrap_or_else(|e| e.into_inner()).as_ref().map(f)
    }

    fn capture(&self, headers: &HeaderMap) -> Option<Capture> {
        let content_type = capture::content_type(headers);
        let sink = self.with_journal(|j| j.body(content_type))?;
        Some(Capture::new(&self.0.redactor, headers, sink))
    }

    fn problem(&self, e: Error) {
        self.state().problems.push(e);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Held while the answer is awaited: if the client gives up first, that is what goes on the tape.
pub(crate) struct Waiting(Option<Exchange>);

impl Waiting {
    pub(crate) fn over(mut self) {
        self.0 = None;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(exchange) = self.0.take() {
            exchange.cut(TransportError {
                kind: TransportErrorKind::Timeout,
                message: "the client gave up before the answer came".into(),
            });
        }
    }
}

impl Exchange {
    /// To hold while the answer is awaited.
    pub(crate) fn waiting(&self) -> Waiting {
        Waiting(Some(self.clone()))
    }

    /// The request's body, passing through and on to the tape.
    pub(crate) fn tee_request(&self, body: Body) -> Body {
        tee(self.clone(), Direction::Request, body)
    }

    /// The response's body, passing through and on to the tape. When it ends the exchange is written.
    pub(crate) fn tee_response(&self, head: &http::response::Parts, body: Body) -> Body {
        let recorder = &self.0.recorder;
        let response = ResponseParts {
            status: head.status.as_u16(),
            version: head.version,
            headers: recorder.0.redactor.headers(&head.headers, Side::Response),
            capture: recorder.capture(&head.headers),
        };
        if let Some(parts) = self.parts().as_mut() {
            parts.response = Some(response);
        }
        tee(self.clone(), Direction::Response, body)
    }

    /// There is no response: this failure came instead.
    pub(crate) fn fail(&self, error: &TransportError) {
        let Some(parts) = self.parts().take() else { return };
        let (method, uri) = (parts.method.clone(), parts.uri.clone());
        self.0.recorder.state().upstream_failures.push(UpstreamFailure { method, uri, error: error.clone() });
        self.write(parts, |_| Ok(Outcome::Error(error.clone())));
    }

    fn data(&self, direction: Direction, chunk: &[u8]) {
        let mut parts = self.parts();
        let Some(capture) = parts.as_mut().and_then(|p| p.capture(direction)) else { return };
        if let Some(open) = capture
            && let Err(e) = open.write_all(chunk)
        {
            *capture = None;
            let what = parts.as_ref().map(Parts::describe).unwrap_or_default();
            drop(parts);
            self.0.recorder.problem(Error::with_source(format!("could not record the body of {what}"), e));
        }
    }

    fn end(&self, direction: Direction, trailers: HeaderMap) {
        match direction {
            Direction::Request => self.end_request(),
            Direction::Response => self.end_response(trailers, None),
        }
    }

    /// The response broke off here, or nobody reads on.
    fn cut(&self, error: TransportError) {
        if self.parts().as_ref().is_some_and(|p| p.response.is_some()) {
            self.end_response(HeaderMap::new(), Some(error));
        } else {
            self.fail(&error);
        }
    }

    fn end_request(&self) {
        let mut guard = self.parts();
        let Some(parts) = guard.as_mut() else { return };
        if let Some(capture) = parts.request_capture.take() {
            match capture.finish(&mut parts.headers) {
                Ok(body) => parts.request_body = body,
                Err(e) => {
                    let what = parts.describe();
                    drop(guard);
                    let message = format!("could not record the request body of {what}");
                    self.0.recorder.problem(Error::with_source(message, e));
                }
            }
        }
    }

    fn end_response(&self, trailers: HeaderMap, cut: Option<TransportError>) {
        let Some(mut parts) = self.parts().take() else { return };
        let Some(response) = parts.response.take() else { return };
        let redactor = self.0.recorder.0.redactor.clone();
        let head_only = parts.method == http::Method::HEAD || response.status == 304;
        self.write(parts, |what| {
            let ResponseParts { status, version, mut headers, capture } = response;
            let body = match capture {
                // A body that broke off can't be decoded to its end; what was decoded is what was seen.
                Some(c) if cut.is_some() => c.finish_cut(&mut headers),
                Some(c) => c.finish(&mut headers),
                None => Err(std::io::Error::other("its body could not be written")),
            }
            .map_err(|e| Error::with_source(format!("could not record the response to {what}"), e))?;
            if !head_only && headers.contains_key(header::CONTENT_LENGTH) {
                headers.insert(header::CONTENT_LENGTH, body.size().into());
            }
            let trailers = redactor.headers(&trailers, Side::Response);
            Ok(Outcome::Response(Response { status, version, headers, body, trailers, cut }))
        });
    }

    fn write(&self, mut parts: Parts, outcome: impl FnOnce(&str) -> Result<Outcome>) {
        let recorder = &self.0.recorder;
        let what = parts.describe();
        if let Some(capture) = parts.request_capture.take() {
            // The server answered before it had read the whole request.
            match capture.finish_cut(&mut parts.headers) {
                Ok(body) => parts.request_body = body,
                Err(e) => recorder.problem(Error::with_source(format!("could not record {what}"), e)),
            }
        }
        if parts.headers.contains_key(header::CONTENT_LENGTH) {
            parts.headers.insert(header::CONTENT_LENGTH, parts.request_body.size().into());
        }
        let request = Request {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body: parts.request_body,
        };
        let written = outcome(&what).and_then(|outcome| {
            let interaction = Interaction { request, outcome };
            recorder.with_journal(|j| j.append(self.0.order, &interaction)).unwrap_or(Ok(()))
        });
        let mut state = recorder.state();
        if let Err(e) = written {
            state.problems.push(e);
        }
        state.in_flight.remove(&self.0.order);
        drop(state);
        recorder.0.settled.notify_all();
    }

    fn parts(&self) -> MutexGuard<'_, Option<Parts>> {
        self.0.parts.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Parts {
    fn capture(&mut self, direction: Direction) -> Option<&mut Option<Capture>> {
        match direction {
            Direction::Request => Some(&mut self.request_capture),
            Direction::Response => self.response.as_mut().map(|r| &mut r.capture),
        }
    }

    fn describe(&self) -> String {
        format!("{} {}", self.method, self.uri)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Response,
}

fn tee(exchange: Exchange, direction: Direction, inner: Body) -> Body {
    let mut tee = Tee { inner: Some(inner), exchange: Some(exchange), direction };
    // An empty body is never polled by some who carry it.
    tee.note_end();
    tee.boxed()
}

/// Passes frames through as they come and hands each to the exchange on the way.
struct Tee {
    inner: Option<Body>,
    /// None once the end has been told.
    exchange: Option<Exchange>,
    direction: Direction,
}

impl Tee {
    fn note_end(&mut self) {
        if self.inner.as_ref().is_none_or(|b| b.is_end_stream())
            && let Some(exchange) = self.exchange.take()
        {
            exchange.end(self.direction, HeaderMap::new());
        }
    }
}

impl http_body::Body for Tee {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let me = &mut *self;
        let Some(inner) = me.inner.as_mut() else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(inner).poll_frame(cx));
        match (&frame, &me.exchange) {
            (Some(Ok(frame)), Some(exchange)) => {
                if let Some(chunk) = frame.data_ref() {
                    exchange.data(me.direction, chunk);
                    me.note_end();
                } else if let Some(trailers) = frame.trailers_ref() {
                    exchange.end(me.direction, trailers.clone());
                    me.exchange = None;
                }
            }
            (Some(Err(e)), Some(exchange)) => {
                if me.direction == Direction::Response {
                    exchange.cut(broken(&**e));
                } else {
                    exchange.end(me.direction, HeaderMap::new());
                }
                me.exchange = None;
            }
            (None, _) => {
                me.inner = None;
                me.note_end();
            }
            (_, None) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(|b| b.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or(SizeHint::with_exact(0), |b| b.size_hint())
    }
}

/// The client stopped reading. What it did not want is still part of the recording, so the rest is read
/// in the background: otherwise the cassette would depend on how fast the client went away.
impl Drop for Tee {
    fn drop(&mut self) {
        let Some(exchange) = self.exchange.take() else { return };
        let inner = self.inner.take();
        match (self.direction, inner, tokio::runtime::Handle::try_current()) {
            (Direction::Request, ..) => exchange.end(Direction::Request, HeaderMap::new()),
            (Direction::Response, Some(inner), Ok(runtime)) => {
                let rest =
                    Tee { inner: Some(inner), exchange: Some(exchange), direction: Direction::Response };
                runtime.spawn(drain(rest));
            }
            (Direction::Response, ..) => exchange.cut(TransportError {
                kind: TransportErrorKind::Reset,
                message: "the client stopped reading here".into(),
            }),
        }
    }
}

async fn drain(mut rest: Tee) {
    while let Some(Ok(_)) = rest.frame().await {}
}

fn broken(e: &(dyn std::error::Error + 'static)) -> TransportError {
    match e.downcast_ref::<TransportError>() {
        Some(e) => e.clone(),
        None => TransportError { kind: TransportErrorKind::Reset, message: crate::error::chain(e) },
    }
}
