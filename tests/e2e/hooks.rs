//! Tests redaction hooks: what they get, what they may change, and when they run.

use std::sync::Mutex;

use bytes::Bytes;
use cassette::redact::{MOST_HOOKED, Side};
use cassette::{Config, Mode, Session};

use crate::api::{Api, HOST, Speaks, answer, see};
use crate::bodies::gzip;
use crate::project::{Project, response};

fn url(path: &str) -> String {
    format!("http://{HOST}{path}")
}

/// A server that returns the request body.
fn mirror() -> Api {
    Api::start(Speaks::Http1, |request| {
        let of = request.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or("text/plain");
        let (kind, path) = (of.to_owned(), request.uri().to_string());
        let headers = [("content-type", &*kind), ("x-path", &*path), ("etag", "\"of-today\"")];
        answer(200, &headers, request.into_body())
    })
}

#[track_caller]
fn refused(config: impl Fn(Config) -> Config, path: &str, body: &'static [u8]) -> (String, Project) {
    let (api, project) = (mirror(), Project::new());
    let ask = async |session: Session| {
        let sent = session.client().unwrap().post(url(path)).body(body).send().await.unwrap();
        sent.status().as_u16()
    };
    let failure = project.run(Mode::Record, config(api.config()), &ask).unwrap_err().to_string();
    assert!(!project.path("tests/cassettes/weather/berlin.json").exists());
    (failure, project)
}

/// The server gets the original request, and the test gets the original response. The cassette contains the results of
/// the hooks.
#[test]
fn heads_are_stored_and_matched_as_hooks_leave_them() {
    let api = mirror();
    let config = api.config().allow_header("x-path").allow_header("x-shard").allow_header("x-order");
    let config = config
        .redact_request_with("tenant", |request| {
            assert_eq!(request.method, "GET");
            request.headers.insert("x-order", "first".parse().unwrap());
            if let Some((begin, rest)) = request.uri.split_once("/tenants/") {
                request.uri = format!("{begin}/tenants/T{}", rest.find('/').map_or("", |at| &rest[at..]));
            }
        })
        .redact_request_with("shard", |request| {
            let first = request.headers.get("x-order").unwrap() == "first";
            assert!(first && request.uri.contains("/tenants/T/"), "{request:?}");
            request.headers.insert("x-order", "second".parse().unwrap());
            request.headers.remove("x-shard");
        })
        .redact_response_with("etag of the day", |response| {
            assert_eq!((response.status.as_u16(), &*response.uri), (200, &*url("/tenants/T/users?page=1")));
            response.headers.remove("etag");
            response.headers.insert("x-path", "gone".parse().unwrap());
        });
    let project = Project::new();
    let ask = |tenant: &'static str| {
        async move |session: Session| {
            let http = session.client().unwrap();
            let request = http.get(url(&format!("/tenants/{tenant}/users?page=1"))).header("x-shard", tenant);
            let seen = see(request.send().await.unwrap()).await;
            (seen.headers["x-path"].clone(), seen.headers.contains_key("etag"))
        }
    };
    let live = project.record(config.clone(), &ask("acme"));
    assert_eq!(live, ("/tenants/acme/users?page=1".parse().unwrap(), true));
    drop(api);
    project.assert_never("acme");
    assert_eq!(project.requests(), [format!("GET {}", url("/tenants/T/users?page=1"))]);
    assert_eq!(project.interactions()[0].request.headers["x-order"], "second");
    for label in ["hook tenant", "hook shard", "hook etag of the day"] {
        assert!(project.text().contains(&format!("\"{label}\"")), "{}", project.text());
    }
    // A test with another tenant replays the cassette, and gets the stored response.
    let played = project.replay(config, &ask("other"));
    assert_eq!(played, ("gone".parse().unwrap(), false));
}

/// Hooks get the bodies of requests and responses, whole and decoded. The second hook gets the result of the first.
/// Then cassette redacts secrets in the result of the last hook.
#[test]
fn bodies_are_stored_and_matched_as_hooks_leave_them() {
    let api = Api::start(Speaks::Http1, |request| {
        let headers =
            [("content-type", "Application/VND.acme"), ("content-encoding", "gzip"), ("content-md5", "x")];
        let said = [b"ticket=t-1;for=", &request.body()[..]].concat();
        answer(200, &headers, gzip(&said))
    });
    let seen = std::sync::Arc::new(Mutex::new(Vec::new()));
    let sees = seen.clone();
    let config = api.config().secret("KEY", "k-11223344").allow_header("content-md5").redact_body_with(
        "nonce",
        |head| head.content_type() == "application/vnd.acme",
        move |head, body| {
            let text = String::from_utf8(body).unwrap();
            sees.lock().unwrap().push(format!("{:?} {} {text}", head.side, head.uri));
            text.replace(|c: char| c.is_ascii_uppercase(), "N").into_bytes()
        },
    );
    // This hook adds a secret to the body.
    let config = config.redact_body_with(
        "unwrap",
        |head| head.side == Side::Response,
        |_, body| [&body[..], b" k-11223344"].concat(),
    );
    let project = Project::new();
    let ask = |nonce: &'static str| {
        async move |session: Session| {
            let request = session.client().unwrap().post(url("/sign?token=t"));
            let request = request.header("content-type", "application/vnd.acme; v=1").body(nonce);
            let seen = see(request.send().await.unwrap()).await;
            (seen.headers.get("content-length").cloned(), String::from_utf8(seen.body.to_vec()).unwrap())
        }
    };
    assert_eq!(
        project.record(config.clone(), &ask("ABC")).1,
        "ticket=t-1;for=ABC",
        "the test sees what was sent"
    );
    drop(api);
    let uri = url("/sign?token=[token:1]");
    let expected = [format!("Request {uri} ABC"), format!("Response {uri} ticket=t-1;for=ABC")];
    assert_eq!(*seen.lock().unwrap(), expected);
    let stored = &project.interactions()[0];
    assert!(!response(stored).headers.contains_key("content-md5"), "it was of another body");
    let text = project.text();
    assert!(text.contains("ticket=t-1;for=NNN {{secret.KEY}}"), "{text}");
    for label in ["hook nonce", "hook unwrap", "secret.KEY"] {
        assert!(text.contains(&format!("\"{label}\"")), "{text}");
    }
    let (length, body) = project.replay(config, &ask("XYZ"));
    assert_eq!(body, "ticket=t-1;for=NNN k-11223344");
    assert_eq!(length.unwrap(), body.len().to_string());
}

/// cassette holds a body in memory only for a hook, and only up to a limit.
#[test]
fn bodies_that_are_too_long_for_a_hook() {
    const LONG: usize = MOST_HOOKED + 1;
    let wants = |side: Side| {
        move |config: Config| config.redact_body_with("pdf", move |head| head.side == side, |_, body| body)
    };
    let long: &'static [u8] = vec![b'x'; LONG].leak();
    for (side, what) in [(Side::Request, "request"), (Side::Response, "answer")] {
        let (message, _) = refused(wants(side), "/long", long);
        let about = "POST http://api.example.test/long: the redaction hook `pdf` is for bodies of up to 16 MiB, and this one is longer";
        assert!(message.contains(about), "{what}: {message}");
        assert!(message.contains("correct `redact_body_with(\"pdf\", …)` in the `Config`"), "{message}");
    }
    // The limit applies on replay, too.
    let (api, project) = (mirror(), Project::new());
    let ask = async |session: Session| {
        let sent = session.client().unwrap().post(url("/long")).body(long).send().await.unwrap();
        (sent.status().as_u16(), sent.text().await.unwrap().len())
    };
    let nobody = |config: Config| config.redact_body_with("nobody", |_| false, |_, _| Vec::new());
    assert_eq!(project.record(nobody(api.config()), &ask), (200, LONG));
    assert_eq!(project.replay(nobody(api.config()), &ask), (200, LONG));
    let message =
        project.run(Mode::Replay, wants(Side::Request)(api.config()), &ask).unwrap_err().to_string();
    assert!(message.contains("the redaction hook `pdf` is for bodies of up to 16 MiB"), "{message}");
}

/// Tests a body that is exactly as long as a hook allows.
#[test]
fn the_longest_body_for_a_hook() {
    let long: &'static [u8] = vec![b'x'; MOST_HOOKED].leak();
    let (api, project) = (mirror(), Project::new());
    let config =
        api.config().redact_body_with("all", |_| true, |_, body| body.len().to_string().into_bytes());
    let ask = async |session: Session| {
        let sent = session.client().unwrap().post(url("/long")).body(long).send().await.unwrap();
        sent.text().await.unwrap().len()
    };
    assert_eq!(project.record(config.clone(), &ask), MOST_HOOKED);
    drop(api);
    assert_eq!(project.replay(config, &ask), MOST_HOOKED.to_string().len());
}

#[test]
fn hooks_that_fail() {
    let (message, _) =
        refused(|config| config.redact_request_with("tenant", |_| panic!("no such thing")), "/a", b"");
    assert!(
        message
            .contains("POST http://api.example.test/a: the redaction hook `tenant` panicked: no such thing"),
        "{message}"
    );
    assert!(message.contains("correct `redact_request_with(\"tenant\", …)`"), "{message}");
    let not = |config: Config| config.redact_request_with("tenant", |request| request.uri = "no url".into());
    let (message, _) = refused(not, "/a?token=abc", b"");
    assert!(
        message.contains("/a?token=[token:1]: the redaction hook `tenant` left an invalid URL"),
        "{message}"
    );
    let fails = |config: Config| config.redact_response_with("etag", |_| panic!("{} things", 2));
    let (message, _) = refused(fails, "/a", b"");
    assert!(message.contains("the redaction hook `etag` panicked: 2 things"), "{message}");
    for side in [Side::Request, Side::Response] {
        let fails = |config: Config| {
            config.redact_body_with("b", move |head| head.side == side, |_, _| panic!("in the body"))
        };
        let (message, _) = refused(fails, "/a", b"some");
        assert!(message.contains("the redaction hook `b` panicked: in the body"), "{side:?}: {message}");
        let fails = |config: Config| {
            config.redact_body_with("b", move |head| head.side != side || panic!("in wants"), |_, body| body)
        };
        let (message, _) = refused(fails, "/a", b"some");
        assert!(message.contains("the redaction hook `b` panicked: in wants"), "{side:?}: {message}");
    }
}

/// A secret in the result of a hook is redacted.
#[test]
fn a_hook_cannot_bring_a_secret_in() {
    let config = |config: Config| {
        config.secret("KEY", "k/11/22/33/44").redact_response_with("leaky", |response| {
            response.headers.insert("etag", "\"k/11/22/33/44\"".parse().unwrap());
        })
    };
    let (api, project) = (mirror(), Project::new());
    let ask = async |session: Session| {
        session.client().unwrap().get(url("/a")).send().await.unwrap().bytes().await.unwrap()
    };
    let _: Bytes = project.record(config(api.config()), &ask);
    assert_eq!(response(&project.interactions()[0]).headers["etag"], "\"{{secret.KEY}}\"");
}

/// If the cassette was recorded with other hooks, the report says so.
#[test]
fn a_cassette_of_other_hooks() {
    let (api, project) = (mirror(), Project::new());
    let config = api.config();
    let hooked = config.clone().redact_request_with("page", |r| r.uri = r.uri.replace("page=1", "page=N"));
    let ask = async |session: Session| {
        session.client().unwrap().get(url("/?page=1")).send().await.unwrap().status().as_u16()
    };
    project.record(hooked, &ask);
    let message = project.run(Mode::Replay, config, &ask).unwrap_err().to_string();
    assert!(message.contains("hook page"), "{message}");
}
