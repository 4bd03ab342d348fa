//! Requests that match no recording.

use http::{HeaderMap, Method};

use super::*;
use crate::matcher::Matching;
use crate::player;
use crate::tape::{Body, Request};

pub(super) fn get(uri: &str) -> Request {
    Request { method: Method::GET, uri: uri.to_owned(), headers: HeaderMap::new(), body: Body::default() }
}

fn post(uri: &str, content_type: &str, body: &str) -> Request {
    let mut request = get(uri);
    request.method = Method::POST;
    request.headers.insert("content-type", content_type.parse().unwrap());
    request.body = Body::inline(body.to_owned());
    request
}

fn closest(actual: &Request, index: usize, recorded: Request, used_by: Option<usize>) -> Vec<Closest> {
    let mismatch = Matching::default().compare(actual, &recorded);
    let answer = RecordedAnswer::Response { status: 200, size: 1290, beginning: "{\"id\":\n".into() };
    vec![Closest { index, request: recorded, mismatch, used_by, answer }]
}

fn differs(request: Request, index: usize, recorded: Request) -> UnmatchedRequest {
    let near = closest(&request, index, recorded, None);
    UnmatchedRequest {
        request,
        reason: Reason::Differs,
        near,
        valueless: vec![],
        renamed: vec![],
        open: false,
    }
}

pub(super) fn unmatched(requests: Vec<UnmatchedRequest>) -> Problem {
    unmatched_with(String::new(), requests)
}

fn unmatched_with(matching: String, requests: Vec<UnmatchedRequest>) -> Problem {
    let cassette = "tests/cassettes/weather/berlin.json".into();
    let suggestions = player::suggestions::of(&requests);
    Problem::Unmatched(Unmatched {
        cassette,
        recorded: 12,
        used: 4,
        matching,
        left_out: Vec::new(),
        requests,
        suggestions,
    })
}

#[test]
fn one_query_key_differs() {
    let request = get("https://api.example.com/v1/forecast?city=Berlin&days=7");
    let recorded = get("https://api.example.com/v1/forecast?city=Berlin&days=5");
    check(
        vec![unmatched(vec![differs(request, 4, recorded)])],
        "\
error: no recording answers this request
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = recordings: 12, of which 4 used and 8 left

  requested  GET https://api.example.com/v1/forecast?city=Berlin&days=7
  closest    GET https://api.example.com/v1/forecast?city=Berlin&days=5
             recording 5 of 12, not used
             answers 200 OK, 1.2 kB: {\"id\":
  differs in (- recorded, + requested)
    query `days`
      - 5
      + 7

  if this differs in every run, let the test's `Config` ignore it
    1. the query key `days`: .ignore_query(\"days\")

help: if the test asks for this on purpose, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

/// This header is compared by default. The cassette may have been recorded before this rule existed, so it lacks the
/// header.
#[test]
fn a_selecting_header_differs() {
    let with = |target: Option<&'static str>| {
        let mut request = post("https://kms.example.com/", "application/x-amz-json-1.1", "{}");
        request.headers.extend(target.map(|target| (TARGET, target.parse().unwrap())));
        request
    };
    let text = |recorded| match unmatched(vec![differs(with(Some("Kms.Sign")), 4, with(recorded))]) {
        Problem::Unmatched(unmatched) => {
            let failure = FailureReport {
                site: site(),
                problems: vec![Problem::Unmatched(unmatched)],
                notes: vec![],
                panic: None,
            };
            let text = failure.render(&Palette::plain());
            let (_, text) = text.split_once("differs in (- recorded, + requested)\n").unwrap();
            text.to_owned()
        }
        _ => unreachable!(),
    };
    let end = "
  if this header does not change the response, let the test's `Config` ignore it
    1. the header `x-amz-target`: .ignore_header(\"x-amz-target\")

help: if the test asks for this on purpose, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin";
    let other = "    header `x-amz-target`\n      - Kms.Verify\n      + Kms.Sign\n";
    assert_eq!(text(Some("Kms.Verify")), format!("{other}{end}"));
    let absent = "    header `x-amz-target`
      - (absent)
      + Kms.Sign
      matching compares this header by default: it selects what a request asks for
      record a cassette again that was recorded before cassette kept this header
";
    assert_eq!(text(None), format!("{absent}{end}"));
}

const TARGET: http::HeaderName = http::HeaderName::from_static("x-amz-target");

#[test]
fn a_json_body_differs() {
    let uri = "https://api.example.com/v1/orders";
    let json = "application/json";
    let request = post(
        uri,
        json,
        r#"{"requested_at": "2026-11-24T10:00:00Z", "items": [{"sku": "tea", "n": 2}], "note": ""}"#,
    );
    let recorded =
        post(uri, json, r#"{"requested_at": "2026-11-23T09:58:12Z", "items": [{"sku": "tea", "n": 1}]}"#);
    let near = closest(&request, 0, recorded, Some(0));
    check(
        vec![unmatched(vec![UnmatchedRequest {
            request,
            reason: Reason::Differs,
            near,
            valueless: vec![],
            renamed: vec![],
            open: false,
        }])],
        "\
error: no recording answers this request
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = recordings: 12, of which 4 used and 8 left

  requested  POST https://api.example.com/v1/orders
  closest    POST https://api.example.com/v1/orders
             recording 1 of 12, used by request 1
             answers 200 OK, 1.2 kB: {\"id\":
  differs in (- recorded, + requested)
    JSON body at /items/0/n
      - 1
      + 2
    JSON body at /note
      - (absent)
      + \"\"
    JSON body at /requested_at
      - \"2026-11-23T09:58:12Z\"
      + \"2026-11-24T10:00:00Z\"

  if this differs in every run, let the test's `Config` ignore it
    1. the JSON at /items/*/n: .ignore_json(\"/items/*/n\")
    2. the JSON at /note: .ignore_json(\"/note\")
    3. the JSON at /requested_at: .ignore_json(\"/requested_at\")

help: if the test asks for this on purpose, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn every_reason_and_more_requests_than_are_shown() {
    let all_used = get("https://api.example.com/v1/token");
    let near = closest(&all_used, 0, all_used.clone(), Some(0));
    let mut requests = vec![
        UnmatchedRequest {
            request: get("https://api.example.org/v1/forecast"),
            reason: Reason::NoneForHost {
                host: "api.example.org".into(),
                recorded: vec!["api.example.com".into(), "cdn.example.com:8443".into()],
            },
            near: vec![],
            valueless: vec![],
            renamed: vec![],
            open: false,
        },
        UnmatchedRequest {
            request: all_used.clone(),
            reason: Reason::AllUsed { recorded: 1 },
            near,
            valueless: vec![],
            renamed: vec![],
            open: false,
        },
        UnmatchedRequest {
            request: all_used.clone(),
            reason: Reason::AllUsed { recorded: 3 },
            near: vec![],
            valueless: vec![],
            renamed: vec![],
            open: false,
        },
        UnmatchedRequest {
            request: get("https://api.example.com/login"),
            reason: Reason::NothingSimilar,
            near: vec![],
            valueless: vec![],
            renamed: vec![],
            open: false,
        },
        differs(get("http://api.example.com/a"), 2, post("https://api.example.com/b", "text/plain", "x")),
    ];
    requests.extend([requests[0].clone(), requests[0].clone()]);
    check(
        vec![unmatched(requests)],
        "\
error: no recording answers 7 requests of this test
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = recordings: 12, of which 4 used and 8 left

  requested  GET https://api.example.org/v1/forecast
             nothing is recorded for the host api.example.org
             recorded hosts: api.example.com, cdn.example.com:8443

  requested  GET https://api.example.com/v1/token
             recorded once, and already used
             the last one is recording 1 of 12, used by request 1: 200 OK, 1.2 kB: {\"id\":

  requested  GET https://api.example.com/v1/token
             recorded 3 times, and each already used

  requested  GET https://api.example.com/login
             nothing similar is recorded

  requested  GET http://api.example.com/a
  closest    POST https://api.example.com/b
             recording 3 of 12, not used
             answers 200 OK, 1.2 kB: {\"id\":
  differs in (- recorded, + requested)
    method
      - POST
      + GET
    scheme
      - https
      + http
    path
      - /b
      + /a
    body
      - neither JSON, XML nor a form
      + (absent)

  … and 2 more requests

  if the test may send this request more often than it did while recording
    1. write this into recording 1 of the cassette: \"repeat\": true
    2. or repeat the last response of every request: .exhausted(Exhausted::RepeatLast)

help: if the test asks for this on purpose, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

/// If a request has only a few differences from a recording, there is a suggestion. If it has many, there is none.
#[test]
fn many_differences() {
    let far = differs(get("https://h/?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1"), 0, get("https://h/"));
    let near = differs(get("https://h/?t=1"), 1, get("https://h/?t=2"));
    let failure = FailureReport {
        site: site(),
        problems: vec![unmatched(vec![far, near])],
        notes: vec![],
        panic: None,
    };
    let text = failure.render(&Palette::plain());
    assert!(
        text.contains("\n    query `f`\n      - (absent)\n      + 1\n    … and 2 more places\n"),
        "{text}"
    );
    assert!(!text.contains(".ignore_query(\"a\")"), "{text}");
    assert!(text.contains("\n    1. the query key `t`: .ignore_query(\"t\")\n\nhelp: "), "{text}");
}

/// Compares only the text about the differences.
#[track_caller]
fn check_difference(matching: &Matching, actual: &Request, recorded: &Request, expected: &str) {
    let palette = Palette::plain();
    let mut page = Page::new(&palette, None);
    for difference in matching.compare(actual, recorded).differences() {
        difference::write(&mut page, 0, difference, difference::Sides { actual, recorded });
    }
    assert_eq!(page.finish(), expected);
}

#[test]
fn differences() {
    let uri = "https://h/";
    let check = |actual: &Request, recorded: &Request, expected: &str| {
        check_difference(&Matching::default(), actual, recorded, expected);
    };
    check(
        &get("https://h/?tag=a&tag=b&tag=c&tag=d&tag=e&tag=f"),
        &get("https://h/?tag="),
        "query `tag`\n  - (empty)\n  + a\n  + b\n  + c\n  + d\n  + … and 2 more values",
    );
    check(&get("https://h/?a=1"), &get(uri), "query `a`\n  - (absent)\n  + 1");
    check(&get("not a URI"), &get(uri), "URI\n  - https://h/\n  + not a URI");
    let form = |body| post(uri, "application/x-www-form-urlencoded", body);
    check(&form("a=1"), &form("a=2"), "form body, field `a`\n  - 2\n  + 1");
    let text = |body: &str| post(uri, "text/plain", body);
    check(
        &text("SELECT * FROM a\nLIMIT 1"),
        &text("SELECT * FROM b"),
        "body, from byte 14 on (15 B recorded, 23 B requested)\n  - SELECT * FROM b\n  + SELECT * FROM a\\nLIMIT 1",
    );
    let json = |body| post(uri, "application/json", body);
    check(&json("1"), &json("null"), "JSON body\n  - null\n  + 1");
    check(&json("{}"), &text("{"), "body\n  - neither JSON, XML nor a form\n  + JSON");
    let long = "x".repeat(1000);
    check(
        &json(&format!(r#"{{"a": "{long}1{long}"}}"#)),
        &json(&format!(r#"{{"a": "{long}2"}}"#)),
        &format!("JSON body at /a\n  - …{0}2\"\n  + …{0}1{1}…", "x".repeat(30), "x".repeat(89)),
    );
    let part = |head: &str, body: &str| {
        let body = format!("--b\r\nContent-Disposition: form-data; name=up\r\n{head}\r\n{body}\r\n--b--");
        post(uri, "multipart/form-data; boundary=b", &body)
    };
    check(
        &part("Content-Type: text/csv\r\n", "a,b"),
        &part("", "a,c"),
        "part `up` of the body, header `content-type`\n  - (absent)\n  + text/csv\n\
         part `up` of the body, from byte 2 on\n  - a,c\n  + a,b",
    );
    check(&part("", "{\"a\": 1}"), &part("", "{\"a\": 2}"), "JSON part `up` of the body at /a\n  - 2\n  + 1");
    check(
        &part("", "a"),
        &post(uri, "multipart/form-data; boundary=b", "--b--"),
        "part `up` of the body\n  - (absent)\n  + present",
    );
}

#[test]
fn hostile_text_stays_text() {
    let request = get("https://h/\u{1b}[2J?a=\u{202e}%0a1");
    let recorded = get("https://h/x?a=");
    check(
        vec![unmatched(vec![differs(request, 0, recorded)])],
        "\
error: no recording answers this request
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = recordings: 12, of which 4 used and 8 left

  requested  GET https://h/\\u{1b}[2J?a=\\u{202e}%0a1
  closest    GET https://h/x?a=
             recording 1 of 12, not used
             answers 200 OK, 1.2 kB: {\"id\":
  differs in (- recorded, + requested)
    path
      - /x
      + /%1B%5B2J
    query `a`
      - (empty)
      + \\u{202e}\\n1

help: if the test asks for this on purpose, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn renamed_values() {
    let uri = "https://api.example.com/jobs";
    let put = |id: &str, body: &str| post(&format!("{uri}/{id}/input"), "text/plain", body);
    let near = closest(&put("job-2", "three"), 6, put("job-2", "two"), None);
    let pair = |live: &str, recorded: &str| Renamed { live: live.into(), recorded: recorded.into() };
    let renamed = vec![pair("job-1", "job-2")];
    let request = put("job-1", "three");
    let requests = vec![UnmatchedRequest {
        request,
        reason: Reason::Differs,
        near,
        valueless: vec![],
        renamed,
        open: false,
    }];
    check(
        vec![unmatched(requests)],
        "\
error: no recording answers this request
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = recordings: 12, of which 4 used and 8 left

  requested  POST https://api.example.com/jobs/job-1/input
             `job-1` stands for `job-2` of the recording:
             answers to equal requests gave out both, and the requests came in another order
  closest    POST https://api.example.com/jobs/job-2/input
             recording 7 of 12, not used
             answers 200 OK, 1.2 kB: {\"id\":
  differs in (- recorded, + requested)
    body, from byte 1 on (3 B recorded, 5 B requested)
      - two
      + three

  if this differs in every run, let the test's `Config` ignore it
    1. the body: .ignore_body()

help: if the test asks for this on purpose, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn several_near_ones_and_the_options_in_force() {
    let uri = "https://api.example.com/v1/forecast";
    let request = get(&format!("{uri}/17?city=Berlin&days=7"));
    let near = ["/16?city=Berlin&days=7", "/17?city=Prague&days=9", "?a=1&b=2&c=3&days=7"]
        .iter()
        .enumerate()
        .flat_map(|(n, rest)| closest(&request, n + 3, get(&format!("{uri}{rest}")), (n == 1).then_some(0)));
    let near = near.collect();
    let requests = vec![UnmatchedRequest {
        request,
        reason: Reason::Differs,
        near,
        valueless: vec![],
        renamed: vec![],
        open: false,
    }];
    let matching = Matching::default().ignore_query("nonce").to_string();
    check(
        vec![unmatched_with(matching, requests)],
        "\
error: no recording answers this request
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = recordings: 12, of which 4 used and 8 left
   = matching: ignores the query key `nonce`

  requested  GET https://api.example.com/v1/forecast/17?city=Berlin&days=7
  closest    GET https://api.example.com/v1/forecast/16?city=Berlin&days=7
             recording 4 of 12, not used
             answers 200 OK, 1.2 kB: {\"id\":
  differs in (- recorded, + requested)
    path
      - /v1/forecast/16
      + /v1/forecast/17
  also near
    5. GET https://api.example.com/v1/forecast/17?city=Prague&days=9: query `city`, query `days`, used
    6. GET https://api.example.com/v1/forecast?a=1&b=2&c=3&days=7: path, query `a`, query `b`, 2 more

  if this differs in every run, let the test's `Config` ignore it
    1. a part of the path /v1/forecast/16: .ignore_path(r\"^/v1/forecast/([^/]+)\")

help: if the test asks for this on purpose, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn nothing_similar_and_out_of_order() {
    let place = |index: usize| Expected {
        index,
        method: Method::GET,
        uri: format!("https://api.example.com/v1/forecast?page={}", index + 1),
    };
    let other = get("https://api.example.com/login");
    let near = closest(&other, 6, get("https://api.example.com/v1/token"), None);
    let requests = vec![
        UnmatchedRequest {
            request: other,
            reason: Reason::NothingSimilar,
            near,
            valueless: vec![],
            renamed: vec![],
            open: false,
        },
        UnmatchedRequest {
            request: get("https://api.example.com/v1/forecast?page=4"),
            reason: Reason::OutOfOrder { found: 3, expected: Some(place(2)), last: Some(place(1)) },
            near: vec![],
            valueless: vec![],
            renamed: vec![],
            open: false,
        },
        UnmatchedRequest {
            request: get("https://api.example.com/v1/forecast?page=1"),
            reason: Reason::OutOfOrder { found: 0, expected: None, last: None },
            near: vec![],
            valueless: vec![],
            renamed: vec![],
            open: false,
        },
    ];
    check(
        vec![unmatched(requests)],
        "\
error: no recording answers 3 requests of this test
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = recordings: 12, of which 4 used and 8 left

  requested  GET https://api.example.com/login
             nothing similar is recorded
  recorded for this host
    7. GET https://api.example.com/v1/token

  requested  GET https://api.example.com/v1/forecast?page=4
             out of order: this is recording 4
  after      GET https://api.example.com/v1/forecast?page=2
             recording 2
  expected   GET https://api.example.com/v1/forecast?page=3
             recording 3

  requested  GET https://api.example.com/v1/forecast?page=1
             out of order: this is recording 1
  expected   no further request

  if the order does not matter
    1. remove this from the test's `Config`: .ordered()

help: if the test asks for this on purpose, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

/// Compares the first suggestion for a request and a recording.
#[track_caller]
fn check_suggestion(actual: Request, recorded: Request, expected: Option<&str>) {
    let matching = Matching::default().require_header("accept");
    let mismatch = matching.compare(&actual, &recorded);
    let answer = RecordedAnswer::Error(TransportErrorKind::Reset);
    let near = vec![Closest { index: 0, request: recorded, mismatch, used_by: None, answer }];
    let palette = Palette::plain();
    let mut page = Page::new(&palette, None);
    let request = UnmatchedRequest {
        request: actual,
        reason: Reason::Differs,
        near,
        valueless: vec![],
        renamed: vec![],
        open: false,
    };
    suggestions::write(&mut page, &player::suggestions::of(&[request]));
    let text = page.finish();
    assert_eq!(
        text.lines().nth(1).and_then(|line| line.split_once(": ")).map(|(_, code)| code),
        expected,
        "{text}"
    );
}

#[test]
fn suggestions_to_ignore() {
    let uri = "https://h/";
    let form = |body| post(uri, "application/x-www-form-urlencoded", body);
    check_suggestion(form("a=1"), form("a=2"), Some(".ignore_form(\"a\")"));
    let xml = |body| post(uri, "text/xml", body);
    check_suggestion(
        xml("<o><i/><i n='1'/></o>"),
        xml("<o><i/><i n='2'/></o>"),
        Some(".ignore_xml(\"/o/i/@n\")"),
    );
    check_suggestion(xml("<o/>"), xml("<p/>"), Some(".ignore_body()"));
    let mut accept = get(uri);
    accept.headers.insert("accept", "a".parse().unwrap());
    check_suggestion(accept, get(uri), Some(".ignore_header(\"accept\")"));
    let part = |body: &str| {
        let body = format!("--b\r\nContent-Disposition: form-data; name=up\r\n\r\n{body}\r\n--b--");
        post(uri, "multipart/form-data; boundary=b", &body)
    };
    check_suggestion(part("a"), part("b"), Some(".ignore_form(\"up\")"));
    check_suggestion(part("{\"a\": 1}"), part("{\"a\": 2}"), Some(".ignore_json(\"/a\")"));
    check_suggestion(get("https://h/a"), get("https://h/b"), None);
}

/// If a value is redacted in the request but not in the recording, there is a suggestion to redact it.
#[test]
fn suggestions_to_redact() {
    let uri = "https://h/";
    check_suggestion(get("https://h/?a=[*]"), get("https://h/?a=b"), Some(".redact_field(\"a\")"));
    check_suggestion(get("https://h/?a=[*]"), get("https://h/?a=[*]x"), Some(".ignore_query(\"a\")"));
    let form = |body| post(uri, "application/x-www-form-urlencoded", body);
    check_suggestion(form("a=[*]"), form("a=b"), Some(".redact_field(\"a\")"));
    let json = |body| post(uri, "application/json", body);
    check_suggestion(json(r#"[{"a":"[*]"}]"#), json(r#"[{"a":"b"}]"#), Some(".redact_pointer(\"/*/a\")"));
    check_suggestion(
        get("https://h/at/[*]/x"),
        get("https://h/at/b/x"),
        Some(".redact_url(r\"/at/(?<at>[^/?#]+)\")"),
    );
    let (mut actual, mut recorded) = (get(uri), get(uri));
    actual.headers.insert("accept", "[*]".parse().unwrap());
    recorded.headers.insert("accept", "b".parse().unwrap());
    check_suggestion(actual, recorded, Some(".redact_header(\"accept\")"));
}

fn valueless(name: &str, from: ValueFrom, refused: Option<&str>) -> Valueless {
    Valueless { name: name.into(), from, number: name == "PIN", refused: refused.map(str::to_owned) }
}

#[test]
fn a_secret_without_a_value() {
    let request = get("https://api.example.com/v1/forecast?appid=&at=7");
    let recorded = get("https://api.example.com/v1/forecast?appid={{secret.API_KEY}}&at=5");
    let mut differs = differs(request, 4, recorded);
    differs.valueless = vec![valueless("API_KEY", ValueFrom::Variable, None)];
    check(
        vec![unmatched(vec![differs.clone(), differs])],
        "\
error: no recording answers 2 requests of this test
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = recordings: 12, of which 4 used and 8 left

  requested  GET https://api.example.com/v1/forecast?appid=&at=7
  closest    GET https://api.example.com/v1/forecast?appid={{secret.API_KEY}}&at=5
             recording 5 of 12, not used
             answers 200 OK, 1.2 kB: {\"id\":
  differs in (- recorded, + requested)
    query `appid`
      - {{secret.API_KEY}}
      + (empty)
    query `at`
      - 5
      + 7

  requested  GET https://api.example.com/v1/forecast?appid=&at=7
  closest    GET https://api.example.com/v1/forecast?appid={{secret.API_KEY}}&at=5
             recording 5 of 12, not used
             answers 200 OK, 1.2 kB: {\"id\":
  differs in (- recorded, + requested)
    query `appid`
      - {{secret.API_KEY}}
      + (empty)
    query `at`
      - 5
      + 7

  set API_KEY to any value of six characters or more: the recorded request contains {{secret.API_KEY}}

help: the real value is not needed:
    API_KEY=dummy-value cargo test -p weather -- --exact forecast::berlin",
    );
}

/// Compares the text about secrets without a value, and everything after it.
#[track_caller]
fn check_valueless(of: Vec<Valueless>, expected: &str) {
    let uri = "https://api.example.com/v1/forecast";
    let mut differs = differs(get(&format!("{uri}?k=1")), 4, get(&format!("{uri}?k={{{{secret.K}}}}")));
    differs.valueless = of;
    let failure =
        FailureReport { site: site(), problems: vec![unmatched(vec![differs])], notes: vec![], panic: None };
    let text = failure.render(&Palette::plain());
    let (_, text) = text.split_once("+ 1\n\n").expect("what differs");
    assert_eq!(text, expected);
}

#[test]
fn secrets_without_a_value_by_where_it_comes_from() {
    check_valueless(
        vec![
            valueless("API_KEY", ValueFrom::Variable, Some("is shorter than 6 bytes")),
            valueless("API_SECRET", ValueFrom::Variable, None),
            valueless("db.password", ValueFrom::Files(vec!["tests/secrets.json".into()]), None),
        ],
        "  \
  set API_KEY to any value of six characters or more: the recorded request contains {{secret.API_KEY}}
    its present value is shorter than 6 bytes, so cassette ignores it

  set API_SECRET to any value of six characters or more: the recorded request contains {{secret.API_SECRET}}

  give db.password any value of six characters or more in tests/secrets.json: the recorded request contains {{secret.db.password}}

help: the real value is not needed:
    API_KEY=dummy-value API_SECRET=dummy-value-2 cargo test -p weather -- --exact forecast::berlin",
    );
    check_valueless(
        vec![valueless("PIN", ValueFrom::Variable, None)],
        "  \
  set PIN to any number of six digits or more: the recorded request contains {{secret.PIN}}

help: the real value is not needed:
    PIN=902187 cargo test -p weather -- --exact forecast::berlin",
    );
    check_valueless(
        vec![
            valueless("#pin", ValueFrom::Files(vec!["a.json".into(), "b.json".into()]), None),
            valueless("PRICES_KEY", ValueFrom::Config, None),
        ],
        "  \
  give #pin any value of six characters or more in a.json or b.json: the recorded request contains {{secret.pin}}

  give PRICES_KEY any value of six characters or more in the test's `Config`: the recorded request contains {{secret.PRICES_KEY}}

help: then run this test again; the real value is not needed:
    cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn what_stands_for_a_redacted_value_is_said_once() {
    let uri = "https://api.example.com/v1/forecast";
    let star = |n: u32| differs(get(&format!("{uri}?k=[*]&n={n}")), 4, get(&format!("{uri}?k=1&n={n}")));
    let plain = differs(get(&format!("{uri}?k=2")), 4, get(&format!("{uri}?k=1")));
    let text = |requests| {
        FailureReport { site: site(), problems: vec![unmatched(requests)], notes: vec![], panic: None }
            .render(&Palette::plain())
    };
    let explanation =
        "\n\n  [*] stands for a redacted value: matching ignores the number in its placeholder\n";
    let found = text(vec![star(1), star(2)]);
    assert_eq!(found.matches(explanation).count(), 1, "{found}");
    assert!(!text(vec![plain]).contains("[*]"));
}
