//! HTTP/2 without TLS by prior knowledge (RFC 9113 §3.3), and streams in both directions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use cassette::{Body, Mode, Session};
use http::{HeaderMap, Request, Version};
use http_body::Frame;
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tower_service::Service as _;

use crate::api::{Api, HOST, Seen, Speaks, body_channel, channel, data, frames, see, see_any};
use crate::project::{Project, response};

type ClientBody = BoxBody<Bytes, std::io::Error>;

/// A client that knows that the server speaks HTTP/2.
async fn connect(stream: TcpStream) -> SendRequest<ClientBody> {
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn connect_to_proxy(session: &Session) -> SendRequest<ClientBody> {
    let url = session.proxy_url().unwrap().to_string();
    let proxy = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    connect(TcpStream::connect(proxy).await.unwrap()).await
}

/// A server that says which version of HTTP it was asked with, and sends trailers as gRPC does.
fn versions() -> Api {
    Api::streaming(Speaks::Http1, async |request| {
        let version = format!("{:?}", request.version());
        request.into_body().collect().await.unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        frames(200, &[("content-type", "application/grpc")], [data(version), Ok(Frame::trailers(trailers))])
    })
}

fn get(body: ClientBody) -> Request<ClientBody> {
    Request::post(format!("http://{HOST}/a.B/C")).body(body).unwrap()
}

fn whole(text: &'static str) -> ClientBody {
    http_body_util::Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {}).boxed()
}

/// Records and replays a client that speaks HTTP/2 without TLS.
#[track_caller]
fn is_http2(client: impl AsyncFn(Session) -> Seen + Sync) {
    let (project, seen) = Project::both(versions(), client);
    assert_eq!((seen.status, &seen.body[..]), (200, &b"HTTP/2.0"[..]));
    assert_eq!(seen.trailers.unwrap()["grpc-status"], "0");
    let recorded = project.interactions();
    assert_eq!(recorded.len(), 1);
    assert_eq!(response(&recorded[0]).version, Version::HTTP_2);
    assert_eq!(project.requests(), [format!("POST http://{HOST}/a.B/C")]);
}

#[test]
fn by_proxy() {
    is_http2(async |session| {
        let mut client = connect_to_proxy(&session).await;
        see_any(client.send_request(get(whole("hello"))).await.unwrap()).await
    });
    is_http2(async |session| {
        let client = session.client_builder().unwrap().http2_prior_knowledge().build().unwrap();
        let request = client.post(format!("http://{HOST}/a.B/C")).body("hello");
        see(request.send().await.unwrap()).await
    });
}

#[cfg(all(any(target_os = "linux", target_os = "macos"), target_pointer_width = "64"))]
#[test]
fn by_interception() {
    is_http2(async |_| {
        let mut client = connect(TcpStream::connect((HOST, 80)).await.unwrap()).await;
        see_any(client.send_request(get(whole("hello"))).await.unwrap()).await
    });
}

#[test]
fn by_base_url() {
    is_http2(async |session| {
        let url = session.base_url(&format!("http://{HOST}/")).unwrap().to_string();
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let mut client = connect(TcpStream::connect(&address).await.unwrap()).await;
        let mut request = get(whole("hello"));
        *request.uri_mut() = format!("http://{address}/a.B/C").parse().unwrap();
        see_any(client.send_request(request).await.unwrap()).await
    });
}

#[test]
fn in_process() {
    is_http2(async |session| {
        let mut request = get(whole("hello")).map(Body::new);
        *request.version_mut() = Version::HTTP_2;
        see_any(session.service().call(request).await.unwrap()).await
    });
}

/// A message as gRPC sends it: flags, the length, and the bytes.
fn message(text: &str) -> Bytes {
    [&[0][..], &u32::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat().into()
}

/// The text of a frame with one message.
fn text(frame: &Bytes) -> String {
    String::from_utf8(frame[5..].to_vec()).unwrap()
}

/// A server that answers each message of a request at once, and ends the response after the request, or after the message
/// `stop`.
fn chat() -> Api {
    Api::streaming(Speaks::Http1, async |request| {
        let (to_client, answer) = channel(200, &[("content-type", "application/grpc")]);
        tokio::spawn(async move {
            let mut body = request.into_body();
            let mut came = Vec::new();
            while let Some(Ok(frame)) = body.frame().await {
                came.extend_from_slice(&frame.into_data().unwrap_or_default());
                while came.len() >= 5 && came.len() >= 5 + usize::from(came[4]) {
                    let whole = Bytes::from(came.drain(..5 + usize::from(came[4])).collect::<Vec<_>>());
                    if text(&whole) == "stop" {
                        came = b"stop".to_vec();
                        break;
                    }
                    to_client.send(data(message(&format!("you say {}", text(&whole))))).await.unwrap();
                }
                if came == b"stop" {
                    break;
                }
            }
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            // The client may have left.
            let _ = to_client.send(Ok(Frame::trailers(trailers))).await;
            drop(to_client);
            // The rest of the request is read, so that the stream is not reset.
            while let Some(Ok(_)) = body.frame().await {}
        });
        answer
    })
}

fn grpc(path: &str, body: ClientBody) -> Request<ClientBody> {
    let request = Request::post(format!("http://{HOST}{path}")).version(Version::HTTP_2);
    request.header("content-type", "application/grpc").header("te", "trailers").body(body).unwrap()
}

/// A conversation: sends each message after the reply to the one before. The result has each reply, how many messages had
/// been sent when it came, and the status in the trailers.
async fn converse<B>(
    send: impl AsyncFnOnce(Request<ClientBody>) -> http::Response<B>,
    path: &str,
    said: &[&str],
) -> Vec<String>
where
    B: http_body::Body<Data = Bytes, Error: std::fmt::Debug> + Send + Unpin + 'static,
{
    let sent = Arc::new(AtomicUsize::new(0));
    let (to_server, body) = body_channel();
    let say = async |text: &str| {
        sent.fetch_add(1, Ordering::SeqCst);
        to_server.send(data(message(text))).await.unwrap();
    };
    let mut said = said.iter();
    say(said.next().unwrap()).await;
    let response = send(grpc(path, body)).await;
    let mut seen = vec![response.status().to_string()];
    // Another task reads, so that a reply that comes too early is seen too early.
    let (to_test, mut replies) = mpsc::unbounded_channel();
    let counter = sent.clone();
    tokio::spawn(async move {
        let mut body = response.into_body();
        while let Some(Ok(frame)) = body.frame().await {
            let line = match frame.into_data() {
                Ok(bytes) => format!("{} after {}", text(&bytes), counter.load(Ordering::SeqCst)),
                Err(trailers) => format!("{:?}", trailers.into_trailers().unwrap()),
            };
            let _ = to_test.send(line);
        }
    });
    for text in said {
        seen.push(replies.recv().await.unwrap());
        say(text).await;
    }
    seen.push(replies.recv().await.unwrap());
    drop(to_server);
    while let Some(reply) = replies.recv().await {
        seen.push(reply);
    }
    seen
}

async fn by_proxy_conversation(session: &Session, path: &str, said: &[&str]) -> Vec<String> {
    let mut client = connect_to_proxy(session).await;
    converse(async |request| client.send_request(request).await.unwrap(), path, said).await
}

const REPLIES: [&str; 5] = [
    "200 OK",
    "you say one after 1",
    "you say two after 2",
    "you say three after 3",
    "{\"grpc-status\": \"0\"}",
];

#[test]
fn a_conversation() {
    let (project, seen) = Project::both(chat(), async |session| {
        by_proxy_conversation(&session, "/a.B/Chat", &["one", "two", "three"]).await
    });
    assert_eq!(seen, REPLIES);
    let turns: Vec<_> = project.interactions()[0].turns.iter().map(|t| t.request).collect();
    assert_eq!(turns.iter().sum::<u64>(), 3);
    assert!(project.text().contains("\"turns\": ["), "{}", project.text());
}

#[test]
fn a_conversation_in_process() {
    let (_, seen) = Project::both(chat(), async |session| {
        let send = async |request: Request<ClientBody>| {
            session.service().call(request.map(Body::new)).await.unwrap()
        };
        converse(send, "/a.B/Chat", &["one", "two", "three"]).await
    });
    assert_eq!(seen, REPLIES);
}

/// The client sends its first message only after it has the head of the response.
#[test]
fn a_client_that_waits_for_the_head() {
    let (project, seen) = Project::both(chat(), async |session| {
        let mut client = connect_to_proxy(&session).await;
        let (to_server, body) = body_channel();
        let response = client.send_request(grpc("/a.B/Chat", body)).await.unwrap();
        to_server.send(data(message("one"))).await.unwrap();
        let mut body = response.into_body();
        let reply = body.frame().await.unwrap().unwrap().into_data().unwrap();
        drop(to_server);
        let trailers = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
        (text(&reply), trailers)
    });
    assert_eq!(seen.0, "you say one");
    assert_eq!(project.interactions()[0].turns[0].request, 0);
}

/// The server ends the response although the client could go on, and the client waits for that.
#[test]
fn a_server_that_ends_first() {
    let (_, seen) = Project::both(chat(), async |session| {
        let mut client = connect_to_proxy(&session).await;
        let (to_server, body) = body_channel();
        to_server.send(data(message("stop"))).await.unwrap();
        let response = client.send_request(grpc("/a.B/Chat", body)).await.unwrap();
        let seen = see_any(response).await;
        drop(to_server);
        (seen.status, seen.trailers)
    });
    assert_eq!(seen.1.unwrap()["grpc-status"], "0");
}

/// Two conversations begin differently. A replay has them in another order.
#[test]
fn the_first_message_chooses() {
    let (project, api) = (Project::new(), chat());
    let order = std::sync::Mutex::new(["one", "two"]);
    let body = async |session: Session| {
        let order = *order.lock().unwrap();
        let mut seen = Vec::new();
        for first in order {
            seen.push(by_proxy_conversation(&session, "/a.B/Chat", &[first, "again"]).await);
        }
        seen
    };
    let config = api.config();
    let recorded = project.record(config.clone(), &body);
    drop(api);
    *order.lock().unwrap() = ["two", "one"];
    let mut replayed = project.replay(config, &body);
    replayed.reverse();
    assert_eq!(replayed, recorded);
    assert_eq!(recorded[0][1], "you say one after 1");
}

/// Runs `body` as a replay of a conversation that said `one` and `two`, and returns the failure.
#[track_caller]
fn failure(body: impl AsyncFn(Session) + Sync) -> String {
    let (project, api) = (Project::new(), chat());
    let config = api.config();
    project.record(config.clone(), &async |session: Session| {
        by_proxy_conversation(&session, "/a.B/Chat", &["one", "two"]).await
    });
    drop(api);
    match project.run(Mode::Replay, config, &body) {
        Ok(_) => panic!("the replay passed"),
        Err(failure) => failure.to_string(),
    }
}

/// No recording begins like this request, and the client waits for the response. The failure names the request.
#[test]
fn a_conversation_that_was_not_recorded() {
    for (path, first) in [("/a.B/Other", "one"), ("/a.B/Chat", "three")] {
        let failure = failure(async |session| {
            let mut client = connect_to_proxy(&session).await;
            let (to_server, body) = body_channel();
            to_server.send(data(message(first))).await.unwrap();
            let response = client.send_request(grpc(path, body)).await.unwrap();
            assert_eq!(response.status().as_u16(), 470);
            drop(to_server);
        });
        assert!(failure.contains(&format!("POST http://{HOST}{path}")), "{failure}");
        assert!(failure.contains("the request did not end"), "{failure}");
    }
}

/// The recording is chosen by the first message. The messages after it are compared, too.
#[test]
fn a_conversation_that_goes_on_differently() {
    let failure = failure(async |session| {
        by_proxy_conversation(&session, "/a.B/Chat", &["one", "three"]).await;
    });
    assert!(failure.contains("no recording answers this request"), "{failure}");
    assert!(failure.contains(&format!("POST http://{HOST}/a.B/Chat")), "{failure}");
}

/// Mode `append` records a conversation that is not on the cassette, and replays the others.
#[test]
fn a_conversation_is_appended() {
    let (project, api) = (Project::new(), chat());
    let config = api.config();
    let one = async |session: Session| by_proxy_conversation(&session, "/a.B/Chat", &["one", "two"]).await;
    let both = async |session: Session| {
        let first = by_proxy_conversation(&session, "/a.B/Chat", &["one", "two"]).await;
        (first, by_proxy_conversation(&session, "/a.B/Chat", &["three", "four"]).await)
    };
    project.record(config.clone(), &one);
    let appended = project.run(Mode::Append, config.clone(), &both).unwrap_or_else(|e| panic!("{e}")).0;
    drop(api);
    assert_eq!(project.interactions().len(), 2);
    assert_eq!(project.replay(config, &both), appended);
    assert_eq!(appended.1[1], "you say three after 1");
}

/// A server that fails in the middle of a conversation, while the client waits.
#[test]
fn a_server_that_fails() {
    let api = Api::failing(Speaks::Http1, |request| async move {
        let mut body = request.into_body();
        body.frame().await.unwrap().unwrap();
        Err::<crate::api::Answer, _>(h2::Error::from(h2::Reason::ENHANCE_YOUR_CALM))
    });
    let (_, seen) = Project::both(api, async |session| {
        let mut client = connect_to_proxy(&session).await;
        let (to_server, body) = body_channel();
        to_server.send(data(message("one"))).await.unwrap();
        let error = client.send_request(grpc("/a.B/Chat", body)).await.expect_err("a response");
        drop(to_server);
        std::error::Error::source(&error).and_then(|e| e.downcast_ref::<h2::Error>()?.reason())
    });
    assert_eq!(seen, Some(h2::Reason::ENHANCE_YOUR_CALM));
}
