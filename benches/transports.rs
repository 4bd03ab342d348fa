//! Measures the time of a small request by each transport. Compares it with the time of the same request by a client
//! without a session, measured in the same run.
//!
//! Run it with `cargo bench -p cassette-benches --bench transports`. The option `-- --quick` makes fewer requests.

#![expect(clippy::print_stdout, reason = "the program prints a table")]

use std::path::Path;
use std::time::{Duration, Instant};

use cassette::{Config, Mode, Session};
use cassette_benches::Result;
use cassette_benches::server::{self, HOST, Server};
use cassette_benches::workload::{self, SECRET};
use reqwest::ClientBuilder;
use reqwest_middleware::ClientWithMiddleware;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [serve, dir] = &arguments[..]
        && serve == "serve"
    {
        return server::serve(Path::new(dir));
    }
    let quick = cfg!(debug_assertions) || arguments.iter().any(|a| a == "--quick");
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path())?;
    let root = server::root(dir.path())?;
    println!(
        "| | | record | × direct | replay | × direct | record, new connections | × direct \
         | replay, new connections | × direct |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (scheme, address) in [("http", server.http), ("https", server.https)] {
        let bench = Bench { scheme, address, root: root.clone(), dir: dir.path().join(scheme), quick };
        bench.table()?;
    }
    Ok(())
}

/// The way in which the requests of a client reach the session.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Transport {
    /// The client sends its requests to the server. There is no session.
    Direct,
    /// `session.middleware()`.
    InProcess,
    /// An unmodified client: cassette intercepts its connections.
    Unmodified,
    /// `session.client_builder()`, which uses the session's proxy.
    Proxy,
    /// `session.base_url()`.
    BaseUrl,
}

const TRANSPORTS: [(Transport, &str); 5] = [
    (Transport::Direct, "direct"),
    (Transport::InProcess, "in process, `middleware()`"),
    (Transport::Unmodified, "the unmodified client"),
    (Transport::Proxy, "`client()`, by proxy"),
    (Transport::BaseUrl, "`base_url()`"),
];

/// How many connections a client opens for its requests, which it sends one after the other.
#[derive(Clone, Copy, PartialEq)]
enum Connections {
    /// One connection for all requests.
    Shared,
    /// A new connection for each request.
    New,
}

struct Bench {
    scheme: &'static str,
    address: std::net::SocketAddr,
    root: Vec<u8>,
    dir: std::path::PathBuf,
    quick: bool,
}

/// The average time of one request, in four cases: recording on one connection, replaying on one connection, recording
/// with a new connection for each request, and replaying with a new connection for each request.
type Times = [Duration; 4];

impl Bench {
    /// Prints a line for each transport, with its shortest times. In each round every transport is measured once, so
    /// that other load of the machine affects all transports in the same way.
    fn table(&self) -> Result<()> {
        let mut best = [[Duration::MAX; 4]; TRANSPORTS.len()];
        for _ in 0..if self.quick { 1 } else { 7 } {
            for (best, (transport, _)) in best.iter_mut().zip(TRANSPORTS) {
                let times = self.times(transport)?;
                best.iter_mut().zip(times).for_each(|(best, time)| *best = time.min(*best));
            }
        }
        let protocol = if self.scheme == "http" { "**HTTP/1.1**" } else { "**TLS, HTTP/2**" };
        for (times, (transport, name)) in best.iter().zip(TRANSPORTS) {
            let first = if transport == Transport::Direct { protocol } else { "" };
            let cells = times.iter().zip(best[0]).map(|(time, direct)| {
                let (time, direct) = (time.as_secs_f64(), direct.as_secs_f64());
                format!("{:.0} µs | {:.1}", time * 1e6, time / direct)
            });
            println!("| {first} | {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
        }
        Ok(())
    }

    fn times(&self, transport: Transport) -> Result<Times> {
        let mut times = [Duration::MAX; 4];
        for (two, connections) in times.chunks_mut(2).zip([Connections::Shared, Connections::New]) {
            if transport == Transport::Direct {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let client = connections.configure(self.trusting()?.resolve(HOST, self.address)).build()?;
                let time = runtime.block_on(self.time_of_a_request(
                    &client.into(),
                    connections,
                    &workload::base(self.scheme),
                ))?;
                two.fill(time);
                continue;
            }
            for (time, mode) in two.iter_mut().zip([Mode::Record, Mode::Replay]) {
                let config = Config::new().extra_root(self.root.clone()).resolve(HOST, self.address);
                let session = Session::builder("transports")
                    .package_dir(&self.dir)
                    .config(config.secret("API_KEY", SECRET))
                    .mode(mode);
                let body = async |session: Session| {
                    let (client, base) = self.client(&session, transport, connections)?;
                    self.time_of_a_request(&client, connections, &base).await
                };
                (*time, _) = session.run_async(body)?;
            }
        }
        Ok(times)
    }

    fn client(
        &self,
        session: &Session,
        transport: Transport,
        connections: Connections,
    ) -> Result<(ClientWithMiddleware, String)> {
        let base = workload::base(self.scheme);
        let plain =
            || self.trusting().map(|builder| connections.configure(builder.resolve(HOST, self.address)));
        Ok(match transport {
            Transport::Direct | Transport::InProcess => {
                let client = reqwest_middleware::ClientBuilder::new(plain()?.build()?);
                (client.with(session.middleware()).build(), base)
            }
            Transport::Unmodified => {
                // An unmodified client gets the session's root certificate from the file that this variable names.
                let file = std::env::var_os("SSL_CERT_FILE")
                    .ok_or("cassette does not intercept connections on this system")?;
                let root = CertificateDer::from_pem_file(file)?.to_vec();
                (connections.configure(workload::trusting(root)?).build()?.into(), base)
            }
            Transport::Proxy => (connections.configure(session.client_builder()?).build()?.into(), base),
            Transport::BaseUrl => (plain()?.build()?.into(), session.base_url(&base)?),
        })
    }

    fn trusting(&self) -> Result<ClientBuilder> {
        workload::trusting(self.root.clone())
    }

    /// Returns the average time of one request.
    async fn time_of_a_request(
        &self,
        client: &ClientWithMiddleware,
        connections: Connections,
        base: &str,
    ) -> Result<Duration> {
        let requests = match (connections, self.quick) {
            (_, true) => 50,
            (Connections::Shared, _) => 2_000,
            (Connections::New, _) => 400,
        };
        // The first request is not measured, because it also opens the first connection, and creates the host's
        // certificate and other values that are created only once.
        get(client, base, requests).await?;
        let start = Instant::now();
        for n in 0..requests {
            get(client, base, n).await?;
        }
        Ok(start.elapsed() / requests)
    }
}

async fn get(client: &ClientWithMiddleware, base: &str, n: u32) -> Result<()> {
    let request =
        client.get(format!("{base}/plain/0/{n}")).header("authorization", format!("Bearer {SECRET}"));
    let response = request.send().await?.error_for_status()?;
    match response.bytes().await?.len() {
        1..100 => Ok(()),
        length => Err(format!("expected less than 100 bytes, got {length}").into()),
    }
}

impl Connections {
    fn configure(self, builder: ClientBuilder) -> ClientBuilder {
        match self {
            Connections::Shared => builder,
            // The client must not keep idle connections. Otherwise it would send the next request on a connection that
            // is still open.
            Connections::New => builder.pool_max_idle_per_host(0),
        }
    }
}
