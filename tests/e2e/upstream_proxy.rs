//! Tests recordings through an HTTP proxy: a real one on loopback, which knows the names of the servers, counts its
//! connections, and wants a password.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use cassette::{Config, Mode, Session};

use crate::api::{Api, HOST, Speaks, answer, get};
use crate::project::Project;

const PASSWORD: &str = "hunter2-c0rrect-horse";

/// A proxy for one server, whatever name a client asks for.
struct UpstreamProxy {
    address: SocketAddr,
    /// The targets of the requests that it accepted: `CONNECT api.example.test:443`.
    accepted: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl UpstreamProxy {
    fn start(server: SocketAddr) -> UpstreamProxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (accepted, connections) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicUsize>::default());
        let (log, count) = (accepted.clone(), connections.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let log = log.clone();
                std::thread::spawn(move || pass(stream, server, &log));
            }
        });
        UpstreamProxy { address, accepted, connections }
    }

    /// The URL with a user and this password.
    fn url(&self, password: &str) -> String {
        format!("http://me:{password}@{}", self.address)
    }

    fn accepted(&self) -> Vec<String> {
        self.accepted.lock().unwrap().clone()
    }
}

/// Serves one connection to the proxy. A connection with absolute targets carries one request.
fn pass(mut client: TcpStream, server: SocketAddr, log: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if client.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("ASCII");
    let credentials = base64::engine::general_purpose::STANDARD.encode(format!("me:{PASSWORD}"));
    if !head.contains(&format!("proxy-authorization: Basic {credentials}\r\n")) {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\
                       content-length: 0\r\nconnection: close\r\n\r\n";
        return client.write_all(refusal.as_bytes()).unwrap_or_default();
    }
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    log.lock().unwrap().push(format!("{method} {target}"));
    let mut server = TcpStream::connect(server).expect("the server");
    if method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
    } else {
        let path =
            target.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap();
        let head =
            head.replacen(target, path, 1).replace("proxy-authorization: ", "connection: close\r\nx-was: ");
        server.write_all(head.as_bytes()).unwrap();
    }
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let back = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut client, &mut server);
    let _ = server.shutdown(std::net::Shutdown::Write);
    let _ = back.join();
}

/// A server that tells the secret of the proxy, as a careless one does.
fn careless(speaks: Speaks) -> Api {
    Api::start(speaks, |request| answer(200, &[], format!("{} {PASSWORD}", request.uri().path())))
}

/// The settings of a server, without its address: only the proxy knows that.
fn config(api: &Api, root: bool) -> Config {
    let config = Config::new();
    if root { config.extra_root(api.root()) } else { config }
}

#[test]
fn http_and_https_go_through_the_configured_proxy() {
    for speaks in [Speaks::Http1, Speaks::Https1, Speaks::Https2] {
        let api = careless(speaks);
        let proxy = UpstreamProxy::start(api.address());
        let config = config(&api, speaks != Speaks::Http1).upstream_proxy(&proxy.url(PASSWORD));
        let url = api.url("/x");
        let body = async |session: Session| {
            let seen = get(&session.client().unwrap(), &url).await;
            (seen.status, seen.body.starts_with(b"/x "))
        };
        let project = Project::new();
        assert_eq!(project.record(config.clone(), &body), (200, true), "{speaks:?}");
        let asked =
            if speaks == Speaks::Http1 { format!("GET {url}") } else { format!("CONNECT {HOST}:443") };
        assert_eq!(proxy.accepted(), [asked], "{speaks:?}");
        assert_eq!(api.connections(), 1, "{speaks:?}");
        drop(api);
        let before = proxy.connections.load(Ordering::SeqCst);
        assert_eq!(project.replay(config, &body), (200, true), "{speaks:?}");
        assert_eq!(proxy.connections.load(Ordering::SeqCst), before, "a replay uses no proxy");
        project.assert_never(PASSWORD);
        assert!(project.text().contains("{{secret.UPSTREAM_PROXY_PASSWORD_1}}"), "{}", project.text());
    }
}

/// The recording fails even if the code under test ignores the error, and the failure does not show the password.
#[test]
fn a_proxy_that_refuses_is_no_answer_of_the_server() {
    for speaks in [Speaks::Http1, Speaks::Https1] {
        let api = careless(speaks);
        let proxy = UpstreamProxy::start(api.address());
        let (url, project) = (api.url("/x"), Project::new());
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for (named, why) in [
            (proxy.url("wr0ng-passw0rd-9"), "it does not accept the user name and the password"),
            (format!("http://{}", proxy.address), "it demands a user name and a password"),
            (format!("http://{nobody}"), "Connection refused"),
        ] {
            let config = config(&api, speaks != Speaks::Http1).upstream_proxy(&named);
            let ignores = async |session: Session| {
                assert!(session.client().unwrap().get(&url).send().await.is_err());
            };
            let text = project.run(Mode::Record, config, &ignores).map(drop).unwrap_err().to_string();
            let headline =
                format!("error: GET {url} did not reach its server, so nothing is recorded: upstream proxy ");
            assert!(text.starts_with(&headline), "{text}");
            assert!(text.contains("(`Config::upstream_proxy`): ") && text.contains(why), "{text}");
            assert!(text.contains("Config::upstream_no_proxy(\"*\")"), "{text}");
            assert!(!text.contains("wr0ng"), "{text}");
            assert!(!project.path("tests/cassettes/weather/berlin.json").exists());
        }
        assert!(proxy.accepted().is_empty());
    }
}

#[test]
fn hosts_that_are_reached_directly() {
    let api = Api::start(Speaks::Http1, |request| answer(200, &[], request.uri().path().to_owned()));
    let proxy = UpstreamProxy::start(api.address());
    let url = format!("http://{}/x", api.address());
    let config = Config::new().upstream_proxy(&proxy.url(PASSWORD));
    for (config, url, through) in [
        (config.clone(), &url, 1),
        (config.clone().upstream_no_proxy("127.0.0.0/8"), &url, 0),
        (config.clone().resolve(HOST, api.address()), &format!("http://{HOST}/x"), 0),
    ] {
        let before = proxy.accepted().len();
        let body = async |session: Session| get(&session.client().unwrap(), url).await.body;
        assert_eq!(Project::new().record(config, &body), "/x");
        assert_eq!(proxy.accepted().len() - before, through, "{url}");
    }
}

#[test]
fn a_proxy_that_is_not_supported() {
    let config = Config::new().upstream_proxy("socks5://me:hunter22secret@proxy.example.test:1080");
    let failed = Project::new().run(Mode::Record, config, &async |_: Session| ()).map(drop);
    let text = failed.unwrap_err().to_string();
    let expected = "error: the proxy that `Config::upstream_proxy` names cannot be used: SOCKS proxies are not supported\n   \
                    = hint: write `http://proxy.example.com:3128`; to record without it: `Config::upstream_no_proxy(\"*\")`\n";
    assert!(text.starts_with(expected) && !text.contains("hunter22"), "{text}");
}

/// The variable that makes [`the_proxies_of_the_environment`] do the work of its child process.
const CHILD: &str = "CHILD_OF_UPSTREAM_PROXY";

/// The threads of a session do not see the variables, but the recording uses them. The environment belongs to the whole
/// process, so a process of its own records.
#[test]
fn the_proxies_of_the_environment() {
    if std::env::var_os(CHILD).is_some() {
        return record_by_the_environment();
    }
    let api = careless(Speaks::Http1);
    let proxy = UpstreamProxy::start(api.address());
    for (name, exempt) in [("HTTP_PROXY", ""), ("http_proxy", "other.test"), ("ALL_PROXY", "")] {
        let before = proxy.accepted().len();
        let mut child = Command::new(std::env::current_exe().unwrap());
        for inherited in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "no_proxy"] {
            child.env_remove(inherited);
        }
        let output = child
            .args(["--exact", "upstream_proxy::the_proxies_of_the_environment", "--nocapture"])
            .env(CHILD, "")
            .env(name, proxy.url(PASSWORD))
            .env("NO_PROXY", exempt)
            .env("CI", "")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {text}");
        assert_eq!(proxy.accepted().len() - before, 1, "{name}");
    }
}

fn record_by_the_environment() {
    let project = Project::new();
    let url = format!("http://{HOST}/x");
    let body = async |session: Session| get(&session.client().unwrap(), &url).await.status;
    assert_eq!(project.record(Config::new(), &body), 200);
    assert_eq!(project.requests(), [format!("GET {url}")]);
    project.assert_never(PASSWORD);
}
