//! Connects to the real server: name lookup, TCP and TLS. Each of these steps has its own kind of failure.
//!
//! Must not know: requests.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::{Authority, Scheme};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::stream::Stream;
use super::{UpstreamOptions, trust};
use crate::ambient::needs_address;
use crate::error::{Error, Result};
use crate::failure;
use crate::transport_error::{TransportError, TransportErrorKind as Kind};

/// The limit for name lookup, TCP and TLS together, unless the options say otherwise.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Makes the connections of the upstream's pool.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector<Resolver>,
    shared: Arc<Shared>,
}

struct Shared {
    overrides: Vec<Override>,
    roots: Vec<CertificateDer<'static>>,
    /// Created when the first server needs TLS, because this reads the machine's roots.
    tls: OnceLock<Result<Arc<ClientConfig>, TransportError>>,
    time_limit: Duration,
}

struct Override {
    host: String,
    port: Option<u16>,
    address: SocketAddr,
}

impl Connector {
    pub(super) fn new(options: &UpstreamOptions) -> Result<Connector> {
        let roots = trust::roots(&options.extra_roots)?;
        let time_limit = options.connect_timeout.unwrap_or(TIME_LIMIT);
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(time_limit));
        let overrides = options.resolve.iter().map(Override::parse).collect::<Result<_>>()?;
        let shared = Shared { overrides, roots, tls: OnceLock::new(), time_limit };
        Ok(Connector { tcp, shared: Arc::new(shared) })
    }

    async fn connect(mut self, uri: Uri) -> Result<TokioIo<Stream>, TransportError> {
        let to = uri.authority().map_or("", Authority::as_str).to_owned();
        let connected = self.tcp.call(self.shared.over(&uri)).await;
        let tcp = connected.map(TokioIo::into_inner).map_err(|e| {
            let found = failure::of(&e);
            match found.kind {
                // The connection to one of the host's addresses has timed out. The host may have no other address.
                Kind::Timeout => self.shared.late(&to),
                Kind::Dns => TransportError { kind: Kind::Dns, message: format!("{to}: {}", found.message) },
                _ => TransportError { kind: Kind::Connect, message: format!("{to}: {}", found.message) },
            }
        })?;
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Ok(TokioIo::new(Stream::Plain(tcp)));
        }
        let tls = |message: String| TransportError { kind: Kind::Tls, message: format!("{to}: {message}") };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|e| tls(e.to_string()))?;
        let config = self.shared.tls()?;
        let stream = TlsConnector::from(config).connect(name, tcp).await;
        let stream = stream.map_err(|e| tls(failure::of(&e).message))?;
        Ok(TokioIo::new(Stream::Tls(Box::new(stream))))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, TransportError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let shared = connector.shared.clone();
            let to = uri.authority().map_or("", Authority::as_str).to_owned();
            let connected = tokio::time::timeout(shared.time_limit, connector.connect(uri)).await;
            connected.unwrap_or_else(|_| Err(shared.late(&to)))
        })
    }
}

impl Shared {
    /// The URI to connect to: `uri`, or a URI with the address of an override for its host.
    fn over(&self, uri: &Uri) -> Uri {
        let usual = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(usual);
        let host = uri.host().unwrap_or_default();
        let fits = |o: &&Override| o.host.eq_ignore_ascii_case(host) && o.port.is_none_or(|p| p == port);
        let mut address = match self.overrides.iter().find(fits) {
            Some(found) => found.address,
            // Otherwise a DNS server would be asked for a name of this machine.
            None if host.ends_with(".localhost") || needs_address(host) => (Ipv4Addr::LOCALHOST, 0).into(),
            None => return uri.clone(),
        };
        if address.port() == 0 {
            address.set_port(port);
        }
        format!("http://{address}/").parse().unwrap_or_else(|_| uri.clone())
    }

    fn late(&self, to: &str) -> TransportError {
        let limit = self.time_limit.as_secs_f64();
        TransportError { kind: Kind::Timeout, message: format!("{to}: no connection within {limit} s") }
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, TransportError> {
        let made = self.tls.get_or_init(|| match trust::machine_and(&self.roots) {
            Ok(config) => Ok(Arc::new(config)),
            Err(e) => Err(TransportError { kind: Kind::Tls, message: e.to_string() }),
        });
        made.clone()
    }
}

impl Override {
    fn parse((host, address): &(String, SocketAddr)) -> Result<Override> {
        let bad = |e| {
            Error::with_source(format!("`{host}` is not a host to resolve"), e)
                .hint("write `host` or `host:port`, such as `api.example.com:443`")
        };
        let authority: Authority = host.parse().map_err(bad)?;
        Ok(Override { host: authority.host().into(), port: authority.port_u16(), address: *address })
    }
}

/// The machine's resolver, with an error type that distinguishes its failures.
#[derive(Clone)]
pub(super) struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = GaiAddrs;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<GaiAddrs, TransportError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let addresses = self.0.call(name);
        Box::pin(async move {
            addresses.await.map_err(|e| TransportError { kind: Kind::Dns, message: e.to_string() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(overrides: &[(&str, &str)], uri: &str, expected: &str) {
        let resolve = overrides.iter().map(|(h, a)| ((*h).into(), a.parse().unwrap())).collect();
        let options = UpstreamOptions { resolve, ..Default::default() };
        let connector = Connector::new(&options).unwrap();
        assert_eq!(connector.shared.over(&uri.parse().unwrap()).to_string(), expected);
    }

    #[test]
    fn overrides_stand_in_for_names() {
        let here = "127.0.0.1:9000";
        check(&[("api.test", here)], "https://API.test/x", "http://127.0.0.1:9000/");
        check(&[("api.test", here)], "https://other.test/x", "https://other.test/x");
        check(&[("api.test:443", here)], "https://api.test/", "http://127.0.0.1:9000/");
        check(&[("api.test:443", here)], "http://api.test/", "http://api.test/");
        check(
            &[("api.test:80", "127.0.0.1:1"), ("api.test", here)],
            "https://api.test/",
            "http://127.0.0.1:9000/",
        );
        check(&[("api.test", "127.0.0.1:0")], "https://api.test/", "http://127.0.0.1:443/");
        check(&[("[::1]:8443", "[::1]:9000")], "https://[::1]:8443/", "http://[::1]:9000/");
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let resolve = vec![("a b".into(), ([127, 0, 0, 1], 1).into())];
        let options = UpstreamOptions { resolve, ..Default::default() };
        let e = Connector::new(&options).err().unwrap();
        assert_eq!(e.to_string(), "`a b` is not a host to resolve");
    }
}
