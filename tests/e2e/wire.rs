//! Tests details of HTTP that client libraries hide, such as the framing of bodies, and interim responses. The tests
//! read from a plain socket.

use cassette::Session;
use cassette::tape::{Outcome, TransportErrorKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::api::{Api, HOST, Speaks, answer};
use crate::project::{Project, response};

/// A response: the lines of its head, sorted, and all bytes after the head.
#[derive(Debug, PartialEq)]
struct Answer {
    head: Vec<String>,
    rest: String,
}

impl Answer {
    fn of(bytes: &[u8]) -> Answer {
        let text = String::from_utf8_lossy(bytes);
        let (head, rest) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut head: Vec<_> = head.lines().map(str::to_ascii_lowercase).collect();
        head[1..].sort();
        Answer { head, rest: rest.to_owned() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

async fn connect(session: &Session) -> TcpStream {
    let url = session.proxy_url().unwrap().to_string();
    TcpStream::connect(url.trim_start_matches("http://").trim_end_matches('/')).await.unwrap()
}

/// Sends a request to the session's proxy over a plain socket, and reads until the proxy closes the connection.
async fn ask(session: &Session, method: &str) -> Answer {
    let mut stream = connect(session).await;
    let request = format!("{method} http://{HOST}/ HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    Answer::of(&bytes)
}

/// The server sends the bytes `sent`. Records and replays them, and checks that the client gets the same response both
/// times. Returns this response.
#[track_caller]
fn check(method: &str, sent: &'static str) -> (Project, Answer) {
    Project::both(Api::raw(sent), async |session| ask(&session, method).await)
}

/// Checks the framing of the response that the client gets: its `content-length`, its `transfer-encoding`, and the
/// bytes after its head.
#[track_caller]
fn framing(method: &str, sent: &'static str, length: Option<&str>, coding: Option<&str>, rest: &str) {
    let (_, seen) = check(method, sent);
    assert_eq!(seen.header("content-length"), length, "{sent:?}: {seen:?}");
    assert_eq!(seen.header("transfer-encoding"), coding, "{sent:?}: {seen:?}");
    assert_eq!(seen.rest, rest, "{sent:?}");
}

#[test]
fn framing_is_as_it_was() {
    let chunked = Some("chunked");
    let end = "0\r\n\r\n";
    framing("GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Some("0"), None, "");
    framing("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", None, chunked, end);
    framing(
        "POST",
        "HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        None,
        chunked,
        end,
    );
    framing("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Some("2"), None, "ok");
    let two = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    framing("GET", two, None, chunked, "2\r\nok\r\n0\r\n\r\n");
    // If the server sends neither of these headers, the end of its connection ends the body. The proxy then chooses the
    // framing for the client.
    framing("GET", "HTTP/1.1 200 OK\r\n\r\nok", None, chunked, "2\r\nok\r\n0\r\n\r\n");
    framing("GET", "HTTP/1.1 200 OK\r\n\r\n", None, chunked, end);
}

#[test]
fn answers_without_a_body_have_no_framing_of_their_own() {
    framing("GET", "HTTP/1.1 204 No Content\r\n\r\n", None, None, "");
    framing("GET", "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n", None, None, "");
    framing("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n", Some("10"), None, "");
    framing("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n", Some("10"), None, "");
    framing("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Some("0"), None, "");
    framing("HEAD", "HTTP/1.1 200 OK\r\n\r\n", None, None, "");
}

/// Interim responses (RFC 9110 §15.2) are valid for one connection only. cassette records only the final response.
#[test]
fn interim_answers() {
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n\
                 HTTP/1.1 102 Processing\r\n\r\n\
                 HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let (project, seen) = check("GET", hints);
    assert_eq!((&seen.head[0][..], &seen.rest[..]), ("http/1.1 200 ok", "ok"));
    let recorded = project.interactions();
    assert_eq!(recorded.len(), 1);
    assert!(!response(&recorded[0]).headers.contains_key("link"));
}

/// The client waits for `100 Continue` before it sends its body (RFC 9110 §10.1.1), while recording and on replay.
#[test]
fn a_client_that_waits_for_100_continue() {
    let api = Api::start(Speaks::Http1, |request| answer(200, &[], request.into_body()));
    let (project, seen) = Project::both(api, async |session| {
        let mut stream = connect(&session).await;
        let head = format!(
            "PUT http://{HOST}/ HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\nexpect: 100-continue\r\n\
             content-length: 5\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut interim = Vec::new();
        while !interim.ends_with(b"\r\n\r\n") {
            interim.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"hello").await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        (Answer::of(&interim), Answer::of(&rest))
    });
    assert_eq!(seen.0.head[0], "http/1.1 100 continue");
    assert_eq!((&seen.1.head[0][..], &seen.1.rest[..]), ("http/1.1 200 ok", "hello"));
    assert_eq!(project.interactions()[0].request.body.size(), 5);
}

/// Raw clients show the reason phrase. It may be empty, and it may be one that only this server uses. A status may be
/// in no registry.
#[test]
fn reason_phrases_and_statuses() {
    for (line, shown) in [
        ("200 OK", None),
        ("200 Fine by me", Some("Fine by me")),
        ("200 ", Some("")),
        ("404 Nowhere to be found", Some("Nowhere to be found")),
        ("299 ", Some("")),
        ("299 Miscellaneous", Some("Miscellaneous")),
        ("599 Network Connect Timeout", Some("Network Connect Timeout")),
        ("700 Beyond", Some("Beyond")),
        ("999 ", Some("")),
    ] {
        let api = Api::raw(format!("HTTP/1.1 {line}\r\ncontent-length: 2\r\n\r\nok"));
        let (project, seen) = Project::both(api, async |session| {
            let mut stream = connect(&session).await;
            let head = format!("GET http://{HOST}/ HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).await.unwrap();
            String::from_utf8(bytes).unwrap()
        });
        assert_eq!(seen.lines().next(), Some(&*format!("HTTP/1.1 {line}")));
        let recorded = project.interactions();
        let reason = response(&recorded[0]).reason.as_ref().map(|reason| reason.as_bytes());
        assert_eq!(reason, shown.map(str::as_bytes), "{line}");
    }
}

/// A secret in a reason phrase is redacted, and restored on replay.
#[test]
fn a_secret_in_a_reason_phrase() {
    let api = Api::raw("HTTP/1.1 403 No access for k-5f2b9c41\r\ncontent-length: 0\r\n\r\n");
    let (project, config) = (Project::new(), api.config().secret("KEY", "k-5f2b9c41"));
    let body = async |session: Session| ask(&session, "GET").await.head[0].clone();
    let seen = project.record(config.clone(), &body);
    assert_eq!(seen, "http/1.1 403 no access for k-5f2b9c41");
    project.assert_never("k-5f2b9c41");
    assert_eq!(project.replay(config, &body), seen);
}

/// Trailers reach a client that accepts them, if the response announced them.
#[test]
fn announced_trailers() {
    let api = Api::raw(
        "HTTP/1.1 200 OK\r\ntrailer: grpc-status\r\ntransfer-encoding: chunked\r\n\r\n\
         2\r\nok\r\n0\r\ngrpc-status: 0\r\n\r\n",
    );
    let (_, seen) = Project::both(api, async |session| {
        let mut stream = connect(&session).await;
        let head = format!(
            "GET http://{HOST}/ HTTP/1.1\r\nhost: {HOST}\r\nte: trailers\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Answer::of(&bytes)
    });
    assert_eq!(seen.header("trailer"), Some("grpc-status"));
    assert_eq!(seen.rest, "2\r\nok\r\n0\r\ngrpc-status: 0\r\n\r\n");
}

/// cassette keeps the order of header lines with the same name, and bytes in headers that are not ASCII.
#[test]
fn headers_as_they_were() {
    let sent = "HTTP/1.1 200 OK\r\nlink: </b>\r\nlink: </a>\r\nvary: x\r\nlink: </b>\r\n\
                content-disposition: attachment; filename=\"größe.csv\"\r\ncontent-length: 0\r\n\r\n";
    let project = Project::new();
    let api = Api::raw(sent);
    let body = async |session: Session| {
        let mut stream = connect(&session).await;
        let request = format!("GET http://{HOST}/ HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    for seen in [project.record(api.config(), &body), project.replay(api.config(), &body)] {
        let links: Vec<_> = seen.lines().filter_map(|line| line.strip_prefix("link: ")).collect();
        assert_eq!(links, ["</b>", "</a>", "</b>"]);
        assert!(seen.contains("filename=\"größe.csv\""), "{seen}");
    }
}

/// The host has a name that no resolver may resolve (`.invalid`, RFC 6761 §6.4).
#[test]
fn a_host_that_does_not_exist() {
    let project = Project::new();
    let body = async |session: Session| {
        let http = session.client().unwrap();
        http.get("http://nowhere.invalid/").send().await.expect_err("an answer").is_request()
    };
    let recorded = project.record(Default::default(), &body);
    let Outcome::Error(e) = &project.interactions()[0].outcome else { panic!("an answer") };
    assert_eq!(e.kind, TransportErrorKind::Dns, "{e}");
    assert_eq!(project.replay(Default::default(), &body), recorded);
}
