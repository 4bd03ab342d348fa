//! The server to which the clients send their requests: HTTPS with HTTP/2, and HTTP/1.1 without TLS, on loopback. It
//! runs in a separate process, so that its memory is not measured with the client's.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::data::{self, Large};
use bytes::Bytes;
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

/// The server's name, for which its certificate is valid.
pub const HOST: &str = "api.bench.test";

/// A running server. It stops when this value is dropped.
pub struct Server {
    child: Child,
    /// The address for HTTP/1.1.
    pub http: SocketAddr,
    /// The address for HTTP/2 over TLS.
    pub https: SocketAddr,
}

impl Server {
    /// Starts this executable as a server. The server writes its root certificate to `dir`, see [`root`].
    ///
    /// # Errors
    ///
    /// The server did not start.
    pub fn start(dir: &Path) -> Result<Server> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        // The value is created before anything can fail, because its destructor stops the child process.
        let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let mut server = Server { child, http: unknown, https: unknown };
        BufReader::new(stdout).read_line(&mut line)?;
        let (http, https) = line.trim().split_once(' ').ok_or("the server did not start")?;
        (server.http, server.https) = (http.parse()?, https.parse()?);
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server's process ends when its standard input is closed.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The root certificate (DER) of the server that was started with `dir`.
///
/// # Errors
///
/// The file cannot be read.
pub fn root(dir: &Path) -> Result<Vec<u8>> {
    Ok(fs::read(dir.join("root.der"))?)
}

/// Runs in the server's process. Prints the two addresses in one line, and returns when standard input is closed.
///
/// # Errors
///
/// The server cannot listen on a port, or cannot create its certificate.
pub fn serve(dir: &Path) -> Result<()> {
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
                // Errors are ignored here, because the client then fails and reports its own error.
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

/// The response to `GET /plain/SIZE/N` has a body of about SIZE bytes, which is different for each N.
/// `GET /gzip/SIZE/N` returns the same body, compressed. A POST request gets its own body back.
async fn answer(request: Request<Incoming>, rows: Bytes) -> Answer {
    let path = request.uri().path().to_owned();
    let mut parts = path.split('/').skip(1);
    let (kind, size, n) = (parts.next(), parts.next(), parts.next());
    let number = |part: Option<&str>| part.and_then(|p| p.parse::<u64>().ok()).unwrap_or(0);
    let large = || Large::new(rows, number(size), number(n));
    let body = match kind {
        _ if request.method() == Method::POST => {
            Full::new(request.into_body().collect().await?.to_bytes()).boxed_unsync()
        }
        Some("gzip") => Full::new(compressed(large(), number(size), number(n))).boxed_unsync(),
        _ => large().boxed_unsync(),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    if kind == Some("gzip") {
        headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// Compresses a body when it is requested for the first time, and keeps the result. The plain client runs first, so
/// only its first round includes the time for the compression.
fn compressed(body: Large, size: u64, n: u64) -> Bytes {
    static DONE: Mutex<BTreeMap<(u64, u64), Bytes>> = Mutex::new(BTreeMap::new());
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    let compress = || {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        // Writing to a vector cannot fail.
        body.for_each(|chunk| drop(gzip.write_all(&chunk)));
        gzip.finish().unwrap_or_default().into()
    };
    done.entry((size, n)).or_insert_with(compress).clone()
}

/// A TLS acceptor with a certificate for [`HOST`], and the root certificate in DER.
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
