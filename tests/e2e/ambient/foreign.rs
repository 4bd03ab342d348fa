//! Tests clients of protocols other than HTTP. No client waits for ever, and the failure names the server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use cassette::{Config, Mode, Session};

use super::{echo, get};
use crate::api::{HOST, Speaks};
use crate::project::Project;

const HEADLINE: &str =
    "error: a connection uses a protocol other than HTTP, which cassette can't record or replay\n";

/// Sends `words` to a server, and returns all bytes that the server sends back.
fn say(to: &str, words: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).expect("a connection");
    stream.write_all(words).expect("said");
    let mut heard = Vec::new();
    // An error is ignored, because cassette may reset the connection.
    let _ = stream.read_to_end(&mut heard);
    heard
}

/// Checks that the test fails in mode `record` and in mode `replay` even if it ignores the error, and that the failure
/// names the server.
#[track_caller]
fn check_report(to: &str, words: &[u8]) {
    let project = recorded();
    for mode in [Mode::Record, Mode::Replay] {
        let failed = project.run(mode, Config::new(), &async |_: Session| say(to, words)).map(drop);
        let text = failed.expect_err("it passed").to_string();
        assert!(text.starts_with(HEADLINE), "{mode}: {text}");
        assert!(
            text.contains(&format!(
                "   = to: {to}; the client sent something other than HTTP: \"{}\"\n",
                words[..words.len().min(16)].escape_ascii()
            )),
            "{mode}: {text}"
        );
        assert!(text.contains(&format!("       Config::pass_through(\"{to}\")\n")), "{mode}: {text}");
        assert!(text.contains("    3. switch interception off with Config::explicit_clients()"), "{text}");
    }
}

#[test]
fn clients_that_speak_first() {
    check_report("cache.example.test:6379", b"*1\r\n$4\r\nPING\r\n");
    // The `SSLRequest` message of PostgreSQL.
    check_report("db.example.test:5432", b"\0\0\0\x08\x04\xd2\x16\x2f");
    check_report("queue.example.test:5672", b"AMQP\0\0\x09\x01");
    check_report("memory.example.test:11211", b"get key\r\n");
    check_report("192.0.2.7:1883", b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0");
}

/// In these protocols the server speaks first, with or without TLS. The test fails even if it ignores the error. The
/// clients run in parallel, because cassette closes each connection only after some seconds.
#[test]
fn clients_that_wait_for_the_server() {
    let project = recorded();
    let body = |passes: bool| {
        async move |session: Session| {
            let plain = std::thread::spawn(|| say("mail.example.test:25", b""));
            let inside = std::thread::spawn(move || greeting(&session));
            let (plain, inside) = (plain.join().unwrap(), inside.join().unwrap());
            assert!(plain.is_empty() && inside.is_empty());
            get(format!("http://{HOST}/")).await;
            if passes { Ok(()) } else { Err("no mail") }
        }
    };
    let run = |passes| project.builder(Mode::Replay, Config::new()).run_async(body(passes));
    let (passed, failed) = std::thread::scope(|scope| {
        let apart = recorded();
        let passes = scope.spawn(move || apart.builder(Mode::Replay, Config::new()).run_async(body(true)));
        let failed = run(false);
        (passes.join().unwrap(), failed)
    });
    let (passed, failed) = (passed.unwrap_err().to_string(), failed.unwrap_err().to_string());
    assert!(passed.starts_with(HEADLINE), "{passed}");
    assert!(failed.starts_with("error: the test itself failed\n") && failed.contains(HEADLINE), "{failed}");
    for (to, text) in ["mail.example.test:25", "mail.example.test:993"]
        .into_iter()
        .flat_map(|to| [(to, &passed), (to, &failed)])
    {
        let line =
            format!("   = to: {to}; the client sent nothing, and waited for the server to speak first\n");
        assert!(text.contains(&line), "{text}");
    }
}

/// A client may open a connection and use it later. So a connection on which nothing was sent does not fail a test, if
/// other connections to its server speak HTTP.
#[test]
fn a_spare_connection() {
    let api = echo(Speaks::Http1);
    let body = async |_: Session| {
        let spare = std::thread::spawn(|| say(&format!("{HOST}:80"), b""));
        get(format!("http://{HOST}/")).await;
        spare.join().unwrap()
    };
    let (_, seen) = Project::both(api, body);
    assert!(seen.is_empty());
}

/// Reads the first bytes that a server sends over TLS, as an IMAP client does.
fn greeting(session: &Session) -> Vec<u8> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(session.ca_pem().unwrap().as_bytes()).unwrap()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "mail.example.test".try_into().unwrap();
    let tls = rustls::ClientConnection::new(std::sync::Arc::new(tls), name).unwrap();
    let tcp = TcpStream::connect("mail.example.test:993").expect("a connection");
    let mut stream = rustls::StreamOwned::new(tls, tcp);
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard);
    assert!(!stream.conn.is_handshaking());
    heard
}

/// A project whose cassette has a recording of `GET http://api.example.test/`.
fn recorded() -> Project {
    let project = Project::new();
    let api = echo(Speaks::Http1);
    let url = api.url("/");
    project.record(api.config(), &async |_: Session| get(url.clone()).await);
    project
}
