//! Cassettes that are missing, malformed or in use, or that contain a secret.

use super::*;
use crate::redact::suggest::Suggestion;
use crate::redact::{EncodingKind, LeakEncoding, LeakKind};

#[test]
fn no_cassette() {
    let missing = |asked| MissingCassette { file: "tests/cassettes/weather/berlin.json".into(), asked };
    check(
        vec![Problem::Missing(missing(Some(Mode::Auto)))],
        "\
error: cassette `weather/berlin` has not been recorded
  --> tests/forecast.rs:12, test forecast::berlin
   = file: tests/cassettes/weather/berlin.json does not exist
   = why: `CI` is set, so only CASSETTE_MODE makes a test record: this test has mode `auto`, and replays

help: record it on your machine and commit it; to record in CI, which needs the network:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
    check(
        vec![Problem::Missing(missing(None))],
        "\
error: cassette `weather/berlin` has not been recorded
  --> tests/forecast.rs:12, test forecast::berlin
   = file: tests/cassettes/weather/berlin.json does not exist

help: record it, which needs the network:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn a_malformed_cassette() {
    let error = Error::new("expected a number, found a string")
        .at("tests/cassettes/weather/berlin.json")
        .at_position(112, 19);
    let line = Some("        \"status\": \"200\",\n".to_owned());
    check(
        vec![Problem::Malformed(MalformedCassette { error, line })],
        "\
error: cassette `weather/berlin` cannot be read
  --> tests/cassettes/weather/berlin.json:112:19
   = test: forecast::berlin at tests/forecast.rs:12
     |
 112 |         \"status\": \"200\",
     |                   ^ expected a number, found a string

help: repair the file, or record it again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn a_mark_in_a_long_line() {
    let error = Error::new("expected `,` or `}`").at("a.json").at_position(1, 501);
    let line = Some(format!("{}\u{7}]{}", "x".repeat(499), "y".repeat(500)));
    check(
        vec![Problem::Malformed(MalformedCassette { error, line })],
        &format!(
            "\
error: cassette `weather/berlin` cannot be read
  --> a.json:1:501
   = test: forecast::berlin at tests/forecast.rs:12
   |
 1 | …{}\\u{{7}}]{}…
   | {:65}^ expected `,` or `}}`

help: repair the file, or record it again:
    {RECORD}",
            "x".repeat(59),
            "y".repeat(59),
            ""
        ),
    );
}

#[test]
fn a_cassette_that_the_system_does_not_give() {
    let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let error = Error::io("read the cassette", "tests/cassettes/weather/berlin.json".as_ref(), denied);
    check(
        vec![Problem::Malformed(MalformedCassette { error, line: None })],
        "\
error: cassette `weather/berlin` cannot be read
  --> tests/cassettes/weather/berlin.json
   = test: forecast::berlin at tests/forecast.rs:12
   = reason: could not read the cassette
   = cause: permission denied

help: repair the file, or record it again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn a_leak() {
    let leak = |name: &str, encoding, place| Leak {
        name: name.into(),
        kind: match (name.starts_with('['), encoding) {
            (_, LeakEncoding::Token) => LeakKind::Token,
            (true, _) => LeakKind::Found,
            (false, _) => LeakKind::Secret,
        },
        encoding,
        unpacked: false,
        place,
        rule: None,
    };
    let plain = LeakEncoding::Value(EncodingKind::Raw);
    let by_rule = |rule, leak| Leak { rule: Some(rule), ..leak };
    let part = |of_answer, part| LeakPlace::Interaction {
        number: 3,
        request: "GET https://api.example.com/v1/notes".into(),
        of_answer,
        part,
    };
    let body = |line, pointer: Option<&str>| LeakPart::Body { line, pointer: pointer.map(str::to_owned) };
    let leaks = Leaks {
        cassette: "tests/cassettes/weather/berlin.json".into(),
        found: vec![
            leak("API_KEY", LeakEncoding::OverLines, part(true, body(Some(12), None))),
            leak(
                "PASSWORD",
                LeakEncoding::Value(EncodingKind::Base64),
                part(false, body(None, Some("/user/note"))),
            ),
            leak("[access_token:1]", plain, part(true, LeakPart::Header("x-note".into()))),
            leak("CAS0501 pattern jwt", LeakEncoding::Token, part(false, LeakPart::Url)),
            by_rule(
                Suggestion::Url(r"/a\.b/(?<sid>[^/?#]+)/".into()),
                leak("[sid:1]", plain, part(true, LeakPart::Header("location".into()))),
            ),
            by_rule(Suggestion::Field("code".into()), leak("[sid:1]", plain, part(false, LeakPart::Url))),
            leak("[header.x-job:1]", plain, part(true, body(None, Some("/job")))),
            Leak {
                unpacked: true,
                ..leak("CAS0501 pattern jwt", LeakEncoding::Token, part(true, body(None, None)))
            },
            leak("API_KEY", plain, LeakPlace::Output { path: Some("out/rows.csv".into()) }),
        ],
    };
    check(
        vec![Problem::Leaks(leaks)],
        "\
error: the new recording of `weather/berlin` contains secrets in 9 places, and was not saved
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json is unchanged

  API_KEY, split over lines
    interaction 3: GET https://api.example.com/v1/notes
    body of the response, line 12
    fix: `Config::redact_body_with`, or `Config::redact_field` if the secret is the whole value of a field
  PASSWORD, in base64
    interaction 3: GET https://api.example.com/v1/notes
    body of the request, at /user/note
    fix: .redact_pointer(\"/user/note\")
  the value of [access_token:1], as it is
    interaction 3: GET https://api.example.com/v1/notes
    header x-note of the response
    fix: .redact_header(\"x-note\")
  CAS0501 pattern jwt, by its pattern
    interaction 3: GET https://api.example.com/v1/notes
    its URL
    fix: `Config::redact_url` with a pattern, or `Config::redact_request_with`; if it is not a secret, .without_rule(\"CAS0501\")
  the value of [sid:1], as it is
    interaction 3: GET https://api.example.com/v1/notes
    header location of the response
    fix: .redact_url(\"/a\\\\.b/(?<sid>[^/?#]+)/\")
  the value of [sid:1], as it is
    interaction 3: GET https://api.example.com/v1/notes
    its URL
    fix: .redact_field(\"code\")
  the value of [header.x-job:1], as it is
    interaction 3: GET https://api.example.com/v1/notes
    body of the response, at /job
    fix: .redact_pointer(\"/job\"); if it is not a secret, .allow_header(\"x-job\")
  CAS0501 pattern jwt, by its pattern, unpacked
    interaction 3: GET https://api.example.com/v1/notes
    body of the response
    fix: `Config::redact_body_with`; if it is not a secret, .without_rule(\"CAS0501\")
  API_KEY, as it is
    a name that the snapshot lists for the output file out/rows.csv
    fix: let the test write other names: the snapshot keeps those of files, columns and link targets

help: redact those places in the test's `Config`, then record again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn a_cassette_in_use() {
    let file = || "tests/cassettes/weather/berlin.json".into();
    let open = |first: Option<TestSite>| {
        vec![Problem::AlreadyOpen(AlreadyOpen::InThisProcess { file: file(), first })]
    };
    let other = TestSite { test: "forecast::munich".into(), line: 30, ..site() };
    check(
        vec![Problem::AlreadyOpen(AlreadyOpen::ByAnotherTest { file: file(), first: other.clone() })],
        "\
error: cassette `weather/berlin` belongs to another test
  --> tests/forecast.rs:12, test forecast::berlin
   = file: tests/cassettes/weather/berlin.json
   = opened by: forecast::munich at tests/forecast.rs:30
   = this test: forecast::berlin at tests/forecast.rs:12

  Two tests use this cassette. Give each test a cassette of its own.

help: find where the code names it:
    grep -rn '\"weather/berlin\"' --include='*.rs' .",
    );
    check(
        open(Some(other)),
        "\
error: cassette `weather/berlin` is already open in this process
  --> tests/forecast.rs:12, test forecast::berlin
   = file: tests/cassettes/weather/berlin.json
   = opened by: forecast::munich at tests/forecast.rs:30

  Two tests use this cassette. Give each test a cassette of its own.

help: find where the code names it:
    grep -rn '\"weather/berlin\"' --include='*.rs' .",
    );
    check(
        open(Some(site())),
        "\
error: cassette `weather/berlin` is already open in this process
  --> tests/forecast.rs:12, test forecast::berlin
   = file: tests/cassettes/weather/berlin.json

  This test runs twice at once: `#[test]` is above `#[cassette_test]`, which already makes
  the function a test. Remove `#[test]`.

help: find where the code names it:
    grep -rn '\"weather/berlin\"' --include='*.rs' .",
    );
}
