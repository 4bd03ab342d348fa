//! The service behind every transport: it takes a request and returns a response. The bodies of the request and the
//! response are streams.
//!
//! The engine decides by mode whether the recorder, the player or the real server handles a request. Must not know:
//! sockets, files.

mod answer;
mod incidents;
mod opening;
mod pending;
mod replay;
mod stream;
mod verify;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

#[cfg(feature = "proxy")]
use http::uri::Authority;
use tower_service::Service;

pub(crate) use self::answer::AnswerFuture;
use self::answer::{Answered, ended, no_connection, refusal};
use self::incidents::Incidents;
use self::pending::objected;
pub(crate) use self::pending::{Begun, Pending, Settled};
pub(crate) use self::replay::Replay;
use self::replay::{Held, MOST_HELD, Reading, Unread};
use self::verify::Verifying;
use crate::activity::Exchange;
use crate::body::Body;
use crate::config::{Config, VerifyPolicy};
use crate::hosts::{self, Hosts};
use crate::recorder::{NotBegun, Recorder};
use crate::report::{
    Drifted, Foreign, ForeignConnection, ForeignSign, Obstacle, Problem, RefusedHost, TestSite,
};
use crate::tape::TransportError;
use crate::target::Unrecordable;

/// Records, replays, or passes requests through. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Engine(Arc<Inner>);

struct Inner {
    action: Action,
    live: Option<Live>,
    closed: AtomicBool,
    site: TestSite,
    hosts: Hosts,
    /// The hosts and addresses that the project gave to [`Config::resolve`](crate::Config::resolve).
    resolve: Vec<(String, SocketAddr)>,
    incidents: Arc<Incidents>,
    /// The number of requests and tunnels to ignored and pass-through hosts that went to the real server.
    passed: AtomicUsize,
}

/// What the engine does with requests. The mode of the session decides.
pub(crate) enum Action {
    Replay(Arc<Replay>),
    Record(Recorder),
    /// The player answers requests that are on the cassette. Other requests go to the real server and are recorded.
    Append(Arc<Replay>, Recorder),
    /// The engine sends requests that are on the cassette to the real server, and compares the live answers with the
    /// recorded answers.
    Verify(Arc<Replay>, VerifyPolicy),
    Pass,
}

impl Action {
    /// The replay, if the session only replays.
    pub(crate) fn replays(&self) -> Option<&Replay> {
        match self {
            Action::Replay(replay) => Some(replay),
            Action::Record(_) | Action::Append(..) | Action::Verify(..) | Action::Pass => None,
        }
    }

    /// The recorder, if the session records into a new cassette.
    #[cfg(feature = "intercept")]
    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        match self {
            Action::Record(recorder) => Some(recorder),
            Action::Replay(_) | Action::Append(..) | Action::Verify(..) | Action::Pass => None,
        }
    }

    /// Whether the session records.
    pub(crate) fn records(&self) -> bool {
        matches!(self, Action::Record(_) | Action::Append(..))
    }

    fn name(&self) -> &'static str {
        match self {
            Action::Replay(_) => "replay",
            Action::Record(_) => "record",
            Action::Append(..) => "append",
            Action::Verify(..) => "verify",
            Action::Pass => "pass",
        }
    }
}

/// The decision about a request to an ignored or a pass-through host.
enum ByHost<'a> {
    /// The request goes to the real server and is not recorded.
    Live,
    /// The replay refuses the request.
    Refused(&'a Replay),
}

/// Sends a request to the real server.
pub(crate) type Live = Box<dyn Fn(http::Request<Body>) -> AnswerFuture + Send + Sync>;

impl Engine {
    /// Makes an engine. In a replay, `live` is `Some` only if there are pass-through hosts.
    pub(crate) fn new(action: Action, live: Option<Live>, config: &Config, site: TestSite) -> Engine {
        Engine(Arc::new(Inner {
            action,
            live,
            closed: AtomicBool::new(false),
            site,
            hosts: config.hosts.clone(),
            resolve: config.resolve.clone(),
            incidents: Arc::default(),
            passed: AtomicUsize::new(0),
        }))
    }

    pub(crate) fn action(&self) -> &Action {
        &self.0.action
    }

    /// Whether requests may reach a real server.
    pub(crate) fn is_live(&self) -> bool {
        self.0.action.replays().is_none() || self.0.hosts.pass_any()
    }

    /// Ends the session: every later request fails.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    /// Removes and returns the problems that the engine has detected so far. Problems of the recorder and the player
    /// are in other lists.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.0.incidents.take_problems()
    }

    /// Removes and returns the requests to ignored hosts that the engine has refused so far. The report only notes
    /// these requests, because they do not fail the test.
    pub(crate) fn refused(&self) -> Vec<RefusedHost> {
        self.0.incidents.take_refused()
    }

    /// The number of requests and tunnels so far that went to the real server and were not recorded, because their host
    /// is ignored or a pass-through host.
    pub(crate) fn passed(&self) -> usize {
        self.0.passed.load(Ordering::Relaxed)
    }

    /// Whether a connection to this server, host and port, is a tunnel to the real server: it is a pass-through host, and
    /// a replay may reach it. Counts the tunnel.
    #[cfg(feature = "proxy")]
    pub(crate) fn begin_tunnel(&self, server: &Authority) -> bool {
        let inner = &*self.0;
        if inner.closed.load(Ordering::Acquire) || !inner.hosts.passes_server(server) {
            return false;
        }
        let local = || hosts::uri_of(server).is_some_and(|uri| hosts::is_this_machine(&uri, &inner.resolve));
        let begins = inner.action.replays().is_none() || local();
        inner.passed.fetch_add(usize::from(begins), Ordering::Relaxed);
        begins
    }

    /// Whether this host and port is a pass-through host.
    #[cfg(feature = "proxy")]
    pub(crate) fn passes_server(&self, server: &Authority) -> bool {
        self.0.hosts.passes_server(server)
    }

    /// Removes and returns the live answers that have differed from the recorded answers so far, sorted by their place
    /// on the cassette.
    pub(crate) fn drifted(&self) -> Vec<Drifted> {
        self.0.incidents.take_drifted()
    }

    /// Decides what to do with a request, as far as that is possible without waiting for its body.
    pub(crate) fn begin(&self, request: http::Request<Body>) -> Begun {
        let inner = &*self.0;
        if inner.closed.load(Ordering::Acquire) {
            return Begun::over(ended(request.uri()));
        }
        match self.by_host(request.uri()) {
            Some(ByHost::Live) => {
                inner.passed.fetch_add(1, Ordering::Relaxed);
                return Begun::Live(request, Pending::NOTHING);
            }
            Some(ByHost::Refused(replay)) => return self.refuse_host(replay, &request),
            None => {}
        }
        if let Some(unrecordable) = request.extensions().get::<Unrecordable>()
            && !matches!(inner.action, Action::Pass)
        {
            return self.refuse_unrecordable(request.uri(), unrecordable);
        }
        match &inner.action {
            Action::Replay(replay) => Begun::Here(Box::pin(self.clone().replay(Arc::clone(replay), request))),
            Action::Pass => Begun::Live(request, Pending::NOTHING),
            Action::Record(recorder) => {
                let (head, body) = request.into_parts();
                let place = recorder.place();
                self.record(recorder, place, head, body)
            }
            Action::Append(replay, recorder) => {
                let place = recorder.place();
                let (replay, recorder) = (Arc::clone(replay), recorder.clone());
                Begun::Later(Box::pin(self.clone().append(replay, recorder, place, request)))
            }
            Action::Verify(replay, policy) => {
                Begun::Later(Box::pin(self.clone().verify(Arc::clone(replay), policy.values, request)))
            }
        }
    }

    /// The decision about a request to an ignored or a pass-through host; `None` for all other hosts.
    fn by_host(&self, uri: &http::Uri) -> Option<ByHost<'_>> {
        let inner = &*self.0;
        let (passes, ignores) = (inner.hosts.passes(uri), inner.hosts.ignores(uri));
        if !passes && !ignores {
            return None;
        }
        Some(match inner.action.replays() {
            Some(replay) if !(passes && hosts::is_this_machine(uri, &inner.resolve)) => {
                ByHost::Refused(replay)
            }
            _ => ByHost::Live,
        })
    }

    fn refuse_host(&self, replay: &Replay, request: &http::Request<Body>) -> Begun {
        let refused = RefusedHost {
            method: request.method().clone(),
            uri: replay.redactor.uri(&request.uri().to_string()),
            host: request.uri().host().unwrap_or_default().to_owned(),
            passed: self.0.hosts.passes(request.uri()),
        };
        match refused.passed {
            true => self.0.incidents.problem(Problem::RefusedHost(refused.clone())),
            false => self.0.incidents.refused(refused.clone()),
        }
        Begun::answered(self.refusal(Problem::RefusedHost(refused)))
    }

    /// Refuses a request that no cassette can hold.
    fn refuse_unrecordable(&self, uri: &http::Uri, unrecordable: &Unrecordable) -> Begun {
        let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(usual));
        let sign = match unrecordable {
            Unrecordable::Upgrade(protocol) => ForeignSign::Upgrade(protocol.clone()),
            Unrecordable::WholeServer => ForeignSign::WholeServer,
        };
        let connection = ForeignConnection { server: format!("{host}:{port}"), sign, passed: false };
        let foreign = Foreign { cassette: self.0.site.cassette.clone(), connections: vec![connection] };
        self.0.incidents.problem(Problem::Foreign(foreign.clone()));
        Begun::answered(self.refusal(Problem::Foreign(foreign)))
    }

    async fn replay(self, replay: Arc<Replay>, request: http::Request<Body>) -> Answered {
        let (head, body) = request.into_parts();
        match replay.read(&head, body, None, true).await {
            Ok(Reading::Whole(asked)) => replay.played(replay.player.play(asked)),
            Ok(Reading::Stream(stream)) => stream.answer().await,
            Ok(Reading::Open(asked, _)) => replay.played(replay.player.play_open(asked)),
            Err(unread) => self.refuse_unread(&replay, &head, unread),
        }
    }

    /// Reads the request's body, and looks for the request on the cassette. The player answers a request that is on the
    /// cassette. The recorder records any other request.
    async fn append(
        self,
        replay: Arc<Replay>,
        recorder: Recorder,
        place: u64,
        request: http::Request<Body>,
    ) -> Begun {
        let (head, body) = request.into_parts();
        let mut held = Held::default();
        let asked = match replay.read(&head, body, Some(&mut held), true).await {
            Ok(Reading::Whole(asked)) => asked,
            Ok(Reading::Stream(stream)) => return Begun::Here(Box::pin(stream.answer())),
            // A client that waits for the response in the middle of its request may send whatever the server says.
            Ok(Reading::Open(_, rest)) => {
                return self.record(&recorder, place, head, held.followed_by(rest));
            }
            Err(unread) => return Begun::answered(self.refuse_unread(&replay, &head, unread)),
        };
        match replay.player.find(&asked.request) {
            Some(chosen) => Begun::answered(replay.played(replay.player.play_recording(&chosen, asked.live))),
            None => self.record(&recorder, place, head, held.into_body()),
        }
    }

    /// Reads the request's body, and looks for the request on the cassette. The request goes to the real server only if
    /// it is on the cassette.
    async fn verify(self, replay: Arc<Replay>, values: bool, request: http::Request<Body>) -> Begun {
        let (head, body) = request.into_parts();
        let mut held = Held::default();
        let asked = match replay.read(&head, body, Some(&mut held), false).await {
            Ok(Reading::Whole(asked)) => asked,
            Ok(_) => return Begun::answered(self.refuse_unread(&replay, &head, Unread::Open)),
            Err(unread) => return Begun::answered(self.refuse_unread(&replay, &head, unread)),
        };
        match Verifying::begin(replay, Arc::clone(&self.0.incidents), values, head, asked, held) {
            Ok((request, verifying)) => Begun::Live(request, Pending::verifying(verifying)),
            Err(answered) => Begun::answered(*answered),
        }
    }

    /// Returns the answer to a request that the engine could not read. The engine does not match or send such a
    /// request.
    fn refuse_unread(&self, replay: &Replay, head: &http::request::Parts, unread: Unread) -> Answered {
        let (method, uri) = (head.method.clone(), replay.redactor.uri(&head.uri.to_string()));
        let problem: &dyn Fn() -> Problem = match unread {
            Unread::Broken(e) => return Err(e),
            Unread::Objected(objection) => &move || Problem::Other(objection.about(&method, &uri)),
            Unread::Open => {
                let obstacle = Obstacle::OpenBody { method, uri, mode: self.0.site.mode };
                &move || Problem::Obstacle(obstacle.clone())
            }
            Unread::TooLong => {
                let (most, mode) = (MOST_HELD >> 20, self.0.site.mode);
                let obstacle = Obstacle::LongBody { method, uri, most, mode };
                &move || Problem::Obstacle(obstacle.clone())
            }
        };
        self.0.incidents.problem(problem());
        self.refusal(problem())
    }

    /// Makes the response that refuses a request of the code under test.
    fn refusal(&self, problem: Problem) -> Answered {
        Ok(refusal(&self.0.site, problem))
    }

    fn record(&self, recorder: &Recorder, place: u64, head: http::request::Parts, body: Body) -> Begun {
        let exchange = match recorder.begin(place, &head) {
            Ok(exchange) => exchange,
            Err(NotBegun::Late) => return Begun::over(ended(&head.uri)),
            Err(NotBegun::Objected(reason)) => return Begun::answered(objected(&self.0.site, &reason)),
        };
        let pending = Pending::recording(self.0.site.clone(), exchange.clone());
        Begun::Live(http::Request::from_parts(head, exchange.tee_request(body)), pending)
    }

    async fn answer(self, request: http::Request<Body>) -> Answered {
        let Some(exchange) = Exchange::begin() else {
            return match self.begin(request).settled().await {
                Settled::Here(answer) => answer.await,
                Settled::Live(request, pending) => self.live_answer(request, pending).await,
            };
        };
        match self.begin(request.map(|body| exchange.request(body))).settled().await {
            Settled::Here(answer) => answer.await,
            Settled::Live(request, pending) => {
                exchange.lives();
                let answered = self.live_answer(request, pending).await;
                answered.map(|response| response.map(|body| exchange.response(body)))
            }
        }
    }

    async fn live_answer(&self, request: http::Request<Body>, pending: Pending) -> Answered {
        match self.live(request).await {
            Ok(response) => pending.answered(response).await,
            Err(e) => pending.failed(&e).await.unwrap_or(Err(e)),
        }
    }

    fn live(&self, request: http::Request<Body>) -> AnswerFuture {
        match &self.0.live {
            Some(live) => live(request),
            None => {
                let message = "this session does not connect to real servers".to_owned();
                Box::pin(std::future::ready(Err(no_connection(message))))
            }
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Engine").field(&self.0.action.name()).finish()
    }
}

impl Service<http::Request<Body>> for Engine {
    type Response = http::Response<Body>;
    type Error = TransportError;
    type Future = AnswerFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}
