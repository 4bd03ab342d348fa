//! Tests interception with unmodified clients, which the body of the test builds. They send requests to a real server
//! with TLS under an invented name.
#![cfg(all(any(target_os = "linux", target_os = "macos"), target_pointer_width = "64"))]

mod edges;
mod foreign;
mod machine;
mod overlap;
mod processes;
mod shared;
mod statics;

use std::sync::Once;

use cassette::Session;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::api::{Api, HOST, Speaks, answer};
use crate::project::Project;

/// A server that returns the path and the query of each request.
pub(crate) fn echo(speaks: Speaks) -> Api {
    Api::start(speaks, |request| {
        answer(200, &[], request.uri().path_and_query().map_or("", |p| p.as_str()).to_owned())
    })
}

/// Installs a cryptography provider for the process, as an application does, because in this build reqwest has no
/// default provider.
pub(crate) fn cryptography() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

pub(crate) async fn get(url: String) -> String {
    cryptography();
    let response = reqwest::get(url).await.expect("an answer");
    format!("{} {:?}", response.status().as_u16(), response.text().await.expect("a text"))
}

fn blocking(url: String) -> String {
    cryptography();
    let response = reqwest::blocking::get(url).expect("an answer");
    format!("{} {:?}", response.status().as_u16(), response.text().expect("a text"))
}

#[test]
fn a_client_made_in_the_body_is_recorded_and_replayed() {
    for speaks in [Speaks::Http1, Speaks::Https1, Speaks::Https2] {
        let api = echo(speaks);
        let url = api.url("/v1/berlin?units=metric");
        let (project, seen) = Project::both(api, async |_: Session| get(url.clone()).await);
        assert_eq!(seen, "200 \"/v1/berlin?units=metric\"", "{speaks:?}");
        assert_eq!(project.requests(), [format!("GET {url}")], "{speaks:?}");
    }
}

#[test]
fn threads_and_runtimes_of_the_body_belong_to_the_session() {
    let api = echo(Speaks::Https2);
    let url = api.url("/");
    let at = |path: &str| format!("{url}{path}");
    let (project, seen) = Project::both(api, async |_: Session| {
        let mut seen = Vec::new();
        let url = at("thread");
        seen.push(std::thread::spawn(move || blocking(url)).join().unwrap());
        let url = at("spawn_blocking");
        seen.push(tokio::task::spawn_blocking(move || blocking(url)).await.unwrap());
        seen.push(tokio::spawn(get(at("task"))).await.unwrap());
        let url = at("worker");
        let nested = move || {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
            let seen = runtime.block_on(async { tokio::spawn(get(url)).await.unwrap() });
            runtime.shutdown_background();
            seen
        };
        seen.push(std::thread::spawn(nested).join().unwrap());
        let url = at("inner");
        let inner = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(get(url))
        };
        seen.push(tokio::task::spawn_blocking(inner).await.unwrap());
        seen
    });
    let paths = ["thread", "spawn_blocking", "task", "worker", "inner"];
    assert_eq!(seen, paths.map(|p| format!("200 \"/{p}\"")));
    assert_eq!(project.requests(), paths.map(|p| format!("GET https://{HOST}/{p}")));
}

#[test]
fn hypers_client_is_recorded_over_http_2() {
    let api = echo(Speaks::Https2);
    let url = api.url("/h2");
    let (project, seen) = Project::both(api, async |_: Session| {
        // hyper-rustls reads the root certificates from the file that this variable names. The test does the same.
        let mut roots = rustls::RootCertStore::empty();
        use rustls::pki_types::pem::PemObject as _;
        let file = std::env::var_os("SSL_CERT_FILE").expect("a file of certificates");
        for root in rustls::pki_types::CertificateDer::pem_file_iter(file).unwrap() {
            roots.add(root.unwrap()).unwrap();
        }
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let tcp = tokio::net::TcpStream::connect((HOST, 443)).await.expect("a connection");
        let name = HOST.try_into().unwrap();
        let stream =
            tokio_rustls::TlsConnector::from(std::sync::Arc::new(tls)).connect(name, tcp).await.unwrap();
        let (mut client, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get(url.as_str()).body(Empty::<bytes::Bytes>::new()).unwrap();
        let response = client.send_request(request).await.unwrap();
        let version = response.version();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (version, String::from_utf8(body.to_vec()).unwrap())
    });
    assert_eq!(seen, (http::Version::HTTP_2, "/h2".to_owned()));
    assert_eq!(project.requests(), [format!("GET {url}")]);
}

#[test]
fn hyper_utils_client_is_recorded() {
    let api = echo(Speaks::Http1);
    let url = api.url("/legacy");
    let (project, seen) = Project::both(api, async |_: Session| {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
        let body = client.get(url.parse().unwrap()).await.unwrap().into_body();
        body.collect().await.unwrap().to_bytes()
    });
    assert_eq!(seen, "/legacy");
    assert_eq!(project.requests(), [format!("GET {url}")]);
}
