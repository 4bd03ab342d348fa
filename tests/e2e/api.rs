//! The API from which a test records: a real server on loopback under an invented name. It counts its connections.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use cassette::Config;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

pub(crate) const HOST: &str = "api.example.test";

/// A response of the server. Its body may end with an error, which breaks the connection off.
pub(crate) type Answer = Response<BoxBody<Bytes, std::io::Error>>;

/// The protocol of the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speaks {
    Http1,
    Https1,
    Https2,
}

/// A running server with the name [`HOST`]. It stops when this value is dropped.
pub(crate) struct Api {
    speaks: Speaks,
    address: SocketAddr,
    /// The root certificate in PEM. Empty without TLS.
    root: String,
    connections: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl Api {
    /// Starts a server that reads each request to its end, and responds with the result of `answer`.
    pub(crate) fn start(
        speaks: Speaks,
        answer: impl Fn(Request<Bytes>) -> Answer + Send + Sync + 'static,
    ) -> Api {
        let answer = Arc::new(answer);
        Api::streaming(speaks, move |request| {
            let answer = answer.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map(|b| b.to_bytes()).unwrap_or_default();
                answer(Request::from_parts(head, body))
            }
        })
    }

    /// Starts a server that calls `answer` as soon as the head of a request has arrived.
    pub(crate) fn streaming<F>(
        speaks: Speaks,
        answer: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    ) -> Api
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        Api::failing(speaks, move |request| {
            let answer = answer(request);
            async move { Ok::<_, Infallible>(answer.await) }
        })
    }

    /// Starts a server whose `answer` may return an error instead of a response. Then hyper closes the connection. If
    /// the error comes from `h2`, hyper resets the stream with the code of the error.
    pub(crate) fn failing<F, E>(
        speaks: Speaks,
        answer: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    ) -> Api
    where
        F: Future<Output = Result<Answer, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let answer = Arc::new(answer);
        let (tls, root) = tls(speaks);
        let serve = move |stream: TcpStream| {
            let (answer, tls) = (answer.clone(), tls.clone());
            async move {
                let service = service_fn(move |request| answer(request));
                let mut server = auto::Builder::new(TokioExecutor::new());
                server.http1().auto_date_header(false);
                server.http2().auto_date_header(false);
                // Errors are ignored, because some tests cut connections on purpose.
                if speaks == Speaks::Http1 {
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                } else if let Ok(stream) = tls.accept(stream).await {
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                }
            }
        };
        Api::listen(speaks, root, serve)
    }

    /// Starts a server without TLS that makes a new function for the requests of each connection. The requests have no
    /// body.
    pub(crate) fn per_connection<F>(answers: impl Fn() -> F + Send + Sync + 'static) -> Api
    where
        F: Fn(&Request<Incoming>) -> Answer + Send + Sync + 'static,
    {
        Api::listen(Speaks::Http1, String::new(), move |stream| {
            let answer = answers();
            async move {
                let service = service_fn(move |request| {
                    let answer = answer(&request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            }
        })
    }

    /// Starts a server that reads the head of a request, sends the bytes `answer`, and closes the connection.
    pub(crate) fn raw(answer: impl Into<Bytes>) -> Api {
        let answer = answer.into();
        Api::listen(Speaks::Http1, String::new(), move |mut stream| {
            let answer = answer.clone();
            async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { return };
                    head.push(byte);
                }
                let _ = stream.write_all(&answer).await;
            }
        })
    }

    fn listen<F>(speaks: Speaks, root: String, serve: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Api
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream));
            }
        });
        Api { speaks, address, root, connections, _runtime: runtime }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.speaks == Speaks::Http1 { "http" } else { "https" };
        format!("{scheme}://{HOST}{path}")
    }

    /// Settings that make a session connect to this server, and trust its certificate.
    pub(crate) fn config(&self) -> Config {
        let config = Config::new().resolve(HOST, self.address);
        if self.root.is_empty() { config } else { config.extra_root(self.root.clone()) }
    }

    /// The root certificate in PEM.
    pub(crate) fn root(&self) -> String {
        self.root.clone()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The settings of a server for TLS, and its root certificate.
pub(crate) fn tls(speaks: Speaks) -> (TlsAcceptor, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec![HOST.to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .expect("a configuration");
    config.alpn_protocols = vec![if speaks == Speaks::Https2 { "h2".into() } else { "http/1.1".into() }];
    let root = if speaks == Speaks::Http1 { String::new() } else { certificate.pem() };
    (TlsAcceptor::from(Arc::new(config)), root)
}

/// A response with these headers and bytes.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let body = http_body_util::Full::new(body.into()).map_err(|never| match never {});
    with_body(status, headers, body.boxed())
}

/// A response whose body consists of these frames. If a frame is an error, the body breaks off there.
pub(crate) fn frames(
    status: u16,
    headers: &[(&str, &str)],
    frames: impl IntoIterator<Item = Result<Frame<Bytes>, std::io::Error>>,
) -> Answer {
    with_body(status, headers, Listed(frames.into_iter().collect::<Vec<_>>().into_iter()).boxed())
}

/// A frame of bytes.
pub(crate) fn data(bytes: impl Into<Bytes>) -> Result<Frame<Bytes>, std::io::Error> {
    Ok(Frame::data(bytes.into()))
}

/// The frame that breaks a body off.
pub(crate) fn cut() -> Result<Frame<Bytes>, std::io::Error> {
    Err(std::io::Error::other("the server gives up"))
}

/// Sends the frames of a body.
pub(crate) type Frames = mpsc::Sender<Result<Frame<Bytes>, std::io::Error>>;

/// A response whose body the test sends frame by frame.
pub(crate) fn channel(status: u16, headers: &[(&str, &str)]) -> (Frames, Answer) {
    let (sender, body) = body_channel();
    (sender, with_body(status, headers, body))
}

/// A body that the test sends frame by frame.
pub(crate) fn body_channel() -> (Frames, BoxBody<Bytes, std::io::Error>) {
    let (sender, receiver) = mpsc::channel(8);
    (sender, Channel(receiver).boxed())
}

fn with_body(status: u16, headers: &[(&str, &str)], body: BoxBody<Bytes, std::io::Error>) -> Answer {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(body).expect("an answer")
}

struct Listed(std::vec::IntoIter<Result<Frame<Bytes>, std::io::Error>>);

impl http_body::Body for Listed {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(self.0.next())
    }
}

struct Channel(mpsc::Receiver<Result<Frame<Bytes>, std::io::Error>>);

impl http_body::Body for Channel {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(cx)
    }
}

/// All parts of a response that a client sees.
#[derive(Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
    /// Whether the body broke off after the bytes in `body`.
    pub(crate) cut: bool,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = &self.body[..self.body.len().min(200)];
        write!(f, "{} {:?} ", self.status, self.headers)?;
        write!(f, "{} bytes {:?} ", self.body.len(), String::from_utf8_lossy(shown))?;
        write!(f, "trailers {:?} cut {}", self.trailers, self.cut)
    }
}

/// Reads a response to its end.
pub(crate) async fn see(response: reqwest::Response) -> Seen {
    see_any(http::Response::from(response)).await
}

/// Reads a response of any client to its end.
pub(crate) async fn see_any<B>(response: Response<B>) -> Seen
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let (head, mut body) = response.into_parts();
    let mut seen = Seen {
        status: head.status.as_u16(),
        headers: head.headers,
        body: Bytes::new(),
        trailers: None,
        cut: false,
    };
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(Err(frame)) => seen.trailers = frame.into_trailers().ok(),
            Err(_) => seen.cut = true,
        }
    }
    seen.body = bytes.into();
    seen
}

/// Sends a GET request and reads the response to its end.
pub(crate) async fn get(http: &reqwest::Client, url: &str) -> Seen {
    see(http.get(url).send().await.unwrap_or_else(|e| panic!("{e:?}"))).await
}
