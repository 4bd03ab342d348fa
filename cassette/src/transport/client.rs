//! Real `reqwest` clients that send their requests through a session, or directly if there is none.
//!
//! A session's client uses the proxy for every host, loopback included. It trusts only the session's authority, so an
//! https request that bypassed the proxy would fail in its handshake. If the build's reqwest has rustls, TLS is
//! configured here, so a new client does not read the system's roots, and needs no process-wide default provider.
//!
//! Must not know: sessions, modes.

use super::ca::Ca;
use super::reqwest_features::{Trusted, trusting};
use super::trust;
use super::upstream::UpstreamOptions;
use crate::error::{Error, Result};
use crate::hosts;

/// A client of the session whose proxy listens at `proxy`.
///
/// If reqwest has rustls, TLS is configured here, ALPN included. A later call of `http1_only` then has no effect on
/// https: the client still offers HTTP/2.
///
/// `direct` has the options of a session in which connections to some hosts reach the real servers untouched. The client
/// then trusts those servers, too.
pub(crate) fn client_builder(
    proxy: &str,
    ca: &Ca,
    direct: Option<&UpstreamOptions>,
) -> Result<reqwest::ClientBuilder> {
    trusting!(reqwest::Client::builder().proxy(through(proxy)?), &trusted(ca, direct)?)
}

/// The same as [`client_builder`], for blocking clients.
#[cfg(feature = "blocking")]
pub(crate) fn blocking_client_builder(
    proxy: &str,
    ca: &Ca,
    direct: Option<&UpstreamOptions>,
) -> Result<reqwest::blocking::ClientBuilder> {
    trusting!(reqwest::blocking::Client::builder().proxy(through(proxy)?), &trusted(ca, direct)?)
}

/// A client that connects to the real servers directly, for a session that is off.
///
/// An override applies to all ports of its host, even if the override names one port.
pub(crate) fn direct_client_builder(options: &UpstreamOptions) -> Result<reqwest::ClientBuilder> {
    let mut builder = trusting!(reqwest::Client::builder(), &direct(options)?)?;
    if let Some(proxy) = own_proxy(options)? {
        builder = builder.proxy(proxy);
    }
    for (host, address) in &options.resolve {
        builder = builder.resolve(name(host), *address);
    }
    Ok(builder)
}

/// The same as [`direct_client_builder`], for blocking clients.
#[cfg(feature = "blocking")]
pub(crate) fn direct_blocking_client_builder(
    options: &UpstreamOptions,
) -> Result<reqwest::blocking::ClientBuilder> {
    let mut builder = trusting!(reqwest::blocking::Client::builder(), &direct(options)?)?;
    if let Some(proxy) = own_proxy(options)? {
        builder = builder.proxy(proxy);
    }
    for (host, address) in &options.resolve {
        builder = builder.resolve(name(host), *address);
    }
    Ok(builder)
}

/// The proxy setting of a client, with no exempt hosts. An explicit proxy also makes reqwest ignore the proxies in the
/// environment.
fn through(proxy: &str) -> Result<reqwest::Proxy> {
    let proxy = reqwest::Proxy::all(proxy)
        .map_err(|e| Error::with_source("the address of the proxy is not valid", e))?;
    Ok(proxy.no_proxy(None))
}

fn trusted(ca: &Ca, direct: Option<&UpstreamOptions>) -> Result<Trusted> {
    let Some(options) = direct else { return Ok(Trusted::Only(ca.der().clone())) };
    let mut roots = trust::roots(&options.extra_roots)?;
    roots.push(ca.der().clone());
    Ok(Trusted::MachineAnd(roots))
}

/// The proxies of the session. Without this setting, reqwest itself reads the environment.
fn own_proxy(options: &UpstreamOptions) -> Result<Option<reqwest::Proxy>> {
    let proxies = options.proxies.clone();
    if !proxies.are_configured() {
        return Ok(None);
    }
    let resolve = options.resolve.clone();
    let of = move |url: &reqwest::Url| {
        let uri = url.as_str().parse().ok().filter(|uri| hosts::resolved(uri, &resolve).is_none())?;
        proxies.of(&uri).map(|proxy| proxy.given.clone())
    };
    Ok(Some(reqwest::Proxy::custom(of)))
}

fn direct(options: &UpstreamOptions) -> Result<Trusted> {
    Ok(Trusted::MachineAnd(trust::roots(&options.extra_roots)?))
}

fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}
