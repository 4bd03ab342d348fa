//! The transports carry a request of the code under test to the session's [`HttpService`], and during a recording from
//! there to the real API.
//!
//! The service gets the same request from every transport:
//!
//! - The URI is absolute. It has a scheme, an authority without user information and default port, a path and a query.
//! - There are no hop-by-hop headers (RFC 9110 §7.6.1). Only `te: trailers` stays, because it concerns the whole path
//!   to the server.
//! - The version is the version of the client's own connection.
//! - There is a `host` header only if the client asked for another host than the one it connected to.
//!
//! Must not know: cassettes, matching, redaction.

mod abort;
mod accept;
mod bound;
mod bundle;
mod ca;
mod certificate_refusal;
#[cfg(feature = "client")]
mod client;
mod connect;
mod cut;
mod flush;
mod foreign;
mod incidents;
mod io;
mod provider;
mod proxy;
#[cfg(feature = "client")]
mod reqwest_features;
mod reverse;
mod stream;
mod trust;
mod tunnel;
mod upgrade;
mod upstream;
mod upstream_proxy;
pub(crate) mod variables;

#[cfg(all(test, feature = "client"))]
mod tests;

use http::{Request, Response};
use tower_service::Service;

use crate::ambient::outside;
use crate::body::Body;
use crate::transport_error::TransportError;

pub(crate) use bound::ClientConnection;
pub(crate) use bundle::{Bundle, Trust};
pub(crate) use ca::Ca;
pub(crate) use certificate_refusal::CertificateRefusal;
#[cfg(feature = "blocking")]
pub(crate) use client::{blocking_client_builder, direct_blocking_client_builder};
#[cfg(feature = "client")]
pub(crate) use client::{client_builder, direct_client_builder};
pub(crate) use flush::flush;
pub(crate) use foreign::Foreign;
pub(crate) use proxy::Proxy;
pub(crate) use tunnel::Tunnels;
pub(crate) use upstream::{Upstream, UpstreamOptions};
pub(crate) use upstream_proxy::UpstreamProxies;

/// The service behind every transport: a recorder, a player, or [`Upstream`] itself.
///
/// If the service returns an error, the transport breaks the client's connection. So the client sees a transport
/// failure and never an invented status. If the body of a response fails, the transport first sends everything before
/// the failure, and then breaks the connection.
pub(crate) trait HttpService:
    Service<Request<Body>, Response = Response<Body>, Error = TransportError, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> HttpService for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = TransportError, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The server that the client of an intercepted connection wanted to reach.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Destination {
    fn is_address(&self) -> bool {
        self.host.parse::<std::net::IpAddr>().is_ok()
    }

    /// The destination as the authority of a URI. `None` if no URI can have this name.
    fn authority(&self) -> Option<http::uri::Authority> {
        let Destination { host, port } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }.parse().ok()
    }
}
