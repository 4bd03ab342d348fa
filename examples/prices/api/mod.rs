//! The API server. The examples record from this server, so they need no API on the internet.
//!
//! The server uses HTTPS on 127.0.0.1 and has its own certificate authority. Its responses depend only on the seed and
//! the request, and not on the clock or on random numbers. Only the credentials are new in every process, so that
//! nobody can write them into a file. The server logs nothing.
//!
//! Must not know: the component.

mod access;
mod data;
mod error;
mod export;
mod query;
mod reply;
mod rng;
mod routes;
mod tls;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

pub use access::Credentials;
pub use error::{Error, Result};
use routes::Routes;

/// The server's name. Its certificate is valid for this name, `localhost` and `127.0.0.1`.
pub const HOST: &str = "api.prices.example";

/// The options of a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The seed, which determines all data.
    pub seed: u64,
    /// The number of rows of the daily export, about 100 bytes each.
    pub export_rows: u32,
    /// The server responds with status 429 to the first search with each access token. This number is the `Retry-After`
    /// of that response, in seconds. If the client sends the search again too early, it gets another 429.
    pub retry_after_seconds: u64,
    /// The old and the new name of a field that the server renames in all JSON responses with data. This simulates an
    /// API that has changed since it was recorded.
    pub rename_field: Option<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 0, export_rows: 40_000, retry_after_seconds: 0, rename_field: None }
    }
}

/// A running server. It has its own thread, and stops when this value is dropped.
///
/// ```
/// let server = prices::api::ApiServer::start(7)?;
/// assert!(server.addr().ip().is_loopback());
/// assert_eq!(server.requests(), 0);
/// server.stop();
/// # Ok::<(), prices::api::Error>(())
/// ```
#[derive(Debug)]
pub struct ApiServer {
    addr: SocketAddr,
    ca_pem: String,
    routes: Arc<Routes>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ApiServer {
    /// Starts a server with the data of `seed`.
    ///
    /// # Errors
    ///
    /// The server cannot listen on a port of 127.0.0.1, or cannot create its certificate.
    pub fn start(seed: u64) -> Result<Self> {
        Self::start_with(Options { seed, ..Options::default() })
    }

    /// Starts a server with `options`.
    ///
    /// # Errors
    ///
    /// As for [`ApiServer::start`].
    pub fn start_with(options: Options) -> Result<Self> {
        let tls = tls::make(&[HOST, "localhost", "127.0.0.1"])?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let routes = Arc::new(Routes::new(options));
        let (stop, stopped) = oneshot::channel();

        let serving = serve(listener, TlsAcceptor::from(tls.server), Arc::clone(&routes));
        let thread = thread::Builder::new().name("prices-api".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = serving => {}
                }
            });
            // Dropping the runtime here ends the connections that are still open.
        })?;
        Ok(Self { addr, ca_pem: tls.ca_pem, routes, stop: Some(stop), thread: Some(thread) })
    }

    /// The address on which the server listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate authority to trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The credentials that a client needs. They are new in every process.
    pub fn credentials(&self) -> &Credentials {
        &self.routes.access.credentials
    }

    /// Every value that no file may contain: the secret credentials, and all access tokens and session cookies that the
    /// server has issued so far.
    pub fn secrets(&self) -> Vec<String> {
        self.routes.access.secrets()
    }

    /// The number of requests so far, including rejected ones.
    pub fn requests(&self) -> u64 {
        self.routes.requests()
    }

    /// The number of 429 responses so far.
    pub fn rejections(&self) -> u64 {
        self.routes.rejections()
    }

    /// Stops the server, ends its open connections, and closes its port.
    pub fn stop(self) {}
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The result is ignored, so that a panic of the server does not become a panic of the test that drops it.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, routes: Arc<Routes>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        // An error here means that the connection broke before the server accepted it.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, routes) = (acceptor.clone(), Arc::clone(&routes));
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |request| {
                let routes = Arc::clone(&routes);
                async move { Ok::<_, std::convert::Infallible>(routes.answer(request).await) }
            });
            // An error here means that the client disconnected.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
