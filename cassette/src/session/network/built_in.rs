//! A session's proxy, the certificates to trust, and the way upstream.
//!
//! Must not know: how a connection is served, how a session ends.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use tower_service::Service as _;

#[cfg(feature = "intercept")]
use super::interception::{self, Interception};
#[cfg(feature = "intercept")]
use super::parallel::Peer;
use crate::ambient::Ambient;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{Engine, Live};
use crate::error::{Error, Result};
use crate::hosts;
use crate::mode::Mode;
use crate::report::{Foreign, Note, Problem, Untrusted};
use crate::session::problems;
use crate::tape::{TransportError, TransportErrorKind};
use crate::transport::{Bundle, Proxy, Trust, Upstream, UpstreamOptions};

/// A session's proxy, and the certificates to trust.
pub(in crate::session) struct Network {
    proxy: OnceLock<Result<Proxy, String>>,
    bundle: OnceLock<Arc<Bundle>>,
    /// Kept for as long as a client of this session might read it.
    #[cfg(feature = "intercept")]
    _shown: Option<Arc<Bundle>>,
    #[cfg(feature = "intercept")]
    peer: Arc<Peer>,
}

impl Network {
    /// With what puts the session's threads under it.
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
        Ok((ambient, Network { proxy, bundle: OnceLock::new(), _shown: bundle, peer }))
    }

    /// With what puts the session's threads under it.
    #[cfg(not(feature = "intercept"))]
    pub(in crate::session) fn begin(
        session: u64,
        _name: &str,
        _mode: Mode,
        _config: &Config,
        clock: &Clock,
        _engine: &Engine,
    ) -> Result<(Ambient, Network), Box<Problem>> {
        let network = Network { proxy: OnceLock::new(), bundle: OnceLock::new() };
        Ok((Ambient::new(session, clock), network))
    }

    /// The proxy, started when first asked for.
    pub(in crate::session) fn proxy(&self, engine: &Engine, clock: &Clock) -> Result<&Proxy> {
        let started = self.proxy.get_or_init(|| {
            let clock = clock.clone();
            Proxy::start(engine.clone(), move || clock.now(), |_| None).map_err(|e| format!("{e:?}"))
        });
        started.as_ref().map_err(|e| Error::new(e.clone()))
    }

    /// The certificates that the client of a process has to trust.
    pub(in crate::session) fn bundle(&self, engine: &Engine) -> Result<&Bundle> {
        if let Some(bundle) = self.bundle.get() {
            return Ok(bundle);
        }
        let bundle = Bundle::get(Trust::of(engine.is_live()))?;
        Ok(self.bundle.get_or_init(|| bundle))
    }

    /// Connections that no request came of, so that what they were for is on no cassette: what is certain, and what only
    /// a failure makes likely.
    pub(in crate::session) fn unsent(&self, cassette: &Path, failed: bool) -> (Vec<Problem>, Vec<Problem>) {
        let mut found = (Vec::new(), Vec::new());
        let Some(Ok(proxy)) = self.proxy.get() else { return found };
        let cassette = || cassette.to_owned();
        let mut add = |certain: bool, problem: Problem| {
            let list = if certain || failed { &mut found.0 } else { &mut found.1 };
            list.push(problem);
        };
        let refused: Vec<_> = proxy.refused().into_iter().map(problems::refused).collect();
        if !refused.is_empty() {
            let certain = refused.iter().any(|r| r.alert.is_some());
            add(certain, Problem::Untrusted(Untrusted { cassette: cassette(), refused }));
        }
        let connections: Vec<_> = proxy.foreign().into_iter().map(problems::foreign).collect();
        if !connections.is_empty() {
            let certain = connections.iter().any(|c| !c.silent);
            add(certain, Problem::Foreign(Foreign { cassette: cassette(), connections }));
        }
        found
    }

    pub(in crate::session) fn stop(&self) {
        if let Some(Ok(proxy)) = self.proxy.get() {
            proxy.stop();
        }
    }

    /// Remarks on a failure that has to do with sessions which were open at the same time.
    #[cfg(feature = "intercept")]
    pub(in crate::session) fn parallel_notes(&self, body_failed: bool) -> Vec<Note> {
        self.peer.notes(body_failed)
    }

    /// Remarks on a failure that has to do with sessions which were open at the same time.
    #[cfg(not(feature = "intercept"))]
    pub(in crate::session) fn parallel_notes(&self, _body_failed: bool) -> Vec<Note> {
        Vec::new()
    }

    /// The session is over: others hear of it no more.
    pub(in crate::session) fn leave(&self) {
        #[cfg(feature = "intercept")]
        self.peer.leave();
    }
}

pub(in crate::session) fn upstream_options(config: &Config) -> UpstreamOptions {
    UpstreamOptions {
        extra_roots: config.extra_roots.clone(),
        resolve: config.resolve.clone(),
        connect_timeout: config.connect_timeout,
    }
}

/// The way upstream, which replay doesn't have: what isn't there can't be used by mistake. Where hosts are passed
/// through it has one to this machine.
pub(in crate::session) fn live(mode: Mode, config: &Config) -> Result<Option<Live>> {
    let replays = matches!(mode, Mode::Replay | Mode::Accept);
    if replays && !config.hosts.pass_any() {
        return Ok(None);
    }
    // Always ready: its pool grows as it needs to.
    let upstream = Upstream::new(&upstream_options(config))?;
    let resolve = config.resolve.clone();
    Ok(Some(Box::new(move |request| {
        if replays && !hosts::is_loopback(request.uri(), &resolve) {
            let message = "a replay does not leave the machine".to_owned();
            let refused = TransportError { kind: TransportErrorKind::Connect, message };
            return Box::pin(std::future::ready(Err(refused)));
        }
        upstream.clone().call(request)
    })))
}
