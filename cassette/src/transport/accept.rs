//! Serves a connection to the session. The connection may be plain HTTP, a CONNECT tunnel or TLS. The requests inside
//! of it are passed on to the engine.
//!
//! All connections arrive on one port. The first byte distinguishes TLS (22, a handshake record, RFC 8446 §5.1) from
//! HTTP. The first bytes of HTTP, inside TLS if there is any, distinguish HTTP/1 from HTTP/2.
//!
//! Must not know: where the engine gets its responses.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use http::uri::Authority;
use http::{Method, Request, Response, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::LazyConfigAcceptor;

use super::abort::Abort;
use super::bound::ClientConnection;
use super::ca::HostCertificates;
use super::certificate_refusal::CertificateRefusal;
use super::cut::{Gate, Guarded};
use super::foreign::{First, Foreign, Foreigners};
use super::incidents::{Seen, Undecided};
use super::reverse::{Base, Bases, Site};
use super::tunnel::{Kept, Tunnels};
use super::{Destination, HttpService, proxy, upgrade};
use crate::body::Body;
use crate::failure;
use crate::poison::unpoisoned;
use crate::target::{self, Origin, Refusal, Unrecordable};
use crate::transport_error::{TransportError, TransportErrorKind};

/// The largest number of headers in a message. hyper's default is 100, and some browsers and gateways come close to it.
pub(super) const MAX_HEADERS: usize = 256;
/// The limit for the headers of a message together, in bytes. The usual limit of HTTP/2 is 16 KiB, but long cookies and
/// tokens need more.
pub(super) const MAX_HEADER_LIST: u32 = 1 << 20;

/// How long a replay holds back the answer to a request whose client gave up during the recording.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The state that all connections of one session share.
pub(super) struct Shared<S> {
    pub(super) engine: S,
    pub(super) hosts: HostCertificates,
    pub(super) clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    pub(super) address: SocketAddr,
    pub(super) intercepted: Box<dyn Fn(SocketAddr) -> Option<Destination> + Send + Sync>,
    pub(super) tunnels: Tunnels,
    pub(super) bases: Bases,
    pub(super) refused: Arc<Seen<CertificateRefusal>>,
    pub(super) foreign: Arc<Foreigners>,
    pub(super) stop: Stop,
}

/// Ends every task of a session at once.
#[derive(Clone)]
pub(super) struct Stop(pub(super) watch::Receiver<bool>);

impl Stop {
    /// Runs `task` on the current runtime until the task or the session ends.
    pub(super) fn spawn<F: Future<Output = ()> + Send + 'static>(&self, task: F) {
        let mut stop = self.0.clone();
        tokio::spawn(async move {
            let mut task = pin!(task);
            // `wait_for` fails if the sender is gone, which also means the end of the session.
            let mut stopped = pin!(stop.wait_for(|stopped| *stopped));
            poll_fn(|cx| {
                if stopped.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                task.as_mut().poll(cx)
            })
            .await;
        });
    }
}

/// hyper starts the task of each HTTP/2 stream through this executor.
impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Stop {
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}

/// How a connection reached the listener.
#[derive(Clone)]
enum Arrival {
    /// The client knows the session's proxy and connected to it.
    Knowingly,
    /// The client asked for a tunnel through the proxy.
    Tunnel(Authority),
    /// The client does not know the session. Its connection was intercepted.
    Intercepted(Destination),
}

impl Arrival {
    /// The server that the client wanted to reach.
    fn server(&self) -> Option<Authority> {
        match self {
            Arrival::Knowingly => None,
            Arrival::Tunnel(authority) => Some(authority.clone()),
            Arrival::Intercepted(destination) => destination.authority(),
        }
    }
}

/// The server that the client wants to reach. If the server is known, a connection keeps this value until its first
/// request. If the server does not speak HTTP, the first request never comes.
struct Meant {
    server: String,
    /// The first bytes that the client sent.
    sent: Vec<u8>,
    undecided: Undecided<Foreign>,
}

/// A connection on which no request has arrived yet. It may turn out not to be HTTP.
struct Unheard {
    server: String,
    _undecided: Undecided<Foreign>,
}

/// Serves a connection to the listener, or to the port of one server, until either side closes it.
pub(super) async fn serve<S: HttpService>(
    shared: Arc<Shared<S>>,
    stream: TcpStream,
    client: SocketAddr,
    base: Option<Arc<Base>>,
) {
    let abort = Abort::default();
    let stream = abort.watch(stream);
    match base {
        None => {
            let arrival = (shared.intercepted)(client).map_or(Arrival::Knowingly, Arrival::Intercepted);
            sniff(shared, stream, arrival, abort).await;
        }
        Some(base) => {
            let (scheme, authority) = (base.site.scheme.clone(), base.site.authority.clone());
            let origin = Origin::Base { scheme, authority, at: base.at };
            let of = Connected { origin, base: Some(base), meant: None, abort };
            http(shared, stream, of).await;
        }
    }
}

/// Decides by the first byte whether a connection speaks TLS or HTTP, and serves it. The future is boxed because it is
/// recursive: the contents of a tunnel are sniffed again.
fn sniff<S: HttpService, T>(
    shared: Arc<Shared<S>>,
    stream: T,
    arrival: Arrival,
    abort: Abort,
) -> Pin<Box<dyn Future<Output = ()> + Send>>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    const TLS_HANDSHAKE: u8 = 22;
    Box::pin(async move {
        let mut stream = peeking(stream);
        let server = arrival.server();
        let (first, meant) = match &server {
            // This comes before the first byte, because the server may be the one that speaks first.
            Some(server) if shared.tunnels.leads_to(server) => {
                return shared.tunnels.carry(stream, &[], server, &abort).await;
            }
            Some(server) => {
                let server = server.to_string();
                let Some(First { bytes: sent, undecided }) =
                    shared.foreign.first_bytes(&mut stream, &server).await
                else {
                    return;
                };
                (sent[0], Some(Meant { server, sent, undecided }))
            }
            None => {
                let Some(first) = stream.fill_buf().await.ok().and_then(|b| b.first().copied()) else {
                    return;
                };
                (first, None)
            }
        };
        if first == TLS_HANDSHAKE {
            drop(meant);
            return tls(shared, stream, arrival, abort).await;
        }
        let origin = match (arrival, server) {
            (Arrival::Knowingly, _) => Origin::Front,
            (Arrival::Tunnel(authority), _) => Origin::Tunnel(authority),
            (Arrival::Intercepted(_), Some(authority)) => Origin::Intercepted(authority),
            (Arrival::Intercepted(_), None) => return,
        };
        http(shared, stream, Connected { origin, base: None, meant, abort }).await;
    })
}

/// Buffers the stream, so that its first bytes can be sniffed. The buffer is small, because larger reads bypass it.
fn peeking<T: AsyncRead>(stream: T) -> BufReader<T> {
    BufReader::with_capacity(16, stream)
}

async fn tls<S: HttpService, T>(shared: Arc<Shared<S>>, stream: T, arrival: Arrival, abort: Abort)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // A failed handshake is not reported here: the client knows the cause and fails with it. If the client refused our
    // certificate, the session remembers the refusal for its own report.
    let stream = Kept::new(stream, shared.tunnels.exist());
    let Ok(mut start) = LazyConfigAcceptor::new(Default::default(), stream).await else { return };
    let asked = start.client_hello().server_name().map(str::to_owned);
    let tunnel = arrival.server();
    let Some(host) = asked.clone().or_else(|| tunnel.as_ref().map(|t| t.host().to_owned())) else { return };
    // A client with its own resolver connects to an address, so only now the name is known.
    if let Some(port) = tunnel.as_ref().and_then(Authority::port_u16)
        && let Ok(named) = format!("{host}:{port}").parse::<Authority>()
        && shared.tunnels.leads_to(&named)
    {
        let (stream, sent) = start.io.into_parts();
        return shared.tunnels.carry(stream, &sent, &named, &abort).await;
    }
    start.io.forget();
    let Ok(config) = shared.hosts.config(&host, (shared.clock)()) else { return };
    let handshake = shared.refused.begin();
    let mut stream = match start.into_stream(config).await {
        Ok(stream) => peeking(stream),
        Err(e) => {
            return CertificateRefusal::by(&host, &e).into_iter().for_each(|r| shared.refused.remember(r));
        }
    };
    drop(handshake);
    let meant = match tunnel.as_ref().and_then(Authority::port_u16) {
        Some(port) => {
            let server = format!("{host}:{port}");
            if stream.get_ref().get_ref().1.alpn_protocol().is_some() {
                shared.foreign.is_http(&server);
            }
            let Some(First { bytes: sent, undecided }) =
                shared.foreign.first_bytes(&mut stream, &server).await
            else {
                return;
            };
            Some(Meant { server, sent, undecided })
        }
        None => None,
    };
    let origin = match (arrival, asked) {
        // A client with its own resolver connects to an address. The host's name is in the handshake.
        (Arrival::Intercepted(destination), Some(name)) if destination.is_address() => {
            let name = if destination.port == 443 { name } else { format!("{name}:{}", destination.port) };
            Origin::Tls { tunnel: None, name }
        }
        _ => Origin::Tls { tunnel, name: host },
    };
    http(shared, stream, Connected { origin, base: None, meant, abort }).await;
}

/// What is known about a connection before its first request.
struct Connected {
    origin: Origin,
    base: Option<Arc<Base>>,
    meant: Option<Meant>,
    abort: Abort,
}

async fn http<S: HttpService, T>(shared: Arc<Shared<S>>, stream: T, connected: Connected)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Connected { origin, base, meant, abort } = connected;
    let gate = Arc::new(Gate::default());
    let stream = gate.watch(stream);
    let mut builder = auto::Builder::new(shared.stop.clone());
    // The upstream server, not hyper, sets the `date` of a response.
    builder.http1().max_headers(MAX_HEADERS).auto_date_header(false);
    builder.http2().max_header_list_size(MAX_HEADER_LIST).auto_date_header(false);
    let (begun, undecided) = match meant {
        Some(Meant { server, sent, undecided }) => {
            let unheard = Unheard { server: server.clone(), _undecided: undecided };
            (Some((server, sent)), Some(Arc::new(Mutex::new(Some(unheard)))))
        }
        None => (None, None),
    };
    let foreign = shared.foreign.clone();
    let (gate_of, undecided_of) = (gate.clone(), undecided.clone());
    let client = ClientConnection::default();
    let connection =
        Connection { shared, origin, base, gate: gate_of, client, undecided: undecided_of, abort };
    // The error of a connection concerns only its client, and a failing engine breaks the connection on purpose. Only a
    // client that does not speak HTTP is remembered.
    let ended = gate.drive(builder.serve_connection_with_upgrades(TokioIo::new(stream), connection)).await;
    if let (Err(e), Some((server, sent))) = (ended, begun) {
        foreign.judge(&server, sent, &*e);
    }
}

type ExchangeFuture<R> = Pin<Box<dyn Future<Output = Result<R, TransportError>> + Send>>;

/// The future is boxed here, because rustc cannot prove that an async block which holds the engine's future is `Send`.
fn exchange<S: HttpService>(engine: &mut S, request: Request<Body>) -> ExchangeFuture<Response<Body>> {
    Box::pin(engine.call(request))
}

/// Passes the requests of one connection on to the engine.
struct Connection<S> {
    shared: Arc<Shared<S>>,
    origin: Origin,
    base: Option<Arc<Base>>,
    gate: Arc<Gate>,
    client: ClientConnection,
    abort: Abort,
    /// Held as long as the connection may turn out not to be HTTP. Taken at the first request.
    undecided: Option<Arc<Mutex<Option<Unheard>>>>,
}

impl<S: HttpService> hyper::service::Service<Request<Incoming>> for Connection<S> {
    type Response = Response<Guarded>;
    type Error = TransportError;
    type Future = ExchangeFuture<Response<Guarded>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.shared.foreign.stir();
        if let Some(undecided) = &self.undecided {
            // The lock is held for this statement only.
            let first = unpoisoned(undecided.lock()).take();
            if let Some(unheard) = first {
                self.shared.foreign.is_http(&unheard.server);
            }
        }
        let gate = self.gate.clone();
        if request.method() == Method::CONNECT {
            let response = match self.tunnel(request) {
                Ok(()) => Response::new(Body::empty()),
                Err(refusal) => refusal.response(),
            };
            return Box::pin(async move { Ok(gate.guard(&Method::CONNECT, response)) });
        }
        let (method, version) = (request.method().clone(), request.version());
        let mut request = request;
        // Credentials for a proxy do not reach the engine.
        self.client.note(request.headers());
        request.extensions_mut().insert(self.client.clone());
        let base = self.base.clone().map(|base| (base, self.shared.clone()));
        if let Some((base, _)) = &base {
            base.forth(request.headers_mut());
        }
        let request = match target::forward(request, &self.origin, Some(self.shared.address)) {
            Ok(request) => request.map(|b| Body::new(b.map_err(|e| failure::of(&e)))),
            Err(refusal) => return Box::pin(async move { Ok(gate.guard(&method, refusal.response())) }),
        };
        let mut request = request;
        let upgrades = request.extensions().get::<Unrecordable>().is_some();
        let client = upgrades.then(|| hyper::upgrade::on(&mut request));
        let stop = self.shared.stop.clone();
        let mut engine = self.shared.engine.clone();
        let abort = self.abort.clone();
        Box::pin(async move {
            poll_fn(|cx| engine.poll_ready(cx)).await?;
            let answer = exchange(&mut engine, request).await;
            if answer.as_ref().is_err_and(|e| *e == TransportError::gave_up()) {
                // The client gave up during the recording, and now gives up again when its time-out has passed. A
                // client without a time-out gets the failure after this wait.
                tokio::time::sleep(LONGEST_WAIT).await;
            }
            let no_server =
                |e: &TransportError| matches!(e.kind, TransportErrorKind::Connect | TransportErrorKind::Dns);
            if version < Version::HTTP_2 && answer.as_ref().is_err_and(no_server) {
                abort.set();
            }
            let mut response = answer?;
            let server = upgrade::of(&mut response);
            target::back(&mut response, version);
            if let (Some(client), Some((server, protocol))) = (client, server) {
                upgrade::mark(response.headers_mut(), &protocol);
                stop.spawn(upgrade::join(client, server));
            }
            if let Some((base, shared)) = base {
                let open = |site: &Site| proxy::base(&shared, site).ok();
                base.back(response.headers_mut(), |site| shared.bases.known(site), open);
            }
            Ok(gate.guard(&method, response))
        })
    }
}

impl<S: HttpService> Connection<S> {
    /// Answers CONNECT (RFC 9110 §9.3.6): requests in the tunnel are served, not forwarded.
    fn tunnel(&self, request: Request<Incoming>) -> Result<(), Refusal> {
        if self.base.is_some() {
            return Err(Refusal::unsupported("this address stands for one server: it is no proxy"));
        }
        if !matches!(self.origin, Origin::Front | Origin::Intercepted(_)) {
            return Err(Refusal::unsupported("a tunnel inside a tunnel is not served"));
        }
        let authority = request.uri().authority().filter(|a| a.port().is_some()).cloned();
        let authority = authority.ok_or(Refusal::bad_request("CONNECT needs a host and a port"))?;
        let (shared, abort) = (self.shared.clone(), self.abort.clone());
        self.shared.stop.spawn(async move {
            if let Ok(upgraded) = hyper::upgrade::on(request).await {
                sniff(shared, TokioIo::new(upgraded), Arrival::Tunnel(authority), abort).await;
            }
        });
        Ok(())
    }
}
