//! The one service that every transport reaches: a request in, a response out, both streaming.
//!
//! Decides by mode between recorder, player and the live side. Must not know: sockets, files.

mod replay;
mod verify;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use tower_service::Service;

pub(crate) use self::replay::Replay;
use self::replay::{Held, MOST_HELD, Unread, refusal};
use self::verify::Verifying;
use crate::body::Body;
use crate::config::{Config, VerifyPolicy};
use crate::error::Error;
use crate::hosts::{self, Hosts};
use crate::poison::unpoisoned;
use crate::recorder::{Exchange, NotBegun, Objected, Recorder, Waiting};
use crate::report::{Drifted, Problem, RefusedHost, TestSite};
use crate::tape::{TransportError, TransportErrorKind};

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
    site: TestSite,
    hosts: Hosts,
    /// Addresses that stand in for names, as [`Config::resolve`](crate::Config::resolve) has them.
    resolve: Vec<(String, SocketAddr)>,
    noted: Mutex<Noted>,
}

/// What went wrong beside what recorder and player know.
#[derive(Default)]
struct Noted {
    problems: Vec<Problem>,
    refused: Vec<RefusedHost>,
    drifted: Vec<Drifted>,
}

/// What the engine does with a request.
pub(crate) enum Action {
    Replay(Replay),
    Record(Recorder),
    /// What is on the cassette is answered from it; the rest is asked live and recorded.
    Append(Replay, Recorder),
    /// What is on the cassette is asked live as well, and the answers are compared.
    Verify(Replay, VerifyPolicy),
    Pass,
}

/// The live side: a request to the real server.
pub(crate) type Live = Box<dyn Fn(http::Request<Body>) -> Answer + Send + Sync>;

pub(crate) type Answer = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// A response, or why there is none.
pub(crate) type Answered = Result<http::Response<Body>, TransportError>;

impl Engine {
    /// An engine. Replay has a live side only where there are hosts to pass through.
    pub(crate) fn new(action: Action, live: Option<Live>, config: &Config, site: TestSite) -> Engine {
        Engine(Arc::new(Inner {
            action,
            live,
            closed: AtomicBool::new(false),
            site,
            hosts: config.hosts.clone(),
            resolve: config.resolve.clone(),
            noted: Mutex::default(),
        }))
    }

    pub(crate) fn action(&self) -> &Action {
        &self.0.action
    }

    /// Do requests reach a real server?
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.0.action, Action::Replay(_)) || self.0.hosts.pass_any()
    }

    /// The session is over: from here on every request fails.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    /// What went wrong so far beside what recorder and player know.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        std::mem::take(&mut self.noted().problems)
    }

    /// Requests to ignored hosts that were refused so far: a remark, since the test doesn't depend on them.
    pub(crate) fn refused(&self) -> Vec<RefusedHost> {
        std::mem::take(&mut self.noted().refused)
    }

    /// Live answers that differed from the recorded ones so far, by their place on the cassette.
    pub(crate) fn drifted(&self) -> Vec<Drifted> {
        let mut drifted = std::mem::take(&mut self.noted().drifted);
        drifted.sort_by_key(|drifted| drifted.index);
        drifted
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        unpoisoned(self.0.noted.lock())
    }

    /// What becomes of a request, as far as nothing has to be awaited for it.
    pub(crate) fn begin(&self, request: http::Request<Body>) -> Begun {
        let inner = &*self.0;
        if inner.closed.load(Ordering::Acquire) {
            return Begun::over(ended(request.uri()));
        }
        if let Some(begun) = self.by_host(&request) {
            return match begun {
                true => Begun::Live(request, Pending::NOTHING),
                false => self.refuse_host(&request),
            };
        }
        match &inner.action {
            Action::Replay(_) => Begun::Here(Box::pin(self.clone().replay(request))),
            Action::Pass => Begun::Live(request, Pending::NOTHING),
            Action::Record(recorder) => {
                let (head, body) = request.into_parts();
                let place = recorder.place();
                self.record(recorder, place, head, body)
            }
            Action::Append(_, recorder) => {
                let place = recorder.place();
                Begun::Later(Box::pin(self.clone().append(place, request)))
            }
            Action::Verify(..) => Begun::Later(Box::pin(self.clone().verify(request))),
        }
    }

    /// Whether a request passes by the cassette on its way to the real server; `None` if the cassette is about it.
    fn by_host(&self, request: &http::Request<Body>) -> Option<bool> {
        let (inner, uri) = (&*self.0, request.uri());
        let (passes, ignores) = (inner.hosts.passes(uri), inner.hosts.ignores(uri));
        let replays = matches!(inner.action, Action::Replay(_));
        let passes_here = passes && (!replays || hosts::is_here(uri, &inner.resolve));
        (passes || ignores).then_some(passes_here || !replays)
    }

    fn refuse_host(&self, request: &http::Request<Body>) -> Begun {
        let Action::Replay(replay) = &self.0.action else {
            return Begun::over(no_way("this session does not replay".into()));
        };
        let refused = RefusedHost {
            method: request.method().clone(),
            uri: replay.redactor.uri(&request.uri().to_string()),
            host: request.uri().host().unwrap_or_default().to_owned(),
            passed: self.0.hosts.passes(request.uri()),
        };
        let mut noted = self.noted();
        match refused.passed {
            true => noted.problems.push(Problem::RefusedHost(refused.clone())),
            false => noted.refused.push(refused.clone()),
        }
        Begun::answered(self.instead(Problem::RefusedHost(refused)))
    }

    async fn replay(self, request: http::Request<Body>) -> Answered {
        match &self.0.action {
            Action::Replay(replay) => {
                let (head, body) = request.into_parts();
                match replay.read(&head, body, None).await {
                    Ok(asked) => replay.played(replay.player.play(asked)),
                    Err(unread) => self.unread(replay, &head, unread),
                }
            }
            _ => Err(no_way("this session does not replay".into())),
        }
    }

    /// Whether it is on the cassette is known once its body has been read.
    async fn append(self, place: u64, request: http::Request<Body>) -> Begun {
        let Action::Append(replay, recorder) = &self.0.action else {
            return Begun::over(no_way("this session does not append".into()));
        };
        let (head, body) = request.into_parts();
        let mut held = Held::default();
        let asked = match replay.read(&head, body, Some(&mut held)).await {
            Ok(asked) => asked,
            Err(unread) => return Begun::answered(self.unread(replay, &head, unread)),
        };
        match replay.player.find(&asked.request) {
            Some(i) => Begun::answered(replay.played(replay.player.play_recording(i, asked.live))),
            None => self.record(recorder, place, head, held.into_body()),
        }
    }

    /// A request that could not be brought into the form of the cassette is neither matched nor sent.
    fn unread(&self, replay: &Replay, head: &http::request::Parts, unread: Unread) -> Answered {
        let uri = || replay.redactor.uri(&head.uri.to_string());
        let problem: Box<dyn Fn() -> Error> = match unread {
            Unread::Broken(e) => return Err(e),
            Unread::Objected(objection) => Box::new(move || objection.about(&head.method, &uri())),
            Unread::TooLong => Box::new(move || {
                let (method, uri, most, mode) = (&head.method, uri(), MOST_HELD >> 20, self.0.site.mode);
                Error::new(format!("the body of {method} {uri} is longer than {most} MiB"))
                    .hint(format!("mode `{mode}` has to hold it until it is matched: use `record`"))
            }),
        };
        self.noted().problems.push(Problem::Other(problem()));
        self.instead(Problem::Other(problem()))
    }

    /// What the code under test gets instead of an answer.
    fn instead(&self, problem: Problem) -> Answered {
        Ok(refusal(&self.0.site, problem))
    }

    /// The recorder has told why.
    fn objected(&self, objected: &Objected) -> Answered {
        self.instead(Problem::Other(objected.into()))
    }

    fn record(&self, recorder: &Recorder, place: u64, head: http::request::Parts, body: Body) -> Begun {
        let exchange = match recorder.begin(place, &head) {
            Ok(exchange) => exchange,
            Err(NotBegun::Late) => return Begun::over(ended(&head.uri)),
            Err(NotBegun::Objected(objected)) => return Begun::answered(self.objected(&objected)),
        };
        let waiting = exchange.waiting();
        let body = exchange.tee_request(body);
        let recording = Awaits::Recording(self.clone(), exchange, waiting);
        Begun::Live(http::Request::from_parts(head, body), Pending(recording))
    }

    async fn answer(self, request: http::Request<Body>) -> Answered {
        match self.begin(request).settled().await {
            Settled::Here(answer) => answer.await,
            Settled::Live(request, pending) => match self.live(request).await {
                Ok(response) => pending.answered(response).await,
                Err(e) => pending.failed(&e).await.unwrap_or(Err(e)),
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
    /// Which of the two, depends on its body.
    Later(Pin<Box<dyn Future<Output = Begun> + Send>>),
}

/// A [`Begun`] of which it is known where the answer comes from.
#[expect(clippy::large_enum_variant, reason = "as for `Begun`")]
pub(crate) enum Settled {
    Live(http::Request<Body>, Pending),
    Here(Answer),
}

/// What waits for the real server's answer. Dropped before that, the client has given up.
pub(crate) struct Pending(Awaits);

enum Awaits {
    Nothing,
    Recording(Engine, Exchange, Waiting),
    Verifying(Box<Verifying>),
}

impl Begun {
    fn over(error: TransportError) -> Begun {
        Begun::answered(Err(error))
    }

    fn answered(answer: Answered) -> Begun {
        Begun::Here(Box::pin(std::future::ready(answer)))
    }

    /// Reads as much of the request as it takes to know where the answer comes from.
    pub(crate) async fn settled(self) -> Settled {
        let mut begun = self;
        loop {
            match begun {
                Begun::Live(request, pending) => return Settled::Live(request, pending),
                Begun::Here(answer) => return Settled::Here(answer),
                Begun::Later(later) => begun = later.await,
            }
        }
    }
}

impl Pending {
    const NOTHING: Pending = Pending(Awaits::Nothing);

    fn verifying(verifying: Verifying) -> Pending {
        Pending(Awaits::Verifying(Box::new(verifying)))
    }

    /// The server answered: the response for the client.
    pub(crate) async fn answered(self, response: http::Response<Body>) -> Answered {
        match self.0 {
            Awaits::Nothing => Ok(response),
            Awaits::Recording(engine, exchange, waiting) => {
                waiting.over();
                let (head, body) = response.into_parts();
                let (head, body) = match exchange.before_read(head, body) {
                    Ok(read) => read,
                    Err(objection) => {
                        let given_up = || no_way("the recording ended before this answer came".into());
                        return engine.objected(&exchange.object(objection).ok_or_else(given_up)?);
                    }
                };
                let body = exchange.tee_response(&head, body);
                Ok(http::Response::from_parts(head, body))
            }
            Awaits::Verifying(verifying) => verifying.answered(response).await,
        }
    }

    /// What the client gets instead of an answer, where the request, which has been read, must not be sent.
    #[cfg(feature = "reqwest-middleware")]
    pub(crate) fn refused(&self) -> Option<Answered> {
        match &self.0 {
            Awaits::Recording(engine, exchange, _) => Some(engine.objected(exchange.objected()?)),
            Awaits::Nothing | Awaits::Verifying(_) => None,
        }
    }

    /// There is no answer, but this failure; the client gets it unless there is something else for it.
    pub(crate) async fn failed(self, error: &TransportError) -> Option<Answered> {
        match self.0 {
            Awaits::Nothing => None,
            Awaits::Recording(engine, exchange, waiting) => {
                // The client would stop sending when it hears of the failure.
                exchange.request_over().await;
                waiting.over();
                exchange.fail(error);
                exchange.objected().map(|objected| engine.objected(objected))
            }
            Awaits::Verifying(verifying) => Some(verifying.failed(error)),
        }
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
            Action::Replay(_) => "replay",
            Action::Record(_) => "record",
            Action::Append(..) => "append",
            Action::Verify(..) => "verify",
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
