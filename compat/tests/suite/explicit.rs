//! Configures each client for a session explicitly. A client needs this if interception does not work for it, or if it
//! does not trust the session's certificate.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cassette_compat::futures::text;
use cassette_compat::{Result, grpc};
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::net::TcpStream;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use tower::{ServiceBuilder, ServiceExt as _};

use crate::cell::Context;
use crate::upstream::{HOST, Upstream};

/// Fetches a URL with a client that is configured for the session.
pub(crate) type Configured = fn(Context<'_>, &str) -> Result;

/// The explicit configuration of the client with this name: its description in the table, and the code.
pub(crate) fn of(name: &str) -> Option<(&'static str, Configured)> {
    const PROXY: &str = "`proxy_url()` and `ca_pem()`";
    Some(match name {
        "reqwest 0.13, default features" => ("`session.client()`", reqwest),
        "reqwest 0.13, blocking" => ("`session.blocking_client()`", reqwest_blocking),
        "reqwest 0.12, native-tls" => (PROXY, |c, url| reqwest012(c, url, reqwest012::Client::builder())),
        "reqwest 0.12, rustls-tls-native-roots" | "reqwest 0.12, rustls-tls (webpki roots)" => {
            (PROXY, |c, url| reqwest012(c, url, reqwest012::Client::builder().use_rustls_tls()))
        }
        "reqwest 0.12, native-tls, blocking" => {
            (PROXY, |c, url| reqwest012_blocking(c, url, reqwest012::blocking::Client::builder()))
        }
        "reqwest 0.12, rustls-tls-native-roots, blocking" => (PROXY, |c, url| {
            reqwest012_blocking(c, url, reqwest012::blocking::Client::builder().use_rustls_tls())
        }),
        "reqwest-middleware 0.5" => ("`session.middleware()`", middleware),
        "hyper-util + hyper-rustls, HTTP/2" => ("`session.layer()`", hyper),
        "tower stack over hyper-util" => ("`session.layer()`", tower),
        "tonic 0.14, native roots" => ("`session.layer()`, `session.service()`", tonic),
        "isahc 2, native-tls" => (PROXY, isahc),
        "curl 0.4, static-curl" => (PROXY, curl),
        "ureq 3, platform verifier" | "ureq 3, default (webpki roots)" => (PROXY, ureq),
        _ => return None,
    })
}

/// The cryptography provider that all clients of the suite use: ring.
pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn run<T>(task: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(task)
}

fn reqwest(context: Context<'_>, url: &str) -> Result {
    let client = context.session.client()?;
    run(async { Ok(client.get(url).send().await?.error_for_status()?.text().await?) })
}

fn reqwest_blocking(context: Context<'_>, url: &str) -> Result {
    Ok(context.session.blocking_client()?.get(url).send()?.error_for_status()?.text()?)
}

fn reqwest012(context: Context<'_>, url: &str, client: reqwest012::ClientBuilder) -> Result {
    let client = client
        .proxy(reqwest012::Proxy::all(context.session.proxy_url()?)?)
        .add_root_certificate(reqwest012::Certificate::from_pem(context.session.ca_pem()?.as_bytes())?)
        .build()?;
    run(async { Ok(client.get(url).send().await?.error_for_status()?.text().await?) })
}

fn reqwest012_blocking(
    context: Context<'_>,
    url: &str,
    client: reqwest012::blocking::ClientBuilder,
) -> Result {
    let client = client
        .proxy(reqwest012::Proxy::all(context.session.proxy_url()?)?)
        .add_root_certificate(reqwest012::Certificate::from_pem(context.session.ca_pem()?.as_bytes())?)
        .build()?;
    Ok(client.get(url).send()?.error_for_status()?.text()?)
}

/// While recording, the client itself connects to the server. On replay the middleware does not call the client.
fn middleware(context: Context<'_>, url: &str) -> Result {
    let mut client = reqwest::Client::builder();
    if let Some(Upstream { address, root, .. }) = context.upstream {
        let root = reqwest::Certificate::from_pem(root.as_bytes())?;
        client = client.resolve(HOST, *address).tls_certs_only([root]);
    }
    let client =
        reqwest_middleware::ClientBuilder::new(client.build()?).with(context.session.middleware()).build();
    run(async { Ok(client.get(url).send().await?.error_for_status()?.text().await?) })
}

fn hyper(context: Context<'_>, url: &str) -> Result {
    let request = http::Request::get(url).body(Empty::<Bytes>::new())?;
    let client = ServiceBuilder::new().layer(context.session.layer()).service(direct(context.upstream)?);
    run(async { text(client.oneshot(request).await?).await })
}

fn tower(context: Context<'_>, url: &str) -> Result {
    let request = http::Request::get(url).body(Empty::<Bytes>::new())?;
    let stack = ServiceBuilder::new()
        .timeout(Duration::from_secs(20))
        .layer(context.session.layer())
        .concurrency_limit(8)
        .service(direct(context.upstream)?);
    run(async { text(stack.oneshot(request).await?).await })
}

type Https = hyper_rustls::HttpsConnector<HttpConnector<OneAddress>>;

/// A hyper client that resolves the server's name and trusts its certificate.
fn direct(upstream: Option<&Upstream>) -> Result<Client<Https, cassette::Body>> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(upstream) = upstream {
        roots.add(CertificateDer::from_pem_slice(upstream.root.as_bytes())?)?;
    }
    let tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = HttpConnector::new_with_resolver(OneAddress(upstream.map(|u| u.address)));
    tcp.enforce_http(false);
    let connector = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls);
    let connector = connector.https_only().enable_all_versions().wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// Resolves every name to the same address.
#[derive(Clone)]
struct OneAddress(Option<std::net::SocketAddr>);

impl tower::Service<hyper_util::client::legacy::connect::dns::Name> for OneAddress {
    type Response = std::option::IntoIter<std::net::SocketAddr>;
    type Error = std::io::Error;
    type Future = std::future::Ready<std::io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: hyper_util::client::legacy::connect::dns::Name) -> Self::Future {
        std::future::ready(Ok(self.0.into_iter()))
    }
}

/// Makes the gRPC calls twice: through tonic's channel with the session's layer, and through the session's service
/// without a channel.
fn tonic(context: Context<'_>, url: &str) -> Result {
    let mut tls = ClientTlsConfig::new();
    let mut address = None;
    if let Some(upstream) = context.upstream {
        tls = tls.ca_certificate(Certificate::from_pem(&upstream.root));
        address = Some(upstream.address);
    }
    let origin: http::Uri = url.parse()?;
    let endpoint = Endpoint::from_shared(url.to_owned())?.tls_config(tls)?;
    run(async {
        let channel = endpoint.connect_with_connector_lazy(tower::service_fn(move |_| async move {
            let address = address.ok_or(std::io::ErrorKind::NotConnected)?;
            std::io::Result::Ok(TokioIo::new(TcpStream::connect(address).await?))
        }));
        let layered = ServiceBuilder::new()
            .layer(context.session.layer())
            .map_request(|request: http::Request<cassette::Body>| request.map(tonic::body::Body::new))
            .service(channel);
        let by_layer = grpc::both(tonic::client::Grpc::with_origin(layered, origin.clone())).await?;
        let service = context.session.service();
        let by_service = grpc::both(tonic::client::Grpc::with_origin(service, origin)).await?;
        if by_layer == by_service { Ok(by_layer) } else { Err(format!("{by_layer} and {by_service}").into()) }
    })
}

fn isahc(context: Context<'_>, url: &str) -> Result {
    use isahc::config::Configurable as _;
    use isahc::{ReadResponseExt as _, RequestExt as _};

    let proxy: http::Uri = context.session.proxy_url()?.parse()?;
    let request = isahc::Request::get(url).proxy(proxy);
    let trusted = isahc::tls::TrustStore::builder().certificate_from_pem(context.session.ca_pem()?).build();
    let tls = isahc::tls::TlsConfig::builder().trust_store(trusted).build();
    Ok(request.tls_config(tls).body(())?.send()?.text()?)
}

fn curl(context: Context<'_>, url: &str) -> Result {
    let mut body = Vec::new();
    let mut easy = curl::easy::Easy::new();
    easy.url(url)?;
    easy.fail_on_error(true)?;
    easy.proxy(&context.session.proxy_url()?)?;
    easy.ssl_cainfo_blob(context.session.ca_pem()?.as_bytes())?;
    let mut transfer = easy.transfer();
    transfer.write_function(|chunk| {
        body.extend_from_slice(chunk);
        Ok(chunk.len())
    })?;
    transfer.perform()?;
    drop(transfer);
    Ok(String::from_utf8(body)?)
}

fn ureq(context: Context<'_>, url: &str) -> Result {
    use ureq::tls::{Certificate, RootCerts, TlsConfig};

    let ca = Certificate::from_pem(context.session.ca_pem()?.as_bytes())?;
    let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[ca])).build();
    let proxy = ureq::Proxy::new(&context.session.proxy_url()?)?;
    let agent = ureq::Agent::config_builder().tls_config(tls).proxy(Some(proxy)).build().new_agent();
    Ok(agent.get(url).call()?.into_body().read_to_string()?)
}
