//! The transports: how a request of the code under test reaches the session's one service, and how a recording reaches
//! the real API.
//!
//! Every transport is a thin path to an [`HttpService`]. The service gets the same request whatever the transport: an
//! absolute URI (scheme, authority without user information and default port, path and query), no hop-by-hop headers
//! (RFC 9110 §7.6.1; only `te: trailers` stays, because it concerns the whole path to the server), the version of the
//! client's own connection, and no `host` header unless the client asked for another host than the one it connected to.
//!
//! Must not know: cassettes, matching, redaction.

mod abort;
mod accept;
mod bundle;
mod ca;
mod certificate_refusal;
#[cfg(feature = "client")]
mod client;
mod connect;
mod cut;
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
mod upstream;
pub(crate) mod variables;

#[cfg(all(test, feature = "client"))]
mod tests;

use http::{Request, Response};
use tower_service::Service;

use crate::ambient::outside;
use crate::body::Body;
use crate::transport_error::TransportError;

pub(crate) use bundle::{Bundle, Trust};
pub(crate) use ca::Ca;
pub(crate) use certificate_refusal::CertificateRefusal;
#[cfg(feature = "blocking")]
pub(crate) use client::{blocking_client_builder, direct_blocking_client_builder};
#[cfg(feature = "client")]
pub(crate) use client::{client_builder, direct_client_builder};
pub(crate) use foreign::Foreign;
pub(crate) use proxy::Proxy;
pub(crate) use upstream::{Upstream, UpstreamOptions};

/// The service behind every transport: a recorder, a player, or [`Upstream`] itself.
///
/// An error is not a response: the transport breaks its connection, so that the client sees a transport failure and
/// never an invented status. The same applies to an error inside a response's body, once everything before it has been
/// sent.
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
