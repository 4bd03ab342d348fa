//! The one service that every transport reaches: a request in, a response out, both streaming.
//!
//! Decides by mode between recorder, player and the live side. Must not know: sockets, files.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use tower_service::Service;

use crate::body::Body;
use crate::capture::Capture;
use crate::error::Error;
use crate::player::{Played, Player};
use crate::recorder::{Exchange, Recorder, Waiting};
use crate::redact::{Redactor, Side};
use crate::report::{Failure, Palette, Problem, TestSite};
use crate::tape::{BodySink, Request, TransportError, TransportErrorKind};

/// The status of the answer to a request that is not on the cassette. Not assigned to anything else
/// (RFC 9110 §16.2.1), and of the 4xx class: clients repeat a request that failed with 5xx, and the test
/// would wait for their back-off to end.
pub(crate) const UNMATCHED_STATUS: u16 = 470;

/// Record, replay or pass through; cheap to clone.
#[derive(Clone)]
pub(crate) struct Engine(Arc<Inner>);

struct Inner {
    action: Action,
    live: Option<Live>,
    closed: AtomicBool,
}

/// What the engine does with a request.
pub(crate) enum Action {
    Replay { player: Box<Player>, redactor: Redactor, inline_limit: usize, site: TestSite },
    Record(Recorder),
    Pass,
}

/// The live side: a request to the real server.
pub(crate) type Live = Box<dyn Fn(http::Request<Body>) -> Answer + Send + Sync>;

pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<http::Response<Body>, TransportError>> + Send>>;

impl Engine {
    /// An engine; replay has no live side.
    pub(crate) fn new(action: Action, live: Option<Live>) -> Engine {
        Engine(Arc::new(Inner { action, live, closed: AtomicBool::new(false) }))
    }

    pub(crate) fn action(&self) -> &Action {
        &self.0.action
    }

    /// Do requests reach a real server?
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.0.action, Action::Replay { .. })
    }

    /// The session is over: from here on every request fails.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    /// What becomes of a request, as far as nothing has to be awaited for it.
    pub(crate) fn begin(&self, request: http::Request<Body>) -> Begun {
        let inner = &*self.0;
        if inner.closed.load(Ordering::Acquire) {
            return Begun::over(ended(request.uri()));
        }
        match &inner.action {
            Action::Replay { .. } => Begun::Here(Box::pin(self.clone().replay(request))),
            Action::Pass => Begun::Live(request, Pending(None)),
            Action::Record(recorder) => {
                let (head, body) = request.into_parts();
                let Some(exchange) = recorder.begin(&head) else { return Begun::over(ended(&head.uri)) };
                let waiting = exchange.waiting();
                let body = exchange.tee_request(body);
                Begun::Live(http::Request::from_parts(head, body), Pending(Some((exchange, waiting))))
            }
        }
    }

    async fn replay(self, request: http::Request<Body>) -> Result<http::Response<Body>, TransportError> {
        let Action::Replay { player, redactor, inline_limit, site } = &self.0.action else {
            return Err(no_way("this session does not replay".into()));
        };
        let request = for_matching(request, redactor, *inline_limit).await?;
        match player.play(request) {
            Played::Response(response) => Ok(response),
            Played::Error(e) => Err(e),
            Played::Unmatched(u) => Ok(refusal(site, Problem::Unmatched(*u))),
            Played::Unreadable(text) => Ok(refusal(site, Problem::Other(Error::new(text)))),
        }
    }

    async fn answer(self, request: http::Request<Body>) -> Result<http::Response<Body>, TransportError> {
        match self.begin(request) {
            Begun::Here(answer) => answer.await,
            Begun::Live(request, pending) => match self.live(request).await {
                Ok(response) => Ok(pending.answered(response)),
                Err(e) => {
                    pending.failed(&e).await;
                    Err(e)
                }
            },
        }
    }

    fn live(&self, request: http::Request<Body>) -> Answer {
        match &self.0.live {
            Some(live) => live(request),
            None => Box::pin(std::future::ready(Err(no_way("this session has no way upstream".into())))),
        }
    }
}

/// A request that the engine has taken.
#[expect(clippy::large_enum_variant, reason = "it is moved once, on its way to the server")]
pub(crate) enum Begun {
    /// It goes to the real server; what comes back is the [`Pending`]'s.
    Live(http::Request<Body>, Pending),
    /// The answer is known here.
    Here(Answer),
}

/// What waits for the real server's answer. Dropped before that, the client has given up.
pub(crate) struct Pending(Option<(Exchange, Waiting)>);

impl Begun {
    fn over(error: TransportError) -> Begun {
        Begun::Here(Box::pin(std::future::ready(Err(error))))
    }
}

impl Pending {
    /// The server answered: the response for the client.
    pub(crate) fn answered(self, response: http::Response<Body>) -> http::Response<Body> {
        let Some((exchange, waiting)) = self.0 else { return response };
        waiting.over();
        let (head, body) = response.into_parts();
        let body = exchange.tee_response(&head, body);
        http::Response::from_parts(head, body)
    }

    /// There is no answer, but this failure.
    pub(crate) async fn failed(self, error: &TransportError) {
        let Some((exchange, waiting)) = self.0 else { return };
        // The client would stop sending when it hears of the failure.
        exchange.request_over().await;
        waiting.over();
        exchange.fail(error);
    }
}

fn ended(uri: &http::Uri) -> TransportError {
    no_way(format!("the session that {} was asked in has ended", uri.host().unwrap_or_default()))
}

fn no_way(message: String) -> TransportError {
    TransportError { kind: TransportErrorKind::Connect, message }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let action = match self.0.action {
            Action::Replay { .. } => "replay",
            Action::Record(_) => "record",
            Action::Pass => "pass",
        };
        f.debug_tuple("Engine").field(&action).finish()
    }
}

impl Service<http::Request<Body>> for Engine {
    type Response = http::Response<Body>;
    type Error = TransportError;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}

/// The request in the form it would have on a cassette: through the same pipeline as a recorded one, but
/// above the inline limit only hashed.
async fn for_matching(
    request: http::Request<Body>,
    redactor: &Redactor,
    inline_limit: usize,
) -> Result<Request, TransportError> {
    let (head, mut body) = request.into_parts();
    let broken = |e: &(dyn std::error::Error + 'static)| TransportError {
        kind: TransportErrorKind::Reset,
        message: format!("could not read the request body: {}", crate::error::chain(e)),
    };
    let sink = BodySink::hash_only(inline_limit);
    let mut capture = Capture::new(redactor, &head.headers, sink);
    while let Some(frame) = body.frame().await {
        if let Some(chunk) = frame.map_err(|e| broken(&*e))?.data_ref() {
            std::io::Write::write_all(&mut capture, chunk).map_err(|e| broken(&e))?;
        }
    }
    let mut headers = redactor.headers(&head.headers, Side::Request);
    let body = capture.finish(&mut headers).map_err(|e| broken(&e))?;
    let uri = redactor.uri(&head.uri.to_string());
    Ok(Request { method: head.method, uri, headers, body })
}

/// What the code under test gets instead of an answer: the report itself, so that its own error shows it.
fn refusal(site: &TestSite, problem: Problem) -> http::Response<Body> {
    let failure = Failure { site: site.clone(), problems: vec![problem], notes: Vec::new() };
    let text = failure.render(&Palette::plain());
    let mut response = http::Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(UNMATCHED_STATUS).unwrap_or(StatusCode::NOT_FOUND);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert("x-cassette", HeaderValue::from_static("unmatched"));
    response
}
