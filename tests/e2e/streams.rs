//! Streamed responses: their chunks, clients that leave in the middle, and servers that fall silent.

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

/// A server that sends these events and then nothing more, without an end.
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

/// Every chunk that the client gets. HTTP/2 may end a body with an empty one.
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
    // Some APIs send JSON lines under the type of JSON.
    check("application/json", &["{\"n\": 1}\n", "{\"n\": 2}\n"], Chunks::Lines);
}

/// The chunks of a body that is no stream depend on buffers and on TCP.
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

/// Events stay events if redaction, or the value of a replay, changes their lengths.
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

/// A body file, in which chunks are longer and shorter than what is read at once.
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

/// Reads three chunks, and then leaves.
async fn read_three(session: &Session, url: &str) -> Vec<Bytes> {
    let mut response = session.client().unwrap().get(url).send().await.unwrap();
    let mut chunks = Vec::new();
    for _ in 0..3 {
        chunks.push(response.chunk().await.unwrap().expect("a chunk"));
    }
    chunks
}

/// Reads three chunks, waits for more, and gives up. The clock is paused while the client waits, so that it waits no
/// longer than needed.
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

/// Checks that a response was recorded up to the place where its client left.
#[track_caller]
fn assert_left(response: &Response, size: usize) {
    assert_eq!(response.body.size(), size as u64);
    let cut = response.cut.as_ref().expect("a cut");
    assert_eq!(cut.kind, TransportErrorKind::Timeout, "{cut}");
}

const THREE: &[&str] = &["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"];

/// The recording is the same each time, and says that it is cut.
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
        // On replay it does not matter how the client leaves.
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

/// A download that stalls.
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

/// A stream that ends soon after its client left is recorded whole.
#[test]
fn a_client_that_leaves_a_stream_that_ends() {
    let sent = &["data: 1\n\n", "data: 2\n\n", "data: 3\n\n", "data: 4\n\n", "data: 5\n\n"];
    for speaks in SPOKEN {
        let api = api(speaks, EVENTS, sent);
        let (project, url) = (Project::new(), api.url("/"));
        // However busy the machine is, the end comes in time.
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

/// The same event for ever, as fast as the client takes it.
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

/// The recording of a feed without pauses ends.
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

/// `Config::drain` can cut at once.
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

/// Without a socket, the client gets the frames themselves.
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

/// Nobody listens at the address. The client's connection is reset, which comes nearest to a refusal.
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
