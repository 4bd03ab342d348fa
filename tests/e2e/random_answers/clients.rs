//! Five real clients, each with HTTP/1.1 and HTTP/2.

use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use cassette::{Body, Session};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper::ext::ReasonPhrase;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::api::{HOST, Speaks};

pub(super) const CLIENTS: [&str; 5] =
    ["reqwest", "reqwest::blocking", "hyper", "the session's service", "curl"];

/// What a client saw of a response.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) version: Version,
    pub(super) status: u16,
    /// `None` if the client does not say.
    pub(super) reason: Option<Vec<u8>>,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) trailers: HeaderMap,
}

/// A request: the path and query, a token for the header `authorization`, and a body in JSON.
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) bearer: Option<String>,
    pub(super) json: Option<String>,
}

impl Asked {
    fn method(&self) -> http::Method {
        if self.json.is_some() { http::Method::POST } else { http::Method::GET }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let json = self.json.as_ref().map(|_| ("content-type", "application/json".to_owned()));
        let bearer = self.bearer.as_ref().map(|token| ("authorization", format!("Bearer {token}")));
        [Some(("te", "trailers".to_owned())), json, bearer].into_iter().flatten().collect()
    }

    fn url(&self, speaks: Speaks) -> String {
        let scheme = if speaks == Speaks::Http1 { "http" } else { "https" };
        format!("{scheme}://{HOST}{}", self.path)
    }
}

/// The clients of one session.
pub(super) struct Clients {
    session: Session,
    speaks: Speaks,
    reqwest: reqwest::Client,
    blocking: Option<reqwest::blocking::Client>,
}

impl Clients {
    pub(super) async fn new(session: Session, speaks: Speaks) -> Clients {
        let reqwest = session.client().expect("a client");
        let made = session.clone();
        let blocking = tokio::task::spawn_blocking(move || made.blocking_client().expect("a client"));
        Clients { session, speaks, reqwest, blocking: Some(blocking.await.expect("a client")) }
    }

    pub(super) async fn ask(&self, client: usize, asked: Asked) -> Answered {
        match client {
            0 => self.by_reqwest(asked).await,
            1 => self.by_blocking_reqwest(asked).await,
            2 => self.by_hyper(asked).await,
            3 => self.by_service(asked).await,
            _ if has_curl() => self.by_curl(asked).await,
            _ => self.by_hyper(asked).await,
        }
    }

    /// The blocking client must end on a thread that may block.
    pub(super) async fn end(mut self) {
        let blocking = self.blocking.take();
        tokio::task::spawn_blocking(move || drop(blocking)).await.expect("the end");
    }

    async fn by_reqwest(&self, asked: Asked) -> Answered {
        let mut request = self.reqwest.request(asked.method(), asked.url(self.speaks));
        for (name, value) in asked.headers() {
            request = request.header(name, value);
        }
        let response = request.body(asked.json.unwrap_or_default()).send().await.expect("an answer");
        read(Response::from(response)).await
    }

    async fn by_blocking_reqwest(&self, asked: Asked) -> Answered {
        let (client, url) = (self.blocking.clone().expect("a client"), asked.url(self.speaks));
        let ask = move || {
            let mut request = client.request(asked.method(), url);
            for (name, value) in asked.headers() {
                request = request.header(name, value);
            }
            let response = request.body(asked.json.unwrap_or_default()).send().expect("an answer");
            let (version, status) = (response.version(), response.status().as_u16());
            let headers = response.headers().clone();
            let body = response.bytes().expect("a body").to_vec();
            let (reason, trailers) = (None, HeaderMap::new());
            Answered { version, status, reason, headers, body, trailers }
        };
        tokio::task::spawn_blocking(ask).await.expect("an answer")
    }

    /// Connects as an unmodified client does. The session intercepts the connection.
    async fn by_hyper(&self, asked: Asked) -> Answered {
        let port = if self.speaks == Speaks::Http1 { 80 } else { 443 };
        let stream = TcpStream::connect((HOST, port)).await.expect("a connection");
        if self.speaks == Speaks::Http1 {
            return self.over(stream, asked).await;
        }
        let mut roots = rustls::RootCertStore::empty();
        let pem = self.session.ca_pem().expect("a root");
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols =
            vec![if self.speaks == Speaks::Https2 { "h2".into() } else { "http/1.1".into() }];
        let name = ServerName::try_from(HOST).expect("a name");
        let stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await;
        self.over(stream.expect("TLS"), asked).await
    }

    async fn over(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        asked: Asked,
    ) -> Answered {
        let is_2 = self.speaks == Speaks::Https2;
        let mut request = Request::builder().method(asked.method());
        request = if is_2 {
            request.uri(asked.url(self.speaks))
        } else {
            request.uri(&asked.path).header("host", HOST)
        };
        for (name, value) in asked.headers() {
            request = request.header(name, value);
        }
        let request =
            request.body(Full::new(Bytes::from(asked.json.unwrap_or_default()))).expect("a request");
        let stream = TokioIo::new(stream);
        if is_2 {
            let (mut sender, connection) =
                http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
            tokio::spawn(connection);
            read(sender.send_request(request).await.expect("an answer")).await
        } else {
            let (mut sender, connection) = http1::handshake(stream).await.expect("HTTP/1.1");
            tokio::spawn(connection);
            read(sender.send_request(request).await.expect("an answer")).await
        }
    }

    async fn by_service(&self, asked: Asked) -> Answered {
        let mut request = Request::builder().method(asked.method()).uri(asked.url(self.speaks));
        for (name, value) in asked.headers() {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(asked.json.unwrap_or_default())).expect("a request");
        let mut service = self.session.service();
        std::future::poll_fn(|cx| Service::<Request<Body>>::poll_ready(&mut service, cx))
            .await
            .expect("ready");
        read(service.call(request).await.expect("an answer")).await
    }

    async fn by_curl(&self, asked: Asked) -> Answered {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("body");
        let mut curl = self.session.command("curl").expect("a command");
        curl.args(["--silent", "--show-error", "--globoff", "--suppress-connect-headers", "--raw"]);
        curl.arg(if self.speaks == Speaks::Https2 { "--http2" } else { "--http1.1" });
        curl.args(["--dump-header", "-", "--output"]).arg(&file);
        for (name, value) in asked.headers() {
            curl.args(["--header", &format!("{name}: {value}")]);
        }
        if let Some(json) = &asked.json {
            curl.args(["--data-binary", json]);
        }
        curl.arg(asked.url(self.speaks)).stdin(Stdio::null());
        let output = tokio::process::Command::from(curl).output().await.expect("curl");
        assert!(output.status.success(), "curl: {}", String::from_utf8_lossy(&output.stderr));
        // `--raw` writes the chunks of HTTP/1.1 with their lengths.
        let body = std::fs::read(&file).unwrap_or_default();
        let mut answered = of_heads(&output.stdout);
        answered.body = match answered.headers.get("transfer-encoding") {
            Some(_) => without_chunks(&body, &mut answered.trailers),
            None => body,
        };
        answered
    }
}

/// Whether curl is installed, with HTTP/2.
pub(super) fn has_curl() -> bool {
    let version = Command::new("curl").arg("--version").output();
    version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("HTTP2"))
}

async fn read<B>(response: Response<B>) -> Answered
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("a body");
    Answered {
        version: head.version,
        status: head.status.as_u16(),
        reason: head.extensions.get::<ReasonPhrase>().map(|reason| reason.as_bytes().to_vec()),
        headers: head.headers,
        trailers: body.trailers().cloned().unwrap_or_default(),
        body: body.to_bytes().to_vec(),
    }
}

/// Reads the head that curl wrote, and the trailers after it.
fn of_heads(text: &[u8]) -> Answered {
    let text: String = text.iter().map(|b| char::from(*b)).collect();
    let (head, after) = text.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.split("\r\n");
    let mut status = lines.next().expect("a status line").splitn(3, ' ');
    let version = match status.next() {
        Some("HTTP/2") => Version::HTTP_2,
        Some("HTTP/1.0") => Version::HTTP_10,
        _ => Version::HTTP_11,
    };
    let code = status.next().and_then(|code| code.parse().ok()).expect("a status");
    let reason = (version != Version::HTTP_2).then(|| status.next().unwrap_or_default().as_bytes().to_vec());
    let field = |line: &str| {
        let (name, value) = line.split_once(':').expect("a header");
        let value: Vec<u8> = value.trim().chars().map(|c| c as u8).collect();
        (name.parse::<HeaderName>().expect("a name"), HeaderValue::from_bytes(&value).expect("a value"))
    };
    let fields = |lines: &mut dyn Iterator<Item = &str>| {
        let mut map = HeaderMap::new();
        for (name, value) in lines.filter(|line| !line.is_empty()).map(field) {
            map.append(name, value);
        }
        map
    };
    let (headers, trailers) = (fields(&mut lines), fields(&mut after.split("\r\n")));
    Answered { version, status: code, reason, headers, body: Vec::new(), trailers }
}

/// Reads a body in chunks (RFC 9112 §7.1), and its trailers.
fn without_chunks(mut rest: &[u8], trailers: &mut HeaderMap) -> Vec<u8> {
    let mut body = Vec::new();
    let line = |rest: &mut &[u8]| -> String {
        let end = rest.windows(2).position(|two| two == b"\r\n").unwrap_or(rest.len());
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        *rest = &rest[(end + 2).min(rest.len())..];
        line
    };
    loop {
        let length = usize::from_str_radix(line(&mut rest).trim(), 16).unwrap_or(0);
        if length == 0 {
            break;
        }
        body.extend_from_slice(&rest[..length]);
        rest = &rest[length + 2..];
    }
    while let Some((name, value)) = line(&mut rest).split_once(": ") {
        trailers.insert(name.parse::<HeaderName>().expect("a name"), value.parse().expect("a value"));
    }
    body
}
