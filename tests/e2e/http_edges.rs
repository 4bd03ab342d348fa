//! Tests edge cases of HTTP. cassette records the server's response, and a replay returns the same response.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cassette::Session;
use cassette::tape::{Outcome, Request, TransportErrorKind};
use http::header::HeaderValue;
use http_body::Frame;
use http_body_util::BodyExt as _;
use tokio::sync::Notify;

use crate::api::{Answer, Api, HOST, Speaks, answer, channel, cut, data, frames, get, see};
use crate::project::{Project, response};

const SPOKEN: [Speaks; 3] = [Speaks::Http1, Speaks::Https1, Speaks::Https2];

fn client(session: &Session) -> reqwest::Client {
    session.client().unwrap()
}

#[test]
fn answers_without_a_body() {
    for speaks in SPOKEN {
        let api = Api::start(speaks, |request| match (request.method().as_str(), request.uri().path()) {
            ("HEAD", _) => answer(200, &[("content-length", "1234"), ("content-type", "text/csv")], ""),
            (_, "/deleted") => answer(204, &[], ""),
            _ => answer(304, &[("etag", "\"v1\"")], ""),
        });
        let urls = ["/head", "/deleted", "/cached"].map(|path| api.url(path));
        let (_, seen) = Project::both(api, async |session| {
            let http = client(&session);
            [
                see(http.head(&urls[0]).send().await.unwrap()).await,
                see(http.delete(&urls[1]).send().await.unwrap()).await,
                get(&http, &urls[2]).await,
            ]
        });
        assert_eq!(seen[0].headers["content-length"], "1234");
        assert_eq!(seen.map(|s| s.status), [200, 204, 304]);
    }
}

#[test]
fn a_redirect_is_recorded_hop_by_hop() {
    let api = Api::start(Speaks::Https2, |request| match request.uri().path() {
        "/old" => answer(301, &[("location", "/older?a=1")], "moved"),
        "/older" => answer(307, &[("location", "https://api.example.test/new")], ""),
        _ => answer(200, &[], "here"),
    });
    let url = api.url("/old");
    let (project, seen) = Project::both(api, async |session| get(&client(&session), &url).await);
    assert_eq!(seen.body, "here");
    assert_eq!(
        project.requests(),
        ["/old", "/older?a=1", "/new"].map(|path| format!("GET https://{HOST}{path}"))
    );
}

#[test]
fn headers_keep_their_order_and_bytes() {
    let headers = [
        ("etag", "W/\"1\""),
        ("link", "<https://api.example.test/?page=2>; rel=next"),
        ("link", "<https://api.example.test/?page=9>; rel=last"),
        ("retry-after", "120"),
        ("set-cookie", "b=; Max-Age=0"),
        ("set-cookie", "a=; Path=/"),
        ("vary", "accept"),
        ("vary", "accept-language"),
    ];
    for speaks in SPOKEN {
        let api = Api::start(speaks, move |_| {
            let mut answer = answer(200, &headers, "{}");
            let name = HeaderValue::from_bytes(b"attachment; filename=\"gr\xf6\xdfe.csv\"").unwrap();
            answer.headers_mut().insert("content-disposition", name);
            answer
        });
        let url = api.url("/");
        let (_, seen) = Project::both(api, async |session| get(&client(&session), &url).await);
        for name in ["etag", "link", "retry-after", "set-cookie", "vary"] {
            let expected: Vec<&str> = headers.iter().filter(|(n, _)| *n == name).map(|(_, v)| *v).collect();
            let got: Vec<&HeaderValue> = seen.headers.get_all(name).iter().collect();
            assert_eq!(got, expected, "{name}");
        }
        assert!(seen.headers["content-disposition"].as_bytes().ends_with(b"gr\xf6\xdfe.csv\""));
    }
}

#[test]
fn trailers() {
    for speaks in [Speaks::Https1, Speaks::Https2] {
        let api = Api::start(speaks, |_| {
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            let head = [("content-type", "application/grpc"), ("trailer", "grpc-status")];
            frames(200, &head, [data("message"), Ok(Frame::trailers(trailers))])
        });
        let url = api.url("/");
        let (project, seen) = Project::both(api, async |session| {
            let request = client(&session).get(&url).header("te", "trailers");
            let mut seen = see(request.send().await.unwrap()).await;
            // The header `trailer` is valid for one connection only, so the responses may differ in it.
            seen.headers.remove("trailer");
            seen
        });
        assert_eq!(response(&project.interactions()[0]).trailers["grpc-status"], "0");
        assert_eq!(seen.trailers.unwrap()["grpc-status"], "0");
    }
}

/// A request body of unknown length, in chunks.
fn unknown_length(chunks: &[&'static str]) -> reqwest::Body {
    let frames: Vec<_> = chunks.iter().map(|c| Ok(Frame::data(Bytes::from_static(c.as_bytes())))).collect();
    reqwest::Body::wrap(http_body_util::StreamBody::new(Chunks(frames.into_iter())))
}

struct Chunks(std::vec::IntoIter<Result<Frame<Bytes>, std::io::Error>>);

impl futures_core::Stream for Chunks {
    type Item = Result<Frame<Bytes>, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

#[test]
fn a_request_of_unknown_length() {
    for speaks in SPOKEN {
        let api = Api::start(speaks, |request| answer(200, &[], request.into_body()));
        let url = api.url("/");
        let (project, seen) = Project::both(api, async |session| {
            let body = unknown_length(&["one,", "two,", "three"]);
            see(client(&session).put(&url).body(body).send().await.unwrap()).await
        });
        assert_eq!(seen.body, "one,two,three");
        assert_eq!(project.interactions()[0].request.body.size(), 13);
    }
}

const KILOBYTE: &str = match str::from_utf8(&[b'.'; 1024]) {
    Ok(text) => text,
    Err(_) => "",
};

/// The server responds at once, without reading the request body. cassette records the whole request body anyway.
#[test]
fn an_answer_before_the_request_was_read() {
    for speaks in SPOKEN {
        // The server keeps the unread body. If it dropped the body, hyper would close the connection.
        let unread = Mutex::new(Vec::new());
        let api = Api::streaming(speaks, move |request| {
            unread.lock().unwrap().push(request.into_body());
            async { answer(413, &[], "too long") }
        });
        let url = api.url("/");
        let (project, _) = Project::both(api, async |session| {
            let body = unknown_length(&[KILOBYTE; 50]);
            client(&session).post(&url).body(body).send().await.unwrap().status()
        });
        assert_eq!(project.interactions()[0].request.body.size(), 50 * 1024, "{speaks:?}");
    }
}

/// Sends a request that fails, while recording and on replay. Returns the kind of the recorded error.
#[track_caller]
fn fails(api: Api, url: &str) -> TransportErrorKind {
    let (project, _) = Project::both(api, async |session| {
        client(&session).post(url).body("[1,2,3]").send().await.expect_err("an answer").is_request()
    });
    let recorded = &project.interactions()[0];
    assert_eq!(recorded.request.body.size(), 7, "the request was not recorded whole");
    match &recorded.outcome {
        Outcome::Error(e) => e.kind,
        Outcome::Response(r) => panic!("{r:?}"),
    }
}

#[test]
fn upstreams_that_fail() {
    let wrong_root = Api::start(Speaks::Https1, |_| answer(200, &[], ""));
    let api = Api::start(Speaks::Https1, |_| answer(200, &[], ""));
    let url = api.url("/");
    let address = api.config();
    drop(api);
    let gone = Project::new();
    let refused = async |session: Session| {
        client(&session).post(&url).body("[1,2,3]").send().await.expect_err("an answer").is_request()
    };
    assert_eq!(gone.record(address.clone(), &refused), gone.replay(address, &refused));
    let recorded = &gone.interactions()[0];
    assert_eq!(recorded.request.body.size(), 7, "the request was not recorded whole");
    let Outcome::Error(e) = &recorded.outcome else { panic!("{recorded:?}") };
    assert_eq!(e.kind, TransportErrorKind::Connect);

    // The certificate is not valid for this name.
    let config = wrong_root.config().resolve("other.example.test", wrong_root.address());
    let project = Project::new();
    let bad = async |session: Session| {
        client(&session).get("https://other.example.test/").send().await.expect_err("an answer").is_request()
    };
    assert_eq!(project.record(config.clone(), &bad), project.replay(config, &bad));
    let Outcome::Error(e) = &project.interactions()[0].outcome else { panic!() };
    assert_eq!(e.kind, TransportErrorKind::Tls);

    let url = format!("http://{HOST}/");
    assert_eq!(fails(Api::raw(""), &url), TransportErrorKind::Reset);
    assert_eq!(fails(Api::raw("SSH-2.0-OpenSSH_9.6\r\n"), &url), TransportErrorKind::Protocol);
}

/// Tests two servers. One server does not accept the connection. The other server accepts it, but does not respond to
/// the TLS handshake.
#[test]
fn servers_that_never_answer() {
    let check = |url: &str, address| {
        let project = Project::new();
        let config =
            || cassette::Config::new().resolve(HOST, address).connect_timeout(Duration::from_millis(100));
        let body = async |session: Session| {
            client(&session).get(url).send().await.map(|_| ()).map_err(|e| e.is_request())
        };
        assert_eq!(project.record(config(), &body), Err(true));
        assert_eq!(project.replay(config(), &body), Err(true));
        let Outcome::Error(e) = &project.interactions()[0].outcome else { panic!("an answer") };
        assert_eq!(e.kind, TransportErrorKind::Timeout);
        assert!(e.message.contains("no connection within 0.1 s"), "{e}");
    };
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    check(&format!("https://{HOST}/"), silent.local_addr().unwrap());

    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let _entered = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let full = socket.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    // These connections fill the queue of the listener: Linux queues one more connection than the backlog allows.
    // Further connections wait.
    let _queued = [(); 2].map(|()| std::net::TcpStream::connect(address).unwrap());
    check(&format!("http://{HOST}/"), address);
}

#[test]
fn answers_that_break_off() {
    for speaks in SPOKEN {
        // When the body of a response fails, the server drops the data that it has not sent yet. So the body fails only
        // after the client has received the data.
        let arrived = Arc::new(Notify::new());
        let read = arrived.clone();
        let api = Api::streaming(speaks, move |_| {
            let arrived = arrived.clone();
            async move {
                let (body, answer) = channel(200, &[]);
                tokio::spawn(async move {
                    body.send(data("first ")).await.unwrap();
                    body.send(data("second")).await.unwrap();
                    arrived.notified().await;
                    body.send(cut()).await.unwrap();
                });
                answer
            }
        });
        let url = api.url("/");
        let (project, (bytes, end)) = Project::both(api, async |session| {
            let mut response = client(&session).get(&url).send().await.unwrap();
            let mut bytes = Vec::new();
            while bytes.len() < 12 {
                bytes.extend_from_slice(&response.chunk().await.unwrap().unwrap());
            }
            read.notify_one();
            (bytes, response.chunk().await.map_err(|_| "cut"))
        });
        assert_eq!((&bytes[..], end), (&b"first second"[..], Err("cut")));
        assert!(response(&project.interactions()[0]).cut.is_some());
    }
    // Here the client detects that the body is incomplete by its `content-length`.
    for body in ["only this", ""] {
        let api = Api::raw(format!("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{body}"));
        let url = api.url("/");
        let (_, seen) = Project::both(api, async |session| get(&client(&session), &url).await);
        assert_eq!((&seen.body[..], seen.cut), (body.as_bytes(), true));
        assert_eq!(seen.headers["content-length"], "100");
    }
}

/// A response with a secret breaks off. On replay, the secret may have another length. The response must look
/// incomplete anyway.
#[test]
fn an_answer_with_a_secret_that_breaks_off() {
    let api = Api::raw("HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n{\"echo\": \"k-5f2b9c41\", \"rest\": ");
    let url = api.url("/");
    let project = Project::new();
    let body = async |session: Session| get(&client(&session), &url).await;
    let seen = project.record(api.config().secret("KEY", "k-5f2b9c41"), &body);
    assert!(seen.cut);
    for value in ["", "k-5f2b9c41", "another-value-longer-than-what-was-cut"] {
        let seen = project.replay(api.config().secret("KEY", value), &body);
        assert!(seen.cut, "with {value:?}: {seen:?}");
    }
}

#[test]
fn answers_that_nobody_reads_to_the_end() {
    let body: Bytes = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    for speaks in SPOKEN {
        let (sent, first) = (body.clone(), body.clone());
        let api = Api::start(speaks, move |_| answer(200, &[], sent.clone()));
        let urls = ["/unread", "/begun"].map(|path| api.url(path));
        let (project, _) = Project::both(api, async |session| {
            let http = client(&session);
            drop(http.get(&urls[0]).send().await.unwrap());
            let mut begun = http.get(&urls[1]).send().await.unwrap();
            let chunk = begun.chunk().await.unwrap().unwrap();
            assert!(first.starts_with(&chunk));
        });
        for interaction in project.interactions() {
            let recorded = response(&interaction);
            assert_eq!((recorded.body.size(), &recorded.cut), (body.len() as u64, &None), "{speaks:?}");
        }
    }
}

/// The client's timeout passes only after its request has arrived at the server, or, on replay, has been compared with
/// its recording. For this, the test uses tokio's paused clock.
#[test]
fn a_client_that_gives_up_waiting() {
    let (arrived, arrivals) = std::sync::mpsc::channel();
    let matched = arrived.clone();
    let api = Api::streaming(Speaks::Http1, move |request| {
        let arrived = arrived.clone();
        async move {
            request.into_body().collect().await.unwrap();
            arrived.send(()).unwrap();
            std::future::pending::<Answer>().await
        }
    });
    let url = api.url("/");
    let config = api.config().matcher("tells that it was asked", move |_: &Request, _: &Request| {
        matched.send(()).unwrap();
        true
    });
    let arrivals = Arc::new(Mutex::new(arrivals));
    let body = async |session: Session| {
        let arrivals = arrivals.clone();
        // tokio's paused clock does not advance while a blocking task runs. This task ends when the request has
        // arrived.
        let arrival = tokio::task::spawn_blocking(move || {
            arrivals.lock().unwrap().recv_timeout(Duration::from_secs(60)).expect("a request")
        });
        tokio::time::pause();
        let request = client(&session).post(&url).body("[1]").timeout(Duration::from_millis(50));
        let error = request.send().await.unwrap_err();
        tokio::time::resume();
        arrival.await.unwrap();
        assert!(error.is_timeout(), "{error:?}");
    };
    let project = Project::new();
    project.record(config.clone(), &body);
    drop(api);
    project.replay(config, &body);
    let recorded = &project.interactions()[0];
    assert_eq!(recorded.request.body.size(), 3);
    let Outcome::Error(e) = &recorded.outcome else { panic!("{recorded:?}") };
    assert_eq!(e.kind, TransportErrorKind::Timeout);
}

#[test]
fn equal_requests_with_other_answers() {
    let asked = AtomicUsize::new(0);
    let api = Api::start(Speaks::Https2, move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => answer(429, &[("retry-after", "0")], "slow down"),
        n => answer(200, &[], format!("answer {n}")),
    });
    let url = api.url("/");
    let (_, seen) = Project::both(api, async |session| {
        let http = client(&session);
        [get(&http, &url).await, get(&http, &url).await, get(&http, &url).await]
    });
    assert_eq!(seen.clone().map(|s| s.status), [429, 200, 200]);
    assert_eq!(seen[2].body, "answer 2");
}

#[test]
fn a_blocking_client() {
    for speaks in SPOKEN {
        let api = Api::start(speaks, |request| answer(201, &[], [b"got ", &request.body()[..]].concat()));
        let (config, url) = (api.config(), api.url("/"));
        let project = Project::new();
        let body = |session: Session| {
            let http = session.blocking_client()?;
            let response = http.post(&url).body("this").send()?;
            Ok::<_, cassette::TestError>((response.status().as_u16(), response.text()?))
        };
        let (recorded, _) = project.builder(cassette::Mode::Record, config.clone()).run(body).unwrap();
        drop(api);
        let (replayed, _) = project.builder(cassette::Mode::Replay, config).run(body).unwrap();
        assert_eq!(recorded, (201, "got this".to_owned()));
        assert_eq!(replayed, recorded);
    }
}

/// The cassette contains the HTTP version of the server's response. The end of the connection ends the body of an
/// HTTP/1.0 response.
#[test]
fn versions() {
    for (speaks, version) in [
        (Speaks::Http1, http::Version::HTTP_11),
        (Speaks::Https1, http::Version::HTTP_11),
        (Speaks::Https2, http::Version::HTTP_2),
    ] {
        let api = Api::start(speaks, |_| answer(200, &[], "x"));
        let url = api.url("/");
        let (project, _) = Project::both(api, async |session| get(&client(&session), &url).await);
        assert_eq!(response(&project.interactions()[0]).version, version);
    }
    let api = Api::raw("HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nuntil the end");
    let url = api.url("/");
    let (project, seen) = Project::both(api, async |session| get(&client(&session), &url).await);
    assert_eq!(seen.body, "until the end");
    assert_eq!(response(&project.interactions()[0]).version, http::Version::HTTP_10);
}

/// The client reads the body frame by frame, and must get all data, while recording and on replay.
#[test]
fn a_body_read_frame_by_frame() {
    let api = Api::start(Speaks::Https2, |_| frames(200, &[], (0..100).map(|n| data(format!("{n},")))));
    let url = api.url("/");
    Project::both(api, async |session| {
        let response = http::Response::from(client(&session).get(&url).send().await.unwrap());
        response.into_body().collect().await.unwrap().to_bytes()
    });
}
