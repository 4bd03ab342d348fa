//! What one test owns: begin → body → finish.
//!
//! Must not know: how HTTP is parsed, what files look like inside.

mod begin;
#[cfg(feature = "proxy")]
mod children;
mod finish;
#[cfg(feature = "intercept")]
mod interception;
mod leaks;
mod learn;
mod open;
mod output;
#[cfg(feature = "intercept")]
mod parallel;
mod problems;
mod process_summary;
mod run;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::ambient::{self, Ambient};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Engine;
#[cfg(feature = "proxy")]
use crate::error::Error;
use crate::error::Result;
use crate::in_process::CassetteLayer;
#[cfg(feature = "reqwest-middleware")]
use crate::in_process::CassetteMiddleware;
#[cfg(feature = "proxy")]
use crate::in_process::SessionService;
use crate::mode::Mode;
use crate::placeholder;
use crate::report::{Expired, Note, TestSite};
use crate::tape::Files;

pub use begin::SessionBuilder;
pub use finish::{Failure, Summary};
pub(crate) use open::Opened;
pub use run::{run_async, run_sync};

#[cfg(feature = "proxy")]
use crate::transport::{Bundle, Ca, Proxy, Trust, variables};

/// One test's cassette, clock and output directory. A cheap handle: clones are the same session.
///
/// A test gets it as its argument:
///
/// ```no_run
/// # #[cfg(all(feature = "macros", feature = "client"))] mod example {
/// use cassette::{Session, cassette_test};
///
/// #[cassette_test("weather/berlin")]
/// async fn berlin(session: Session) -> cassette::TestResult {
///     let http = session.client()?;
///     let text = http.get("https://api.example.com/v1/berlin").send().await?.text().await?;
///     std::fs::write(session.output_dir()?.join("berlin.json"), text)?;
///     Ok(())
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Session(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    id: u64,
    name: String,
    mode: Mode,
    config: Config,
    files: Files,
    site: TestSite,
    clock: Clock,
    ambient: Ambient,
    engine: Engine,
    redactor: crate::redact::Redactor,
    target: PathBuf,
    output: OnceLock<PathBuf>,
    #[cfg(feature = "proxy")]
    proxy: OnceLock<Result<Proxy, String>>,
    /// Kept for as long as a client of this session might read it.
    #[cfg(feature = "intercept")]
    _shown: Option<Arc<Bundle>>,
    #[cfg(feature = "intercept")]
    beside: parallel::Beside,
    #[cfg(feature = "proxy")]
    bundle: OnceLock<Arc<Bundle>>,
    started: Instant,
    notes: Vec<Note>,
    /// The cassette is older than it may be.
    expired: Option<Expired>,
    /// What the first of two passes asked for.
    rehearsed: Option<Vec<crate::tape::Request>>,
    /// The first of two passes.
    is_rehearsal: bool,
    /// A test of the attribute, which the summary at the end of the process counts.
    is_test: bool,
    env: crate::mode::Environment,
    /// The cassette's place in the process's list of open ones, until the session ends.
    open: Opened,
}

impl Session {
    /// A session outside `#[cassette_test]`: for harnesses of one's own.
    pub fn builder(name: impl Into<String>) -> SessionBuilder {
        SessionBuilder::new(name.into())
    }

    /// The session of the calling thread: that of the test which started the thread, directly or not.
    /// `None` outside of tests, and where the thread was started by someone else, as a global pool's are.
    pub fn current() -> Option<Session> {
        open::session(ambient::current_session()?)
    }

    /// The cassette's name: `weather/berlin`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What this session does. [`Mode::Auto`] has been decided by now: it is `Record` or `Replay`.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// The session's clock. On Linux and macOS unmodified code reads it too, through `SystemTime::now()`.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The value of a named secret, where the configuration has one, otherwise its placeholder
    /// `{{secret.NAME}}`, without a `#` of the name: what a replay needs, since requests are redacted before they are
    /// matched.
    pub fn secret(&self, name: &str) -> String {
        match self.0.redactor.secret(name) {
            Some(value) => value.to_owned(),
            None => placeholder::of_secret(name),
        }
    }

    /// A fresh directory for what the test writes. After a passing body its manifest is compared with the
    /// snapshot `<cassette>.output.snap`, or becomes it while recording.
    ///
    /// # Errors
    ///
    /// The directory could not be made below `target/`.
    pub fn output_dir(&self) -> Result<&Path> {
        output::directory(&self.0)
    }

    /// Where the proxy of this session listens: `http://127.0.0.1:PORT`. Started when first asked for.
    ///
    /// # Errors
    ///
    /// No port could be bound on the loopback interface.
    #[cfg(feature = "proxy")]
    pub fn proxy_url(&self) -> Result<String> {
        Ok(self.proxy()?.url())
    }

    /// A URL for clients that take a base URL and nothing else: `http://127.0.0.1:PORT`, with the path of `url`.
    /// What the client asks there is recorded, or replayed, as if asked of `url`'s own server.
    ///
    /// Each server has a port of its own, the same for the whole session, so that paths are what they were however
    /// a client joins them. `host` and `referer` speak of the real server on the way out, and redirects, `link`s and
    /// cookies of the port on the way back, so that the client stays in the session; where it is redirected to another
    /// server, that one gets a port, too. Bodies are not rewritten: an absolute link in one leads to the real server.
    ///
    /// ```no_run
    /// # fn example(session: cassette::Session) -> cassette::Result<()> {
    /// let api = session.base_url("https://api.example.com/v1")?;
    /// assert!(api.starts_with("http://127.0.0.1:") && api.ends_with("/v1"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `url` is not an absolute one of http or https. No port could be bound on the loopback interface.
    #[cfg(feature = "proxy")]
    pub fn base_url(&self, url: &str) -> Result<String> {
        self.proxy()?.base_url(url)
    }

    /// The certificate (PEM) that the proxy's own certificates are signed with. Made in memory for this
    /// process; its key is never written anywhere.
    ///
    /// # Errors
    ///
    /// The certificate could not be made.
    #[cfg(feature = "proxy")]
    pub fn ca_pem(&self) -> Result<String> {
        Ok(Ca::get().pem().to_owned())
    }

    /// A `reqwest::Client` whose requests are recorded or replayed by this session.
    ///
    /// # Errors
    ///
    /// As [`client_builder`](Self::client_builder).
    #[cfg(feature = "client")]
    pub fn client(&self) -> Result<reqwest::Client> {
        self.client_builder()?.build().map_err(|e| Error::with_source("could not build the client", e))
    }

    /// The builder of that client, for time-outs, default headers and the like. Its proxy and TLS settings
    /// are the session's; don't replace them.
    ///
    /// # Errors
    ///
    /// The session's proxy could not be started.
    #[cfg(feature = "client")]
    pub fn client_builder(&self) -> Result<reqwest::ClientBuilder> {
        match self.0.mode {
            Mode::Off => crate::transport::direct_client_builder(&self.0.upstream_options()),
            _ => crate::transport::client_builder(&self.proxy_url()?, &Ca::get()),
        }
    }

    /// The same as [`client`](Self::client) for code that blocks.
    ///
    /// # Errors
    ///
    /// As [`client`](Self::client).
    #[cfg(feature = "blocking")]
    pub fn blocking_client(&self) -> Result<reqwest::blocking::Client> {
        self.blocking_client_builder()?
            .build()
            .map_err(|e| Error::with_source("could not build the client", e))
    }

    /// The same as [`client_builder`](Self::client_builder) for code that blocks.
    ///
    /// # Errors
    ///
    /// As [`client_builder`](Self::client_builder).
    #[cfg(feature = "blocking")]
    pub fn blocking_client_builder(&self) -> Result<reqwest::blocking::ClientBuilder> {
        match self.0.mode {
            Mode::Off => crate::transport::direct_blocking_client_builder(&self.0.upstream_options()),
            _ => crate::transport::blocking_client_builder(&self.proxy_url()?, &Ca::get()),
        }
    }

    /// A [`tower::Layer`](https://docs.rs/tower-layer) around the service that reaches the real server: its
    /// exchanges are recorded, or replayed without it. No socket is in between, so it costs less than the proxy.
    ///
    /// The service takes `http::Request<Body>` with [`Body`](crate::Body) and gives `http::Response`s of any body
    /// of [`Bytes`](bytes::Bytes): hyper's client, tonic's channel, a stack of tower's. Requests without an
    /// absolute URI are taken for plain HTTP to their `host`. What the layer below does to a request, such as
    /// to add headers or to follow redirects, is not on the cassette.
    ///
    /// ```no_run
    /// # #[cfg(feature = "proxy")] mod example {
    /// use cassette::{Body, Session, cassette_test};
    /// use hyper_util::client::legacy::Client;
    /// use hyper_util::rt::TokioExecutor;
    /// use tower_layer::Layer as _;
    /// use tower_service::Service as _;
    ///
    /// # #[cfg(feature = "macros")]
    /// #[cassette_test("weather/berlin")]
    /// async fn berlin(session: Session) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    ///     let http = Client::builder(TokioExecutor::new()).build_http::<Body>();
    ///     let mut http = session.layer().layer(http);
    ///     let request = http::Request::get("http://api.example.com/v1/berlin").body(Body::empty())?;
    ///     assert!(http.call(request).await?.status().is_success());
    ///     Ok(())
    /// }
    /// # }
    /// ```
    pub fn layer(&self) -> CassetteLayer {
        CassetteLayer::new(self.0.engine.clone())
    }

    /// A `tower` service that needs no other: it reaches the real servers as the session's proxy does, with
    /// connections of its own, and on replay opens no socket at all.
    ///
    /// An error is a [`TransportError`](crate::tape::TransportError), boxed.
    ///
    /// ```no_run
    /// # async fn example(session: cassette::Session) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// use tower_service::Service as _;
    ///
    /// let request = http::Request::get("https://api.example.com/v1/berlin").body(cassette::Body::empty())?;
    /// let response = session.service().call(request).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "proxy")]
    pub fn service(&self) -> SessionService {
        SessionService::new(self.0.engine.clone())
    }

    /// A middleware for clients of `reqwest-middleware`: exchanges are recorded, or replayed without the client.
    ///
    /// It sees requests before reqwest adds the client's default headers, and answers after reqwest has followed
    /// redirects: a redirect is one interaction then. A client with `redirect::Policy::none()`, or the proxy
    /// ([`Session::client`]), records each hop.
    ///
    /// ```no_run
    /// # fn example(session: cassette::Session) {
    /// let http = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
    ///     .with(session.middleware())
    ///     .build();
    /// # }
    /// ```
    #[cfg(feature = "reqwest-middleware")]
    pub fn middleware(&self) -> CassetteMiddleware {
        CassetteMiddleware::new(self.0.engine.clone())
    }

    /// What the environment of a process has to say for its requests to go through this session, and for its
    /// clients to trust it. Empty where the session is off.
    ///
    /// # Errors
    ///
    /// No port could be bound, or the certificate to trust could not be written to the temporary directory.
    #[cfg(feature = "proxy")]
    pub(crate) fn variables(&self) -> Result<Vec<(&'static str, std::ffi::OsString)>> {
        if self.0.mode == Mode::Off {
            return Ok(Vec::new());
        }
        Ok(variables::of_a_process(&self.proxy_url()?, self.bundle()?.path()))
    }

    #[cfg(feature = "proxy")]
    fn bundle(&self) -> Result<&Bundle> {
        if let Some(bundle) = self.0.bundle.get() {
            return Ok(bundle);
        }
        let bundle = Bundle::get(Trust::of(self.0.engine.is_live()))?;
        Ok(self.0.bundle.get_or_init(|| bundle))
    }

    #[cfg(feature = "proxy")]
    fn proxy(&self) -> Result<&Proxy> {
        let started = self.0.proxy.get_or_init(|| {
            let clock = self.0.clock.clone();
            Proxy::start(self.0.engine.clone(), move || clock.now(), |_| None).map_err(|e| format!("{e:?}"))
        });
        started.as_ref().map_err(|e| Error::new(e.clone()))
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("name", &self.0.name)
            .field("mode", &self.0.mode)
            .finish_non_exhaustive()
    }
}
