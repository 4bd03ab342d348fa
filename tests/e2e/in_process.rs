//! Tests the transports without a socket: a layer around hyper's client, the session's own service, and a middleware
//! for reqwest.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use cassette::tape::{Outcome, TransportError, TransportErrorKind};
use cassette::{Body, Mode, Session};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tokio::task::JoinSet;
use tower_layer::Layer as _;
use tower_service::Service;

use crate::api::{Api, HOST, Seen, Speaks, answer, channel, data, frames, see, see_any};
use crate::project::{Project, response};
use crate::size::sized;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn hyper() -> Client<HttpConnector, Body> {
    Client::builder(TokioExecutor::new()).build_http()
}

/// A URL with the server's address, because hyper's client does not use `Config::resolve`.
fn direct(api: &Api, path: &str) -> String {
    format!("http://{}{path}", api.address())
}

async fn ask<S, B>(service: &mut S, request: Request<Body>) -> Result<Seen, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>>,
    B: http_body::Body<Data = Bytes> + Unpin,
{
    std::future::poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
    Ok(see_any(service.call(request).await.map_err(Into::into)?).await)
}

fn post(url: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(url).header("content-type", "application/json").body(body.into()).unwrap()
}

/// A reqwest client that resolves the server's name.
fn reqwest(api: &Api) -> reqwest::ClientBuilder {
    plain_reqwest().resolve(HOST, api.address())
}

/// A builder of a reqwest client that trusts no root certificate. In this build reqwest has no TLS of its own, so the
/// builder needs a TLS configuration.
pub(crate) fn plain_reqwest() -> reqwest::ClientBuilder {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls)
}

fn with_middleware(session: &Session, http: &reqwest::Client) -> ClientWithMiddleware {
    ClientBuilder::new(http.clone()).with(session.middleware()).build()
}

fn echo() -> Api {
    Api::start(Speaks::Http1, |request| {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("7"));
        let said = [b"you said ", &request.body()[..]].concat();
        let headers = [("link", "</1>"), ("link", "</2>"), ("trailer", "x-sum")];
        frames(200, &headers, [data(said), data("."), Ok(Frame::trailers(trailers))])
    })
}

/// Sends a request through `session.layer()`, while recording and on replay, and returns the response. `te` is the
/// value of the request header `te`: over HTTP/1.1 a client gets trailers only if it sends `te: trailers` (RFC 9110
/// §6.5.1).
fn echoed(te: Option<&'static str>) -> Seen {
    let api = echo();
    let url = direct(&api, "/echo");
    let project = Project::new();
    let body = async |session: Session| {
        let mut request = post(&url, r#"{"n": 1.0}"#);
        request.headers_mut().extend(te.map(|te| (http::header::TE, HeaderValue::from_static(te))));
        ask(&mut session.layer().layer(hyper()), request).await.unwrap()
    };
    let config = api.config().allow_header("x-sum");
    let live = project.record(config.clone(), &body);
    assert_eq!(live.headers["transfer-encoding"], "chunked", "the client gets what the server sent");
    drop(api);
    let played = project.replay(config, &body);
    assert_eq!((live.status, &live.body, &live.trailers), (played.status, &played.body, &played.trailers));
    assert_eq!(&live.body[..], br#"you said {"n": 1.0}."#);
    assert_eq!(project.requests(), [format!("POST {url}")]);
    played
}

#[test]
fn a_layer_around_a_client_of_hyper() {
    let played = echoed(Some("trailers"));
    let links: Vec<_> = played.headers.get_all("link").iter().collect();
    assert_eq!(links, ["</1>", "</2>"]);
    assert_eq!(played.trailers.unwrap()["x-sum"], "7");
    assert_eq!(echoed(None).trailers, None);
}

/// `session.service()` has no inner client: it connects to the server itself, by name and with TLS.
#[test]
fn the_service_of_the_session() {
    for speaks in [Speaks::Http1, Speaks::Https1, Speaks::Https2] {
        let api = Api::start(speaks, |request| answer(200, &[], request.into_body()));
        let url = api.url("/echo");
        let (project, bodies) = Project::both(api, async |session| {
            let mut bodies = Vec::new();
            for body in ["[1]", "[2]", "[1]"] {
                bodies.push(ask(&mut session.service(), post(&url, body)).await.unwrap().body);
            }
            bodies
        });
        assert_eq!(bodies, ["[1]", "[2]", "[1]"]);
        assert_eq!(project.requests().len(), 3);
    }
}

#[test]
fn a_middleware_of_reqwest() {
    let api = Api::start(Speaks::Http1, |request| match request.uri().path() {
        "/moved" => answer(307, &[("location", "/here")], ""),
        _ => answer(200, &[("etag", "\"x\"")], request.into_body()),
    });
    let url = api.url("/here");
    let moved = api.url("/moved");
    let http = reqwest(&api).timeout(std::time::Duration::from_secs(60)).build().unwrap();
    let (project, seen) = Project::both(api, async |session| {
        let http = with_middleware(&session, &http);
        let answer = http.post(&url).body("[1,2]").send().await.unwrap();
        assert_eq!(answer.url().as_str(), url);
        let whole = see(answer).await;
        let stream = reqwest::Body::wrap(Body::new(Chunks(vec!["[3,", "4]"])));
        let streamed = see(http.post(&url).body(stream).send().await.unwrap()).await;
        // reqwest sends a body of bytes again after a redirect, because the middleware leaves such a body unchanged.
        let redirected = see(http.post(&moved).body("[5]").send().await.unwrap()).await;
        [whole, streamed, redirected]
    });
    assert_eq!(seen.map(|s| s.body), ["[1,2]", "[3,4]", "[5]"]);
    let recorded = project.interactions();
    assert_eq!(recorded[1].request.body.size(), 5);
    assert_eq!(recorded[2].request.uri, format!("http://{HOST}/moved"));
}

/// A body of these frames, which does not announce its length.
struct Chunks(Vec<&'static str>);

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let next = if self.0.is_empty() { None } else { Some(self.0.remove(0)) };
        std::task::Poll::Ready(next.map(|chunk| Ok(Frame::data(Bytes::from_static(chunk.as_bytes())))))
    }
}

/// reqwest decodes a body before the middleware gets it. hyper does not decode. The cassettes must be equal anyway.
#[test]
fn a_compressed_answer() {
    use std::io::Write as _;

    let text = r#"{"city": "Berlin", "degrees": [21, 21, 21, 21, 21, 21, 21, 21]}"#;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let api = || {
        let gzip = gzip.clone();
        let headers = [("content-encoding", "gzip"), ("content-type", "application/json")];
        Api::start(Speaks::Http1, move |_| answer(200, &headers, gzip.clone()))
    };
    let server = api();
    let (url, http) = (server.url("/"), reqwest(&server).build().unwrap());
    let (by_reqwest, seen) = Project::both(server, async |session| {
        see(with_middleware(&session, &http).get(&url).send().await.unwrap()).await
    });
    assert_eq!(seen.body, text);
    let server = api();
    let project = Project::new();
    let body = async |session: Session| {
        ask(&mut session.layer().layer(hyper()), Request::get(&url).body(Body::empty()).unwrap()).await
    };
    // Both clients use the same host name, so that the requests are equal.
    let by_name = async |session: Session| {
        ask(&mut session.service(), Request::get(&url).body(Body::empty()).unwrap()).await.unwrap().body
    };
    assert_eq!(project.record(server.config(), &by_name), &gzip[..], "the client gets what the server sent");
    drop(server);
    assert_eq!(project.replay(cassette::Config::new(), &body).unwrap().body, text);
    for project in [by_reqwest, project] {
        let recorded = project.interactions();
        assert_eq!(response(&recorded[0]).body.content, cassette::tape::Body::inline(text).content);
    }
}

#[test]
fn chunks_arrive_while_the_rest_is_on_its_way() {
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let receiver = std::sync::Mutex::new(Some(receiver));
    let api = Api::streaming(Speaks::Http1, move |_| {
        let first_was_read = receiver.lock().unwrap().take();
        async move {
            let (body, answer) = channel(200, &[]);
            tokio::spawn(async move {
                body.send(data("first ")).await.unwrap();
                if let Some(read) = first_was_read {
                    read.await.unwrap();
                }
                body.send(data("last")).await.unwrap();
            });
            answer
        }
    });
    let url = direct(&api, "/");
    let sender = std::sync::Mutex::new(Some(sender));
    let (_, bytes) = Project::both(api, async |session| {
        let request = Request::get(&url).body(Body::empty()).unwrap();
        let mut body = session.layer().layer(hyper()).call(request).await.unwrap().into_body();
        let mut bytes = body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec();
        if let Some(sender) = sender.lock().unwrap().take() {
            assert_eq!(bytes, b"first ");
            sender.send(()).unwrap();
        }
        bytes.extend(body.collect().await.unwrap().to_bytes());
        bytes
    });
    assert_eq!(bytes, b"first last");
}

/// A replay does not call the inner service, not even `poll_ready`.
#[test]
fn a_replay_calls_nobody() {
    #[derive(Clone)]
    struct Counted(Arc<AtomicUsize>);

    impl Service<Request<Body>> for Counted {
        type Response = Response<String>;
        type Error = BoxError;
        type Future = std::future::Ready<Result<Response<String>, BoxError>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), BoxError>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<Body>) -> Self::Future {
            self.0.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok(Response::new(format!("{}?", request.uri()))))
        }
    }

    let calls = Arc::new(AtomicUsize::new(0));
    let project = Project::new();
    let body = async |session: Session| {
        let mut service = session.layer().layer(Counted(calls.clone()));
        let relative = Request::get("/v1").header("host", "a.test").body(Body::empty()).unwrap();
        ask(&mut service, relative).await.unwrap().body
    };
    let config = cassette::Config::new;
    assert_eq!(project.record(config(), &body), "/v1?", "the service gets the request as it was asked");
    assert_eq!(calls.swap(0, Ordering::SeqCst), 2);
    assert_eq!(project.requests(), ["GET http://a.test/v1"]);
    assert_eq!(project.replay(config(), &body), "/v1?");
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert!(project.run(Mode::Off, config(), &body).is_ok());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

/// `how` sends a request that fails. Records and replays it, and checks that the replayed error has the recorded kind.
/// Returns this kind.
fn failing(config: cassette::Config, how: impl AsyncFn(Session) -> BoxError + Sync) -> TransportErrorKind {
    let project = Project::new();
    project.record(config.clone(), &how);
    let e = project.replay(config, &how);
    let e = match e.downcast_ref::<reqwest_middleware::Error>() {
        Some(reqwest_middleware::Error::Middleware(e)) => e.downcast_ref::<TransportError>(),
        _ => e.downcast_ref::<TransportError>(),
    };
    let played = e.expect("the error of the tape").kind;
    match &project.interactions()[0].outcome {
        Outcome::Error(recorded) => {
            assert_eq!(recorded.kind, played);
            assert!(!recorded.message.contains("http://"), "{recorded}");
        }
        Outcome::Response(r) => panic!("{r:?}"),
    }
    played
}

#[test]
fn failures_are_replayed_as_the_same_kind() {
    let api = echo();
    let (refused, config) = (direct(&api, "/"), api.config());
    drop(api);
    let layer = async |session: Session, url: &str| {
        ask(&mut session.layer().layer(hyper()), post(url, "[1]")).await.unwrap_err()
    };
    let service =
        async |session: Session, url: &str| ask(&mut session.service(), post(url, "[1]")).await.unwrap_err();
    let middleware = async |session: Session, url: &str| {
        let http = plain_reqwest().build().unwrap();
        BoxError::from(with_middleware(&session, &http).post(url).body("[1]").send().await.unwrap_err())
    };
    let kind = |config: &cassette::Config, url: &str| {
        let kinds = [
            failing(config.clone(), async |s| layer(s, url).await),
            failing(config.clone(), async |s| service(s, url).await),
            failing(config.clone(), async |s| middleware(s, url).await),
        ];
        assert!(kinds.iter().all(|k| *k == kinds[0]), "{kinds:?}");
        kinds[0]
    };
    assert_eq!(kind(&config, &refused), TransportErrorKind::Connect);
    for (said, expected) in
        [("", TransportErrorKind::Reset), ("SSH-2.0-OpenSSH_9.6\r\n", TransportErrorKind::Protocol)]
    {
        let raw = Api::raw(said);
        assert_eq!(kind(&raw.config(), &direct(&raw, "/")), expected, "{said}");
    }
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let timeout = async |session: Session| {
        let http = plain_reqwest().build().unwrap();
        let request = with_middleware(&session, &http).get(&url);
        let request = request.timeout(std::time::Duration::from_millis(50));
        BoxError::from(request.send().await.unwrap_err())
    };
    assert_eq!(failing(config, timeout), TransportErrorKind::Timeout);
}

#[test]
fn an_unmatched_request_fails_the_test() {
    let api = echo();
    let url = direct(&api, "/");
    let project = Project::new();
    let recorded = async |session: Session| {
        ask(&mut session.layer().layer(hyper()), post(&url, "[1]")).await.unwrap().status
    };
    assert_eq!(project.record(api.config(), &recorded), 200);
    let other = async |session: Session| {
        let seen = ask(&mut session.layer().layer(hyper()), post(&url, "[2]")).await.unwrap();
        assert_eq!(seen.status, 470);
        assert!(String::from_utf8_lossy(&seen.body).contains("no recording answers this request"));
    };
    let failed = project.run(Mode::Replay, api.config(), &other).unwrap_err().to_string();
    assert!(failed.contains("JSON body at /0"), "{failed}");
}

const TASKS: usize = 64;

#[test]
fn thousands_of_requests_at_once() {
    let api = Api::start(Speaks::Http1, |request| answer(200, &[], request.uri().path().to_owned()));
    let base = direct(&api, "");
    let requests = sized(20, 200);
    let (project, ()) = Project::both(api, async |session| {
        let http = hyper();
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let (mut http, base) = (session.layer().layer(http.clone()), base.clone());
            tasks.spawn(async move {
                for n in 0..requests {
                    let path = format!("/{task}/{n}");
                    let request = Request::get(format!("{base}{path}")).body(Body::empty()).unwrap();
                    let seen = ask(&mut http, request).await.unwrap();
                    assert_eq!((seen.status, &seen.body[..]), (200, path.as_bytes()));
                }
            });
        }
        tasks.join_all().await;
    });
    let asked: BTreeSet<_> = project.requests().into_iter().collect();
    assert_eq!(asked.len(), TASKS * requests);
}

/// A cassette that one transport recorded replays through all others.
#[test]
fn a_recording_replays_by_another_transport() {
    let api = echo();
    let url = api.url("/echo");
    let by_proxy = async |session: Session| {
        let http = session.client_builder().unwrap().no_gzip().no_brotli().no_deflate().build().unwrap();
        see(http.post(&url).header("content-type", "application/json").body("[1]").send().await.unwrap())
            .await
    };
    let by_service = async |session: Session| {
        let mut request = post(&url, "[1]");
        for (name, value) in [("accept", "*/*"), ("content-length", "3")] {
            request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        ask(&mut session.service(), request).await.unwrap()
    };
    let interactions = |project: &Project| {
        let text = project.text();
        let at = text.find("\"interactions\": [").unwrap();
        text[at..].to_owned()
    };
    let (proxied, in_process) = (Project::new(), Project::new());
    let recorded = proxied.record(api.config(), &by_proxy);
    assert_eq!(in_process.record(api.config(), &by_service).body, recorded.body);
    assert_eq!(interactions(&proxied), interactions(&in_process));
    drop(api);
    let config = cassette::Config::new;
    assert_eq!(proxied.replay(config(), &by_service).body, recorded.body);
    assert_eq!(in_process.replay(config(), &by_proxy).body, recorded.body);
}

/// cassette records the rest of a response body even if the client drops it, as with the proxy.
#[test]
fn an_unread_response_is_recorded_whole() {
    let api = Api::start(Speaks::Http1, |_| answer(200, &[], vec![b'x'; 300_000]));
    let url = direct(&api, "/");
    let ask_and_drop = async |session: Session| {
        let mut http = session.layer().layer(hyper());
        let request = || Request::get(&url).body(Body::empty()).unwrap();
        drop(http.call(request()).await.unwrap());
        // The body of the first response is read in the background. The second request keeps the runtime running until
        // that body is recorded.
        see_any(http.call(request()).await.unwrap()).await.body.len()
    };
    let project = Project::new();
    assert_eq!(project.record(api.config(), &ask_and_drop), 300_000);
    let recorded = project.interactions();
    assert!(recorded.iter().all(|i| response(i).body.size() == 300_000), "{recorded:?}");
    assert_eq!(project.replay(api.config(), &ask_and_drop), 300_000);
}
