//! Recordings that do not replay.

use std::time::Duration;

use super::*;

fn unproved(by: ProvedBy, why: WhyUnproved) -> Vec<Problem> {
    vec![Problem::Unproved(Unproved { by, why })]
}

fn answer() -> Answer {
    Answer { index: 0, method: Method::POST, uri: "https://api.example.com/login".into() }
}

#[test]
fn a_replay_that_failed() {
    let cause = Cause::Redacted {
        placeholder: "[access_token:1]".into(),
        place: "the JSON at /access_token".into(),
        of: answer(),
        rule: Some("CAS0031 field access_token".into()),
        mend: ("to keep the value".into(), ".keep_field(\"access_token\"), and record again".into()),
        seen: Some("the panic".into()),
    };
    let why = WhyUnproved::Failed {
        problems: vec!["error: 1 of 2 recordings was not used\n   = cassette: a.json".into()],
        panic: Some("not a token: [access_token:1]".into()),
        causes: vec![notes(&[Note::Cause(cause)], &Palette::plain())],
        passed_again: false,
    };
    check(
        unproved(ProvedBy::Process, why),
        "\
error: the recording passed, but it does not replay, so it was not installed
  --> tests/forecast.rs:12, test forecast::berlin
   = replayed: offline, in a new process of this executable

  cause: the code under test got another value in place of a redacted one
     = placeholder: [access_token:1] in the JSON at /access_token
     = from: recording 1, POST https://api.example.com/login
     = rule: CAS0031 field access_token
     = seen in: the panic
     = to keep the value: .keep_field(\"access_token\"), and record again

  the replay failed:
    the test panicked: not a token: [access_token:1]

    error: 1 of 2 recordings was not used
       = cassette: a.json

   = to install without a replay: `prove = false` in the attribute, or `.prove(false)` in the `Config`

help: once the cause is mended, record again:
    cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn a_replay_that_took_too_long() {
    let late =
        |millis, is_default| WhyUnproved::TimedOut { limit: Duration::from_millis(millis), is_default };
    check(
        unproved(ProvedBy::Process, late(500, false)),
        "\
error: the recording passed, but it does not replay, so it was not installed
  --> tests/forecast.rs:12, test forecast::berlin
   = replayed: offline, in a new process of this executable
   = stopped: after 0.5 s, the limit that the `Config` sets
   = if it takes longer: `.proof_limit(Duration::from_secs(…))` in the `Config`
   = hint: on replay nothing answers a request that is not recorded; look for code that waits for ever

   = to install without a replay: `prove = false` in the attribute, or `.prove(false)` in the `Config`

help: once the cause is mended, record again:
    cargo test -p weather -- --exact forecast::berlin",
    );
    check(
        unproved(ProvedBy::Thread, late(42_000, true)),
        "\
error: the recording passed, but it does not replay, so it was not installed
  --> tests/forecast.rs:12, test forecast::berlin
   = replayed: offline, on a thread of this process
   = stopped: after 42 s, 30 s and ten times the time of the recording
   = if it takes longer: `.proof_limit(Duration::from_secs(…))` in the `Config`
   = hint: on replay nothing answers a request that is not recorded; look for code that waits for ever

   = to install without a replay: `prove = false` in the attribute, or `.prove(false)` in the `Config`

help: once the cause is mended, record again:
    cargo test -p weather -- --exact forecast::berlin",
    );
}

/// Compares the text of each cause, which names the option that removes it.
#[test]
fn causes() {
    let check = |cause: Cause, expected: &str| {
        assert_eq!(notes(&[Note::Cause(cause)], &Palette::plain()), expected);
    };
    let left_out = |of, headers: &[&str], named| Cause::LeftOut {
        headers: headers.iter().map(|name| (*name).to_owned()).collect(),
        of,
        named,
    };
    check(
        left_out(Some(answer()), &["x-total", "x-page"], false),
        "\
note: the code under test did not get headers that the recording left out
   = headers: x-total, x-page
   = from: recording 1, POST https://api.example.com/login
   = to keep the first: .allow_header(\"x-total\"), and record again",
    );
    check(
        left_out(None, &["x-total"], true),
        "\
note: a header that the failure names is not on the cassette; a recording may leave it out
   = header: x-total
   = to keep it: .allow_header(\"x-total\"), and record again",
    );
    check(
        Cause::Chunks { of: answer(), recorded: 3, replayed: 1 },
        "\
note: a body came in other chunks than from the server
   = from: recording 1, POST https://api.example.com/login
   = chunks: 3 chunks while recording, 1 on replay
   = to mend it: let the code read the body to its end; a network does not keep chunks",
    );
    check(
        Cause::Time { place: RequestPlace::Query("at".into()), request: "GET https://a/b?at=1".into() },
        "\
note: a request contains a time that differs in each run
   = place: the query key `at` of GET https://a/b?at=1
   = to ignore it: .ignore_query(\"at\")
   = or: read the time from `SystemTime::now()` or `Session::clock`, which stand still in a test",
    );
    check(
        Cause::Random { place: RequestPlace::Json("/id".into()), request: "POST https://a/b".into() },
        "\
note: a value in a request differs in each run
   = place: the JSON at /id of POST https://a/b
   = to ignore it: .ignore_json(\"/id\")
   = or: record in mode `learn`, which finds such values: CASSETTE_MODE=learn",
    );
    check(
        Cause::RandomOutput { path: "rows.csv".into() },
        "\
note: a file of the output differs in each run
   = file: rows.csv
   = to ignore it: .ignore_output(\"rows.csv\")",
    );
    check(
        Cause::OtherTest {
            request: "GET https://a/b".into(),
            held: true,
            others: vec!["weather/rome".into()],
        },
        "\
note: the cassette holds a request that belongs to another test
   = request: GET https://a/b
   = ran at the same time: weather/rome
   = likely cause: a client or a runtime in a `static`: its connections belong to the test that opened them
   = to fix it: build the client in each test, or run each test in a process: cargo nextest run",
    );
    check(
        Cause::Fresh { request: "GET https://a/b".into() },
        "\
note: a fresh process sends a request that the recording process did not send
   = request: GET https://a/b
   = likely cause: a cache, a token or a client in a `static`, filled by an earlier test of the process
   = to fix it: record each test in a process of its own: cargo nextest run",
    );
}
