//! What a small request costs by each way into a session, beside the same client without one, in the same run.
//!
//! `cargo bench -p cassette-benches --bench transports`; `-- --quick` for a tenth of it.

#![expect(clippy::print_stdout, reason = "this program's purpose is its table")]

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
    println!("| | | record | to direct | replay | to direct | a connection each: record | | replay | |");
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (scheme, address) in [("http", server.http), ("https", server.https)] {
        let bench = Bench { scheme, address, root: root.clone(), dir: dir.path().join(scheme), quick };
        bench.table()?;
    }
    Ok(())
}

/// How a client comes to a session.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// There is none.
    Direct,
    /// `session.middleware()`.
    InProcess,
    /// The client knows of none: its connections are led.
    AsItIs,
    /// `session.client_builder()`, whose proxy the session is.
    Proxy,
    /// `session.base_url()`.
    BaseUrl,
}

const WAYS: [(Way, &str); 5] = [
    (Way::Direct, "direct"),
    (Way::InProcess, "in process, `middleware()`"),
    (Way::AsItIs, "the client as it is"),
    (Way::Proxy, "`client()`, by proxy"),
    (Way::BaseUrl, "`base_url()`"),
];

/// Requests one after the other, of one client.
#[derive(Clone, Copy, PartialEq)]
enum Connections {
    One,
    /// A new one for each request.
    Each,
}

struct Bench {
    scheme: &'static str,
    address: std::net::SocketAddr,
    root: Vec<u8>,
    dir: std::path::PathBuf,
    quick: bool,
}

/// The time of one request: recorded and replayed, over one connection, and over one for each.
type Times = [Duration; 4];

impl Bench {
    /// Round by round, so that what else the machine does hits all ways alike; the shortest count.
    fn table(&self) -> Result<()> {
        let mut best = [[Duration::MAX; 4]; WAYS.len()];
        for _ in 0..if self.quick { 1 } else { 7 } {
            for (best, (way, _)) in best.iter_mut().zip(WAYS) {
                let times = self.times(way)?;
                best.iter_mut().zip(times).for_each(|(best, time)| *best = time.min(*best));
            }
        }
        let protocol = if self.scheme == "http" { "**HTTP/1.1**" } else { "**TLS, HTTP/2**" };
        for (times, (way, name)) in best.iter().zip(WAYS) {
            let first = if way == Way::Direct { protocol } else { "" };
            let cells = times.iter().zip(best[0]).map(|(time, direct)| {
                let (time, direct) = (time.as_secs_f64(), direct.as_secs_f64());
                format!("{:.0} µs | {:.1}", time * 1e6, time / direct)
            });
            println!("| {first} | {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
        }
        Ok(())
    }

    fn times(&self, way: Way) -> Result<Times> {
        let mut times = [Duration::MAX; 4];
        for (two, connections) in times.chunks_mut(2).zip([Connections::One, Connections::Each]) {
            if way == Way::Direct {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let client = connections.of(self.trusting()?.resolve(HOST, self.address)).build()?;
                let time =
                    runtime.block_on(self.ask(&client.into(), connections, &workload::base(self.scheme)))?;
                two.fill(time);
                continue;
            }
            for (time, mode) in two.iter_mut().zip([Mode::Record, Mode::Replay]) {
                let config = Config::new().extra_root(self.root.clone()).resolve(HOST, self.address);
                let session = Session::builder("ways")
                    .package_dir(&self.dir)
                    .config(config.secret("API_KEY", SECRET))
                    .mode(mode);
                let asks = async |session: Session| {
                    let (client, base) = self.client(&session, way, connections)?;
                    self.ask(&client, connections, &base).await
                };
                (*time, _) = session.run_async(asks)?;
            }
        }
        Ok(times)
    }

    fn client(
        &self,
        session: &Session,
        way: Way,
        connections: Connections,
    ) -> Result<(ClientWithMiddleware, String)> {
        let base = workload::base(self.scheme);
        let plain = || self.trusting().map(|builder| connections.of(builder.resolve(HOST, self.address)));
        Ok(match way {
            Way::Direct | Way::InProcess => {
                let client = reqwest_middleware::ClientBuilder::new(plain()?.build()?);
                (client.with(session.middleware()).build(), base)
            }
            Way::AsItIs => {
                // As a client with the system's roots finds them.
                let file = std::env::var_os("SSL_CERT_FILE").ok_or("connections aren't led here")?;
                let root = CertificateDer::from_pem_file(file)?.to_vec();
                (connections.of(workload::trusting(root)?).build()?.into(), base)
            }
            Way::Proxy => (connections.of(session.client_builder()?).build()?.into(), base),
            Way::BaseUrl => (plain()?.build()?.into(), session.base_url(&base)?),
        })
    }

    fn trusting(&self) -> Result<ClientBuilder> {
        workload::trusting(self.root.clone())
    }

    /// The time of one of many.
    async fn ask(
        &self,
        client: &ClientWithMiddleware,
        connections: Connections,
        base: &str,
    ) -> Result<Duration> {
        let requests = match (connections, self.quick) {
            (_, true) => 50,
            (Connections::One, _) => 2_000,
            (Connections::Each, _) => 400,
        };
        // The first connection, the first certificate of the host, and what is made once.
        get(client, base, requests).await?;
        let begun = Instant::now();
        for n in 0..requests {
            get(client, base, n).await?;
        }
        Ok(begun.elapsed() / requests)
    }
}

async fn get(client: &ClientWithMiddleware, base: &str, n: u32) -> Result<()> {
    let request =
        client.get(format!("{base}/plain/0/{n}")).header("authorization", format!("Bearer {SECRET}"));
    let response = request.send().await?.error_for_status()?;
    match response.bytes().await?.len() {
        1..100 => Ok(()),
        length => Err(format!("{length} bytes, of some tens").into()),
    }
}

impl Connections {
    fn of(self, builder: ClientBuilder) -> ClientBuilder {
        match self {
            Connections::One => builder,
            // HTTP/2 would share one, as long as it is there.
            Connections::Each => builder.pool_max_idle_per_host(0),
        }
    }
}
