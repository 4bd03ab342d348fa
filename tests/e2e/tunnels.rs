//! Tests connections that no cassette can hold: with a pass-through host the client talks to the real server, otherwise
//! the test fails and says which connection it was.
#![cfg(all(any(target_os = "linux", target_os = "macos"), target_pointer_width = "64"))]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use cassette::{Body, Config, Mode, Session};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tower_layer::Layer as _;
use tower_service::Service as _;

use crate::ambient::{echo, get};
use crate::api::{Api, HOST, Speaks, tls};
use crate::project::Project;

/// A server on loopback that runs `serve` for each connection.
fn serve<T>(serve: impl Fn(TcpStream) -> T + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            std::thread::spawn(move || drop(serve(stream)));
        }
    });
    address
}

/// A server that answers each line with the same line in upper case, after `greeting`.
fn shouting(greeting: &'static str) -> SocketAddr {
    serve(move |mut stream| {
        stream.write_all(greeting.as_bytes()).expect("said");
        shout(stream)
    })
}

fn shout(mut stream: impl Read + Write) {
    loop {
        let line = read_to(&mut stream, b"\n");
        if line.is_empty() {
            return;
        }
        stream.write_all(&line.to_ascii_uppercase()).expect("said");
    }
}

/// Reads up to `end`, or to the end of the stream.
fn read_to(stream: &mut impl Read, end: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    while !heard.ends_with(end) {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => heard.push(byte[0]),
            _ => break,
        }
    }
    heard
}

/// Settings that pass the connections to `server` through to `address`, and record those to `api`.
fn passing(api: &Api, server: &str, address: SocketAddr) -> Config {
    api.config().pass_through(server).resolve(server, address)
}

/// Records and replays `body`, and a request to [`HOST`]. The server of the request runs while recording only. Checks
/// that the cassette has this request and nothing else.
#[track_caller]
fn check(server: &str, address: SocketAddr, body: impl Fn(&Session) -> String + Sync) -> String {
    let api = echo(Speaks::Http1);
    let url = api.url("/recorded");
    let config = passing(&api, server, address);
    let (project, seen) =
        Project::both_with(config, api, async |session: Session| (body(&session), get(url.clone()).await));
    assert_eq!(project.requests(), [format!("GET {url}")]);
    assert_eq!(seen.1, "200 \"/recorded\"");
    seen.0
}

fn connect(to: &str) -> TcpStream {
    TcpStream::connect(to).expect("a connection")
}

#[test]
fn the_client_speaks_first() {
    let seen = check("db.example.test:5432", shouting(""), |_| {
        let mut stream = connect("db.example.test:5432");
        stream.write_all(b"\0\0\0\x08\x04\xd2\x16/select\n").unwrap();
        let first = read_to(&mut stream, b"\n");
        stream.write_all(b"again\n").unwrap();
        // The server reads the end of the client's half, and then closes its own.
        stream.shutdown(Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        [first, rest].concat().escape_ascii().to_string()
    });
    assert_eq!(seen, r"\x00\x00\x00\x08\x04\xd2\x16/SELECT\nAGAIN\n");
}

#[test]
fn the_server_speaks_first() {
    let seen = check("mail.example.test:25", shouting("220 ready\n"), |_| {
        let mut stream = connect("mail.example.test:25");
        let greeting = read_to(&mut stream, b"\n");
        stream.write_all(b"ehlo\n").unwrap();
        String::from_utf8([greeting, read_to(&mut stream, b"\n")].concat()).unwrap()
    });
    assert_eq!(seen, "220 ready\nEHLO\n");
}

#[test]
fn through_the_proxy() {
    let seen = check("db.example.test:5432", shouting("hello\n"), |session| {
        let mut stream = connect(&session.proxy_url().unwrap().replace("http://", ""));
        stream.write_all(b"CONNECT db.example.test:5432 HTTP/1.1\r\n\r\n").unwrap();
        let head = read_to(&mut stream, b"\r\n\r\n");
        assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", head.escape_ascii());
        let greeting = read_to(&mut stream, b"\n");
        stream.write_all(b"query\n").unwrap();
        String::from_utf8([greeting, read_to(&mut stream, b"\n")].concat()).unwrap()
    });
    assert_eq!(seen, "hello\nQUERY\n");
}

/// A client with TLS that trusts only this certificate, and sends the name [`HOST`].
fn secure(to: &str, root: &str) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = rustls::ClientConnection::new(Arc::new(tls), HOST.try_into().unwrap()).unwrap();
    rustls::StreamOwned::new(tls, connect(to))
}

/// A server with TLS: its address and its certificate.
fn secure_server(
    words: impl Fn(rustls::StreamOwned<rustls::ServerConnection, TcpStream>) + Clone + Send + 'static,
) -> (SocketAddr, String) {
    let (acceptor, root) = tls(Speaks::Https1);
    let address = serve(move |stream| {
        let connection = rustls::ServerConnection::new(acceptor.config().clone()).unwrap();
        words(rustls::StreamOwned::new(connection, stream));
    });
    (address, root)
}

/// The client trusts the real server's certificate and no other, so its TLS reaches the server untouched.
#[test]
fn tls_passes_untouched() {
    let (address, root) = secure_server(shout);
    // The last client has its own resolver: only its handshake has the name.
    for to in ["api.example.test:6380", "192.0.2.77:6380"] {
        let project = Project::new();
        let config = Config::new().pass_through(HOST).resolve(HOST, address);
        let body = async |_: Session| {
            let mut stream = secure(to, &root);
            stream.write_all(b"ping\n").unwrap();
            read_to(&mut stream, b"\n")
        };
        assert_eq!(project.record(config.clone(), &body), b"PING\n", "{to}");
        assert_eq!(project.replay(config, &body), b"PING\n", "{to}");
    }
}

/// Clients that trust what the session gives them trust a pass-through host with a private authority, too.
#[test]
fn clients_trust_a_pass_through_host() {
    let api = echo(Speaks::Https2);
    let (url, config) = (api.url("/x"), api.config().pass_through(HOST));
    let body = async |session: Session| {
        let by_session = session.client().unwrap().get(&url).send().await.unwrap().text().await.unwrap();
        (by_session, get(url.clone()).await)
    };
    let project = Project::new();
    let expected = ("/x".to_owned(), "200 \"/x\"".to_owned());
    assert_eq!(project.record(config.clone(), &body), expected);
    assert_eq!(project.replay(config, &body), expected);
    assert!(project.requests().is_empty());
}

/// The handshake of a WebSocket server, which then answers each line.
fn chat(mut stream: impl Read + Write) {
    let head = read_to(&mut stream, b"\r\n\r\n");
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    if head.starts_with("options * http/1.1\r\n") {
        return stream.write_all(b"HTTP/1.1 204 No Content\r\nallow: GET\r\n\r\n").unwrap();
    }
    assert!(head.starts_with("get /chat http/1.1\r\n"), "{head}");
    for line in ["connection: upgrade\r\n", "upgrade: websocket\r\n", "sec-websocket-key: abc\r\n"] {
        assert!(head.contains(line), "{head}");
    }
    stream
        .write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello\n",
        )
        .unwrap();
    shout(stream);
}

/// Begins a WebSocket connection and speaks over it, as far as the server lets it.
fn join_chat(mut stream: TcpStream, target: &str, host: &str) -> String {
    let head = format!(
        "GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-key: abc\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let head = String::from_utf8(read_to(&mut stream, b"\r\n\r\n")).unwrap();
    let status = head.lines().next().unwrap_or_default().to_owned();
    if !status.contains("101") {
        return status;
    }
    let head = head.to_ascii_lowercase();
    assert!(head.contains("upgrade: websocket\r\n") && head.contains("connection: upgrade\r\n"), "{head}");
    let greeting = read_to(&mut stream, b"\n");
    stream.write_all(b"bye\n").unwrap();
    format!("{status} {}", [greeting, read_to(&mut stream, b"\n")].concat().escape_ascii())
}

fn proxy(session: &Session) -> TcpStream {
    connect(&session.proxy_url().unwrap().replace("http://", ""))
}

#[test]
fn websockets_of_a_pass_through_host() {
    const CHAT: &str = "chat.example.test";
    let joined = "HTTP/1.1 101 Switching Protocols hello\\nBYE\\n";
    let seen = check(CHAT, serve(chat), |_| join_chat(connect("chat.example.test:80"), "/chat", CHAT));
    assert_eq!(seen, joined, "intercepted");
    let seen =
        check(CHAT, serve(chat), |session| join_chat(proxy(session), "http://chat.example.test/chat", CHAT));
    assert_eq!(seen, joined, "by the proxy");
    // The session has TLS with the server, and none with the client.
    let (address, root) = secure_server(chat);
    let config = Config::new().extra_root(root).pass_through(HOST).resolve(HOST, address);
    let project = Project::new();
    let body = async |session: Session| {
        let base = session.base_url(&format!("https://{HOST}")).unwrap().replace("http://", "");
        join_chat(connect(&base), "/chat", &base)
    };
    assert_eq!(project.record(config.clone(), &body), joined, "by a base URL");
    assert_eq!(project.replay(config, &body), joined, "by a base URL");
}

/// Sends `OPTIONS *`, and returns the first line of the answer.
fn options(mut stream: TcpStream, host: &str) -> String {
    write!(stream, "OPTIONS * HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    String::from_utf8_lossy(&read_to(&mut stream, b"\r\n")).trim_end().to_owned()
}

#[test]
fn a_request_for_the_whole_server_of_a_pass_through_host() {
    let seen = check("chat.example.test", serve(chat), |session| {
        let base = session.base_url("http://chat.example.test").unwrap().replace("http://", "");
        let intercepted = options(connect("chat.example.test:80"), "chat.example.test");
        format!("{intercepted}, {}", options(connect(&base), &base))
    });
    assert_eq!(seen, "HTTP/1.1 204 No Content, HTTP/1.1 204 No Content");
}

/// Without a pass-through host, the test fails in both modes even if it ignores the answer, and nothing is installed.
#[test]
fn what_no_cassette_can_hold_fails_by_name() {
    const WEBSOCKET: &str = "the client asked to change the protocol to `websocket`";
    const NOT_HTTP: &str = "error: a connection uses a protocol other than HTTP, which cassette can't";
    let api = echo(Speaks::Http1);
    let (url, config) = (api.url("/recorded"), api.config());
    let fails = |body: &(dyn Fn(&Session) -> String + Sync), headline: &str, to: &str| {
        let project = Project::new();
        let recorded = async |_: Session| get(url.clone()).await;
        for mode in [Mode::Record, Mode::Replay] {
            let asks = async |session: Session| (body(&session), get(url.clone()).await).0;
            let failed = project.run(mode, config.clone(), &asks).map(|(seen, _)| seen);
            let text = failed.expect_err("it passed").to_string();
            assert!(text.starts_with(headline), "{mode}: {text}");
            assert!(text.contains(&format!("   = to: {to}\n")), "{mode}: {text}");
            let (server, _) = to.split_once(';').unwrap();
            assert!(text.contains(&format!("       Config::pass_through(\"{server}\")\n")), "{mode}: {text}");
            if mode == Mode::Record {
                assert!(!project.path("tests/cassettes/weather/berlin.json").exists());
                project.record(config.clone(), &recorded);
            }
        }
    };
    let refused = |answer: String| {
        assert!(answer.starts_with("HTTP/1.1 470 "), "{answer}");
        answer
    };
    let chat = format!("chat.example.test:80; {WEBSOCKET}");
    let intercepted =
        |_: &Session| refused(join_chat(connect("chat.example.test:80"), "/chat", "chat.example.test"));
    fails(&intercepted, NOT_HTTP, &chat);
    let by_proxy =
        |session: &Session| refused(join_chat(proxy(session), "http://chat.example.test/chat", "x"));
    fails(&by_proxy, NOT_HTTP, &chat);
    let by_layer = |session: &Session| {
        let inner =
            |_: http::Request<Body>| async { Ok::<_, std::io::Error>(http::Response::new(Body::empty())) };
        let mut service = session.layer().layer(Inner(inner));
        let request = http::Request::get("https://chat.example.test/chat").header("upgrade", "websocket");
        let request = request.body(Body::empty()).unwrap();
        let answer = std::thread::scope(|scope| {
            let ask = move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(service.call(request)).unwrap().status()
            };
            scope.spawn(ask).join().unwrap()
        });
        refused(format!("HTTP/1.1 {} ", answer.as_u16()))
    };
    fails(&by_layer, NOT_HTTP, &format!("chat.example.test:443; {WEBSOCKET}"));
    let whole = |_: &Session| refused(options(connect("chat.example.test:80"), "chat.example.test"));
    fails(
        &whole,
        "error: a request is for the whole server (`*`), which cassette can't record or replay",
        "chat.example.test:80; the client sent `OPTIONS *`",
    );
}

/// A service made of a function.
#[derive(Clone)]
struct Inner<F>(F);

impl<F, A, B, E> tower_service::Service<http::Request<Body>> for Inner<F>
where
    F: Fn(http::Request<Body>) -> A,
    A: Future<Output = Result<http::Response<B>, E>>,
{
    type Response = http::Response<B>;
    type Error = E;
    type Future = A;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), E>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> A {
        (self.0)(request)
    }
}

/// A replay opens no tunnel to another machine, and says how to give the host an address on this machine.
#[test]
fn a_replay_opens_no_tunnel_to_another_machine() {
    let api = echo(Speaks::Http1);
    let url = api.url("/recorded");
    let project = Project::new();
    project.record(api.config(), &async |_: Session| get(url.clone()).await);
    let far = api
        .config()
        .pass_through("db.example.test")
        .resolve("db.example.test", "192.0.2.9:0".parse().unwrap());
    let asks = async |_: Session| {
        let mut stream = connect("db.example.test:5432");
        stream.write_all(b"\0\0\0\x08").unwrap();
        let heard = read_to(&mut stream, b"\n");
        get(url.clone()).await;
        heard
    };
    let text = project.run(Mode::Replay, far, &asks).map(drop).unwrap_err().to_string();
    assert!(
        text.contains("\n  a replay does not leave the machine, not even for a pass-through host"),
        "{text}"
    );
    let hint = "       Config::resolve(\"db.example.test:5432\", \"127.0.0.1:5432\".parse().unwrap())\n";
    assert!(text.contains(hint), "{text}");
}

/// If nobody listens, the client sees the end of its connection, in both modes.
#[test]
fn a_tunnel_to_nobody() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let seen = check("db.example.test:5432", nobody, |_| {
        let mut stream = connect("db.example.test:5432");
        format!("{:?}", stream.read(&mut [0]).map_err(|e| e.kind()))
    });
    assert_eq!(seen, "Err(ConnectionReset)");
}
