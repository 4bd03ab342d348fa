//! Requests without an answer.

use http::{HeaderMap, Method};

use super::*;
use crate::matcher::Matching;
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

fn closest(actual: &Request, index: usize, recorded: Request, used_by: Option<usize>) -> Option<Closest> {
    let mismatch = Matching::default().compare(actual, &recorded);
    let answer = Answer::Response { status: 200, size: 1290 };
    Some(Closest { index, request: recorded, mismatch, used_by, answer })
}

fn differs(request: Request, index: usize, recorded: Request) -> UnmatchedRequest {
    let closest = closest(&request, index, recorded, None);
    UnmatchedRequest { request, reason: Reason::Differs, closest }
}

pub(super) fn unmatched(requests: Vec<UnmatchedRequest>) -> Problem {
    let cassette = "tests/cassettes/weather/berlin.json".into();
    Problem::Unmatched(Unmatched { cassette, recorded: 12, used: 4, requests })
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
             recording 5 of 12, not used: 200 OK, 1.2 kB
  differs in (- recorded, + requested)
    query `days`
      - 5
      + 7

  if that differs in every run, let the test's `Config` ignore it
    1. the query key `days`: .ignore_query(\"days\")

help: if the test asks for this on purpose, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

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
    let closest = closest(&request, 0, recorded, Some(0));
    check(
        vec![unmatched(vec![UnmatchedRequest { request, reason: Reason::Differs, closest }])],
        "\
error: no recording answers this request
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = recordings: 12, of which 4 used and 8 left

  requested  POST https://api.example.com/v1/orders
  closest    POST https://api.example.com/v1/orders
             recording 1 of 12, used by request 1: 200 OK, 1.2 kB
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

  if that differs in every run, let the test's `Config` ignore it
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
    let closest = closest(&all_used, 0, all_used.clone(), Some(0));
    let mut requests = vec![
        UnmatchedRequest {
            request: get("https://api.example.org/v1/forecast"),
            reason: Reason::NoneForHost {
                host: "api.example.org".into(),
                recorded: vec!["api.example.com".into(), "cdn.example.com:8443".into()],
            },
            closest: None,
        },
        UnmatchedRequest { request: all_used.clone(), reason: Reason::AllUsed { recorded: 1 }, closest },
        UnmatchedRequest {
            request: all_used.clone(),
            reason: Reason::AllUsed { recorded: 3 },
            closest: None,
        },
        UnmatchedRequest {
            request: get("https://api.example.com/login"),
            reason: Reason::NothingSimilar,
            closest: None,
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
             recorded once, and used already
             last as recording 1 of 12, used by request 1: 200 OK, 1.2 kB

  requested  GET https://api.example.com/v1/token
             recorded 3 times, and all of them used already

  requested  GET https://api.example.com/login
             nothing similar is recorded

  requested  GET http://api.example.com/a
  closest    POST https://api.example.com/b
             recording 3 of 12, not used: 200 OK, 1.2 kB
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

help: if the test asks for this on purpose, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

/// Another request altogether, beside one that differs by little: only the latter has an option to offer.
#[test]
fn many_differences() {
    let far = differs(get("https://h/?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1"), 0, get("https://h/"));
    let near = differs(get("https://h/?t=1"), 1, get("https://h/?t=2"));
    let failure = Failure { site: site(), problems: vec![unmatched(vec![far, near])], notes: vec![] };
    let text = failure.render(&Palette::plain());
    assert!(
        text.contains("\n    query `f`\n      - (absent)\n      + 1\n    … and 2 more places\n"),
        "{text}"
    );
    assert!(!text.contains(".ignore_query(\"a\")"), "{text}");
    assert!(text.contains("\n    1. the query key `t`: .ignore_query(\"t\")\n\nhelp: "), "{text}");
}

/// What is said of one difference, without all around it.
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
         part `up` of the body, from byte 2 on\n  - 3 B\n  + 3 B",
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
             recording 1 of 12, not used: 200 OK, 1.2 kB
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
