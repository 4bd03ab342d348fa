//! Options for connections: how cassette connects to real servers while recording, and which connections it intercepts.

use std::net::SocketAddr;
use std::time::Duration;

use super::Config;

impl Config {
    /// Adds root certificates, as PEM, to those of the platform. While recording, cassette checks the certificates of
    /// real servers against all of them. Private APIs need this option.
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

    /// While recording, connects to `address` if a request is for `host`, as curl's `--resolve` does.
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

    /// Sets the time limit for a connection to a real server while recording: name lookup, TCP and TLS together, by the
    /// real clock. Default: 30 s. If a connection takes longer, cassette records a timeout, and a replay fails with the
    /// same timeout without waiting.
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

    /// Sets how long a recording reads on after the client stopped reading a response: because the client has what it
    /// wants, because its own time-out ended, or because the feed has no end.
    ///
    /// By default cassette waits 250 ms for the end of a stream (`text/event-stream`, JSON lines, gRPC and the like), and
    /// for the next bytes of any other response one second. It does this in the background, so the test does not wait,
    /// except at its end. A response that ends in this time is recorded whole. Otherwise it is recorded as cut: a stream
    /// up to the first pause of 50 ms after the client left, any other response up to the silence. A replay gives the
    /// client the same bytes, and is then silent until the client leaves. The summary says how many responses were cut.
    ///
    /// `limit` replaces both times. With `Duration::ZERO` each response is cut at once where its client left.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use cassette::Config;
    ///
    /// let config = Config::new().drain(Duration::from_millis(50));
    /// ```
    #[must_use]
    pub fn drain(mut self, limit: Duration) -> Config {
        self.drain = Some(limit);
        self
    }

    /// Switches off the interception of connections. The code under test then uses an explicit transport, such as
    /// `session.client()`, `base_url` or `layer`. Its other connections reach their servers, also on replay.
    ///
    /// By default, on Linux and macOS, the session intercepts every connection of a test's threads, except connections
    /// to this machine.
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

    /// Intercepts connections to servers on this machine as well: `localhost`, 127.0.0.1 and ::1. By default such
    /// connections reach their servers, because databases and mock servers often run on this machine.
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

    /// Records at the same time as other sessions of the process. The tests must then share no client and no runtime:
    /// a connection belongs to the test that opened it, so one test's requests would be recorded on the cassette of
    /// another.
    ///
    /// By default a session that records and intercepts connections waits until no other such session is open, and
    /// meanwhile no other begins. Sessions that replay run in parallel, and a session that begins inside the body of
    /// another one does not wait. The option also serves tests that wait for each other while they record.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().record_in_parallel();
    /// ```
    #[must_use]
    pub fn record_in_parallel(mut self) -> Config {
        self.record_in_parallel = true;
        self
    }
}
