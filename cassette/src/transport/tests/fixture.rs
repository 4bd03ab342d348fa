//! Helpers of the tests: an API server, engines made of closures, clients, runtimes.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

use super::super::provider::provider;
use super::super::{Ca, HttpService, Proxy, Tunnels, Upstream, UpstreamOptions, trust};
use crate::body::{Body, BoxError};
use crate::transport_error::{TransportError, TransportErrorKind};

pub(super) const HOST: &str = "api.example.test";

/// Runs a test on a runtime of its own, as a user's test does.
pub(super) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test)
}

/// The protocol of an API server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Speaks {
    Http1,
    Https1,
    Https2,
}

/// A server under the name [`HOST`]. The extensions of each request hold the client's address.
pub(super) struct Api {
    speaks: Speaks,
    address: SocketAddr,
    root: Vec<u8>,
}

impl Api {
    pub(super) async fn start<F>(
        speaks: Speaks,
        handler: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    ) -> Api
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let (tls, root) = tls(speaks);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, peer) = listener.accept().await.unwrap();
                let (tls, handler) = (tls.clone(), handler.clone());
                tokio::spawn(async move {
                    let answer = service_fn(move |mut request: Request<Incoming>| {
                        request.extensions_mut().insert(peer);
                        let response = handler(request);
                        async move { Ok::<_, Infallible>(response.await) }
                    });
                    let mut server = auto::Builder::new(TokioExecutor::new());
                    server.http2().max_header_list_size(1 << 20);
                    if speaks == Speaks::Http1 {
                        let _ = server.serve_connection(TokioIo::new(stream), answer).await;
                    } else if let Ok(stream) = tls.accept(stream).await {
                        let _ = server.serve_connection(TokioIo::new(stream), answer).await;
                    }
                });
            }
        });
        Api { speaks, address, root }
    }

    /// A server that reads the head of a request on its first connection, and then answers with these bytes.
    pub(super) async fn raw(answer: &'static [u8]) -> Api {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer).await.unwrap();
        });
        Api { speaks: Speaks::Http1, address, root: Vec::new() }
    }

    pub(super) fn url(&self, path: &str) -> String {
        let scheme = if self.speaks == Speaks::Http1 { "http" } else { "https" };
        format!("{scheme}://{HOST}{path}")
    }

    pub(super) fn options(&self) -> UpstreamOptions {
        let extra_roots = if self.root.is_empty() { Vec::new() } else { vec![self.root.clone()] };
        UpstreamOptions { extra_roots, resolve: vec![(HOST.into(), self.address)], ..Default::default() }
    }

    pub(super) fn upstream(&self) -> Upstream {
        Upstream::new(&self.options()).unwrap()
    }

    /// A session that passes everything on to this server.
    pub(super) fn proxy(&self) -> Proxy {
        proxy(self.upstream())
    }
}

fn tls(speaks: Speaks) -> (TlsAcceptor, Vec<u8>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec![HOST.into()]).unwrap().self_signed(&key).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    config.alpn_protocols = vec![if speaks == Speaks::Https2 { "h2".into() } else { "http/1.1".into() }];
    (TlsAcceptor::from(Arc::new(config)), certificate.der().to_vec())
}

pub(super) fn proxy(engine: impl HttpService) -> Proxy {
    Proxy::start(engine, SystemTime::now, |_| None, Tunnels::default()).unwrap()
}

/// A client of the session that speaks HTTP/1.1 only, also inside TLS. It takes more headers than usual.
pub(super) fn http1_client(proxy: &Proxy) -> reqwest::Client {
    let mut tls = trust::only(&[Ca::get().der().clone()]).unwrap();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let builder = super::super::client_builder(&proxy.url(), &Ca::get(), None).unwrap();
    builder.tls_backend_preconfigured(tls).http1_max_headers(300).build().unwrap()
}

/// A client of the session as the user gets it, except that it takes longer headers than usual.
pub(super) fn client(proxy: &Proxy) -> reqwest::Client {
    let builder = super::super::client_builder(&proxy.url(), &Ca::get(), None).unwrap();
    // Another package of the build may enable reqwest's decoders. In these tests, the client must not decode bodies.
    let builder = builder.no_gzip().no_brotli().no_deflate().no_zstd();
    builder.http2_max_header_list_size(1 << 20).build().unwrap()
}

/// An engine made of a closure.
#[derive(Clone)]
pub(super) struct Answers<F>(pub(super) F);

impl<F, Fut> Service<Request<Body>> for Answers<F>
where
    F: Fn(Request<Body>) -> Fut,
    Fut: Future<Output = Result<Response<Body>, TransportError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, TransportError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin((self.0)(request))
    }
}

pub(super) fn reset() -> TransportError {
    TransportError { kind: TransportErrorKind::Reset, message: "cut".into() }
}

/// Returns the body of the request, for the response.
pub(super) fn echo(request: Request<Incoming>) -> Body {
    Body::new(request.into_body())
}

/// Sends bytes to the proxy, and reads until the proxy closes the connection. The client does not close its half of the
/// connection.
pub(super) async fn raw(proxy: &Proxy, sent: &str) -> String {
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    // An error is ignored, because only the bytes before a reset matter.
    let _ = stream.read_to_end(&mut received).await;
    String::from_utf8(received).unwrap()
}

/// A body of these frames, which ends after the last frame.
pub(super) fn frames(
    frames: impl IntoIterator<Item = Result<Frame<Bytes>, BoxError>> + Send + Sync + 'static,
) -> Body {
    let all: Vec<_> = frames.into_iter().collect();
    Body::new(Frames(all.into_iter()))
}

struct Frames(std::vec::IntoIter<Result<Frame<Bytes>, BoxError>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.0.next())
    }
}

/// A body and the channel that it takes its chunks from. The channel holds one chunk.
pub(super) fn channel() -> (mpsc::Sender<Result<Bytes, BoxError>>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, Body::new(Channel(receiver)))
}

struct Channel(mpsc::Receiver<Result<Bytes, BoxError>>);

impl http_body::Body for Channel {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|c| c.map(Frame::data)))
    }
}
