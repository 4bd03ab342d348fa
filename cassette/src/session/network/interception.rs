//! Interception of unmodified clients. The session starts its proxy before the body begins, and the connections of the
//! body's threads go to this proxy.
//!
//! Must not know: how a connection is intercepted, or how it is served.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use super::built_in::tunnels;
use super::parallel;
use crate::ambient::{self, Ambient, InterceptionSetup, Override, RefusalReason};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Engine;
use crate::error::Result;
use crate::mode::Mode;
use crate::report::{self, Obstacle, Problem, Refusal};
use crate::transport::{Bundle, Destination, Proxy, Trust, variables};

/// The parts that `begin` starts. Without interception, only `ambient` is set.
pub(super) struct Interception {
    pub(super) ambient: Ambient,
    pub(super) proxy: OnceLock<Result<Proxy, String>>,
    /// The certificate file for the threads of the session and for the processes that they start. It contains only the
    /// session's authority, even while recording. So a process that bypasses the proxy trusts no real server. Its
    /// requests fail while recording already, and not only on replay. If there are pass-through hosts, the file has the
    /// machine's roots as well, because the clients verify the certificates of these hosts themselves.
    pub(super) bundle: Option<Arc<Bundle>>,
}

/// Starts the interception. Intercepts nothing if the session is off or the configuration asks for explicit clients.
///
/// # Errors
///
/// cassette cannot intercept connections in this executable, could not bind a port, or could not write the certificate.
pub(super) fn begin(
    session: u64,
    mode: Mode,
    config: &Config,
    clock: &Clock,
    engine: &Engine,
) -> Result<Interception, Box<Problem>> {
    let intercepts =
        || ambient::check_interception().ok_or_else(|| Box::new(Problem::Obstacle(Obstacle::NotIntercepted)));
    if mode == Mode::Off && !config.explicit_clients && !config.resolve.is_empty() {
        // If connections cannot be intercepted here, the addresses apply to explicit clients only.
        if ambient::check_interception() == Some(true) {
            let ambient = Ambient::overriding(session, clock, overrides(config));
            return Ok(Interception { ambient, proxy: OnceLock::new(), bundle: None });
        }
    }
    if mode == Mode::Off || config.explicit_clients || !intercepts()? {
        let ambient = Ambient::new(session, clock);
        return Ok(Interception { ambient, proxy: OnceLock::new(), bundle: None });
    }
    let now = clock.clone();
    let intended = move |client| {
        let meant = ambient::intercepted(session, client)?;
        Some(Destination { host: meant.host, port: meant.port })
    };
    let proxy = Proxy::start(engine.clone(), move || now.now(), intended, tunnels(mode, config, engine)?)?;
    let bundle = match config.hosts.pass_any() {
        true => Bundle::with_extra(Trust::SessionAndMachine, &config.extra_roots)?,
        false => Bundle::get(Trust::Session)?,
    };
    let own = variables::of_a_process(&proxy.url(), bundle.path()).into_iter();
    let dummies = config.sources.missing_dummies();
    let announced = own.map(|(name, value)| (name.to_owned(), value)).chain(dummies);
    let setup = InterceptionSetup {
        listener: proxy.addr().port(),
        loopback: config.intercept_loopback,
        shown: variables::of_a_thread(bundle.path()),
        defaults: config.sources.dummies().to_vec(),
        announced: announced.collect(),
        refused: |host, port, reason| {
            let refusal = match reason {
                RefusalReason::Ended => Refusal::Ended,
                RefusalReason::Unclear => Refusal::Unclear,
                RefusalReason::TooManyHosts => return report::print_too_many_hosts(host, port),
            };
            report::print_refused(host, port, refusal);
            parallel::refused(host, port, refusal);
        },
    };
    let ambient = Ambient::intercepting(session, clock, setup);
    Ok(Interception { ambient, proxy: OnceLock::from(Ok(proxy)), bundle: Some(bundle) })
}

/// The addresses of [`Config::resolve`] for clients that connect themselves. An invalid host is reported when the session
/// prepares its own connections.
fn overrides(config: &Config) -> Vec<Override> {
    let overrides = config.resolve.iter().filter_map(|(host, address)| {
        let host: http::uri::Authority = host.parse().ok()?;
        let SocketAddr::V4(to) = *address else { return None };
        let name = host.host().trim_matches(['[', ']']).to_ascii_lowercase();
        Some(Override { host: name, port: host.port_u16(), to })
    });
    overrides.collect()
}
