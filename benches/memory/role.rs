//! What a measured process does: one role, one kind of work. It tells what it measured in lines of `name value`.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cassette::{Config, Mode, Session, Unused};
use cassette_benches::data;
use reqwest::Client;
use rustls::{ClientConfig, RootCertStore};

use crate::Result;
use crate::server::{self, HOST};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A client without any cassette.
    Plain,
    Record,
    /// Needs what [`Role::Record`] has left in the same directory.
    Replay,
}

/// What is asked for, over HTTPS or plain HTTP.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// One response of so many bytes.
    Large(u64),
    /// So many exchanges, one after the other.
    Small(u32),
}

/// One process to measure.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) role: Role,
    pub(crate) work: Work,
    pub(crate) scheme: &'a str,
    pub(crate) address: SocketAddr,
    pub(crate) dir: &'a Path,
}

/// What a process measured.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// Bytes of response bodies that the client read.
    pub(crate) bytes: u64,
    /// From the first request to the last byte.
    pub(crate) asking: Duration,
    /// What the session took besides: to begin and to end.
    pub(crate) session: Duration,
    /// Bytes. `None` where the system doesn't tell.
    pub(crate) peak: Option<u64>,
}

impl Role {
    pub(crate) const ALL: [Role; 3] = [Role::Plain, Role::Record, Role::Replay];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Plain => "plain",
            Role::Record => "record",
            Role::Replay => "replay",
        }
    }
}

impl Job<'_> {
    /// Does it in a fresh process.
    pub(crate) fn run(&self) -> Result<Measured> {
        let (kind, amount) = match self.work {
            Work::Large(bytes) => ("large", bytes),
            Work::Small(exchanges) => ("small", exchanges.into()),
        };
        let told = Command::new(std::env::current_exe()?)
            .args(["client", self.role.name(), kind, &amount.to_string(), self.scheme])
            .arg(self.address.to_string())
            .arg(self.dir)
            .output()?;
        if !told.status.success() {
            let role = self.role.name();
            return Err(
                format!("the process `{role}` failed\n{}", String::from_utf8_lossy(&told.stderr)).into()
            );
        }
        let text = String::from_utf8(told.stdout)?;
        let value = |name: &str| {
            let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|l| l.parse::<u64>().ok())
        };
        let nanos = |name| value(name).map(Duration::from_nanos).unwrap_or_default();
        Ok(Measured {
            bytes: value("bytes").unwrap_or_default(),
            asking: nanos("asking"),
            session: nanos("session"),
            peak: value("peak"),
        })
    }
}

/// The measured process; `arguments` are those that [`Job::run`] gives.
pub(crate) fn main(arguments: &[String]) -> Result<String> {
    let [role, kind, amount, scheme, address, dir] = arguments else { return Err("six arguments".into()) };
    let role = *Role::ALL.iter().find(|r| r.name() == role).ok_or("no such role")?;
    let work = match kind.as_str() {
        "large" => Work::Large(amount.parse()?),
        _ => Work::Small(amount.parse()?),
    };
    let job = Job { role, work, scheme, address: address.parse()?, dir: Path::new(dir) };
    let begun = Instant::now();
    let (bytes, asking) = match role {
        Role::Plain => job.plain()?,
        Role::Record => job.session(Mode::Record)?,
        Role::Replay => job.session(Mode::Replay)?,
    };
    let session = begun.elapsed() - asking;
    let mut told = format!("bytes {bytes}\nasking {}\nsession {}\n", asking.as_nanos(), session.as_nanos());
    if let Some(peak) = peak() {
        told.push_str(&format!("peak {peak}\n"));
    }
    Ok(told)
}

/// The most memory this process had so far, in bytes: `VmHWM` in proc_pid_status(5).
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

impl Job<'_> {
    fn plain(&self) -> Result<(u64, Duration)> {
        let mut roots = RootCertStore::empty();
        roots.add(server::root(self.dir)?.into())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client = Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(tls)
            .resolve(HOST, self.address)
            .build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(self.ask(&client))?)
    }

    fn session(&self, mode: Mode) -> Result<(u64, Duration)> {
        let config = config().extra_root(server::root(self.dir)?).resolve(HOST, self.address);
        let (measured, _) =
            Session::builder(self.cassette()).package_dir(self.dir).config(config).mode(mode).run_async(
                |session| async move {
                    let client = session.client()?;
                    self.ask(&client).await.map_err(|e| cassette::Error::with_source("could not ask", e))
                },
            )?;
        Ok(measured)
    }

    fn cassette(&self) -> String {
        let kind = match self.work {
            Work::Large(_) => "large",
            Work::Small(_) => "small",
        };
        format!("{kind}/{}", self.scheme)
    }

    async fn ask(&self, client: &Client) -> reqwest::Result<(u64, Duration)> {
        let url = |path: String| format!("{}://{HOST}/{path}", self.scheme);
        match self.work {
            Work::Large(bytes) => {
                let begun = Instant::now();
                let response = client.get(url(bytes.to_string())).bearer_auth(SECRET).send().await?;
                Ok((read(response).await?, begun.elapsed()))
            }
            Work::Small(exchanges) => {
                // The first makes the connection, and with it certificates; it isn't counted.
                let (mut bytes, mut begun) = (0, Instant::now());
                for n in 0..=exchanges {
                    let request = client.post(url("search".into())).bearer_auth(SECRET);
                    let request = request.header("content-type", "application/json").body(data::small(n));
                    bytes += read(request.send().await?).await?;
                    if n == 0 {
                        (bytes, begun) = (0, Instant::now());
                    }
                }
                Ok((bytes, begun.elapsed()))
            }
        }
    }
}

/// Not a secret of anything. Searched for in every encoding, as a real one.
const SECRET: &str = "bench-2f9a77c1d04e4a5b";

/// As a project has it: one secret.
fn config() -> Config {
    Config::new().secret("API_KEY", SECRET)
}

/// Reads to the end and throws it away.
async fn read(response: reqwest::Response) -> reqwest::Result<u64> {
    let mut response = response.error_for_status()?;
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await? {
        bytes += chunk.len() as u64;
    }
    Ok(bytes)
}

/// What a session costs by itself.
pub(crate) struct Sessions {
    /// The first one of the process, which tests that frozen time works and the like.
    pub(crate) first: Duration,
    /// An empty one: to begin and to end.
    pub(crate) empty: Duration,
    /// One whose client was asked for: proxy and TLS.
    pub(crate) client: Duration,
    /// One with the cassette of the small exchanges: to open and index it.
    pub(crate) indexed: Duration,
}

/// Measures sessions that replay and ask for nothing; medians of `times`. Needs the cassette of the small
/// exchanges.
pub(crate) fn sessions(dir: &Path, times: usize) -> Result<Sessions> {
    let builder = |name: &str, mode| {
        Session::builder(name).package_dir(dir).config(config().unused(Unused::Allow)).mode(mode)
    };
    builder("empty", Mode::Record).run(|_| Ok::<_, cassette::Error>(()))?;
    let replay = |name: &str, client: bool| -> Result<Duration> {
        let begun = Instant::now();
        builder(name, Mode::Replay)
            .run(|session| if client { session.client().map(drop) } else { Ok(()) })?;
        Ok(begun.elapsed())
    };
    let median = |name, client| -> Result<Duration> {
        let mut all = (0..times.max(1)).map(|_| replay(name, client)).collect::<Result<Vec<_>>>()?;
        all.sort();
        Ok(all[all.len() / 2])
    };
    Ok(Sessions {
        first: replay("empty", false)?,
        empty: median("empty", false)?,
        client: median("empty", true)?,
        indexed: median("small/https", false)?,
    })
}
