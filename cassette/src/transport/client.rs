//! Real `reqwest` clients, made to go through a session, or straight out when there is none.
//!
//! A client of a session goes through the proxy for every host, loopback included, and trusts the session's
//! authority alone: a request that could escape would fail its handshake. Its TLS is configured here, so that
//! building one reads no system roots and needs no process-wide default.
//!
//! Must not know: sessions, modes.

use rustls::ClientConfig;

use super::ca::Ca;
use super::trust;
use super::upstream::UpstreamOptions;
use crate::error::{Error, Result};

/// A client of the session whose proxy listens at `proxy`.
///
/// Because its TLS is made here, `http1_only` has no effect on https: the session offers HTTP/2, too.
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

/// A client that goes to the real servers itself: what the session's client is when the session is off.
///
/// Overrides of a name are honoured for the name, whatever their port says.
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

/// Setting a proxy also turns the environment's off. No host is exempt.
fn through(proxy: &str) -> Result<reqwest::Proxy> {
    let proxy = reqwest::Proxy::all(proxy).map_err(|e| Error::with_source("no address of a proxy", e))?;
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
