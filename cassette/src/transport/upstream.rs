//! The way out: the same kind of service as a recorder or a player, answered by the real server.
//!
//! It adds and hides nothing: no redirects followed, no bodies decoded, no `user-agent`, no other headers than
//! the client's. Its connections live on the I/O threads, whichever thread calls it, and are shared by all
//! clones. Proxies of the environment are not used.
//!
//! Must not know: that the exchange is recorded.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, Version};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tower_service::Service;

use super::accept::{MAX_HEADER_LIST, MAX_HEADERS};
use super::connect::Connector;
use super::io;
use crate::body::Body;
use crate::error::Result;
use crate::transport_error::{TransportError, TransportErrorKind};
use crate::{failure, target};

/// What a machine does not know about private APIs.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpstreamOptions {
    /// Certificates to trust besides the machine's: each the content of a PEM file (one or several) or a DER
    /// file.
    pub(crate) extra_roots: Vec<Vec<u8>>,
    /// Addresses to use instead of a name's own, as curl's `--resolve`: `host` for every port or `host:port`
    /// for one. The first that fits is taken. An address with port 0 keeps the URL's port.
    pub(crate) resolve: Vec<(String, SocketAddr)>,
    /// For name, TCP and TLS together; `None` for the usual one.
    pub(crate) connect_timeout: Option<Duration>,
}

/// The real servers.
///
/// The body of a response fails with a [`TransportError`] where it breaks off.
#[derive(Clone)]
pub(crate) struct Upstream {
    client: Client<Connector, Body>,
    io: Handle,
}

impl Upstream {
    /// With a pool of connections of its own.
    ///
    /// # Errors
    ///
    /// An extra root is no certificate, a host to resolve is none, or the I/O threads cannot be started.
    pub(crate) fn new(options: &UpstreamOptions) -> Result<Upstream> {
        let connector = Connector::new(options)?;
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(MAX_HEADER_LIST)
            .build(connector);
        Ok(Upstream { client, io: io::handle()? })
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
        // The version of the client's connection says nothing about ours: ALPN decides.
        *request.version_mut() = Version::HTTP_11;
        target::strip(request.headers_mut());
        let answer = self.client.request(request);
        let answer = async move {
            let mut response = answer.await.map_err(|e| failure::of(&e))?;
            target::strip(response.headers_mut());
            Ok(response.map(|b| Body::new(b.map_err(|e| failure::of(&e)))))
        };
        // hyper spawns connections where it is polled, and a socket dies with the runtime it was made on.
        match Handle::try_current() {
            Ok(here) if here.id() == self.io.id() => Box::pin(answer),
            _ => Box::pin(Task(self.io.spawn(answer))),
        }
    }
}

/// A task that ends with the one who waits for it.
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
