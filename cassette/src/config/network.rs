//! How the real servers are reached while recording.

use std::net::SocketAddr;
use std::time::Duration;

use super::Config;

impl Config {
    /// Adds root certificates, as PEM, to those of the platform. Connections to real servers are checked against them
    /// while recording. Private APIs need this.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let private_ca = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n";
    /// let config = Config::new().extra_root(private_ca);
    /// ```
    #[must_use]
    pub fn extra_root(mut self, pem: impl Into<Vec<u8>>) -> Config {
        self.extra_roots.push(pem.into());
        self
    }

    /// Connects to `address` for `host` while recording, as curl's `--resolve` does.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().resolve("api.example.com", "127.0.0.1:8443".parse().unwrap());
    /// ```
    #[must_use]
    pub fn resolve(mut self, host: &str, address: SocketAddr) -> Config {
        self.resolve.push((host.to_owned(), address));
        self
    }

    /// How long a connection to a real server may take while recording: name lookup, TCP and TLS together, by the real
    /// clock. Default: 30 s. A connection that takes longer is recorded as a timeout, and a replay fails in the same
    /// way at once.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use cassette::Config;
    ///
    /// let config = Config::new().connect_timeout(Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Config {
        self.connect_timeout = Some(limit);
        self
    }

    /// Switches off the interception of connections. The code under test then uses an explicit way, such as
    /// `session.client()`, `base_url` or `layer`; its other connections reach their servers, on replay as well.
    ///
    /// By default, on Linux and macOS, the session intercepts every connection of a test's threads to any host but this
    /// machine.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().explicit_clients();
    /// ```
    #[must_use]
    pub fn explicit_clients(mut self) -> Config {
        self.explicit_clients = true;
        self
    }

    /// Intercepts connections to servers on this machine as well: `localhost`, 127.0.0.1 and ::1. By default they reach
    /// their servers, because databases and mock servers are often there.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().intercept_loopback();
    /// ```
    #[must_use]
    pub fn intercept_loopback(mut self) -> Config {
        self.intercept_loopback = true;
        self
    }
}
