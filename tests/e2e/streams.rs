//! Tests streamed responses: their chunks, clients that leave before the end, and servers that stop sending.

use std::time::Duration;

use bytes::Bytes;
use cassette::tape::{Chunks, Outcome, Response, TransportErrorKind};
use cassette::{Config, Mode, Session};
use http::Request;
use http_body::Frame;
use http_body_util::BodyExt as _;
use tower_service::Service as _;

use crate::api::{Answer, Api, Speaks, channel, data, frames, get};
use crate::project::{Project, response};

const SPOKEN: [Speaks; 3] = [Speaks::Http1, Speaks::Https1, Speaks::Https2];
const EVENTS: &str = "text/event-stream";

/// A server that sends these chunks.
fn api(speaks: Speaks, content_type: &'static str, chunks: &'static [&'static str]) -> Api {
    Api::start(speaks, move |_| {
        frames(200, &[("content-type", content_type)], chunks.iter().map(|chunk| data(*chunk)))
    })
}

/// A server that sends these chunks. Then it sends nothing more, but does not end the body.
fn endless(
    speaks: Speaks,
    headers: &'static [(&'static str, &'static str)],
    chunks: &'static [&'static str],
) -> Api {
    Api::streaming(speaks, move |_| async move {
        let (sender, answer) = channel(200, headers);
        tokio::spawn(async move {
            for chunk in chunks {
                _ = sender.send(data(*chunk)).await;
            }
            sender.closed().await;
        });
        answer
    })
}

/// Returns the chunks that the client gets. Empty chunks are left out, because HTTP/2 may end a body with an empty
/// chunk.
async fn chunks(session: &Session, url: &str) -> Vec<Bytes> {
    let mut response = session.client().unwrap().get(url).send().await.unwrap();
    let mut chunks = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        chunks.extend(Some(chunk).filter(|chunk| !chunk.is_empty()));
    }
    chunks
}

/// Records and replays a stream of these chunks. The client must get the same chunks both times.
#[track_caller]
fn check(content_type: &'static str, sent: &'static [&'static str], recorded: Chunks) {
    for speaks in SPOKEN {
        let api = api(speaks, content_type, sent);
        let url = api.url("/");
        let (project, seen) = Project::both(api, async |session| chunks(&session, &url).await);
        assert_eq!(seen, sent, "{speaks:?}");
        let interactions = project.interactions();
        assert_eq!(response(&interactions[0]).body.chunks, recorded, "{speaks:?}");
    }
}

#[test]
fn a_client_gets_the_chunks_of_the_recording() {
    check(EVENTS, &["data: 1\n\n", ": comment\r\nid: 2\r\ndata: 2\r\n\r\n", "data: 3\n\n"], Chunks::Events);
    check(
        EVENTS,
        &["data: 1\n\n", "data: 2\n\ndata: 3\n\n", "da", "ta: 4\n", "\n"],
        Chunks::At(vec![9, 27, 29, 35]),
    );
    check(EVENTS, &["data: all\n\ndata: at once\n\n"], Chunks::One);
    check("application/x-ndjson", &["{\"n\": 1}\n", "{\"n\": 2}\n"], Chunks::Lines);
    check("application/grpc", &["\0\0\0\0\u{1}a", "\0\0\0\0\u{2}", "bc"], Chunks::At(vec![6, 11]));
    // Some APIs send JSON lines with the content type of JSON.
    check("application/json", &["{\"n\": 1}\n", "{\"n\": 2}\n"], Chunks::Lines);
}

/// If a body is not a stream, the cassette does not contain its chunks, because they depend on buffers and on TCP.
#[test]
fn other_bodies_have_no_chunks() {
    for (content_type, sent) in
        [("text/plain", &["one, ", "two, ", "three"]), ("application/json", &["[1,\n", "2, ", "3]"])]
    {
        let api = Api::start(Speaks::Http1, move |_| {
            frames(200, &[("content-type", content_type)], sent.iter().map(|chunk| data(*chunk)))
        });
        let url = api.url("/");
        let (project, _) =
            Project::both(api, async |session| get(&session.client().unwrap(), &url).await.body);
        assert_eq!(response(&project.interactions()[0]).body.chunks, Chunks::One);
        assert!(!project.text().contains("\"chunks\""), "{}", project.text());
    }
}

/// Each chunk is one event, even if a placeholder, or another value on replay, changes the length of the event.
#[test]
fn chunks_with_secrets() {
    let sent =
        &["data: {\"token\": \"k-5f2b9c41\"}\n\n", "data: k-5f2b9c41, k-5f2b9c41\n\n", "data: 3", "\n\n"];
    let api = api(Speaks::Https2, EVENTS, sent);
    let (project, url) = (Project::new(), api.url("/"));
    let body = async |session: Session| chunks(&session, &url).await;
    let config = |value: &str| api.config().secret("KEY", value).keep_field("token");
    assert_eq!(project.record(config("k-5f2b9c41"), &body), sent);
    project.assert_never("k-5f2b9c41");
    for value in ["k-5f2b9c41", "another-and-longer-value"] {
        let expected = sent.map(|chunk| chunk.replace("k-5f2b9c41", value));
        assert_eq!(project.replay(config(value), &body), expected);
    }
}

/// The stream is in a body file. Some of its chunks are longer than one read of the file, and some are shorter.
#[test]
fn chunks_of_a_long_stream() {
    let event = |n: usize| format!("data: {}\n\n", "x".repeat(n));
    let sent: Vec<String> = [10, 3000, 70, 12_000, 1, 0].into_iter().cycle().take(60).map(event).collect();
    let expected = sent.clone();
    let api = Api::start(Speaks::Https2, move |_| {
        frames(200, &[("content-type", EVENTS)], sent.clone().into_iter().map(data))
    });
    let url = api.url("/");
    let (project, seen) = Project::both(api, async |session| chunks(&session, &url).await);
    assert_eq!(seen.concat().len(), expected.concat().len());
    assert!(response(&project.interactions()[0]).body.size() > 65_536);
}

/// Reads three chunks, and then drops the response.
async fn read_three(session: &Session, url: &str) -> Vec<Bytes> {
    let mut response = session.client().unwrap().get(url).send().await.unwrap();
    let mut chunks = Vec::new();
    for _ in 0..3 {
        chunks.push(response.chunk().await.unwrap().expect("a chunk"));
    }
    chunks
}

/// Reads three chunks, and waits for another chunk until the client's time-out. tokio's clock is paused meanwhile, so
/// that the time-out passes at once.
async fn give_up_after_three(session: &Session, url: &str) -> Vec<Bytes> {
    let request = session.client().unwrap().get(url).timeout(Duration::from_secs(600));
    let mut response = request.send().await.unwrap();
    let mut chunks = Vec::new();
    for _ in 0..3 {
        chunks.push(response.chunk().await.unwrap().expect("a chunk"));
    }
    tokio::time::pause();
    let error = response.chunk().await.expect_err("the server is silent");
    tokio::time::resume();
    assert!(error.is_timeout(), "{error:?}");
    chunks
}

/// Checks that the recording contains the first `size` bytes of a response, and that it is marked as cut.
#[track_caller]
fn assert_left(response: &Response, size: usize) {
    assert_eq!(response.body.size(), size as u64);
    let cut = response.cut.as_ref().expect("a cut");
    assert_eq!(cut.kind, TransportErrorKind::Timeout, "{cut}");
}

const THREE: &[&str] = &["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"];

/// The server sends three events and does not end the feed. The recording has these three events, and is marked as cut.
#[test]
fn a_client_that_leaves_an_endless_feed() {
    for speaks in SPOKEN {
        let (project, config, url);
        {
            let api = endless(speaks, &[("content-type", EVENTS)], THREE);
            (project, config, url) = (Project::new(), api.config(), api.url("/"));
            let body = async |session: Session| read_three(&session, &url).await;
            let (seen, summary) = project.run(Mode::Record, config.clone(), &body).unwrap();
            assert_eq!((seen, summary.cut), (THREE.iter().map(|chunk| Bytes::from(*chunk)).collect(), 1));
            let (_, summary) = project.run(Mode::Record, config.clone(), &body).unwrap();
            assert!(!summary.changed, "the second recording is another one");
        }
        assert_left(response(&project.interactions()[0]), THREE.concat().len());
        // On replay, the client may drop the response or wait until its time-out.
        assert_eq!(
            project.replay(config.clone(), &async |session: Session| read_three(&session, &url).await),
            THREE
        );
        let gives_up = async |session: Session| give_up_after_three(&session, &url).await;
        assert_eq!(project.replay(config, &gives_up), THREE);
    }
}

#[test]
fn a_client_that_gives_up_in_the_middle() {
    for speaks in SPOKEN {
        let api = endless(speaks, &[("content-type", EVENTS)], THREE);
        let url = api.url("/");
        let (project, seen) = Project::both(api, async |session| give_up_after_three(&session, &url).await);
        assert_eq!(seen, THREE);
        assert_left(response(&project.interactions()[0]), THREE.concat().len());
    }
}

/// The server stops in the middle of a body.
#[test]
fn a_body_that_stalls() {
    const HEADERS: &[(&str, &str)] = &[("content-type", "text/csv"), ("content-length", "100")];
    for speaks in SPOKEN {
        let api = endless(speaks, HEADERS, &["a,b\n1,2\n"]);
        let (project, url) = (Project::new(), api.url("/"));
        let config = api.config().drain(Duration::from_millis(20));
        let body = async |session: Session| {
            let request = session.client().unwrap().get(&url).timeout(Duration::from_secs(600));
            let mut response = request.send().await.unwrap();
            let (length, mut bytes) = (response.content_length(), Vec::new());
            while bytes.len() < 8 {
                bytes.extend_from_slice(&response.chunk().await.unwrap().expect("a chunk"));
            }
            tokio::time::pause();
            let error = response.chunk().await.expect_err("the server is silent");
            tokio::time::resume();
            (length, bytes, error.is_timeout())
        };
        let recorded = project.record(config.clone(), &body);
        drop(api);
        assert_eq!(recorded, (Some(100), b"a,b\n1,2\n".to_vec(), true), "{speaks:?}");
        assert_left(response(&project.interactions()[0]), 8);
        assert_eq!(project.replay(config, &body), recorded, "{speaks:?}");
    }
}

/// If a stream ends soon after its client has left, the whole stream is recorded.
#[test]
fn a_client_that_leaves_a_stream_that_ends() {
    let sent = &["data: 1\n\n", "data: 2\n\n", "data: 3\n\n", "data: 4\n\n", "data: 5\n\n"];
    for speaks in SPOKEN {
        let api = api(speaks, EVENTS, sent);
        let (project, url) = (Project::new(), api.url("/"));
        // The limit is long, so that the stream ends in time even on a busy machine.
        let config = api.config().drain(Duration::from_secs(600));
        let body = async |session: Session| read_three(&session, &url).await;
        let (seen, summary) = project.run(Mode::Record, config.clone(), &body).unwrap();
        drop(api);
        assert_eq!(summary.cut, 0);
        let recorded = project.interactions();
        assert_eq!(response(&recorded[0]).body.size(), sent.concat().len() as u64);
        assert_eq!(
            (&response(&recorded[0]).cut, &response(&recorded[0]).body.chunks),
            (&None, &Chunks::Events)
        );
        assert_eq!(project.replay(config, &body), seen);
    }
}

/// A body that has no end. It returns the same event as fast as the client reads.
struct Fast;

impl http_body::Body for Fast {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        std::task::Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"data: tick\n\n")))))
    }
}

/// The server sends without pauses and without an end. The recording ends anyway.
#[test]
fn a_feed_without_pauses() {
    let api = Api::start(Speaks::Https2, |_| -> Answer {
        http::Response::builder().header("content-type", EVENTS).body(Fast.boxed()).unwrap()
    });
    let url = api.url("/");
    let (project, seen) = Project::both(api, async |session| read_three(&session, &url).await);
    assert_eq!(seen, ["data: tick\n\n"; 3]);
    let recorded = project.interactions();
    let response = response(&recorded[0]);
    assert!(response.cut.is_some());
    assert!(response.body.size() <= 1 << 20, "{} bytes", response.body.size());
}

/// With `Config::drain(Duration::ZERO)`, the recording of a body ends when its client leaves.
#[test]
fn a_recording_that_reads_nothing_more() {
    let api = Api::start(Speaks::Http1, |_| crate::api::answer(200, &[], vec![b'x'; 30_000_000]));
    let (project, url) = (Project::new(), api.url("/"));
    let config: Config = api.config().drain(Duration::ZERO);
    let body = async |session: Session| {
        let mut response = session.client().unwrap().get(&url).send().await.unwrap();
        response.chunk().await.unwrap().expect("a chunk").slice(..1)
    };
    let (seen, summary) = project.run(Mode::Record, config.clone(), &body).unwrap();
    drop(api);
    assert_eq!(summary.cut, 1);
    assert!(response(&project.interactions()[0]).body.size() < 30_000_000);
    assert_eq!(project.replay(config, &body), seen);
}

/// A client of `session.service()`, which uses no socket, gets the frames as the server sent them.
#[test]
fn frames_without_a_socket() {
    let api = endless(Speaks::Https2, &[("content-type", EVENTS)], THREE);
    let url = api.url("/");
    let (project, seen) = Project::both(api, async |session| {
        let request = Request::get(&url).body(cassette::Body::empty()).unwrap();
        let mut body = session.service().call(request).await.unwrap().into_body();
        let mut frames = Vec::new();
        for _ in 0..3 {
            frames.push(body.frame().await.expect("a frame").unwrap().into_data().unwrap());
        }
        tokio::time::pause();
        let more = tokio::time::timeout(Duration::from_secs(600), body.frame()).await;
        tokio::time::resume();
        assert!(more.is_err(), "the server is not silent");
        frames
    });
    assert_eq!(seen, THREE);
    assert_left(response(&project.interactions()[0]), THREE.concat().len());
}

/// No server listens at the address. The session resets the client's connection, which for the client is most like a
/// refused connection.
#[test]
fn a_server_that_refuses_the_connection() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (project, config) = (Project::new(), Config::new().resolve(crate::api::HOST, address));
    let url = format!("http://{}/", crate::api::HOST);
    let body = async |session: Session| {
        let error = session.client().unwrap().get(&url).send().await.expect_err("an answer");
        let mut sources = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
        sources.find_map(|e| e.downcast_ref::<std::io::Error>()).map(std::io::Error::kind)
    };
    let recorded = project.record(config.clone(), &body);
    assert_eq!(recorded, Some(std::io::ErrorKind::ConnectionReset));
    assert_eq!(project.replay(config, &body), recorded);
    let Outcome::Error(e) = &project.interactions()[0].outcome else { panic!("an answer") };
    assert_eq!(e.kind, TransportErrorKind::Connect);
}
