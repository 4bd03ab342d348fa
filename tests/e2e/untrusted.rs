//! Tests clients that do not trust the session's certificate. The failure lists three suggestions, and these tests try
//! each of them.

use std::sync::Arc;

use cassette::{Mode, Session};

use crate::api::{Api, Speaks, answer};
use crate::project::Project;

/// A client that uses the session's proxy, but trusts only `roots`.
fn client(session: &Session, roots: rustls::RootCertStore) -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let proxy = reqwest::Proxy::all(session.proxy_url().unwrap()).unwrap();
    reqwest::Client::builder().proxy(proxy).tls_backend_preconfigured(tls).build().unwrap()
}

fn strict(session: &Session) -> reqwest::Client {
    client(session, rustls::RootCertStore::empty())
}

fn with_our_authority(session: &Session) -> reqwest::Client {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    let mut roots = rustls::RootCertStore::empty();
    let ca = session.ca_pem().unwrap();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    client(session, roots)
}

fn api() -> Api {
    Api::start(Speaks::Https1, |request| answer(200, &[], request.uri().path().to_owned()))
}

async fn text(client: reqwest::Client, url: &str) -> Result<String, reqwest::Error> {
    client.get(url).send().await?.text().await
}

const REFUSED: &str = "\
error: a client does not trust the session's certificate, so its request could not be sent
";

#[track_caller]
fn check_report(failure: &str) {
    let (_, after) = failure.split_once(REFUSED).unwrap_or_else(|| panic!("{failure}"));
    let facts = [
        "tests/cassettes/weather/berlin.json\n",
        "   = refused: https://api.example.test, for `unknown_ca`\n",
        "    1. a client that trusts the session: session.client(), session.blocking_client()\n",
        "    2. plain HTTP: session.base_url(\"https://api.example.test\")\n",
        "    3. one more authority for its own client: session.ca_pem()\n",
        "\nhelp: then run this test again:\n    ",
    ];
    for fact in facts {
        assert!(after.contains(fact), "no {fact:?} in {failure}");
    }
}

/// The failure lists the suggestions while recording and on replay, and also if the code under test ignores the
/// client's error. At the end the test tries the suggestion `session.client()`.
#[test]
fn the_failure_lists_the_suggestions() {
    let api = api();
    let (config, url) = (api.config(), api.url("/x"));
    let project = Project::new();
    let run = |mode, body: fn(Result<String, reqwest::Error>) -> Result<(), String>| {
        let url = url.clone();
        let result = project
            .builder(mode, config.clone())
            .run_async(async |session: Session| body(text(strict(&session), &url).await));
        result.err().unwrap_or_else(|| panic!("{mode} passed")).to_string()
    };
    let record = run(Mode::Record, |answer| answer.map(drop).map_err(|e| format!("no forecast: {e:?}")));
    assert!(
        record.starts_with("error: the test itself failed\n") && record.contains("no forecast"),
        "{record}"
    );
    check_report(&record);
    assert!(record.contains("\n    CASSETTE_MODE=record cargo test"), "{record}");
    check_report(&run(Mode::Record, |_| Ok(())));
    assert!(!project.path("tests/cassettes/weather/berlin.json").exists());

    let by_session = async |session: Session| text(session.client().unwrap(), &url).await.unwrap();
    assert_eq!(project.record(config.clone(), &by_session), "/x");
    check_report(&run(Mode::Replay, |_| Ok(())));
}

/// The server's certificate comes from a private authority. The failure names the option that trusts it.
#[test]
fn a_server_with_a_private_authority() {
    let api = api();
    let url = api.url("/x");
    let without = cassette::Config::new().resolve("api.example.test", api.address());
    let run = |passes: bool| {
        let session = Project::new().builder(Mode::Record, without.clone());
        session.run_async(async |session: Session| {
            let answer = text(session.client().unwrap(), &url).await;
            assert!(answer.is_err());
            if passes { Ok(()) } else { Err("no forecast") }
        })
    };
    let option = "   = reason: no authority that this machine knows has signed the certificate\n   \
                  = to trust a private authority: .extra_root(std::fs::read(\"ca.pem\")?)\n";
    let failed = run(false).unwrap_err().to_string();
    assert!(
        failed.contains("invalid peer certificate: UnknownIssuer") && failed.contains(option),
        "{failed}"
    );
    // A test may expect the error. The note on the test that passes has the same text.
    assert!(run(true).is_ok());
}

/// A client disconnects during the handshake without a TLS alert. It may have refused the certificate, or its request
/// may have been cancelled. So cassette reports it only if the test fails for another reason.
#[test]
fn a_client_that_disconnects_without_an_alert() {
    use std::io::Read as _;

    let leave = |session: &Session| {
        let name = rustls::pki_types::ServerName::try_from("api.example.test").unwrap();
        let mut tls = rustls::ClientConnection::new(Arc::new(no_tls()), name).unwrap();
        let address = session.proxy_url().unwrap().replace("http://", "");
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        tls.write_tls(&mut stream).unwrap();
        // Waits until the server's part of the handshake, with the certificate, has arrived.
        stream.read_exact(&mut [0]).unwrap();
    };
    let project = Project::new();
    let run = |passes: bool| {
        let session = project.builder(Mode::Record, cassette::Config::new());
        session.run(|session: Session| {
            leave(&session);
            if passes { Ok(()) } else { Err("no forecast") }
        })
    };
    assert!(run(true).is_ok());
    let failure = run(false).unwrap_err().to_string();
    assert!(failure.contains(REFUSED), "{failure}");
    assert!(failure.contains("https://api.example.test, without a reason: the client closed"), "{failure}");
}

/// Tries the suggestions `session.base_url(…)` and `session.ca_pem()`. The test `the_failure_lists_the_suggestions`
/// tries `session.client()`.
#[test]
fn the_suggestions_work() {
    let api = api();
    let url = api.url("/x");
    let (project, seen) = Project::both(api, async |session: Session| {
        let trusting = text(with_our_authority(&session), &url).await.unwrap();
        let base = session.base_url("https://api.example.test").unwrap();
        // The client uses the base URL, not the proxy.
        let plain =
            reqwest::Client::builder().no_proxy().tls_backend_preconfigured(no_tls()).build().unwrap();
        (trusting, text(plain, &format!("{base}/x")).await.unwrap())
    });
    assert_eq!(seen, ("/x".into(), "/x".into()));
    assert_eq!(project.requests(), ["GET https://api.example.test/x"; 2]);
}

fn no_tls() -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}
