//! The connection to the real servers. It is an [`HttpService`](super::HttpService), as a recorder and a player are.
//!
//! It adds and hides nothing: it follows no redirects, decodes no bodies, and sends no `user-agent` or other header
//! that the client did not send. All clones share its connections, which run on the I/O threads. Only a client that logs
//! a connection in gets connections of its own. It may reach the servers through proxies.
//!
//! Must not know: that exchanges are recorded.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::uri::Scheme;
use http::{Request, Response, StatusCode, Version};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tower_service::Service;

use super::accept::{MAX_HEADER_LIST, MAX_HEADERS};
use super::bound::ClientConnection;
use super::connect::Connector;
use super::upstream_proxy::UpstreamProxies;
use super::{io, upgrade};
use crate::body::Body;
use crate::error::Result;
use crate::target::Unrecordable;
use crate::transport_error::{TransportError, TransportErrorKind};
use crate::{failure, target};

/// Settings for private APIs, whose names and certificates the machine does not know.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpstreamOptions {
    /// Certificates to trust in addition to the machine's. Each is the content of a PEM file (one certificate or
    /// several) or of a DER file.
    pub(crate) extra_roots: Vec<Vec<u8>>,
    /// Addresses that override name lookup, like curl's `--resolve`: `host` for every port or `host:port` for one. The
    /// first match wins. An address with port 0 keeps the URL's port.
    pub(crate) resolve: Vec<(String, SocketAddr)>,
    /// The limit for name lookup, TCP and TLS together; `None` for the default.
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) proxies: UpstreamProxies,
}

/// The real servers.
///
/// If the body of a response breaks off, it fails with a [`TransportError`] at that byte.
#[derive(Clone)]
pub(crate) struct Upstream {
    client: Client<Connector, Body>,
    /// Speaks HTTP/2 without TLS, because its client knows that the server does (RFC 9113 §3.3).
    prior_knowledge: Client<Connector, Body>,
    connector: Connector,
    io: Handle,
}

impl Upstream {
    /// An upstream with its own pool of connections.
    ///
    /// # Errors
    ///
    /// An extra root is not a certificate, a host to resolve is not a host, or the I/O threads cannot be started.
    pub(crate) fn new(options: &UpstreamOptions) -> Result<Upstream> {
        let connector = Connector::new(options)?;
        let client = |http2_only: bool| {
            Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .http1_max_headers(MAX_HEADERS)
                .http2_max_header_list_size(MAX_HEADER_LIST)
                .http2_only(http2_only)
                .build(connector.clone())
        };
        let (client, prior_knowledge) = (client(false), client(true));
        Ok(Upstream { client, prior_knowledge, connector, io: io::handle()? })
    }
}

impl Service<Request<Body>> for Upstream {
    type Response = Response<Body>;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, TransportError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // With TLS, ALPN determines the version of our connection, and not the version of the client's.
        let is_prior_knowledge =
            request.version() == Version::HTTP_2 && request.uri().scheme() == Some(&Scheme::HTTP);
        *request.version_mut() = Version::HTTP_11;
        target::strip(request.headers_mut());
        if let Some(unrecordable) = request.extensions_mut().remove::<Unrecordable>() {
            let answer = upgrade::send(self.connector.clone(), request, unrecordable);
            return Box::pin(Task(self.io.spawn(answer)));
        }
        let proxy = self.connector.reading_proxy(request.uri());
        if let Some(proxy) = &proxy {
            proxy.authorize(request.headers_mut());
        }
        let client = request.extensions_mut().remove::<ClientConnection>().unwrap_or_default();
        client.note(request.headers());
        let pool = if is_prior_knowledge { self.prior_knowledge.clone() } else { self.client.clone() };
        let connector = self.connector.clone();
        let answer = async move {
            let mut response = if client.is_bound() && !is_prior_knowledge {
                client.clone().send(connector, request).await?
            } else {
                let response = pool.request(request).await.map_err(|e| failure::of(&e))?;
                response.map(|b| Body::new(b.map_err(|e| failure::of(&e))))
            };
            if let (Some(proxy), StatusCode::PROXY_AUTHENTICATION_REQUIRED) = (proxy, response.status()) {
                return Err(proxy.refused(response.status().as_u16()));
            }
            client.note(response.headers());
            target::strip(response.headers_mut());
            Ok(response)
        };
        // hyper spawns a connection on the runtime that polls the request, and a socket dies with the runtime that
        // created it. On another runtime, the request therefore becomes a task of the I/O threads.
        match Handle::try_current() {
            Ok(here) if here.id() == self.io.id() => Box::pin(answer),
            _ => Box::pin(Task(self.io.spawn(answer))),
        }
    }
}

/// A task that is aborted when its handle is dropped.
struct Task<T>(JoinHandle<T>);

impl<T> Future for Task<Result<T, TransportError>> {
    type Output = Result<T, TransportError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|joined| {
            joined.unwrap_or_else(|e| {
                Err(TransportError { kind: TransportErrorKind::Protocol, message: e.to_string() })
            })
        })
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
