//! How the real servers are reached while recording.

use std::net::SocketAddr;

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
}
