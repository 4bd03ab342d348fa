//! The handle [`Session`] that a test gets, and the state behind the handle.
//!
//! Must not know: how a session begins or ends.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::network::{Network, Turn};
use super::open::Opened;
use super::proof::{Assignment, Prover};
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

/// The cassette, the clock and the output directory of one test. This is a handle. To clone it is cheap, and all clones
/// belong to the same session.
///
/// A test gets the session as its argument:
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
    pub(super) package_dir: PathBuf,
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
    /// How requests reach the session.
    pub(super) network: Network,
    pub(super) started: Instant,
    pub(super) notes: Vec<Note>,
    /// Set if the cassette is older than `max_age`.
    pub(super) expired: Option<Expired>,
    /// The requests of the first pass. Set in the second pass of mode `learn`.
    pub(super) rehearsed: Option<Vec<Request>>,
    /// Whether this is the first pass of mode `learn`.
    pub(super) is_rehearsal: bool,
    /// Whether the session belongs to a test with the attribute `#[cassette_test]`. The summary of the process counts
    /// only the sessions of such tests.
    pub(super) is_test: bool,
    /// Set if the recording is played back before it is installed. It can run the body again.
    pub(super) prover: Option<Prover>,
    /// Set if this session plays a recording back before it is installed.
    pub(super) assignment: Option<Arc<Assignment>>,
    pub(super) env: Environment,
    /// The session's turn among the sessions of the process. It ends with the session.
    pub(super) turn: Turn,
    /// The entry in the process's list of open cassettes. It is removed when the session ends.
    pub(super) open: Opened,
}

impl Session {
    /// The cassette's name: `weather/berlin`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The mode of this session. [`Mode::Auto`] has become `Record` or `Replay` by now.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// The session's clock. On Linux and macOS unmodified code reads the same clock through `SystemTime::now()`.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The value of a named secret, if the configuration has a value for it. Otherwise the placeholder
    /// `{{secret.NAME}}`, in which the name has no `#`. A test that replays can send the placeholder in a request,
    /// because the recording has the placeholder in place of the value, too.
    pub fn secret(&self, name: &str) -> String {
        match self.0.redactor.secret(name) {
            Some(value) => value.to_owned(),
            None => placeholder::of_secret(name),
        }
    }

    /// A [`tower::Layer`](https://docs.rs/tower-layer) for the service that sends requests to the real server. The
    /// session records the exchanges of the service, or replays them without calling the service. There is no socket
    /// between the client and the session, so the layer costs less than the proxy.
    ///
    /// The service takes `http::Request<Body>` with [`Body`](crate::Body), and returns an `http::Response` with any
    /// body of [`Bytes`](bytes::Bytes): hyper's client, tonic's channel, a tower stack. If the URI of a request is not
    /// absolute, the request counts as plain HTTP to the server in its `host` header. If the service itself adds
    /// headers to a request or follows redirects, the cassette does not contain that.
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
