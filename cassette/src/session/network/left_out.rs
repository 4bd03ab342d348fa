//! The network of a session in a build without the feature `proxy`. In such a build, requests reach the engine only
//! through in-process transports.
//!
//! Must not know: transports with sockets.

use std::path::Path;

use crate::ambient::Ambient;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{Engine, Live};
use crate::error::Result;
use crate::mode::Mode;
use crate::report::{Note, Problem};

pub(in crate::session) struct Network;

impl Network {
    pub(in crate::session) fn begin(
        session: u64,
        _name: &str,
        _mode: Mode,
        _config: &Config,
        clock: &Clock,
        _engine: &Engine,
    ) -> Result<(Ambient, Network), Box<Problem>> {
        Ok((Ambient::new(session, clock), Network))
    }

    pub(in crate::session) fn unsent(
        &self,
        _engine: &Engine,
        _cassette: &Path,
        _failed: bool,
    ) -> (Vec<Problem>, Vec<Problem>) {
        Default::default()
    }

    pub(in crate::session) fn stop(&self) {}

    pub(in crate::session) fn wait_until_stopped(&self) {}

    pub(in crate::session) fn recorded_meanwhile(&self) -> Option<String> {
        None
    }

    pub(in crate::session) fn parallel_notes(&self, _body_failed: bool) -> Vec<Note> {
        Vec::new()
    }

    pub(in crate::session) fn others(&self) -> Vec<String> {
        Vec::new()
    }

    pub(in crate::session) fn leave(&self) {}
}

pub(in crate::session) fn with_secrets(_: Mode, config: Config) -> Result<Config> {
    Ok(config)
}

/// Without the proxy, no request leaves the runtime of the test.
pub(in crate::session) struct HeldClock;

impl HeldClock {
    pub(in crate::session) fn of(_: &mut tokio::runtime::Builder) -> HeldClock {
        HeldClock
    }
}

pub(in crate::session) fn live(_: Mode, _: &Config) -> Result<Option<Live>> {
    Ok(None)
}
