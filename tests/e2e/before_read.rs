//! Tests `redact_before_read`. The code under test gets redacted responses, while recording and on replay. cassette
//! does not send a request that contains a placeholder.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cassette::{Body, Config, Mode, Session};
use http::{HeaderMap, HeaderValue, Request};
use http_body::Frame;
use reqwest_middleware::ClientBuilder;
use tower_layer::Layer as _;
use tower_service::Service as _;

use crate::ambient::cryptography;
use crate::api::{Api, HOST, Seen, Speaks, answer, data, frames, see, see_any};
use crate::bodies::gzip;
use crate::in_process::plain_reqwest;
use crate::project::{Project, response};

const SENT: &str = r#"{"users": [{"name": "Ann", "email": "ann@mail.test", "Age": 41}, {"name":"Bob","email":"bob@mail.test"}],
 "owner": "ann@mail.test", "email": null, "n": 1.10}"#;
const READ: &str = r#"{"users": [{"name": "[name:1]", "email": "[email:1]", "Age": 41}, {"name":"[name:2]","email":"[email:2]"}],
 "owner": "ann@mail.test", "email": null, "n": 1.10}"#;
const JSON: &str = "application/json";

fn config(api: &Api) -> Config {
    let config = api.config().redact_before_read("email").redact_before_read("/users/*/name");
    config.allow_header("x-page").allow_header("content-md5")
}

/// How a request reaches the session.
#[derive(Clone, Copy, Debug)]
enum Transport {
    Client,
    Intercepted,
    BaseUrl,
    Service,
    Layer,
    Middleware,
}

const TRANSPORTS: [Transport; 6] = [
    Transport::Client,
    Transport::Intercepted,
    Transport::BaseUrl,
    Transport::Service,
    Transport::Layer,
    Transport::Middleware,
];

impl Transport {
    async fn send(self, api: SocketAddr, session: &Session, request: Request<Bytes>) -> Seen {
        cryptography();
        let by = async |http: reqwest::Client, request: Request<Bytes>| {
            see(http.execute(request.try_into().unwrap()).await.unwrap_or_else(|e| panic!("{self:?}: {e:?}")))
                .await
        };
        match self {
            Transport::Client => by(session.client().unwrap(), request).await,
            Transport::Intercepted => by(reqwest::Client::new(), request).await,
            Transport::BaseUrl => {
                let base = session.base_url(&format!("http://{HOST}")).unwrap();
                let uri = format!("{base}{}", request.uri().path_and_query().unwrap());
                let mut request = request;
                *request.uri_mut() = uri.parse().unwrap();
                by(plain_reqwest().build().unwrap(), request).await
            }
            Transport::Service => {
                see_any(session.service().call(request.map(Body::from)).await.unwrap()).await
            }
            Transport::Layer => {
                let hyper = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new());
                let mut request = request.map(Body::from);
                // hyper's client does not use `Config::resolve`, so the URI has the server's address.
                request.headers_mut().insert("host", HeaderValue::from_static(HOST));
                let path = request.uri().path_and_query().unwrap().to_string();
                *request.uri_mut() = format!("http://{}{path}", api).parse().unwrap();
                let mut service = session.layer().layer(hyper.build_http());
                see_any(service.call(request).await.unwrap_or_else(|e| panic!("{e:?}"))).await
            }
            Transport::Middleware => {
                let http = plain_reqwest().resolve(HOST, api).build().unwrap();
                let http = ClientBuilder::new(http).with(session.middleware()).build();
                see(http.execute(request.try_into().unwrap()).await.unwrap_or_else(|e| panic!("{e:?}"))).await
            }
        }
    }
}

fn get(path: &str) -> Request<Bytes> {
    Request::get(format!("http://{HOST}{path}")).body(Bytes::new()).unwrap()
}

#[test]
fn the_code_reads_the_recorded_response_by_every_transport() {
    for transport in TRANSPORTS {
        let api = Api::start(Speaks::Http1, |request| {
            let headers = [("content-type", JSON), ("email", "ann@mail.test"), ("x-page", "1")];
            match request.uri().path() {
                "/plain" => answer(200, &headers, SENT),
                _ => {
                    let more = [("content-encoding", "gzip"), ("content-md5", "of something else")];
                    answer(200, &[&headers[..], &more].concat(), gzip(SENT.as_bytes()))
                }
            }
        });
        let (config, direct, project) = (config(&api), api.address(), Project::new());
        let body = async |session: Session| {
            let plain = transport.send(direct, &session, get("/plain")).await;
            let coded = transport.send(direct, &session, get("/gzip")).await;
            [plain, coded].map(|seen| {
                assert!(!seen.headers.contains_key("content-encoding"), "{transport:?} {seen:?}");
                assert!(!seen.headers.contains_key("content-md5"), "{transport:?} {seen:?}");
                assert_eq!(seen.headers["x-page"], "1", "{transport:?}");
                (seen.headers["email"].clone(), String::from_utf8(seen.body.to_vec()).unwrap())
            })
        };
        let expected = [(); 2].map(|()| (HeaderValue::from_static("[email:1]"), READ.to_owned()));
        assert_eq!(project.record(config.clone(), &body), expected, "{transport:?} recording");
        drop(api);
        project.assert_never("bob@mail.test");
        assert!(project.text().contains("\"field email\""), "{}", project.text());
        assert_eq!(project.replay(config, &body), expected, "{transport:?} replay");
    }
}

/// A response without a body keeps its headers.
#[test]
fn answers_without_a_body() {
    let api = Api::start(Speaks::Http1, |request| match request.uri().path() {
        "/head" => answer(200, &[("content-length", "77"), ("content-encoding", "gzip")], ""),
        "/unchanged" => answer(304, &[("etag", "\"x\"")], ""),
        _ => answer(204, &[("email", "ann@mail.test")], ""),
    });
    let config = config(&api);
    let project = Project::new();
    let body = async |session: Session| {
        let http = session.client_builder().unwrap().no_gzip().build().unwrap();
        let head = see(http.head(format!("http://{HOST}/head")).send().await.unwrap()).await;
        assert_eq!(
            (&head.headers["content-length"], &head.headers["content-encoding"]),
            (&"77".parse().unwrap(), &"gzip".parse().unwrap())
        );
        let unchanged = see(http.get(format!("http://{HOST}/unchanged")).send().await.unwrap()).await;
        let empty = see(http.get(format!("http://{HOST}/empty")).send().await.unwrap()).await;
        [head, unchanged, empty].map(|seen| (seen.status, seen.headers.get("email").cloned(), seen.cut))
    };
    let seen = project.record(config.clone(), &body);
    let email = HeaderValue::from_static("[email:1]");
    assert_eq!(seen, [(200, None, false), (304, None, false), (204, Some(email), false)]);
    drop(api);
    assert_eq!(project.replay(config, &body), seen);
}

async fn in_process(session: &Session) -> Seen {
    let mut request = get("/").map(Body::from);
    request.headers_mut().insert("te", HeaderValue::from_static("trailers"));
    see_any(session.service().call(request).await.unwrap()).await
}

#[test]
fn an_answer_in_pieces_with_trailers() {
    let api = Api::start(Speaks::Http1, |_| {
        let headers = [("content-type", JSON), ("trailer", "email, x-sum")];
        let (begin, end) = SENT.split_at(SENT.find("mail.test").unwrap());
        let mut trailers = HeaderMap::new();
        trailers.insert("email", HeaderValue::from_static("ann@mail.test"));
        trailers.insert("x-sum", HeaderValue::from_static("7"));
        frames(200, &headers, [data(begin), data(end), Ok(Frame::trailers(trailers))])
    });
    let (config, project) = (config(&api).allow_header("x-sum"), Project::new());
    let body = async |session: Session| {
        let seen = in_process(&session).await;
        let trailers = seen.trailers.unwrap();
        (seen.body, trailers["email"].clone(), trailers["x-sum"].clone(), seen.cut)
    };
    let [email, sum] = ["[email:1]", "7"].map(HeaderValue::from_static);
    let expected = (Bytes::from(READ), email, sum, false);
    assert_eq!(project.record(config.clone(), &body), expected);
    drop(api);
    assert_eq!(project.replay(config, &body), expected);
}

/// The body breaks off in the middle of an email address. cassette redacts the part that has arrived.
#[test]
fn an_answer_that_breaks_off() {
    let (begin, _) = SENT.split_at(SENT.find("mail.test").unwrap());
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let api = Api::raw(format!("{head}{:x}\r\n{begin}\r\n", begin.len()));
    let (config, project) = (config(&api), Project::new());
    let body = async |session: Session| {
        let seen = in_process(&session).await;
        (seen.cut, String::from_utf8(seen.body.to_vec()).unwrap())
    };
    let expected = (true, r#"{"users": [{"name": "[name:1]", "email": "[email:1]""#.to_owned());
    assert_eq!(project.record(config.clone(), &body), expected);
    drop(api);
    assert_eq!(project.replay(config, &body), expected);
}

/// cassette cannot redact a body that it cannot decode, so the code under test does not get it.
#[test]
fn answers_that_cannot_be_decoded() {
    let api = Api::start(Speaks::Http1, |request| match request.uri().path() {
        "/unknown" => answer(200, &[("content-type", JSON), ("content-encoding", "zip9")], SENT),
        _ => answer(
            200,
            &[("content-type", JSON), ("content-encoding", "gzip")],
            gzip(SENT.as_bytes())[..40].to_vec(),
        ),
    });
    let project = Project::new();
    let body = async |path: &str, session: Session| {
        let http = session.client_builder().unwrap().no_gzip().build().unwrap();
        see(http.get(format!("http://{HOST}{path}")).send().await.unwrap()).await
    };
    let ask = async |session| body("/unknown", session).await;
    let message = project.run(Mode::Record, config(&api), &ask).unwrap_err().to_string();
    assert!(message.contains("`redact_before_read` cannot redact the response: this build does not decode its content-encoding `zip9`"), "{message}");
    assert!(message.contains("let the client ask for `accept-encoding: gzip`"), "{message}");
    let seen = Mutex::new(None);
    let ask = async |session| *seen.lock().unwrap() = Some(body("/broken", session).await);
    let message = project.run(Mode::Record, config(&api), &ask).unwrap_err().to_string();
    assert!(message.contains("could not read the answer to GET http://api.example.test/broken"), "{message}");
    let seen = seen.into_inner().unwrap().unwrap();
    assert!(seen.cut && !String::from_utf8_lossy(&seen.body).contains("ann@"), "{seen:?}");
    assert!(!project.path("tests/cassettes/weather/berlin.json").exists());
}

/// A server that returns users with email addresses. Also returns a list to which the server adds every other request.
fn listening() -> (Api, Arc<Mutex<Vec<String>>>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let received = sent.clone();
    let api = Api::start(Speaks::Http1, move |request| match request.uri().path() {
        "/users" => answer(200, &[("content-type", JSON)], SENT),
        _ => {
            let (head, body) = request.into_parts();
            received.lock().unwrap().push(format!("{} {:?} {:?}", head.uri, head.headers, body));
            answer(200, &[], "taken")
        }
    });
    (api, sent)
}

/// A request that contains a placeholder at `place`.
fn returning(place: &str) -> Request<Bytes> {
    let email = "[email:1]";
    let url = |rest: &str| format!("http://{HOST}/taken{rest}");
    let post =
        |kind: &str, body: String| Request::post(url("")).header("content-type", kind).body(body.into());
    match place {
        "path" => Request::get(url("/%5Bemail:1%5D")).body(Bytes::new()),
        "query" => Request::get(url("?q=%5Bemail%3A1%5D")).body(Bytes::new()),
        "header" => Request::get(url("")).header("x-to", email).body(Bytes::new()),
        "json" => post(JSON, format!(r#"{{"to": ["{email}"]}}"#)),
        "form" => post("application/x-www-form-urlencoded", "a=1&to=%5Bemail%3A1%5D".into()),
        "text" => post("text/plain", format!("to {email}")),
        "gzip" => {
            let request = Request::post(url("")).header("content-encoding", "gzip");
            request.body(gzip(email.as_bytes()).into())
        }
        _ => unreachable!("{place}"),
    }
    .unwrap()
}

#[test]
fn a_placeholder_is_never_sent_back() {
    for transport in TRANSPORTS {
        for place in ["path", "query", "header", "json", "form", "text", "gzip"] {
            let (api, sent) = listening();
            let (project, at, answered) = (Project::new(), api.address(), Mutex::new(None));
            let body = async |session: Session| {
                transport.send(at, &session, get("/users")).await;
                let answer = transport.send(at, &session, returning(place)).await;
                *answered.lock().unwrap() = Some(answer);
            };
            let failure = project.run(Mode::Record, config(&api), &body).unwrap_err().to_string();
            let uri = match place {
                "path" => "/taken/[email:1]",
                "query" => "/taken?q=[email:1]",
                _ => "/taken",
            };
            let message = "the request sends `[email:1]`: the rule `field email` replaced the value in a response before the test read it";
            let what = |method| {
                format!(
                    "{method} http://{}{uri}: {message}",
                    if matches!(transport, Transport::Layer) { at.to_string() } else { HOST.to_owned() }
                )
            };
            assert!(
                failure.contains(&what("GET")) || failure.contains(&what("POST")),
                "{transport:?} {place}: {failure}"
            );
            assert!(
                failure.contains("`redact_field(\"email\")` instead of `redact_before_read(\"email\")`"),
                "{failure}"
            );
            assert_eq!(*sent.lock().unwrap(), [""; 0], "{transport:?} {place}");
            assert!(!project.path("tests/cassettes/weather/berlin.json").exists(), "{transport:?} {place}");
            let answered = answered.into_inner().unwrap().expect("an answer");
            assert_eq!(answered.status, 470, "{transport:?} {place} {answered:?}");
            assert!(
                String::from_utf8_lossy(&answered.body).contains(message),
                "{transport:?} {place} {answered:?}"
            );
        }
    }
}

/// Mode `append`: the code gets the placeholder from a response on the cassette, and not from a server in this run.
#[test]
fn a_placeholder_of_the_cassette_is_not_sent_back_either() {
    let (api, sent) = listening();
    let project = Project::new();
    let config = config(&api);
    project.record(config.clone(), &async |session: Session| {
        Transport::Client.send(api.address(), &session, get("/users")).await;
    });
    let body = async |session: Session| {
        Transport::Client.send(api.address(), &session, get("/users")).await;
        for place in ["query", "json"] {
            Transport::Client.send(api.address(), &session, returning(place)).await;
        }
    };
    let message = project.run(Mode::Append, config, &body).unwrap_err().to_string();
    assert_eq!(message.matches("the request sends `[email:1]`: ").count(), 2, "{message}");
    assert_eq!(*sent.lock().unwrap(), [""; 0]);
    assert_eq!(project.requests(), [format!("GET http://{HOST}/users")]);
}

/// A value can be a named secret and also in a field of `redact_before_read`. Then it gets the placeholder of the
/// field, because a replay would put a named secret back, and the code would see it.
#[test]
fn a_named_secret_is_not_shown_on_replay() {
    // Other tests of this process record the value of `SENT`, so this test names another one.
    let sent = SENT.replace("ann@mail.test", "eve@mail.test");
    let read = READ.replace("ann@mail.test", "eve@mail.test");
    let api = Api::start(Speaks::Http1, move |_| answer(200, &[("content-type", JSON)], sent.clone()));
    let config = config(&api).secret("OWNER", "eve@mail.test");
    let (project, direct) = (Project::new(), api.address());
    let body = async |session: Session| {
        String::from_utf8(Transport::Client.send(direct, &session, get("/")).await.body.to_vec()).unwrap()
    };
    assert_eq!(project.record(config.clone(), &body), read);
    drop(api);
    let replayed = project.replay(config, &body);
    assert_eq!(replayed, read);
    project.assert_never("eve@mail.test");
    let stored = response(&project.interactions()[0]).body.clone();
    assert_eq!(stored.size() as usize, read.len() - "eve@mail.test".len() + "{{secret.OWNER}}".len());
}
