//! The API that is recorded: HTTPS (HTTP/2) and HTTP/1.1 on loopback, in a process of its own so that its memory
//! isn't counted.

use std::convert::Infallible;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use cassette_benches::data::{self, Large};
use http::{Method, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::Result;

/// The name that the certificate is for.
pub(crate) const HOST: &str = "api.bench.test";

/// A running server; it ends with the value.
pub(crate) struct Server {
    child: Child,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
}

impl Server {
    /// Starts this executable as a server. It leaves its root certificate in `dir`, see [`root`].
    pub(crate) fn start(dir: &Path) -> Result<Server> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let told = child.stdout.take().ok_or("the server has no output")?;
        // From here on the child ends with the value, whatever fails.
        let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let mut server = Server { child, http: unknown, https: unknown };
        BufReader::new(told).read_line(&mut line)?;
        let (http, https) = line.trim().split_once(' ').ok_or("the server did not start")?;
        (server.http, server.https) = (http.parse()?, https.parse()?);
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends when its input does.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The root certificate (DER) of the server that was started with `dir`.
pub(crate) fn root(dir: &Path) -> Result<Vec<u8>> {
    Ok(fs::read(dir.join("root.der"))?)
}

/// The server's process: tells its two addresses in one line, and ends when its input does.
pub(crate) fn serve(dir: &Path) -> Result<()> {
    let (tls, root) = tls()?;
    fs::write(dir.join("root.der"), root)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rows = data::rows();
    let addresses = runtime.block_on(async {
        let http = accept(None, rows.clone()).await?;
        let https = accept(Some(tls), rows).await?;
        Ok::<_, std::io::Error>(format!("{http} {https}\n"))
    })?;
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    std::io::stdout().write_all(addresses.as_bytes())?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

async fn accept(tls: Option<TlsAcceptor>, rows: Bytes) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, rows) = (tls.clone(), rows.clone());
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                let service = service_fn(move |request| answer(request, rows.clone()));
                let server = auto::Builder::new(TokioExecutor::new());
                // Whatever goes wrong here, the client fails by it and tells.
                match tls {
                    None => drop(server.serve_connection(TokioIo::new(stream), service).await),
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            drop(server.serve_connection(TokioIo::new(stream), service).await);
                        }
                    }
                }
            });
        }
    });
    Ok(address)
}

type Answer = std::result::Result<Response<UnsyncBoxBody<Bytes, Infallible>>, hyper::Error>;

/// A GET of `/SIZE` gets that many bytes, a POST its own body.
async fn answer(request: Request<Incoming>, rows: Bytes) -> Answer {
    let body = if request.method() == Method::POST {
        Full::new(request.into_body().collect().await?.to_bytes()).boxed_unsync()
    } else {
        let size = request.uri().path().trim_start_matches('/').parse().unwrap_or(0);
        Large::new(rows, size).boxed_unsync()
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Certificates for [`HOST`], and their root in DER.
fn tls() -> Result<(TlsAcceptor, Vec<u8>)> {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let chain = vec![CertificateParams::new([HOST.to_owned()])?.signed_by(&key, &ca)?.der().clone()];
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), ca.der().to_vec()))
}
