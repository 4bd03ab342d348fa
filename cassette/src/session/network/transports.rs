//! The ways in that a test asks its session for: clients, services, and what makes other clients use its proxy.
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
use crate::transport;
use crate::transport::{Ca, Proxy, variables};

impl Session {
    /// Where the proxy of this session listens: `http://127.0.0.1:PORT`. Started when first asked for.
    ///
    /// # Errors
    ///
    /// No port could be bound on the loopback interface.
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
    pub fn base_url(&self, url: &str) -> Result<String> {
        self.proxy()?.base_url(url)
    }

    /// The certificate (PEM) that the proxy's own certificates are signed with. Made in memory for this
    /// process; its key is never written anywhere.
    ///
    /// # Errors
    ///
    /// The certificate could not be made.
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
            Mode::Off => transport::direct_client_builder(&upstream_options(&self.0.config)),
            _ => transport::client_builder(&self.proxy_url()?, &Ca::get()),
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
            Mode::Off => transport::direct_blocking_client_builder(&upstream_options(&self.0.config)),
            _ => transport::blocking_client_builder(&self.proxy_url()?, &Ca::get()),
        }
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
    pub(super) fn variables(&self) -> Result<Vec<(&'static str, OsString)>> {
        if self.0.mode == Mode::Off {
            return Ok(Vec::new());
        }
        Ok(variables::of_a_process(&self.proxy_url()?, self.0.network.bundle(&self.0.engine)?.path()))
    }

    fn proxy(&self) -> Result<&Proxy> {
        self.0.network.proxy(&self.0.engine, &self.0.clock)
    }
}
