//! Unmodified clients: before the body begins, the session listens, and the connections of the body's threads are led
//! to it.
//!
//! Must not know: how they are led, how a connection is served.

use std::sync::{Arc, OnceLock};

use super::parallel;
use crate::ambient::{self, Ambient, InterceptionSetup};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Engine;
use crate::error::Result;
use crate::mode::Mode;
use crate::report::{self, Obstacle, Problem};
use crate::transport::{Bundle, Destination, Proxy, Trust, variables};

/// What a session starts with.
pub(super) struct Interception {
    pub(super) ambient: Ambient,
    pub(super) proxy: OnceLock<Result<Proxy, String>>,
    /// Whom threads and the processes they start are told to trust: the session alone. They reach nothing else, while
    /// recording neither; a process that ignores the proxy should fail then, and not first on replay.
    pub(super) bundle: Option<Arc<Bundle>>,
}

/// Of a session that is off, or that says so, connections go where they are meant to.
///
/// # Errors
///
/// They could not be led in this executable; no port could be bound; the certificate could not be written.
pub(super) fn begin(
    session: u64,
    mode: Mode,
    config: &Config,
    clock: &Clock,
    engine: &Engine,
) -> Result<Interception, Box<Problem>> {
    let intercepts =
        || ambient::check_interception().ok_or_else(|| Box::new(Problem::Obstacle(Obstacle::NotIntercepted)));
    if mode == Mode::Off || config.explicit_clients || !intercepts()? {
        let ambient = Ambient::new(session, clock);
        return Ok(Interception { ambient, proxy: OnceLock::new(), bundle: None });
    }
    let now = clock.clone();
    let intended = move |client| {
        let meant = ambient::intercepted(session, client)?;
        Some(Destination { host: meant.host, port: meant.port })
    };
    let proxy = Proxy::start(engine.clone(), move || now.now(), intended)?;
    let bundle = Bundle::get(Trust::Session)?;
    let setup = InterceptionSetup {
        listener: proxy.addr().port(),
        loopback: config.intercept_loopback,
        shown: variables::of_a_thread(bundle.path()),
        announced: variables::of_a_process(&proxy.url(), bundle.path()),
        refused: |host, port, _| {
            report::print_refused(host, port);
            parallel::refused(host, port);
        },
    };
    let ambient = Ambient::intercepting(session, clock, setup);
    Ok(Interception { ambient, proxy: OnceLock::from(Ok(proxy)), bundle: Some(bundle) })
}
