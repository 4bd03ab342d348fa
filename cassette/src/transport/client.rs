//! Real `reqwest` clients that send their requests through a session, or directly if there is none.
//!
//! A session's client uses the proxy for every host, loopback included, and trusts the session's authority alone: a
//! request that bypassed the proxy would fail its handshake. TLS is configured here, so that building a client neither
//! reads the system's roots nor needs a process-wide default.
//!
//! Must not know: sessions, modes.

use rustls::ClientConfig;

use super::ca::Ca;
use super::trust;
use super::upstream::UpstreamOptions;
use crate::error::{Error, Result};

/// A client of the session whose proxy listens at `proxy`.
///
/// TLS is configured here, so `http1_only` has no effect on https: the session offers HTTP/2 as well.
pub(crate) fn client_builder(proxy: &str, ca: &Ca) -> Result<reqwest::ClientBuilder> {
    let tls = trust::only(&[ca.der().clone()]).map_err(no_tls)?;
    Ok(reqwest::Client::builder().proxy(through(proxy)?).tls_backend_preconfigured(tls))
}

/// The blocking sibling of [`client_builder`].
#[cfg(feature = "blocking")]
pub(crate) fn blocking_client_builder(proxy: &str, ca: &Ca) -> Result<reqwest::blocking::ClientBuilder> {
    let tls = trust::only(&[ca.der().clone()]).map_err(no_tls)?;
    Ok(reqwest::blocking::Client::builder().proxy(through(proxy)?).tls_backend_preconfigured(tls))
}

/// A client that talks to the real servers itself, for a session that is off.
///
/// An override applies to all ports of its host, even if the override names one port.
pub(crate) fn direct_client_builder(options: &UpstreamOptions) -> Result<reqwest::ClientBuilder> {
    let mut builder = reqwest::Client::builder().tls_backend_preconfigured(direct(options)?);
    for (host, address) in &options.resolve {
        builder = builder.resolve(name(host), *address);
    }
    Ok(builder)
}

/// The blocking sibling of [`direct_client_builder`].
#[cfg(feature = "blocking")]
pub(crate) fn direct_blocking_client_builder(
    options: &UpstreamOptions,
) -> Result<reqwest::blocking::ClientBuilder> {
    let mut builder = reqwest::blocking::Client::builder().tls_backend_preconfigured(direct(options)?);
    for (host, address) in &options.resolve {
        builder = builder.resolve(name(host), *address);
    }
    Ok(builder)
}

/// An explicit proxy also disables the proxies of the environment. No host is exempt.
fn through(proxy: &str) -> Result<reqwest::Proxy> {
    let proxy = reqwest::Proxy::all(proxy)
        .map_err(|e| Error::with_source("the address of the proxy is not valid", e))?;
    Ok(proxy.no_proxy(None))
}

fn direct(options: &UpstreamOptions) -> Result<ClientConfig> {
    trust::machine_and(&trust::roots(&options.extra_roots)?).map_err(no_tls)
}

fn no_tls(e: rustls::Error) -> Error {
    Error::with_source("could not set up TLS", e)
}

fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}
