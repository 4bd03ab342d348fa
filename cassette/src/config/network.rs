//! Options for connections: how cassette connects to real servers while recording, and which connections it intercepts.

use std::net::SocketAddr;
use std::time::Duration;

use super::Config;

impl Config {
    /// Adds root certificates in the PEM format. While recording, cassette accepts a real server if its certificate
    /// chains up to one of these or to a root certificate of the platform. Use it for servers with a private
    /// certificate authority.
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

    /// Sets the address of a host. While recording, cassette connects to `address` for requests to `host`, as curl does
    /// with `--resolve`. The host is a name, with or without a port. Port 0 of the address stands for the port of the request.
    ///
    /// In mode `off` the connections of the test's own clients go to `address` as well, where cassette can intercept
    /// connections and the address is an IPv4 address: the test runs against the same server as in mode `record`. TLS is
    /// then between client and server, and the client must trust the server itself.
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

    /// Sets the time limit for connecting to a real server while recording. The limit covers name lookup, TCP and TLS
    /// together, and is measured by the real clock. Default: 30 s. If connecting takes longer, cassette records a
    /// timeout. On replay the request fails with the same timeout, without waiting.
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

    /// While recording, connects to real servers through this HTTP proxy: `http://user:password@proxy.example.com:3128`,
    /// or `https://…` for a proxy with TLS. Without this option cassette uses the proxies that the environment names for
    /// the test process: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, with the exceptions in `NO_PROXY`. SOCKS proxies are
    /// not supported.
    ///
    /// The proxy of this option serves all hosts, those on this machine included, and `NO_PROXY` does not apply to it.
    /// [`upstream_no_proxy`](Self::upstream_no_proxy) takes hosts out. A host with an address of its own
    /// ([`resolve`](Self::resolve)) is always reached directly. If the proxy fails, the recording fails.
    ///
    /// The password is a secret: it never reaches a file.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().upstream_proxy("http://proxy.example.com:3128");
    /// ```
    #[must_use]
    pub fn upstream_proxy(mut self, url: &str) -> Config {
        self.upstream_proxy = Some(url.to_owned());
        self
    }

    /// Lists the hosts that a recording reaches without a proxy, in place of the variable `NO_PROXY`. The entries are
    /// separated by commas: a host, which stands for its subdomains, too; an address; a network such as `10.0.0.0/8`;
    /// each with or without a port. `*` stands for all hosts, so that no proxy is used.
    ///
    /// A proxy that the environment names is never used for hosts on this machine.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().upstream_no_proxy("internal.example, 10.0.0.0/8");
    /// ```
    #[must_use]
    pub fn upstream_no_proxy(mut self, hosts: &str) -> Config {
        self.upstream_no_proxy = Some(hosts.to_owned());
        self
    }

    /// Sets how long a recording reads the rest of a response after the client stopped reading. A client stops when it
    /// has what it wants, when its time-out ends, or because a stream has no end.
    ///
    /// By default cassette waits 250 ms for the end of a stream (`text/event-stream`, JSON lines, gRPC and the like).
    /// For any other response it waits one second for the next bytes. cassette waits in the background, so the test
    /// does not wait, except at its end. A response that ends in this time is recorded whole. Any other response is
    /// recorded as cut: a stream is cut at the first pause of 50 ms after the client stopped reading, and another
    /// response is cut where no more bytes came. A replay gives the client the recorded bytes, and then sends nothing
    /// until the client stops reading. The summary says how many responses were cut.
    ///
    /// `limit` replaces both times. With `Duration::ZERO` each response is cut where its client stopped reading.
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
    /// `session.client()`, `base_url` or `layer`. All other connections of the code under test reach their servers,
    /// also on replay.
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

    /// Intercepts connections to servers on this machine as well: `localhost`, 127.0.0.1 and ::1, the machine's own name,
    /// and the addresses of its interfaces. By default such connections reach their servers, because databases and mock
    /// servers often run on this machine.
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

    /// Lets this session record at the same time as other sessions of the process. The tests must then not share a
    /// client or a runtime. A connection belongs to the test that opened it. If another test sent a request on this
    /// connection, the request would be recorded on the wrong cassette.
    ///
    /// By default, sessions that record and intercept connections run one after the other: each waits until no other
    /// such session is open. A session that begins inside the body of another session does not wait. Sessions that
    /// replay run in parallel. Tests that wait for each other while they record also need this option.
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
