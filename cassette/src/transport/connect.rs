//! Connects to the real server, directly or through a proxy: name lookup, TCP and TLS. Each of these steps has its own
//! kind of failure.
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
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::stream::Stream;
use super::upstream_proxy::{UpstreamProxies, UpstreamProxy};
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
    proxies: UpstreamProxies,
    roots: Vec<CertificateDer<'static>>,
    /// Created when the first server needs TLS, because this reads the machine's roots.
    tls: OnceLock<Result<Arc<ClientConfig>, TransportError>>,
    time_limit: Duration,
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Requests with the version of HTTP that the server chooses.
    Http,
    /// Requests with HTTP/1.1.
    Http1,
    /// The bytes of a client, whatever they are.
    Tunnel,
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
        let proxies = options.proxies.clone();
        let shared = Shared { overrides, proxies, roots, tls: OnceLock::new(), time_limit };
        Ok(Connector { tcp, shared: Arc::new(shared) })
    }

    /// A connection for requests with HTTP/1.1.
    pub(super) async fn http1(self, uri: &Uri) -> Result<Stream, TransportError> {
        self.in_time(uri, Purpose::Http1).await
    }

    /// A connection for the bytes of a client, to this host and port.
    ///
    /// It goes through a proxy only if the port is 443: proxies rarely open tunnels to other ports, and clients of other
    /// protocols do not use them.
    pub(super) async fn tunnel(self, server: &Authority) -> Result<Stream, TransportError> {
        let uri = Uri::builder().scheme(Scheme::HTTPS).authority(server.clone()).path_and_query("/").build();
        let malformed = |e: http::Error| TransportError { kind: Kind::Dns, message: e.to_string() };
        self.in_time(&uri.map_err(malformed)?, Purpose::Tunnel).await
    }

    /// The proxy that reads the requests to this URI.
    pub(super) fn reading_proxy(&self, uri: &Uri) -> Option<Arc<UpstreamProxy>> {
        let plain = uri.scheme() != Some(&Scheme::HTTPS);
        self.shared.proxy(uri, Purpose::Http).filter(|_| plain).cloned()
    }

    async fn in_time(self, uri: &Uri, purpose: Purpose) -> Result<Stream, TransportError> {
        let shared = self.shared.clone();
        let to = uri.authority().map_or("", Authority::as_str);
        let connected = tokio::time::timeout(shared.time_limit, self.connect(uri, to, purpose)).await;
        connected.unwrap_or_else(|_| match shared.proxy(uri, purpose) {
            Some(proxy) => Err(proxy.failed(shared.late(to).message)),
            None => Err(shared.late(to)),
        })
    }

    async fn connect(mut self, uri: &Uri, to: &str, purpose: Purpose) -> Result<Stream, TransportError> {
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let shared = self.shared.clone();
        let stream = match shared.proxy(uri, purpose) {
            None => Stream::Plain(self.tcp(shared.over(uri), to).await?),
            Some(proxy) => {
                let mut stream = self.open_proxy(proxy).await.map_err(|e| proxy.failed(e.message))?;
                if !secure {
                    return Ok(Stream::Proxied(Box::new(stream)));
                }
                let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(443));
                proxy.connect(&mut stream, &format!("{host}:{port}")).await?;
                stream
            }
        };
        match purpose {
            _ if !secure => Ok(stream),
            Purpose::Tunnel => Ok(stream),
            Purpose::Http => shared.encrypted(stream, uri, None).await,
            Purpose::Http1 => shared.encrypted(stream, uri, Some(vec![b"http/1.1".to_vec()])).await,
        }
    }

    async fn tcp(&mut self, over: Uri, to: &str) -> Result<TcpStream, TransportError> {
        let connected = self.tcp.call(over).await;
        connected.map(TokioIo::into_inner).map_err(|e| {
            let found = failure::of(&e);
            match found.kind {
                // The connection to one of the host's addresses has timed out. The host may have no other address.
                Kind::Timeout => self.shared.late(to),
                Kind::Dns => TransportError { kind: Kind::Dns, message: format!("{to}: {}", found.message) },
                _ => TransportError { kind: Kind::Connect, message: format!("{to}: {}", found.message) },
            }
        })
    }

    async fn open_proxy(&mut self, proxy: &UpstreamProxy) -> Result<Stream, TransportError> {
        let to = proxy.uri.authority().map_or("", Authority::as_str);
        let stream = Stream::Plain(self.tcp(proxy.uri.clone(), to).await?);
        if proxy.uri.scheme() != Some(&Scheme::HTTPS) {
            return Ok(stream);
        }
        self.shared.encrypted(stream, &proxy.uri, Some(Vec::new())).await
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
        Box::pin(async move { connector.in_time(&uri, Purpose::Http).await.map(TokioIo::new) })
    }
}

impl Shared {
    /// The proxy for this URI. A host with an overriding address is reached directly.
    fn proxy(&self, uri: &Uri, purpose: Purpose) -> Option<&Arc<UpstreamProxy>> {
        if self.overriding(uri).is_some() || purpose == Purpose::Tunnel && port(uri) != 443 {
            return None;
        }
        self.proxies.of(uri)
    }

    fn overriding(&self, uri: &Uri) -> Option<&Override> {
        let host = uri.host().unwrap_or_default();
        let fits = |o: &&Override| o.host.eq_ignore_ascii_case(host) && o.port.is_none_or(|p| p == port(uri));
        self.overrides.iter().find(fits)
    }

    /// The URI to connect to: `uri`, or a URI with the address of an override for its host.
    fn over(&self, uri: &Uri) -> Uri {
        let port = port(uri);
        let mut address = match self.overriding(uri) {
            Some(found) => found.address,
            // Otherwise a DNS server would be asked for a name of this machine.
            None if uri.host().is_some_and(is_unknown_to_dns) => (Ipv4Addr::LOCALHOST, 0).into(),
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

    /// TLS with the host of this URI over `stream`. `alpn` replaces the protocols that are offered.
    async fn encrypted(
        &self,
        stream: Stream,
        uri: &Uri,
        alpn: Option<Vec<Vec<u8>>>,
    ) -> Result<Stream, TransportError> {
        let to = uri.authority().map_or("", Authority::as_str);
        let tls = |message: String| TransportError { kind: Kind::Tls, message: format!("{to}: {message}") };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|e| tls(e.to_string()))?;
        let mut config = self.tls()?;
        if let Some(alpn) = alpn {
            Arc::make_mut(&mut config).alpn_protocols = alpn;
        }
        let stream = TlsConnector::from(config).connect(name, stream).await;
        Ok(Stream::Tls(Box::new(stream.map_err(|e| tls(failure::of(&e).message))?)))
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, TransportError> {
        let made = self.tls.get_or_init(|| match trust::machine_and(&self.roots) {
            Ok(config) => Ok(Arc::new(config)),
            Err(e) => Err(TransportError { kind: Kind::Tls, message: e.to_string() }),
        });
        made.clone()
    }
}

/// Whether this is a name of this machine that the system might look up in DNS.
fn is_unknown_to_dns(host: &str) -> bool {
    host.ends_with(".localhost") || needs_address(host)
}

fn port(uri: &Uri) -> u16 {
    let usual = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    uri.port_u16().unwrap_or(usual)
}

impl Override {
    fn parse((host, address): &(String, SocketAddr)) -> Result<Override> {
        let bad = |e| {
            Error::with_source(format!("`{host}` is not a host to resolve"), e)
                .hint("write `host` or `host:port`, such as `api.example.com:443`")
        };
        if host.contains('*') {
            return Err(Error::new(format!(
                "`{host}` is not a host to resolve: it must be one host, without `*`"
            ))
            .hint("write `host` or `host:port`, such as `api.example.com:443`"));
        }
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
