//! The session itself, as tests hold it: a handle, and what is behind it.
//!
//! Must not know: how a session begins or ends.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::network::Network;
use super::open::Opened;
use crate::ambient::Ambient;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Engine;
use crate::in_process::CassetteLayer;
use crate::mode::{Environment, Mode};
use crate::placeholder;
use crate::redact::Redactor;
use crate::report::{Expired, Note, TestSite};
use crate::tape::{Files, Request};

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
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) config: Config,
    pub(super) files: Files,
    pub(super) site: TestSite,
    pub(super) clock: Clock,
    pub(super) ambient: Ambient,
    pub(super) engine: Engine,
    pub(super) redactor: Redactor,
    pub(super) target: PathBuf,
    pub(super) output: OnceLock<PathBuf>,
    /// How requests reach it.
    pub(super) network: Network,
    pub(super) started: Instant,
    pub(super) notes: Vec<Note>,
    /// The cassette is older than it may be.
    pub(super) expired: Option<Expired>,
    /// What the first of two passes asked for.
    pub(super) rehearsed: Option<Vec<Request>>,
    /// The first of two passes.
    pub(super) is_rehearsal: bool,
    /// A test of the attribute, which the summary at the end of the process counts.
    pub(super) is_test: bool,
    pub(super) env: Environment,
    /// The cassette's place in the process's list of open ones, until the session ends.
    pub(super) open: Opened,
}

impl Session {
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
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("name", &self.0.name)
            .field("mode", &self.0.mode)
            .finish_non_exhaustive()
    }
}
