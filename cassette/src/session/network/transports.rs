//! The transports that a test gets from its session explicitly: clients, services, the proxy and base URLs.
//!
//! Must not know: how a request is answered.

use std::ffi::OsString;

#[cfg(feature = "client")]
use super::built_in::upstream_options;
#[cfg(feature = "client")]
use crate::error::Error;
use crate::error::Result;
#[cfg(feature = "reqwest-middleware")]
use crate::in_process::CassetteMiddleware;
use crate::in_process::SessionService;
use crate::mode::Mode;
use crate::session::handle::Session;
#[cfg(feature = "client")]
use crate::transport::{self, UpstreamOptions};
use crate::transport::{Ca, Proxy, variables};

impl Session {
    /// The URL of this session's proxy: `http://127.0.0.1:PORT`. The first call starts the proxy.
    ///
    /// # Errors
    ///
    /// cassette could not bind a port on the loopback interface.
    pub fn proxy_url(&self) -> Result<String> {
        Ok(self.proxy()?.url())
    }

    /// A URL for clients that can only be given a base URL: `http://127.0.0.1:PORT` with the path of `url`. The session
    /// treats requests to this port as requests to the server of `url`.
    ///
    /// Each server has its own port for the whole session. So no prefix in the path is needed to name the server, and
    /// the client may join paths in any way. In a request, cassette replaces the port in headers such as `host` and
    /// `referer` with the real server. In a response, it replaces the server in redirects, `link` and cookies with the
    /// port, so that the client stays in the session. If a redirect leads to another server, that server gets a port.
    /// cassette does not rewrite bodies, so an absolute link in a body points to the real server.
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
    /// `url` is not an absolute URL of http or https, or cassette could not bind a port on the loopback interface.
    pub fn base_url(&self, url: &str) -> Result<String> {
        self.proxy()?.base_url(url)
    }

    /// The certificate (PEM) of the authority that signs the proxy's certificates. cassette creates the authority in
    /// memory for this process, and never writes its key to a file.
    ///
    /// # Errors
    ///
    /// cassette could not create the certificate.
    pub fn ca_pem(&self) -> Result<String> {
        Ok(Ca::get().pem().to_owned())
    }

    /// A `reqwest::Client` whose requests are recorded or replayed by this session.
    ///
    /// The client has the features of the package's own reqwest, because cassette turns on none that would change the
    /// code under test. If the package's reqwest has no TLS, the client can request only `http://` URLs. To request
    /// `https://` URLs, add `reqwest = "0.13"` to the dev-dependencies of the package.
    ///
    /// # Errors
    ///
    /// The same errors as [`client_builder`](Self::client_builder).
    #[cfg(feature = "client")]
    pub fn client(&self) -> Result<reqwest::Client> {
        self.client_builder()?.build().map_err(|e| Error::with_source("could not build the client", e))
    }

    /// A builder for the same client as [`client`](Self::client), to set time-outs, default headers and so on. Do not
    /// replace its proxy and TLS settings, because they connect the client to the session.
    ///
    /// # Errors
    ///
    /// cassette could not start the proxy of the session.
    #[cfg(feature = "client")]
    pub fn client_builder(&self) -> Result<reqwest::ClientBuilder> {
        match self.0.mode {
            Mode::Off => transport::direct_client_builder(&self.upstream_options()?),
            _ => transport::client_builder(&self.proxy_url()?, &Ca::get(), self.passing()?.as_ref()),
        }
    }

    /// Like [`client`](Self::client), for blocking code.
    ///
    /// # Errors
    ///
    /// The same errors as [`client`](Self::client).
    #[cfg(feature = "blocking")]
    pub fn blocking_client(&self) -> Result<reqwest::blocking::Client> {
        self.blocking_client_builder()?
            .build()
            .map_err(|e| Error::with_source("could not build the client", e))
    }

    /// Like [`client_builder`](Self::client_builder), for blocking code.
    ///
    /// # Errors
    ///
    /// The same errors as [`client_builder`](Self::client_builder).
    #[cfg(feature = "blocking")]
    pub fn blocking_client_builder(&self) -> Result<reqwest::blocking::ClientBuilder> {
        match self.0.mode {
            Mode::Off => transport::direct_blocking_client_builder(&self.upstream_options()?),
            _ => transport::blocking_client_builder(&self.proxy_url()?, &Ca::get(), self.passing()?.as_ref()),
        }
    }

    /// A `tower` service that does not wrap another service. While recording, it connects to the real servers itself,
    /// as the session's proxy does. On replay it opens no socket.
    ///
    /// The error of the service is a boxed [`TransportError`](crate::tape::TransportError).
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
    pub fn service(&self) -> SessionService {
        SessionService::new(self.0.engine.clone())
    }

    /// A middleware for clients of `reqwest-middleware`. It records the client's exchanges, or answers the client's
    /// requests from the cassette.
    ///
    /// The middleware sees a request before reqwest adds the client's default headers, and a response after reqwest has
    /// followed redirects. So a redirect and its target are one interaction. To record each hop, use a client with
    /// `redirect::Policy::none()`, or the proxy ([`Session::client`]).
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

    /// Environment variables that send the requests of another process through this session, and make the clients in
    /// that process trust the session's certificates. The list is empty if the session is off.
    ///
    /// # Errors
    ///
    /// cassette could not bind a port, or could not write the certificate to the temporary directory.
    pub(super) fn variables(&self) -> Result<Vec<(&'static str, OsString)>> {
        if self.0.mode == Mode::Off {
            return Ok(Vec::new());
        }
        Ok(variables::of_a_process(
            &self.proxy_url()?,
            self.0.network.bundle(&self.0.engine, &self.0.config)?.path(),
        ))
    }

    fn proxy(&self) -> Result<&Proxy> {
        self.0.network.proxy(&self.0.engine, &self.0.clock, &self.0.config)
    }

    #[cfg(feature = "client")]
    fn upstream_options(&self) -> Result<UpstreamOptions> {
        upstream_options(self.0.mode, &self.0.config)
    }

    /// The options for connections that reach real servers untouched, if there may be such connections.
    #[cfg(feature = "client")]
    fn passing(&self) -> Result<Option<UpstreamOptions>> {
        self.0.config.hosts.pass_any().then(|| self.upstream_options()).transpose()
    }
}
