//! How the real servers are reached while recording.

use std::net::SocketAddr;
use std::time::Duration;

use super::Config;

impl Config {
    /// One more root certificate (PEM, one or several) that upstream servers are checked against while
    /// recording: for private APIs. The platform's roots stay in force.
    #[must_use]
    pub fn extra_root(mut self, pem: impl Into<Vec<u8>>) -> Config {
        self.extra_roots.push(pem.into());
        self
    }

    /// Connects to `address` for `host` while recording, as curl's `--resolve`.
    #[must_use]
    pub fn resolve(mut self, host: &str, address: SocketAddr) -> Config {
        self.resolve.push((host.to_owned(), address));
        self
    }

    /// How long a connection to a real server may take while recording: the look-up of its name, TCP and TLS
    /// together, by the machine's clock. Default 30 s. What takes longer is recorded as a time-out, and replay fails
    /// in the same way at once.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Config {
        self.connect_timeout = Some(limit);
        self
    }

    /// The code under test uses the session's own ways (`session.client()`, `base_url`, `layer`, …) or reaches other
    /// servers on purpose: the connections of the test's threads go where they are meant to, on replay as well.
    ///
    /// By default, on Linux and macOS, every connection of a test's threads to anything but this machine is led to
    /// the session.
    #[must_use]
    pub fn explicit_clients(mut self) -> Config {
        self.explicit_clients = true;
        self
    }

    /// Lead connections to servers on this machine (`localhost`, 127.0.0.1, ::1) to the session, too. By default
    /// they go where they are meant to: there are databases and mock servers.
    #[must_use]
    pub fn intercept_loopback(mut self) -> Config {
        self.intercept_loopback = true;
        self
    }
}
