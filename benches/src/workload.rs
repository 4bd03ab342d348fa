//! The workloads. Each is a list of requests, which is the same for every client.

use std::net::SocketAddr;

use reqwest::{Request, Response};

use crate::data;
use crate::server::HOST;
use crate::{Error, Result};

/// Requests of one kind, sent one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// The short name, such as `W1`.
    pub name: &'static str,
    /// The description in the table.
    pub what: &'static str,
    /// The number of exchanges.
    pub exchanges: u32,
    /// The kind of each exchange.
    pub exchange: Exchange,
}

/// One kind of exchange.
#[derive(Clone, Copy, Debug)]
pub enum Exchange {
    /// GET, with a JSON response of at least this many bytes.
    Get(u64),
    /// GET, with a JSON response of at least this many bytes, compressed with gzip.
    GetGzip(u64),
    /// POST with 2 KB of JSON. The URL is always the same, and the JSON is different each time. The response has the
    /// same body as the request.
    Post,
}

/// The workloads, in the order of the table.
pub const ALL: [Workload; 5] = [
    Workload { name: "W1", what: "4 × 9 MB JSON", exchanges: 4, exchange: Exchange::Get(9_000_000) },
    Workload { name: "W2", what: "120 × 15 MB JSON", exchanges: 120, exchange: Exchange::Get(15_000_000) },
    Workload { name: "W3", what: "5,000 POSTs of 2 KB", exchanges: 5_000, exchange: Exchange::Post },
    Workload { name: "W4", what: "1 × 500 MB JSON", exchanges: 1, exchange: Exchange::Get(500_000_000) },
    Workload {
        name: "W5",
        what: "10 × 20 MB gzip JSON",
        exchanges: 10,
        exchange: Exchange::GetGzip(20_000_000),
    },
];

/// The secret of the sessions. It protects nothing, but cassette searches for it in every encoding, as for a real
/// secret.
pub const SECRET: &str = "bench-2f9a77c1d04e4a5b";

impl Workload {
    /// Returns a tenth of the workload. It only shows that everything works.
    #[must_use]
    pub fn quick(self) -> Workload {
        match self.exchange {
            Exchange::Get(bytes) if self.exchanges == 1 => {
                Workload { exchange: Exchange::Get(bytes / 10), ..self }
            }
            _ => Workload { exchanges: self.exchanges.div_ceil(10), ..self },
        }
    }

    /// The size of all request bodies and response bodies together, decoded, in bytes.
    pub fn bytes(self) -> u64 {
        let each = match self.exchange {
            Exchange::Get(bytes) | Exchange::GetGzip(bytes) => bytes,
            Exchange::Post => 4_096,
        };
        each * u64::from(self.exchanges)
    }

    /// Sends all requests to `base`, and reads and discards each response. Returns the number of bytes that it read.
    ///
    /// # Errors
    ///
    /// A request failed, or a response does not have a success status.
    pub async fn run<E: Into<Error>>(
        self,
        base: &str,
        send: impl AsyncFn(Request) -> std::result::Result<Response, E>,
    ) -> Result<u64> {
        let mut bytes = 0;
        for n in 0..self.exchanges {
            let mut response = send(self.request(base, n)?).await.map_err(Into::into)?.error_for_status()?;
            while let Some(chunk) = response.chunk().await? {
                bytes += chunk.len() as u64;
            }
        }
        Ok(bytes)
    }

    fn request(self, base: &str, n: u32) -> Result<Request> {
        let (method, path) = match self.exchange {
            Exchange::Get(bytes) => (http::Method::GET, format!("/plain/{bytes}/{n}")),
            Exchange::GetGzip(bytes) => (http::Method::GET, format!("/gzip/{bytes}/{n}")),
            Exchange::Post => (http::Method::POST, "/search".to_owned()),
        };
        let post = method == http::Method::POST;
        let mut request = Request::new(method, format!("{base}{path}").parse()?);
        let headers = request.headers_mut();
        headers.insert("authorization", format!("Bearer {SECRET}").parse()?);
        if post {
            headers.insert("content-type", http::HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(data::small(n).into());
        }
        Ok(request)
    }
}

/// The server's URL, with its name as the host.
pub fn base(scheme: &str) -> String {
    format!("{scheme}://{HOST}")
}

/// A plain client that resolves the server's name to `address` and trusts `root`.
///
/// # Errors
///
/// `root` is not a certificate.
pub fn client(address: SocketAddr, root: Vec<u8>) -> Result<reqwest::Client> {
    Ok(trusting(root)?.resolve(HOST, address).build()?)
}

/// A plain client that trusts only this root certificate.
///
/// # Errors
///
/// `root` is not a certificate.
pub fn trusting(root: Vec<u8>) -> Result<reqwest::ClientBuilder> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.into())?;
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls))
}
