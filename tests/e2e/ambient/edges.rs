//! Tests edge cases of interception: which connections cassette intercepts, which it leaves unchanged, and which it
//! refuses.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::sync::mpsc::channel;

use cassette::{Config, Mode, Session};

use super::{cryptography, echo, get};
use crate::alone::has_own_process;
use crate::api::{HOST, Speaks};
use crate::project::Project;

/// Sends a request of HTTP/1.1 over a plain socket, and returns the text of the response.
fn by_hand(to: impl std::net::ToSocketAddrs, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(to).expect("a connection");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.rsplit("\r\n\r\n").next().unwrap_or_default().to_owned()
}

#[test]
fn the_recorded_uri_has_the_requested_port_and_address() {
    let api = echo(Speaks::Http1);
    let at = api.address();
    let config = ["api.example.test:8080", "192.0.2.7", "[2001:db8::7]:81"]
        .iter()
        .fold(Config::new(), |config, host| config.resolve(host, at));
    let project = Project::new();
    let body = async |_: Session| {
        [
            by_hand("api.example.test:8080", "api.example.test:8080", "/port"),
            by_hand("192.0.2.7:80", "192.0.2.7", "/v4"),
            by_hand("[2001:db8::7]:81", "[2001:db8::7]:81", "/v6"),
        ]
    };
    let recorded = project.record(config.clone(), &body);
    drop(api);
    assert_eq!(recorded, ["/port", "/v4", "/v6"]);
    assert_eq!(project.replay(config, &body), recorded);
    assert_eq!(
        project.requests(),
        [
            "GET http://api.example.test:8080/port",
            "GET http://192.0.2.7/v4",
            "GET http://[2001:db8::7]:81/v6"
        ]
    );
}

/// If the TLS handshake contains no server name, cassette uses the name to which the client connected.
#[test]
fn https_without_a_name_in_the_handshake() {
    let api = echo(Speaks::Https2);
    let url = api.url("/nameless");
    let (project, seen) = Project::both(api, async |_: Session| {
        cryptography();
        let client = reqwest::Client::builder().tls_sni(false).build().unwrap();
        client.get(&url).send().await.unwrap().text().await.unwrap()
    });
    assert_eq!(seen, "/nameless");
    assert_eq!(project.requests(), [format!("GET {url}")]);
}

#[test]
fn names_are_not_looked_up_and_local_ones_are_left_alone() {
    let project = recorded();
    project.replay(Config::new(), &async |_: Session| {
        let ask = |host: &str| (host, 443).to_socket_addrs().map(|a| a.map(|a| a.ip()).collect::<Vec<_>>());
        let first = ask("one.example.test").unwrap();
        assert_eq!(first, ask("ONE.example.test.").unwrap());
        assert_ne!(first, ask("two.example.test").unwrap());
        assert!(first.iter().all(|ip| ip.is_loopback()), "{first:?}");
        assert!(ask("localhost").unwrap().iter().all(|ip| ip.is_loopback()));
        assert_eq!(ask("192.0.2.1").unwrap(), ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()]);
        assert!(ask("not a name").is_err());
        get(format!("http://{HOST}/")).await;
    });
}

#[test]
fn this_machines_servers_udp_and_unix_sockets_are_left_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"not http").unwrap();
        }
    });
    let project = recorded();
    project.replay(Config::new(), &async |_: Session| {
        let mut text = String::new();
        TcpStream::connect(at).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "not http");
        let mut text = String::new();
        TcpStream::connect(("localhost", at.port())).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "not http");

        let (a, b) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        a.connect(b.local_addr().unwrap()).unwrap();
        assert_eq!(a.peer_addr().unwrap(), b.local_addr().unwrap());
        a.send(b"datagram").unwrap();
        let mut datagram = [0; 8];
        b.recv(&mut datagram).unwrap();
        assert_eq!(&datagram, b"datagram");

        let (mut a, mut b) = std::os::unix::net::UnixStream::pair().unwrap();
        a.write_all(b"x").unwrap();
        b.read_exact(&mut [0]).unwrap();
        get(format!("http://{HOST}/")).await;
    });
    server.join().unwrap();
}

#[test]
fn local_servers_are_recorded_where_the_config_says_so() {
    let api = echo(Speaks::Http1);
    let at = api.address();
    let config = Config::new().intercept_loopback();
    let project = Project::new();
    let body = async |_: Session| by_hand(at, &at.to_string(), "/local");
    assert_eq!(project.record(config.clone(), &body), "/local");
    drop(api);
    assert_eq!(project.replay(config, &body), "/local");
    assert_eq!(project.requests(), [format!("GET http://{at}/local")]);
}

#[test]
fn the_proxy_of_the_environment_is_not_used_and_the_certificates_are_shown() {
    let project = recorded();
    project.replay(Config::new(), &async |session: Session| {
        let file = std::env::var("SSL_CERT_FILE").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), session.ca_pem().unwrap());
        assert_eq!(std::env::var("CURL_CA_BUNDLE").as_ref(), Ok(&file));
        assert!(["HTTPS_PROXY", "no_proxy", "SSL_CERT_DIR"].iter().all(|v| std::env::var_os(v).is_none()));
        get(format!("http://{HOST}/")).await;
    });
}

#[test]
fn a_request_that_is_not_recorded_does_not_leave() {
    let project = recorded();
    let failed = project.run(Mode::Replay, Config::new(), &async |_: Session| {
        // An address in TEST-NET-1 (RFC 5737), where no server can be.
        by_hand("192.0.2.1:80", "192.0.2.1", "/live")
    });
    let text = failed.map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("no recording answers this request"), "{text}");
    assert!(text.contains("GET http://192.0.2.1/live"), "{text}");
}

/// A thread sends a request after its session has ended, and cassette refuses the connection. This test runs in a
/// separate process, because the reports of parallel tests would have a note about the refused connection.
#[test]
fn a_thread_that_outlives_its_session_reaches_nothing() {
    if !has_own_process("ambient::edges::a_thread_that_outlives_its_session_reaches_nothing") {
        return;
    }
    let project = recorded();
    let (go, gone) = channel::<()>();
    let left = project.replay(Config::new(), &{
        let gone = std::sync::Mutex::new(Some(gone));
        async move |_: Session| {
            get(format!("http://{HOST}/")).await;
            let gone = gone.lock().unwrap().take().unwrap();
            std::thread::spawn(move || {
                gone.recv().unwrap();
                let failed =
                    ["192.0.2.1:80", "late.example.test:443"].map(|to| TcpStream::connect(to).unwrap_err());
                (failed.map(|e| e.kind()), std::env::var_os("SSL_CERT_FILE"))
            })
        }
    });
    go.send(()).unwrap();
    let (failed, variable) = left.join().unwrap();
    assert_eq!(failed, [std::io::ErrorKind::ConnectionRefused; 2]);
    assert_eq!(variable, std::env::var_os("SSL_CERT_FILE"));
}

#[test]
fn sessions_can_leave_connections_alone() {
    let project = recorded();
    let outside = std::env::var_os("SSL_CERT_FILE");
    project.replay(Config::new().explicit_clients(), &async |session: Session| {
        assert_eq!(std::env::var_os("SSL_CERT_FILE"), outside);
        let client = session.client().unwrap();
        client.get(format!("http://{HOST}/")).send().await.unwrap();
    });
}

/// A project whose cassette has a recording of `GET http://api.example.test/`.
fn recorded() -> Project {
    let project = Project::new();
    let api = echo(Speaks::Http1);
    let url = api.url("/");
    project.record(api.config(), &async |_: Session| get(url.clone()).await);
    project
}
