//! The network of a session: its proxy, the certificates that its clients trust, and the connection to real servers.
//!
//! Must not know: how a connection is served, or how a session ends.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use tower_service::Service as _;

#[cfg(feature = "intercept")]
use super::interception::{self, Interception};
#[cfg(feature = "intercept")]
use super::parallel::Peer;
use crate::ambient::{self, Ambient};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{Engine, Live};
use crate::error::{Error, Result};
use crate::hosts;
use crate::mode::{Environment, Mode};
use crate::report::{Foreign, Note, Problem, Untrusted};
use crate::session::problems;
use crate::tape::{TransportError, TransportErrorKind};
use crate::transport::{Bundle, Proxy, Trust, Tunnels, Upstream, UpstreamOptions, UpstreamProxies};

/// The proxy of a session, and the certificates that its clients trust.
pub(in crate::session) struct Network {
    mode: Mode,
    proxy: OnceLock<Result<Proxy, String>>,
    bundle: OnceLock<Arc<Bundle>>,
    /// The certificate file that intercepted clients read. The file exists as long as this handle.
    #[cfg(feature = "intercept")]
    _intercepted: Option<Arc<Bundle>>,
    #[cfg(feature = "intercept")]
    peer: Arc<Peer>,
}

impl Network {
    /// Starts the network of a session. Also returns the `Ambient`, which assigns threads to the session.
    #[cfg(feature = "intercept")]
    pub(in crate::session) fn begin(
        session: u64,
        name: &str,
        mode: Mode,
        config: &Config,
        clock: &Clock,
        engine: &Engine,
    ) -> Result<(Ambient, Network), Box<Problem>> {
        let Interception { ambient, proxy, bundle } =
            interception::begin(session, mode, config, clock, engine)?;
        let peer = Peer::join(name, engine);
        Ok((ambient, Network { mode, proxy, bundle: OnceLock::new(), _intercepted: bundle, peer }))
    }

    /// Starts the network of a session. Also returns the `Ambient`, which assigns threads to the session.
    #[cfg(not(feature = "intercept"))]
    pub(in crate::session) fn begin(
        session: u64,
        _name: &str,
        mode: Mode,
        _config: &Config,
        clock: &Clock,
        _engine: &Engine,
    ) -> Result<(Ambient, Network), Box<Problem>> {
        let network = Network { mode, proxy: OnceLock::new(), bundle: OnceLock::new() };
        Ok((Ambient::new(session, clock), network))
    }

    /// The proxy, which the first call starts.
    pub(in crate::session) fn proxy(
        &self,
        engine: &Engine,
        clock: &Clock,
        config: &Config,
    ) -> Result<&Proxy> {
        let started = self.proxy.get_or_init(|| {
            let clock = clock.clone();
            let proxy = tunnels(self.mode, config, engine)
                .and_then(|tunnels| Proxy::start(engine.clone(), move || clock.now(), |_| None, tunnels));
            proxy.map_err(|e| format!("{e:?}"))
        });
        started.as_ref().map_err(|e| Error::new(e.clone()))
    }

    /// The certificates that clients in other processes must trust.
    pub(in crate::session) fn bundle(&self, engine: &Engine, config: &Config) -> Result<&Bundle> {
        if let Some(bundle) = self.bundle.get() {
            return Ok(bundle);
        }
        let bundle = match config.hosts.pass_any() {
            true => Bundle::with_extra(Trust::SessionAndMachine, &config.extra_roots)?,
            false => Bundle::get(Trust::of(engine.is_live()))?,
        };
        Ok(self.bundle.get_or_init(|| bundle))
    }

    /// Problems with connections on which cassette got no request, because the client refused the certificate or uses a
    /// protocol other than HTTP. The problems of the first list make the test fail. The problems of the second list are
    /// reported only if the test fails for another reason.
    pub(in crate::session) fn unsent(
        &self,
        engine: &Engine,
        cassette: &Path,
        failed: bool,
    ) -> (Vec<Problem>, Vec<Problem>) {
        let mut found = (Vec::new(), Vec::new());
        let Some(Ok(proxy)) = self.proxy.get() else { return found };
        let mut add = |certain: bool, problem: Problem| {
            let list = if certain || failed { &mut found.0 } else { &mut found.1 };
            list.push(problem);
        };
        let refused: Vec<_> = proxy.refused().into_iter().map(problems::refused).collect();
        if !refused.is_empty() {
            let certain = refused.iter().any(|r| r.alert.is_some());
            add(certain, Problem::Untrusted(Untrusted { cassette: cassette.to_owned(), refused }));
        }
        let connections = proxy.foreign();
        if !connections.is_empty() {
            // A client may open a connection for later use, and send nothing on it.
            let certain = connections.iter().any(|c| !c.sent.is_empty() || !c.http_elsewhere);
            let passed = |server: &str| server.parse().is_ok_and(|server| engine.passes_server(&server));
            let connections = connections.into_iter().map(|c| {
                let passed = passed(&c.server);
                problems::foreign(c, passed)
            });
            let cassette = cassette.display().to_string();
            add(certain, Problem::Foreign(Foreign { cassette, connections: connections.collect() }));
        }
        found
    }

    pub(in crate::session) fn stop(&self) {
        if let Some(Ok(proxy)) = self.proxy.get() {
            proxy.stop();
        }
    }

    /// Waits until the connections are closed, for a second at most.
    pub(in crate::session) fn wait_until_stopped(&self) {
        if let Some(Ok(proxy)) = self.proxy.get() {
            proxy.wait_until_stopped();
        }
    }

    /// The name of another session that recorded something while this one was open.
    #[cfg(feature = "intercept")]
    pub(in crate::session) fn recorded_meanwhile(&self) -> Option<String> {
        self.peer.recorded_meanwhile()
    }

    /// The name of another session that recorded something while this one was open.
    #[cfg(not(feature = "intercept"))]
    pub(in crate::session) fn recorded_meanwhile(&self) -> Option<String> {
        None
    }

    /// Notes about requests that reached, or may have reached, the session of another test.
    #[cfg(feature = "intercept")]
    pub(in crate::session) fn parallel_notes(&self, body_failed: bool) -> Vec<Note> {
        self.peer.notes(body_failed)
    }

    /// Notes about requests that reached, or may have reached, the session of another test.
    #[cfg(not(feature = "intercept"))]
    pub(in crate::session) fn parallel_notes(&self, _body_failed: bool) -> Vec<Note> {
        Vec::new()
    }

    /// The names of the cassettes whose sessions were open at the same time as this one.
    pub(in crate::session) fn others(&self) -> Vec<String> {
        #[cfg(feature = "intercept")]
        return self.peer.others();
        #[cfg(not(feature = "intercept"))]
        Vec::new()
    }

    /// Takes the session out of the list of open sessions, because it has ended. Sessions that begin later do not count
    /// as parallel to it.
    pub(in crate::session) fn leave(&self) {
        #[cfg(feature = "intercept")]
        self.peer.leave();
    }
}

/// The options for connections to real servers.
///
/// # Errors
///
/// The setting of a proxy is wrong.
pub(in crate::session) fn upstream_options(mode: Mode, config: &Config) -> Result<UpstreamOptions> {
    let (configured, exempt) = (config.upstream_proxy.as_deref(), config.upstream_no_proxy.as_deref());
    // The threads of a session do not see these variables.
    let variable = |name: &str| ambient::outside(|| Environment::variable(name).ok());
    let proxies = match mode {
        Mode::Replay | Mode::Accept => UpstreamProxies::default(),
        // The clients of the code under test may support proxies that cassette does not.
        Mode::Off if configured.is_none() => {
            UpstreamProxies::new(configured, exempt, variable).unwrap_or_default()
        }
        _ => UpstreamProxies::new(configured, exempt, variable)?,
    };
    Ok(UpstreamOptions {
        extra_roots: config.extra_roots.clone(),
        resolve: config.resolve.clone(),
        connect_timeout: config.connect_timeout,
        proxies,
    })
}

/// The settings, with the passwords of the proxies as secrets. A password that is too short or too common for a secret
/// is left out: only the proxy gets it.
pub(in crate::session) fn with_secrets(mode: Mode, mut config: Config) -> Result<Config> {
    for (i, password) in upstream_options(mode, &config)?.proxies.secrets().enumerate() {
        let name = format!("UPSTREAM_PROXY_PASSWORD_{}", i + 1);
        if let Ok(rules) = config.rules.clone().secret(name, password) {
            config.rules = rules;
        }
    }
    Ok(config)
}

/// The tunnels of a session. There are none without pass-through hosts.
pub(super) fn tunnels(mode: Mode, config: &Config, engine: &Engine) -> Result<Tunnels> {
    if !config.hosts.pass_any() {
        return Ok(Tunnels::default());
    }
    let engine = engine.clone();
    Tunnels::new(&upstream_options(mode, config)?, move |server| engine.begin_tunnel(server))
}

/// The connection to real servers. A replay has no such connection, so it cannot reach a server by mistake. If the
/// configuration passes hosts through, a replay may connect to this machine, and to no other.
pub(in crate::session) fn live(mode: Mode, config: &Config) -> Result<Option<Live>> {
    let replays = matches!(mode, Mode::Replay | Mode::Accept);
    if replays && !config.hosts.pass_any() {
        return Ok(None);
    }
    // `poll_ready` need not be called, because `Upstream` is always ready. Its pool grows on demand.
    let upstream = Upstream::new(&upstream_options(mode, config)?)?;
    let resolve = config.resolve.clone();
    Ok(Some(Box::new(move |request| {
        if replays && !hosts::is_this_machine(request.uri(), &resolve) {
            let message = "a replay does not leave the machine".to_owned();
            let refused = TransportError { kind: TransportErrorKind::Connect, message };
            return Box::pin(std::future::ready(Err(refused)));
        }
        upstream.clone().call(request)
    })))
}
