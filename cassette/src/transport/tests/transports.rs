//! Requests reach the session's port by several transports. The engine gets the same request from each of them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Request, Response};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::Tunnels;
use super::super::{Ca, HttpService, Proxy, trust};
use super::fixture::{Answers, client, proxy, raw, run};
use crate::body::Body;

/// An engine that returns a description of its request.
fn mirror() -> impl HttpService {
    Answers(|request: Request<Body>| async move {
        let mut seen = format!("{} {} {:?}", request.method(), request.uri(), request.version());
        for (name, value) in request.headers() {
            seen += &format!("|{name}: {}", value.to_str().unwrap());
        }
        Ok(Response::new(Body::from(seen)))
    })
}

async fn over_tls(proxy: &Proxy, stream: TcpStream, name: &str, request: &str) -> String {
    let mut config = trust::only(&[Ca::get().der().clone()]).unwrap();
    config.alpn_protocols.clear();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = String::new();
    stream.read_to_string(&mut received).await.unwrap();
    assert_eq!(proxy.addr().ip().to_string(), "127.0.0.1");
    received
}

async fn tunnel(proxy: &Proxy, to: &str) -> TcpStream {
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    stream.write_all(format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n").as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 200"));
    stream
}

#[track_caller]
fn body(response: &str) -> &str {
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{response}");
    body
}

#[test]
fn an_absolute_uri() {
    run(async {
        let proxy = proxy(mirror());
        let answer = raw(
            &proxy,
            "PURGE http://User@API.example.test:80/x?y HTTP/1.1\r\nhost: api.example.test\r\n\
             Proxy-Authorization: Basic eA==\r\nConnection: close, x-hop\r\nX-Hop: 1\r\nX-Kept: 1\r\n\r\n",
        );
        assert_eq!(body(&answer.await), "PURGE http://api.example.test/x?y HTTP/1.1|x-kept: 1");
    });
}

#[test]
fn a_path_and_a_host() {
    run(async {
        let proxy = proxy(mirror());
        let answer =
            raw(&proxy, "GET /x HTTP/1.1\r\nhost: api.example.test:81\r\nconnection: close\r\n\r\n").await;
        assert_eq!(body(&answer), "GET http://api.example.test:81/x HTTP/1.1");
        let answer = raw(&proxy, "GET http://api.example.test/x HTTP/1.0\r\n\r\n").await;
        assert!(answer.ends_with("\r\n\r\nGET http://api.example.test/x HTTP/1.0"), "{answer}");
    });
}

#[test]
fn a_tunnel_to_plain_http() {
    run(async {
        let proxy = proxy(mirror());
        let mut stream = tunnel(&proxy, "api.example.test:80").await;
        stream
            .write_all(b"GET /x HTTP/1.1\r\nhost: api.example.test\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(body(&answer), "GET http://api.example.test/x HTTP/1.1");
    });
}

#[test]
fn a_tunnel_to_tls() {
    run(async {
        let proxy = proxy(mirror());
        for (to, name, seen) in [
            ("api.example.test:443", "api.example.test", "https://api.example.test/x"),
            ("api.example.test:8443", "api.example.test", "https://api.example.test:8443/x"),
            // A client does not send an address as server name in its handshake. So the session takes the host from
            // CONNECT.
            ("192.0.2.1:443", "192.0.2.1", "https://192.0.2.1/x"),
            ("[2001:db8::1]:443", "2001:db8::1", "https://[2001:db8::1]/x"),
        ] {
            let stream = tunnel(&proxy, to).await;
            let request = format!("GET /x HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n\r\n");
            let answer = over_tls(&proxy, stream, name, &request).await;
            assert_eq!(body(&answer), format!("GET {seen} HTTP/1.1"));
        }
    });
}

#[test]
fn tls_straight_away() {
    run(async {
        let proxy = proxy(mirror());
        let stream = TcpStream::connect(proxy.addr()).await.unwrap();
        let request = "GET /x HTTP/1.1\r\nhost: api.example.test\r\nconnection: close\r\n\r\n";
        let answer = over_tls(&proxy, stream, "api.example.test", request).await;
        assert_eq!(body(&answer), "GET https://api.example.test/x HTTP/1.1");
    });
}

#[test]
fn http2_looks_the_same() {
    run(async {
        let proxy = proxy(mirror());
        let answer = client(&proxy).get("https://api.example.test/x").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "GET https://api.example.test/x HTTP/2.0|accept: */*");
    });
}

#[test]
fn loopback_hosts_go_through_the_session_too() {
    run(async {
        let proxy = proxy(mirror());
        for url in ["http://localhost:1/", "http://127.0.0.1:1/", "https://localhost:1/"] {
            let answer = client(&proxy).get(url).send().await.unwrap().text().await.unwrap();
            assert!(answer.starts_with(&format!("GET {url} ")), "{answer}");
        }
    });
}

#[test]
fn what_cannot_be_served_is_refused() {
    run(async {
        let proxy = proxy(mirror());
        let own = format!("GET / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", proxy.addr());
        for (request, status, words) in [
            ("CONNECT a.test HTTP/1.1\r\nconnection: close\r\n\r\n", "400", "a host and a port"),
            ("GET / HTTP/1.1\r\nconnection: close\r\n\r\n", "400", "names no host"),
            (own.as_str(), "400", "use it as a proxy"),
        ] {
            let answer = raw(&proxy, request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(words), "{answer}");
        }
    });
}

/// A client with a frozen clock must find a certificate that is valid at that time, and a process that the session
/// started must find one that is valid now.
#[test]
fn certificates_follow_the_clock_of_the_session_and_the_real_one() {
    run(async {
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let later = SystemTime::now() + Duration::from_secs(900 * 24 * 60 * 60);
        for session in [then, later] {
            let proxy = Proxy::start(mirror(), move || session, |_| None, Tunnels::default()).unwrap();
            // This client uses the real clock.
            client(&proxy).get("https://api.example.test/").send().await.unwrap();
        }
    });
}
