//! Live exchange → redacted interaction in the journal, while every byte passes through untouched.
//!
//! Must not know: sockets, modes, what a failure reads like.

mod reading;
mod tee;

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, RwLock};
use std::time::Duration;

use http::{HeaderMap, header};
use tokio::sync::watch;

use crate::body::Body;
use crate::capture::{self, Capture};
use crate::error::Error;
use crate::redact::{Objection, Redactor, Side};
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
    /// Nothing new begins any more.
    closed: bool,
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
    /// Taken out when the exchange is written, so that it is written once.
    parts: Mutex<Option<Parts>>,
    request_over: watch::Sender<bool>,
    /// Why the request may not be sent on.
    objection: OnceLock<Objected>,
}

/// An objection to a request or its answer, with what is to be told of the request.
#[derive(Clone, Debug)]
pub(crate) struct Objected {
    method: http::Method,
    uri: String,
    objection: Objection,
}

impl From<&Objected> for Error {
    fn from(objected: &Objected) -> Error {
        objected.objection.about(&objected.method, &objected.uri)
    }
}

/// Why an exchange did not begin.
pub(crate) enum NotBegun {
    /// The recording is settled.
    Late,
    /// It can't be recorded.
    Objected(Objected),
}

/// What is known so far. It is written when the request and the answer are both over: a server may answer
/// before it has read the request, which is then still on its way to the tape.
struct Parts {
    method: http::Method,
    uri: String,
    headers: HeaderMap,
    request: Upload,
    answer: Answer,
}

/// The request's body. A capture that failed is gone, and has been told.
enum Upload {
    Arriving(Option<Capture>),
    Over(tape::Body),
}

enum Answer {
    Awaited,
    Arriving(ResponseParts),
    /// Without an outcome it could not be recorded, and that has been told.
    Over(Option<Outcome>),
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

    /// The next place in the cassette, for a request that comes or may come to be recorded: it is taken when the
    /// request begins, whatever order responses end in.
    pub(crate) fn place(&self) -> u64 {
        let mut state = self.state();
        state.next += 1;
        state.next - 1
    }

    /// An exchange begins, in its [place](Self::place).
    ///
    /// # Errors
    ///
    /// It doesn't, and the request must not be sent.
    pub(crate) fn begin(&self, order: u64, head: &http::request::Parts) -> Result<Exchange, NotBegun> {
        let redactor = &self.0.redactor;
        let method = head.method.clone();
        let (uri, headers) = match redactor.request(head) {
            Ok(redacted) => redacted,
            Err(objection) => {
                let uri = redactor.uri(&head.uri.to_string());
                return Err(NotBegun::Objected(self.object(Objected { method, uri, objection })));
            }
        };
        let capture = self.capture(Side::Request, &uri, &head.headers);
        let request = Upload::Arriving(capture);
        let parts = Parts { method, uri, headers, request, answer: Answer::Awaited };
        let mut state = self.state();
        if state.closed {
            return Err(NotBegun::Late);
        }
        let exchange = Exchange(Arc::new(ExchangeInner {
            order,
            recorder: self.clone(),
            parts: Mutex::new(Some(parts)),
            request_over: watch::Sender::new(false),
            objection: OnceLock::new(),
        }));
        state.in_flight.insert(order, exchange.clone());
        Ok(exchange)
    }

    /// From here on nothing new begins. Waits until what is in flight has ended, for `grace` at most; what
    /// hasn't is recorded as cut there. Returns everything that makes the recording unfit to be installed.
    pub(crate) fn settle(&self, grace: Duration) -> Vec<Error> {
        self.state().closed = true;
        for late in self.wait(grace) {
            late.give_up();
        }
        // What another thread is just writing takes a moment more.
        for late in self.wait(grace) {
            let what = late.parts().as_ref().map_or_else(|| "an exchange".into(), Parts::describe);
            self.problem(Error::new(format!("could not record {what}: it did not end with the test")));
        }
        std::mem::take(&mut self.state().problems)
    }

    /// Waits until nothing is in flight, and gives what still is after `grace`.
    fn wait(&self, grace: Duration) -> Vec<Exchange> {
        let busy = |state: &mut State| !state.in_flight.is_empty();
        let waited = self.0.settled.wait_timeout_while(self.state(), grace, busy);
        let (state, _) = waited.unwrap_or_else(|e| e.into_inner());
        state.in_flight.values().cloned().collect()
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

    fn capture(&self, side: Side, uri: &str, headers: &HeaderMap) -> Option<Capture> {
        let content_type = capture::content_type(headers);
        let sink = self.with_journal(|j| j.body(content_type))?;
        Some(Capture::new(&self.0.redactor, side, uri, headers, sink))
    }

    fn object(&self, objected: Objected) -> Objected {
        self.problem(Error::from(&objected));
        objected
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
            exchange.fail(&TransportError::gave_up());
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
        tee::tee(self.clone(), Direction::Request, body)
    }

    /// The response's body, passing through and on to the tape.
    pub(crate) fn tee_response(&self, head: &http::response::Parts, body: Body) -> Body {
        let recorder = &self.0.recorder;
        if let Some(parts) = self.parts().as_mut() {
            let (headers, capture) = match recorder.0.redactor.response(&parts.uri, head) {
                Ok(headers) => (headers, recorder.capture(Side::Response, &parts.uri, &head.headers)),
                Err(objection) => {
                    recorder.object(parts.objected(objection));
                    (HeaderMap::new(), None)
                }
            };
            let (status, version) = (head.status.as_u16(), head.version);
            parts.answer = Answer::Arriving(ResponseParts { status, version, headers, capture });
        }
        tee::tee(self.clone(), Direction::Response, body)
    }

    /// The answer must not be read by the code under test.
    pub(crate) fn object(&self, objection: Objection) -> Objected {
        let objected = match self.parts().as_mut() {
            Some(parts) => {
                parts.answer = Answer::Over(None);
                parts.objected(objection)
            }
            None => Objected { method: http::Method::default(), uri: String::new(), objection },
        };
        let objected = self.0.recorder.object(objected);
        self.write_when_over();
        objected
    }

    /// Why the request was not sent to its end, if that was for an objection.
    pub(crate) fn objected(&self) -> Option<&Objected> {
        self.0.objection.get()
    }

    /// The answer's body can't be decoded.
    fn unreadable(&self, e: std::io::Error) {
        let Some(what) = self.parts().as_ref().map(Parts::describe) else { return };
        self.0.recorder.problem(Error::with_source(format!("could not read the answer to {what}"), e));
    }

    /// There is no response: this failure came instead.
    pub(crate) fn fail(&self, error: &TransportError) {
        let mut guard = self.parts();
        let Some(parts) = guard.as_mut().filter(|p| matches!(p.answer, Answer::Awaited)) else { return };
        // What failed is told in the words of a layer that may show URLs.
        let message = self.0.recorder.0.redactor.text(&error.message);
        let error = TransportError { kind: error.kind, message };
        parts.answer = Answer::Over(Some(Outcome::Error(error.clone())));
        let (method, uri) = (parts.method.clone(), parts.uri.clone());
        drop(guard);
        self.0.recorder.state().upstream_failures.push(UpstreamFailure { method, uri, error });
        self.write_when_over();
    }

    /// Waits until the client has sent its whole request: what matches on replay is the whole request, also
    /// where the server never read it.
    pub(crate) async fn request_over(&self) {
        // The sender lives as long as this exchange.
        let _ = self.0.request_over.subscribe().wait_for(|over| *over).await;
    }

    /// # Errors
    ///
    /// The request must not be sent on.
    fn data(&self, direction: Direction, chunk: &[u8]) -> Result<(), TransportError> {
        let mut guard = self.parts();
        let Some(parts) = guard.as_mut() else { return Ok(()) };
        let Some(capture) = parts.capture(direction) else { return Ok(()) };
        let Some(Err(e)) = capture.as_mut().map(|open| open.write_all(chunk)) else { return Ok(()) };
        *capture = None;
        let told = Unrecorded::of(parts, direction, e);
        drop(guard);
        self.unrecorded(told)
    }

    /// # Errors
    ///
    /// The request must not be sent to its end.
    fn end(&self, direction: Direction, trailers: HeaderMap) -> Result<(), TransportError> {
        match direction {
            Direction::Request => self.end_request(true),
            Direction::Response => {
                self.end_response(trailers, None);
                Ok(())
            }
        }
    }

    /// Tells why a body can't be recorded, and whether it may pass nevertheless.
    fn unrecorded(&self, told: Unrecorded) -> Result<(), TransportError> {
        match told {
            Unrecorded::Other(problem) => self.0.recorder.problem(problem),
            Unrecorded::Objected(objected, direction) => {
                let objected = self.0.recorder.object(objected);
                if direction == Direction::Request {
                    let message = Error::from(&objected).to_string();
                    let _ = self.0.objection.set(objected);
                    return Err(TransportError { kind: TransportErrorKind::Protocol, message });
                }
            }
        }
        Ok(())
    }

    /// The body broke off here, or nobody reads on.
    fn cut(&self, direction: Direction, error: TransportError) {
        match direction {
            Direction::Request => _ = self.end_request(false),
            Direction::Response => self.end_response(HeaderMap::new(), Some(error)),
        }
    }

    /// The test is over: whatever is missing won't come any more.
    fn give_up(&self) {
        let error = TransportError {
            kind: TransportErrorKind::Timeout,
            message: "the test ended before the response did".into(),
        };
        self.fail(&error);
        self.end_response(HeaderMap::new(), Some(error));
        _ = self.end_request(false);
    }

    fn end_request(&self, whole: bool) -> Result<(), TransportError> {
        let mut guard = self.parts();
        let Some(parts) = guard.as_mut() else { return Ok(()) };
        let Upload::Arriving(capture) = &mut parts.request else { return Ok(()) };
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
        let told = problem.map(|e| Unrecorded::of(parts, Direction::Request, e));
        drop(guard);
        let passes = told.map_or(Ok(()), |told| self.unrecorded(told));
        self.0.request_over.send_replace(true);
        self.write_when_over();
        passes
    }

    fn end_response(&self, trailers: HeaderMap, cut: Option<TransportError>) {
        let mut guard = self.parts();
        let Some(parts) = guard.as_mut().filter(|p| matches!(p.answer, Answer::Arriving(_))) else { return };
        let Answer::Arriving(response) = std::mem::replace(&mut parts.answer, Answer::Over(None)) else {
            return;
        };
        let head_only = parts.method == http::Method::HEAD || response.status == 304;
        let finished = response.finish(head_only, &self.0.recorder.0.redactor, trailers, cut);
        let problem = match finished {
            Ok(outcome) => {
                parts.answer = Answer::Over(outcome);
                None
            }
            Err(e) => Some(Unrecorded::of(parts, Direction::Response, e)),
        };
        drop(guard);
        // It has passed.
        _ = problem.map(|told| self.unrecorded(told));
        self.write_when_over();
    }

    fn write_when_over(&self) {
        let over = |p: &mut Parts| matches!((&p.request, &p.answer), (Upload::Over(_), Answer::Over(_)));
        let Some(parts) = self.parts().take_if(over) else { return };
        let recorder = &self.0.recorder;
        if let (Upload::Over(body), Answer::Over(Some(outcome))) = (parts.request, parts.answer) {
            let request = Request { method: parts.method, uri: parts.uri, headers: parts.headers, body };
            let interaction = Interaction::new(request, outcome);
            let written = recorder.with_journal(|j| j.append(self.0.order, &interaction));
            if let Some(Err(e)) = written {
                recorder.problem(e);
            }
        }
        recorder.state().in_flight.remove(&self.0.order);
        recorder.0.settled.notify_all();
    }

    fn parts(&self) -> MutexGuard<'_, Option<Parts>> {
        self.0.parts.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Parts {
    fn capture(&mut self, direction: Direction) -> Option<&mut Option<Capture>> {
        match (direction, &mut self.request, &mut self.answer) {
            (Direction::Request, Upload::Arriving(capture), _) => Some(capture),
            (Direction::Response, _, Answer::Arriving(response)) => Some(&mut response.capture),
            _ => None,
        }
    }

    fn describe(&self) -> String {
        format!("{} {}", self.method, self.uri)
    }

    fn objected(&self, objection: Objection) -> Objected {
        Objected { method: self.method.clone(), uri: self.uri.clone(), objection }
    }
}

/// Why a body is not recorded.
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
    /// `None` if its capture has failed before.
    fn finish(
        self,
        head_only: bool,
        redactor: &Redactor,
        trailers: HeaderMap,
        cut: Option<TransportError>,
    ) -> std::io::Result<Option<Outcome>> {
        let ResponseParts { status, version, mut headers, capture } = self;
        let Some(capture) = capture else { return Ok(None) };
        let body = match cut {
            // A body that broke off can't be decoded to its end; what was decoded is what was seen.
            Some(_) => capture.finish_cut(&mut headers)?,
            None => capture.finish(&mut headers)?,
        };
        if let Some(declared) = headers.get(header::CONTENT_LENGTH)
            && !head_only
        {
            let declared = declared.to_str().ok().and_then(|l| l.parse().ok());
            match &cut {
                None => _ = headers.insert(header::CONTENT_LENGTH, body.size().into()),
                // The length that was promised is how a client knows that something is missing.
                Some(_) if body.encoding.is_none() && declared.is_some_and(|l: u64| l > body.size()) => {}
                Some(_) => _ = headers.remove(header::CONTENT_LENGTH),
            }
        }
        let trailers = redactor.headers(&trailers, Side::Response);
        Ok(Some(Outcome::Response(Response { status, version, headers, body, trailers, cut })))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
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
