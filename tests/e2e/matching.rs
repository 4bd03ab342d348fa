//! Tests which recording matches which request, and the report for a request that matches none. The cassettes are
//! handwritten, so the tests need no server.

use cassette::tape::Request;
use cassette::{Body, Config, Exhausted, Mode, Session, Unused};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt as _;
use std::io::Write as _;
use tower_service::Service as _;

use crate::api::{Api, Speaks, answer};
use crate::project::{NAME, Project};

/// A project whose cassette has these interactions.
pub(crate) fn cassette(interactions: &[&str]) -> Project {
    let project = Project::new();
    let file = project.path("tests/cassettes").join(format!("{NAME}.json"));
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    let text = format!("{{\n\"version\": 2,\n\"interactions\": [\n{}\n]\n}}\n", interactions.join(",\n"));
    std::fs::write(file, text).expect("written");
    project
}

/// The JSON of an interaction: a request `GET uri`, and a response with `text` as its body. `more` is added to the
/// interaction's fields.
fn got(uri: &str, text: &str, more: &str) -> String {
    format!(
        r#"{{"request": {{"method": "GET", "uri": "{uri}"}}, "response": {{"status": 200, "body": {{"text": "{text}"}}}}{more}}}"#
    )
}

fn numbered(uris: &[&str]) -> Vec<String> {
    uris.iter().enumerate().map(|(n, uri)| got(uri, &(n + 1).to_string(), "")).collect()
}

pub(crate) async fn ask(session: &Session, request: http::Request<Body>) -> (http::response::Parts, String) {
    let response = session.service().call(request).await.expect("an answer");
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    (head, String::from_utf8_lossy(&bytes).into_owned())
}

fn get(uri: &str) -> http::Request<Body> {
    http::Request::get(uri).body(Body::empty()).expect("a request")
}

fn post(uri: &str, content_type: &str, body: &str) -> http::Request<Body> {
    let request = http::Request::post(uri).header("content-type", content_type);
    request.body(Body::from(body.to_owned())).expect("a request")
}

/// Requests these URIs one after the other. Returns the texts of the responses, joined, and the result of the session.
/// The text of a request without a recording is `-`.
fn play(project: &Project, config: Config, uris: &[&str]) -> (String, Result<(), String>) {
    let requests = uris.iter().map(|uri| get(uri));
    play_requests(project, config, requests.collect())
}

fn play_requests(
    project: &Project,
    config: Config,
    requests: Vec<http::Request<Body>>,
) -> (String, Result<(), String>) {
    let answers = std::sync::Mutex::new(String::new());
    let requests = std::sync::Mutex::new(requests);
    let ended = project.run(Mode::Replay, config, &async |session: Session| {
        let requests = std::mem::take(&mut *requests.lock().unwrap());
        for request in requests {
            let (head, body) = ask(&session, request).await;
            answers.lock().unwrap().push_str(if head.status == 470 { "-" } else { &body });
        }
    });
    let root = project.path("").to_string_lossy().into_owned();
    let ended = ended.map(drop).map_err(|e| e.to_string().replace(&root, "[project]/"));
    (answers.into_inner().unwrap(), ended)
}

fn refs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

#[track_caller]
fn answers(recorded: &[&str], config: Config, asked: &[&str], expected: &str) {
    let (answers, ended) = play(&cassette(&refs(&numbered(recorded))), config, asked);
    assert_eq!(answers, expected);
    assert_eq!(ended.is_ok(), !expected.contains('-'), "{ended:?}");
}

// Each of the following tests uses a host of its own. Otherwise the unmatched request of one test could match a
// recording of a parallel test, and the reports of both tests would have a note about it.

#[test]
fn more_requests_than_recordings() {
    const A: &str = "http://used.test/a";
    const B: &str = "http://used.test/b";
    answers(&[A, A, B], Config::new(), &[A, B, A, A], "132-");
    answers(&[A, A, B], Config::new().exhausted(Exhausted::RepeatLast), &[A, B, A, A, B], "13223");
    answers(&[A, A, B], Config::new().exhausted(Exhausted::Loop), &[A, B, A, A, A], "13212");
}

#[test]
fn what_an_interaction_says_of_itself() {
    const A: &str = "http://itself.test/a";
    const B: &str = "http://itself.test/b";
    let interactions = [
        got(A, "1", r#", "repeat": true"#),
        got(A, "2", ""),
        got(B, "3", r#", "optional": true, "note": "only on Mondays""#),
    ];
    let project = cassette(&refs(&interactions));
    let (answers, ended) = play(&project, Config::new(), &[A, A, A, A]);
    assert_eq!(answers, "1211");
    ended.expect("what is optional may be left out");
    let (answers, ended) = play(&project, Config::new(), &[A, A, B, B]);
    assert_eq!(answers, "123-");
    assert!(ended.unwrap_err().contains("recorded once, and already used"));
    // If a key in the cassette has a wrong value, the test fails before the first request.
    let broken = cassette(&[&got(A, "1", r#", "optional": "yes""#)]);
    insta::assert_snapshot!(play(&broken, Config::new(), &[]).1.unwrap_err());
}

#[test]
fn unused_interactions() {
    let recorded = ["http://left.test/a", "http://left.test/b", "http://left.test/c"];
    let project = cassette(&refs(&numbered(&recorded)));
    let run = |config| play(&project, config, &recorded[..1]).1;
    insta::assert_snapshot!("unused", run(Config::new()).unwrap_err());
    run(Config::new().unused(Unused::Warn)).expect("it only warns");
    run(Config::new().unused(Unused::Allow)).expect("it is allowed");
}

#[test]
fn the_recorded_order() {
    const A: &str = "http://order.test/a";
    const B: &str = "http://order.test/b";
    let c = "http://order.test/c";
    answers(&[A, B, A], Config::new().ordered(), &[A, B, A], "123");
    let project = cassette(&refs(&numbered(&[A, B, A, c])));
    let (answers, ended) = play(&project, Config::new().ordered(), &[A, A, B, A, c]);
    assert_eq!(answers, "1-234", "what comes in its turn is answered all the same");
    insta::assert_snapshot!("out_of_order", ended.unwrap_err());
    // With `ordered`, a test may skip an optional interaction, but then it cannot request it later.
    let optional = [got(A, "1", r#", "optional": true"#), got(B, "2", ""), got(c, "3", "")];
    let project = cassette(&refs(&optional));
    for (asked, expected) in [(&[A, B, c][..], "123"), (&[B, c], "23"), (&[B, A, c], "2-3")] {
        let (answers, ended) = play(&project, Config::new().ordered(), asked);
        assert_eq!((answers.as_str(), ended.is_ok()), (expected, !expected.contains('-')));
    }
}

#[test]
fn options_of_one_place() {
    let config = || {
        Config::new()
            .unused(Unused::Allow)
            .ignore_path(r"/orders/(\d+)")
            .matching_for("telemetry.test/**", |m| m.ignore_query("*"))
            .require_header("x-tenant")
    };
    let recorded =
        ["http://tenant.test/orders/17", "http://telemetry.test/ping?at=1", "http://tenant.test/other?at=1"];
    answers(&recorded, config(), &["http://tenant.test/orders/4", "http://telemetry.test/ping?at=2"], "12");
    answers(&recorded, config(), &["http://tenant.test/other?at=2"], "-");
    let mut tenant = get("http://tenant.test/orders/4");
    tenant.headers_mut().insert("x-tenant", "acme".parse().unwrap());
    let (answers, ended) = play_requests(&cassette(&refs(&numbered(&recorded))), config(), vec![tenant]);
    assert_eq!(answers, "-");
    insta::assert_snapshot!("a_header_that_counts", ended.unwrap_err());
}

#[test]
fn a_matcher_decides_among_equals() {
    let recorded = |lines: &str, answer: &str| {
        format!(
            r#"{{"request": {{"method": "POST", "uri": "http://log.test/log", "headers": {{"content-type": "text/plain"}}, "body": {{"text": "{lines}"}}}}, "response": {{"status": 200, "body": {{"text": "{answer}"}}}}}}"#
        )
    };
    let config = || {
        Config::new().ignore_body().matcher("as long as it was", |actual: &Request, recorded: &Request| {
            actual.body.size() == recorded.body.size()
        })
    };
    let project = cassette(&[&recorded("one", "1"), &recorded("three", "2"), &recorded("two", "3")]);
    let log = |body| post("http://log.test/log", "text/plain", body);
    let (answers, ended) =
        play_requests(&project, config(), vec![log("12345"), log("xyz"), log("abc"), log("four")]);
    assert_eq!(answers, "213-");
    assert!(ended.unwrap_err().contains("matcher `as long as it was` refuses it"));
}

/// cassette compares and stores bodies without their content coding.
#[test]
fn compressed_bodies() {
    let api = Api::start(Speaks::Http1, |request| answer(200, &[], format!("{} B", request.body().len())));
    let url = api.url("/import");
    let project = Project::new();
    let zipped = |level| {
        let mut gzip = GzEncoder::new(Vec::new(), level);
        gzip.write_all(br#"{"rows": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}"#).unwrap();
        let request = http::Request::post(&url).header("content-encoding", "gzip");
        request.header("content-type", "application/json").body(Body::from(gzip.finish().unwrap())).unwrap()
    };
    project
        .record(api.config(), &async |session: Session| ask(&session, zipped(Compression::best())).await.1);
    let plain = r#"{"rows":[1,2,3,4,5,6,7,8,9,10,11,12.0]}"#;
    for request in [zipped(Compression::none()), post(&url, "application/json", plain)] {
        let (answers, ended) = play_requests(&project, api.config(), vec![request]);
        ended.unwrap_or_else(|e| panic!("{e}"));
        assert!(answers.ends_with(" B"), "{answers}");
    }
}

#[test]
fn a_miss_among_many() {
    let uris: Vec<String> =
        (1..=400).map(|n| format!("http://many.test/v1/items/{n}?lang=en&page={}", n % 7)).collect();
    let uris: Vec<&str> = uris.iter().map(String::as_str).collect();
    let project = cassette(&refs(&numbered(&uris)));
    let config = Config::new().unused(Unused::Allow).ignore_query("nonce");
    let asked = [
        "http://many.test/v1/items/250?lang=en&page=5",
        "http://many.test/v1/items/250?lang=de&page=5&nonce=1",
    ];
    let (answers, ended) = play(&project, config, &asked);
    assert_eq!(answers, "250-");
    insta::assert_snapshot!("a_miss_among_many", ended.unwrap_err());
}

#[test]
fn a_graphql_query() {
    let interaction = r#"{
      "request": {
        "method": "POST", "uri": "http://graphql.test/graphql", "headers": {"content-type": "application/json"},
        "body": {"json": {"query": "query Item($id: ID!) { item(id: $id) { name } }", "variables": {"id": 17}}}
      },
      "response": {"status": 200, "body": {"text": "1"}}
    }"#;
    let ask = |body| post("http://graphql.test/graphql", "application/json", body);
    let requests = vec![
        ask(
            r#"{"variables":{"id":17.0},"query":"query Item($id: ID!) {\n  item(id: $id) {\n    name # of it\n  }\n}"}"#,
        ),
        ask(r#"{"query":"query Item($id: ID!) { item(id: $id) { name price } }","variables":{"id":18}}"#),
    ];
    let (answers, ended) = play_requests(&cassette(&[interaction]), Config::new(), requests);
    assert_eq!(answers, "1-");
    insta::assert_snapshot!("a_graphql_query", ended.unwrap_err());
}

#[test]
fn nothing_for_the_host_and_nothing_similar() {
    let project =
        cassette(&refs(&numbered(&["http://h.nothing.test/v1/items?page=1", "http://i.nothing.test/login"])));
    let asked =
        ["http://j.nothing.test/v1/items", "http://h.nothing.test/", "http://i.nothing.test/login?as=me"];
    let (answers, ended) = play(&project, Config::new(), &asked);
    assert_eq!(answers, "---");
    insta::assert_snapshot!("nothing_similar", ended.unwrap_err());
}

/// The body of the response with status 470 is the text of the failure.
#[test]
fn an_unmatched_request_gets_the_report() {
    let project = cassette(&refs(&numbered(&["http://refusal.test/a"])));
    let response = std::sync::Mutex::new(None);
    let ended = project.run(Mode::Replay, Config::new(), &async |session: Session| {
        *response.lock().unwrap() = Some(ask(&session, get("http://refusal.test/a?page=2")).await);
    });
    let (head, body) = response.into_inner().unwrap().expect("an answer");
    assert_eq!(head.status, 470);
    assert_eq!(head.headers["content-type"], "text/plain; charset=utf-8");
    let failure = ended.unwrap_err().to_string();
    assert!(failure.contains(".ignore_query(\"page\")"), "{failure}");
    assert_eq!(failure, body);
}
