//! Tests templates: recorded responses with expressions, which cassette fills in from the request. The tests use every
//! transport, and every mode that replays.

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use cassette::{Config, Mode, Session};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Request;
use http_body_util::BodyExt as _;
use tower_service::Service as _;

use crate::api::{Api, HOST, Seen, Speaks, answer, see, see_any};
use crate::matching::cassette;
use crate::project::Project;

/// An interaction with a JSON-RPC service. Its response contains expressions, as if a person had edited the recording.
const RPC: &str = r#"{
  "template": true,
  "request": {
    "method": "POST", "uri": "http://api.example.test/rpc?nonce=1", "headers": {"content-type": "application/json"},
    "body": {"json": {"id": 1, "method": "now"}}
  },
  "response": {
    "status": 200,
    "headers": {
      "content-type": "application/json", "content-length": "999",
      "x-request-id": "{{request.header.x-request-id}}"
    },
    "body": {"json": {"id": "{{request.json./id}}", "nonce": "<{{request.query.nonce}}>", "at": "{{now}}", "key": "{{secret.KEY}}"}}
  }
}"#;

fn config() -> Config {
    with_options(Config::new())
}

fn with_options(config: Config) -> Config {
    config
        .ignore_query("nonce")
        .ignore_json("/id")
        .secret("KEY", "pk-2f9a\"77c1")
        .allow_header("x-request-id")
        .freeze(UNIX_EPOCH + Duration::from_secs(1_000_000_000))
}

const URL: &str = "http://api.example.test/rpc?nonce=%22b%22";
const CALL: &str = r#"{"id": 42, "method": "now"}"#;

#[track_caller]
fn check(seen: &Seen) {
    let body = String::from_utf8_lossy(&seen.body).into_owned();
    let expected = r#"{"id":42,"nonce":"<\"b\">","at":"2001-09-09T01:46:40Z","key":"pk-2f9a\"77c1"}"#;
    assert_eq!(body.replace(": ", ":").replace(", ", ","), expected, "{seen:?}");
    assert_eq!((seen.status, &seen.headers["x-request-id"]), (200, &"r-17".parse().unwrap()), "{seen:?}");
    assert_eq!(seen.headers["content-length"], body.len().to_string());
}

/// Sends the request with a reqwest client.
async fn post(http: reqwest::Client) -> Seen {
    let request = http.post(URL).header("content-type", "application/json").header("x-request-id", "r-17");
    see(request.body(CALL).send().await.expect("an answer")).await
}

#[test]
fn in_process() {
    let seen = cassette(&[RPC]).replay(config(), &async |session: Session| {
        let request =
            Request::post(URL).header("content-type", "application/json").header("x-request-id", "r-17");
        let request = request.body(cassette::Body::from(CALL)).unwrap();
        see_any(session.service().call(request).await.unwrap()).await
    });
    check(&seen);
}

#[test]
fn through_the_proxy() {
    check(
        &cassette(&[RPC]).replay(config(), &async |session: Session| post(session.client().unwrap()).await),
    );
}

#[cfg(all(any(target_os = "linux", target_os = "macos"), target_pointer_width = "64"))]
#[test]
fn by_an_unmodified_client() {
    let seen = cassette(&[RPC]).replay(config(), &async |_: Session| {
        crate::ambient::cryptography();
        post(reqwest::Client::new()).await
    });
    check(&seen);
}

/// Mode `append` fills in recorded responses. Mode `verify` compares the filled-in response with the live response.
#[test]
fn in_other_modes() {
    let body = async |session: Session| post(session.client().unwrap()).await;
    check(&cassette(&[RPC]).run(Mode::Append, config(), &body).expect("it passes").0);
    // Mode `append` keeps a template, whether the interaction or the cassette contains `"template": true`.
    for all in [false, true] {
        let project = cassette(&[RPC]);
        if all {
            let one = project.text().replace("\"template\": true,\n", "");
            project.write(&one.replace("\"version\": 2,", "\"version\": 2, \"template\": true,"));
        }
        let api = Api::start(Speaks::Http1, |_| answer(200, &[], "new"));
        let config = with_options(api.config());
        let both = async |session: Session| {
            let http = session.client().unwrap();
            (post(http.clone()).await, crate::api::get(&http, &format!("http://{HOST}/new")).await.body)
        };
        let (_, summary) = project.run(Mode::Append, config.clone(), &both).expect("it passes");
        assert_eq!(summary.added, 1);
        drop(api);
        check(&project.replay(config, &both).0);
    }
    let api = |id: &'static str| {
        Api::start(Speaks::Http1, move |request| {
            let echo = request.headers()["x-request-id"].to_str().unwrap().to_owned();
            let body = format!(
                r#"{{"id":{id},"nonce":"<\"b\">","at":"2001-09-09T01:46:40Z","key":"pk-2f9a\"77c1"}}"#
            );
            answer(200, &[("content-type", "application/json"), ("x-request-id", &echo)], body)
        })
    };
    let verify = |api: Api| {
        let config = with_options(api.config()).verify_values();
        cassette(&[RPC]).run(Mode::Verify, config, &body).map_err(|e| e.to_string())
    };
    check(&verify(api("42")).expect("nothing has changed").0);
    let message = verify(api("1")).unwrap_err();
    assert!(message.contains("JSON /id  42  →  1"), "{message}");
}

/// The cassette can contain `"template": true` for all interactions. Without `"template": true`, a response is not
/// filled in.
#[test]
fn only_where_the_cassette_says_so() {
    let ask = |project: &Project| {
        project.replay(Config::new().ignore_query("nonce"), &async |session: Session| {
            let http = session.client().unwrap();
            let seen = crate::api::get(&http, "http://h/?nonce=7").await;
            String::from_utf8(seen.body.to_vec()).unwrap()
        })
    };
    let plain = r#"{"request": {"method": "GET", "uri": "http://h/"}, "response": {"status": 200, "body": {"text": "{{request.query.nonce}} {{'{{'}}x}}"}}}"#;
    let project = cassette(&[plain]);
    assert_eq!(ask(&project), "{{request.query.nonce}} {{'{{'}}x}}");
    let text = project.text();
    for all in ["\"_metadata\": {\"template\": true}", "\"template\": true"] {
        project.write(&text.replace("\"version\": 2,", &format!("\"version\": 2, {all},")));
        assert_eq!(ask(&project), "7 {{x}}");
    }
}

/// cassette fills in body files while it reads them.
#[test]
fn long_bodies() {
    const LINE: &str = "callback {{request.form.callback}}, of a line that is long enough\n";
    let api =
        Api::start(Speaks::Http1, |_| answer(200, &[("content-type", "text/plain")], LINE.repeat(20_000)));
    let (config, project) = (api.config().ignore_body(), Project::new());
    let ask = async |session: Session, callback: &str| {
        let mut zipped = GzEncoder::new(Vec::new(), Compression::best());
        write!(zipped, "a=1&callback={callback}").unwrap();
        let request =
            session.client().unwrap().post(format!("http://{HOST}/")).header("content-encoding", "gzip");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        see(request.body(zipped.finish().unwrap()).send().await.unwrap()).await
    };
    project.record(config.clone(), &async |session| ask(session, "first").await);
    drop(api);
    project.write(&project.text().replace("\"_metadata\": {", "\"_metadata\": {\n    \"template\": true,"));
    for callback in ["x", "a%20much%20longer%20name"] {
        let seen = project.replay(config.clone(), &async |session| ask(session, callback).await);
        let expected =
            LINE.replace("{{request.form.callback}}", &callback.replace("%20", " ")).repeat(20_000);
        assert!(seen.body == expected.as_bytes(), "{seen:?}");
        assert_eq!(seen.headers["content-length"], expected.len().to_string());
    }
}

/// If cassette cannot fill in an expression, the client gets a response with status 470, whose body is the report. The
/// test fails even if the client ignores this response.
#[test]
fn an_expression_without_a_value() {
    let text = |expression: &str| RPC.replace("{{request.json./id}}", expression);
    let failure = |interaction: String| {
        let project = cassette(&[&interaction]);
        let response = std::sync::Mutex::new(None);
        let ended = project.run(Mode::Replay, config(), &async |session: Session| {
            let request = Request::post(URL).header("content-type", "application/json");
            let request = request.header("x-request-id", "r-17").body(cassette::Body::from(CALL)).unwrap();
            let (head, body) = session.service().call(request).await.unwrap().into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            *response.lock().unwrap() =
                Some((head.status.as_u16(), String::from_utf8_lossy(&body).into_owned()));
        });
        let ended = ended.unwrap_err().to_string();
        assert_eq!(response.into_inner().unwrap(), Some((470, ended.clone())));
        ended.replace(&*project.path("").to_string_lossy(), "")
    };
    insta::assert_snapshot!("a_missing_value", failure(text("{{request.json./uid}}")));
    insta::assert_snapshot!("an_unknown_expression", failure(text("{{request.body.id}}")));
}
