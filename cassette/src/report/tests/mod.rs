//! Compares whole reports with the text that a user reads.

mod cassette;
mod foreign;
mod output;
mod setup;
mod unmatched;
mod unproved;
mod untrusted;
mod unused;

use http::Method;

use super::*;
use crate::error::Error;
use crate::mode::Mode;
use crate::tape::{TransportError, TransportErrorKind};

const RECORD: &str = "CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin";

fn site() -> TestSite {
    TestSite {
        cassette: "weather/berlin".into(),
        test: "forecast::berlin".into(),
        package: "weather".into(),
        file: "tests/forecast.rs".into(),
        line: 12,
        record_command: None,
        mode: Mode::Replay,
    }
}

#[track_caller]
fn check(problems: Vec<Problem>, expected: &str) {
    check_with_notes(problems, vec![], expected);
}

#[track_caller]
fn check_with_notes(problems: Vec<Problem>, notes: Vec<Note>, expected: &str) {
    let failure = FailureReport { site: site(), problems, notes, panic: None };
    let text = failure.render(&Palette::plain());
    assert!(text == expected, "\n{text}\n\nexpected:\n{expected}");
    // The coloured text equals the plain text, except for its escape sequences.
    let mut uncolored = String::new();
    let colored = failure.render(&Palette::colored());
    let mut pieces = colored.split('\u{1b}');
    uncolored.push_str(pieces.next().unwrap_or(""));
    pieces.for_each(|piece| uncolored.push_str(piece.split_once('m').map_or(piece, |(_, rest)| rest)));
    assert_eq!(uncolored, text);
}

#[test]
fn a_failed_body_and_what_the_session_saw() {
    let request = unmatched::get("https://api.example.com/v1/forecast?page=2");
    let request = UnmatchedRequest {
        request,
        reason: Reason::NothingSimilar,
        near: vec![],
        valueless: vec![],
        renamed: vec![],
        open: false,
    };
    check_with_notes(
        vec![
            Problem::Body(
                "Error: could not fetch the forecast\n\nCaused by:\n\tHTTP status 599\u{1b}[0m".into(),
            ),
            unmatched::unmatched(vec![request]),
            unused::unused(5, 4..5, Some(3)),
        ],
        vec![Note::OutputKept { at: "target/cassette/weather/berlin".into() }],
        "\
error: the test itself failed
  --> tests/forecast.rs:12, test forecast::berlin

  Error: could not fetch the forecast

  Caused by:
      HTTP status 599\\u{1b}[0m

error: no recording answers this request
   = cassette: tests/cassettes/weather/berlin.json
   = recordings: 12, of which 4 used and 8 left

  requested  GET https://api.example.com/v1/forecast?page=2
             nothing similar is recorded

error: 1 of 5 recordings was not used
   = cassette: tests/cassettes/weather/berlin.json

  the test did not ask for
    5. GET https://api.example.com/v1/forecast?page=5
  the last request that it made was answered by
    4. GET https://api.example.com/v1/forecast?page=4

  if the test need not ask for them
    1. write \"optional\": true into recording 5 of the cassette
    2. or let the test's `Config` only warn: .unused(Unused::Warn)

note: the files that this test wrote are kept
   = kept: target/cassette/weather/berlin

help: if the test asks for this on purpose, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn a_recording_that_failed() {
    let failed = UpstreamFailure {
        method: Method::GET,
        uri: "https://api.example.com/v1/forecast".to_owned(),
        error: TransportError { kind: TransportErrorKind::Connect, message: "connection refused".into() },
    };
    check_with_notes(
        vec![Problem::Body("no forecast".into())],
        vec![
            Note::UpstreamFailures(vec![failed.clone()]),
            Note::RecordingKept {
                at: "tests/cassettes/weather/berlin.json.recording".into(),
                interactions: 7,
            },
        ],
        "\
error: the test itself failed
  --> tests/forecast.rs:12, test forecast::berlin

  no forecast

note: 1 request got no response from the real server
  GET https://api.example.com/v1/forecast
    connect: connection refused

note: a failed test does not replace its cassette; the new recording is kept in another place
   = kept: tests/cassettes/weather/berlin.json.recording, 7 interactions

help: run this test alone:
    cargo test -p weather -- --exact forecast::berlin",
    );
    let many = notes(&[Note::UpstreamFailures(vec![failed; 7])], &Palette::plain());
    assert!(many.starts_with("note: 7 requests got no response"), "{many}");
    assert!(many.ends_with("\n  … and 2 more"), "{many}");
}

#[test]
fn a_private_authority() {
    let failed = UpstreamFailure {
        method: Method::GET,
        uri: "https://api.example.com/v1/forecast".to_owned(),
        error: TransportError {
            kind: TransportErrorKind::Tls,
            message: "api.example.com: invalid peer certificate: UnknownIssuer".into(),
        },
    };
    assert_eq!(
        notes(&[Note::UpstreamFailures(vec![failed])], &Palette::plain()),
        "\
note: 1 request got no response from the real server
  GET https://api.example.com/v1/forecast
    tls: api.example.com: invalid peer certificate: UnknownIssuer
   = reason: no authority that this machine knows has signed the certificate
   = to trust a private authority: .extra_root(std::fs::read(\"ca.pem\")?)"
    );
}

#[test]
fn notes_alone() {
    assert_eq!(notes(&[], &Palette::plain()), "");
    let names = vec!["accept-language".to_owned(), "x-flavor".to_owned()];
    let differing = Note::DifferingHeaders(DifferingHeaders { names, example: [0, 2] });
    assert_eq!(
        notes(&[differing], &Palette::plain()),
        "\
note: some recordings are equal apart from headers that matching does not compare
   = headers: accept-language, x-flavor
   = for example: recordings 1 and 3
   = on replay: the recording answers whose headers agree best with those of the request
   = to compare a header: .require_header(\"accept-language\")
   = if it varies by itself: .ignore_header(\"accept-language\")"
    );
    let stale = Note::StaleJournal { moved_to: "tests/cassettes/weather/berlin.json.1.recording".into() };
    assert_eq!(
        notes(&[stale], &Palette::plain()),
        "\
note: a recording that was never finished has been moved out of the way
   = moved to: tests/cassettes/weather/berlin.json.1.recording
   = to make it the cassette: cargo cassette recover tests/cassettes/weather/berlin.json.1.recording"
    );
}

#[test]
fn any_other_error() {
    let source = std::io::Error::other("no such\ndevice");
    let error = Error::with_source("could not freeze the clock", source).hint("run it on Linux");
    check(
        vec![Problem::Other(error)],
        "\
error: could not freeze the clock
  --> tests/forecast.rs:12, test forecast::berlin
   = cause: no such\\ndevice
   = hint: run it on Linux

help: run this test alone:
    cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn a_test_that_recorded_nothing() {
    let note = |other: Option<&str>, unrecorded, direct| {
        let other = other.map(str::to_owned);
        notes(&[Note::NothingRecorded { other, unrecorded, direct }], &Palette::plain())
    };
    assert_eq!(
        note(Some("weather/rome"), 0, 0),
        "note: this session recorded no interaction\n   \
         = meanwhile: the session of `weather/rome` recorded; if both tests use a client or a runtime in a `static`, \
         record them one after the other, without Config::record_in_parallel()"
    );
    assert_eq!(
        note(None, 1, 2),
        "note: this session recorded no interaction\n   \
         = not recorded: 1 request to hosts that the `Config` ignores or passes through\n   \
         = not recorded: 2 connections to this machine; to record them: Config::intercept_loopback()"
    );
}

#[test]
fn a_process_that_ends_inside_a_test() {
    assert_eq!(
        exited(&["weather/berlin".to_owned()]),
        "error: the process ended while the session of `weather/berlin` was open\n   \
         = reason: the code under test called `std::process::exit`, or the test harness did not wait for the test\n   \
         = consequence: the test was not checked, and nothing was recorded; the process ends with code 101\n\n\
         help: return the exit code from the code under test, or run its program with `std::process::Command`"
    );
}

/// Compares the headline and the hint of an obstacle.
#[track_caller]
fn check_obstacle(obstacle: Obstacle, headline: &str, hint: &str) {
    let text = format!(
        "error: {headline}\n  --> tests/forecast.rs:12, test forecast::berlin\n   = hint: {hint}\n\n\
         help: run this test alone:\n    cargo test -p weather -- --exact forecast::berlin"
    );
    check(vec![Problem::Obstacle(obstacle)], &text);
}

#[test]
fn obstacles() {
    check_obstacle(
        Obstacle::UnknownVariable { name: "CASSETTE_MDOE".into(), nearest: "CASSETTE_MODE" },
        "the variable `CASSETTE_MDOE` is unknown; did you mean `CASSETTE_MODE`?",
        "unset CASSETTE_MDOE",
    );
    check_obstacle(
        Obstacle::RealTime { reason: "Miri runs without the libc that would show it".into() },
        "cassette can't show a frozen time to unmodified code: Miri runs without the libc that would show it",
        "call `Config::explicit_clock()`, and read the time through `session.clock().now()`",
    );
    check_obstacle(
        Obstacle::NotIntercepted,
        "cassette can't intercept the connections of unmodified clients: this executable is linked in a way that \
         bypasses it",
        "use the session's own clients, and call `Config::explicit_clients()`",
    );
    check_obstacle(
        Obstacle::LearnsOnce,
        "mode `learn` runs a test twice, but this test can run only once",
        "use `#[cassette_test]`, or call `SessionBuilder::learn` before `SessionBuilder::run`",
    );
    let open = ["a", "b", "c"].map(str::to_owned).to_vec();
    check_obstacle(
        Obstacle::NoTurn { open, waited: std::time::Duration::from_secs(600) },
        "the session waited 10 minutes for its turn to record, and the session of `a`, `b` and `c` did not end",
        "sessions of one process take turns if one of them records. If the tests share no client and no runtime, let them \
         record at the same time: Config::record_in_parallel()",
    );
    let (method, uri) = (http::Method::PUT, "https://api.example.com/v1".to_owned());
    let scope = "https://api.example.com/v1".to_owned();
    check_obstacle(
        Obstacle::VariesWhole { method: method.clone(), uri: uri.clone(), more: 2, scope },
        "the whole body of PUT https://api.example.com/v1 (and 2 more) differs between the two passes, and `learn` does \
         not ignore a whole body",
        "if the body does not matter, let the test's `Config` ignore it: \
         .matching_for(\"https://api.example.com/v1\", |m| m.ignore_body())",
    );
    check_obstacle(
        Obstacle::LongBody { method: method.clone(), uri: uri.clone(), most: 32, mode: Mode::Append },
        "the body of PUT https://api.example.com/v1 is longer than 32 MiB",
        "mode `append` holds a request body in memory until it is matched: use mode `record`",
    );
    check_obstacle(
        Obstacle::MissingValue { method, uri, name: "API_KEY".into() },
        "PUT https://api.example.com/v1 can't be sent: the secret API_KEY has no value here",
        "set the variable, the file or the `Config` that API_KEY takes its value from",
    );
}

#[test]
fn a_project_with_a_command_of_its_own() {
    let command = "cargo run --example scaffold -- --only {cassette} # {package} {test}";
    let site = TestSite { record_command: Some(command.into()), ..site() };
    assert_eq!(
        site.record_command(),
        "cargo run --example scaffold -- --only weather/berlin # weather forecast::berlin"
    );
}
