//! What is asked for: the jobs that every client does, the same for all.

use std::net::SocketAddr;

use reqwest::{Request, Response};

use crate::data;
use crate::server::HOST;
use crate::{Error, Result};

/// A job of one kind of requests, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Its short name: `W1`.
    pub name: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    /// How many exchanges.
    pub exchanges: u32,
    /// What each is.
    pub exchange: Exchange,
}

/// One kind of exchange.
#[derive(Clone, Copy, Debug)]
pub enum Exchange {
    /// A GET of JSON of at least so many bytes.
    Get(u64),
    /// The same, sent gzipped.
    GetGzip(u64),
    /// A POST of 2 KB of JSON, always another, to one URL; it gets the same back.
    Post,
}

/// The jobs, in the order of the table.
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

/// Not a secret of anything. Searched for in every encoding, as a real one.
pub const SECRET: &str = "bench-2f9a77c1d04e4a5b";

impl Workload {
    /// A tenth of it: to see that everything works.
    #[must_use]
    pub fn quick(self) -> Workload {
        match self.exchange {
            Exchange::Get(bytes) if self.exchanges == 1 => {
                Workload { exchange: Exchange::Get(bytes / 10), ..self }
            }
            _ => Workload { exchanges: self.exchanges.div_ceil(10), ..self },
        }
    }

    /// Bytes that all requests and answers have together, decoded.
    pub fn bytes(self) -> u64 {
        let each = match self.exchange {
            Exchange::Get(bytes) | Exchange::GetGzip(bytes) => bytes,
            Exchange::Post => 4_096,
        };
        each * u64::from(self.exchanges)
    }

    /// Sends everything to `base`, reads every answer to its end and throws it away. Gives the bytes read.
    ///
    /// # Errors
    ///
    /// A request failed, or its status is not a success.
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

/// Where the server is, by its name.
pub fn base(scheme: &str) -> String {
    format!("{scheme}://{HOST}")
}

/// A plain client that finds the server by its name and trusts it.
///
/// # Errors
///
/// `root` is no certificate.
pub fn client(address: SocketAddr, root: Vec<u8>) -> Result<reqwest::Client> {
    Ok(trusting(root)?.resolve(HOST, address).build()?)
}

/// A plain client that trusts this authority, and no other.
///
/// # Errors
///
/// `root` is no certificate.
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
