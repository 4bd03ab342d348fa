//! Unused recordings.

use super::*;

fn recording(index: usize) -> UnusedRecording {
    UnusedRecording {
        index,
        method: Method::GET,
        uri: format!("https://api.example.com/v1/forecast?page={}", index + 1),
    }
}

pub(super) fn unused(recorded: usize, left: std::ops::Range<usize>, last: Option<usize>) -> Problem {
    Problem::Unused(UnusedReport {
        cassette: "tests/cassettes/weather/berlin.json".into(),
        recorded,
        left_out: Vec::new(),
        left: left.map(recording).collect(),
        last: last.map(recording),
    })
}

#[test]
fn recordings_left_over() {
    check(
        vec![unused(12, 10..12, Some(8))],
        "\
error: 2 of 12 recordings were not used
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json

  the test did not ask for
    11. GET https://api.example.com/v1/forecast?page=11
    12. GET https://api.example.com/v1/forecast?page=12
  the last request that it made was answered by
     9. GET https://api.example.com/v1/forecast?page=9

  if the test need not ask for them
    1. write \"optional\": true into those recordings of the cassette
    2. or let the test's `Config` only warn: .unused(Unused::Warn)

help: if the test is meant to ask for less now, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn a_test_that_asked_for_nothing() {
    check(
        vec![unused(12, 0..12, None)],
        "\
error: none of 12 recordings was used
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json

  the test did not ask for
     1. GET https://api.example.com/v1/forecast?page=1
     2. GET https://api.example.com/v1/forecast?page=2
     3. GET https://api.example.com/v1/forecast?page=3
     4. GET https://api.example.com/v1/forecast?page=4
     5. GET https://api.example.com/v1/forecast?page=5
     6. GET https://api.example.com/v1/forecast?page=6
     7. GET https://api.example.com/v1/forecast?page=7
     8. GET https://api.example.com/v1/forecast?page=8
     9. GET https://api.example.com/v1/forecast?page=9
    10. GET https://api.example.com/v1/forecast?page=10
    … and 2 more
  it made no request, or none that reached this session

  if the test need not ask for them
    1. write \"optional\": true into those recordings of the cassette
    2. or let the test's `Config` only warn: .unused(Unused::Warn)

help: if the test is meant to ask for nothing now, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn recordings_left_over_where_that_is_no_failure() {
    let Problem::Unused(unused) = unused(12, 10..12, Some(8)) else { panic!() };
    let note = Note::Unused { unused, cassette: "weather/berlin".into(), command: RECORD.into() };
    assert_eq!(
        notes(&[note], &Palette::plain()),
        "\
note: 2 of 12 recordings were not used
   = cassette: tests/cassettes/weather/berlin.json
  the test did not ask for
    11. GET https://api.example.com/v1/forecast?page=11
    12. GET https://api.example.com/v1/forecast?page=12
  the last request that it made was answered by
     9. GET https://api.example.com/v1/forecast?page=9
   = to record `weather/berlin` again: CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin"
    );
}

#[test]
fn left_out_headers() {
    let Problem::Unused(unused) = unused(1, 0..1, None) else { panic!("another problem") };
    let left_out = (0..10).map(|n| format!("x-{n}")).collect();
    check(
        vec![Problem::Unused(UnusedReport { left_out, ..unused })],
        "\
error: the one recording of the cassette was not used
  --> tests/forecast.rs:12, test forecast::berlin
   = cassette: tests/cassettes/weather/berlin.json
   = left out while recording: x-0, x-1, x-2, x-3, x-4, x-5, x-6, x-7 … and 2 more

  the test did not ask for
    1. GET https://api.example.com/v1/forecast?page=1
  it made no request, or none that reached this session

  if the test need not ask for them
    1. write \"optional\": true into recording 1 of the cassette
    2. or let the test's `Config` only warn: .unused(Unused::Warn)

help: if the test is meant to ask for nothing now, record `weather/berlin` again:
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
}
