//! Modes and directories.

use super::*;

#[test]
fn an_unknown_mode() {
    let valid: Vec<String> =
        ["replay", "record", "auto", "append", "verify", "accept", "off", "learn"].map(str::to_owned).into();
    let unknown = |value: &str, origin| {
        vec![Problem::UnknownMode(UnknownMode { value: value.into(), origin, valid: valid.clone() })]
    };
    check(
        unknown("recrod", ModeOrigin::Variable),
        "\
error: `recrod` is not a mode
  --> tests/forecast.rs:12, test forecast::berlin
   = set by: the variable CASSETTE_MODE
   = valid: replay, record, auto, append, verify, accept, off, learn

help: did you mean `record`?
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
    check(
        unknown("yes", ModeOrigin::Variable),
        "\
error: `yes` is not a mode
  --> tests/forecast.rs:12, test forecast::berlin
   = set by: the variable CASSETTE_MODE
   = valid: replay, record, auto, append, verify, accept, off, learn

help: without the variable the test replays:
    env -u CASSETTE_MODE cargo test -p weather -- --exact forecast::berlin",
    );
    check(
        unknown("replays", ModeOrigin::Attribute),
        "\
error: `replays` is not a mode
  --> tests/forecast.rs:12, test forecast::berlin
   = set by: `mode = \"…\"` in the attribute
   = valid: replay, record, auto, append, verify, accept, off, learn

help: name a valid mode there (`replay`?), then run the test again:
    cargo test -p weather -- --exact forecast::berlin",
    );
}

#[test]
fn an_unwritable_directory() {
    let unwritable = Unwritable {
        what: "cassettes".into(),
        directory: "tests/my cassettes/weather".into(),
        kind: std::io::ErrorKind::PermissionDenied,
        message: "Permission denied (os error 13)".into(),
    };
    check(
        vec![Problem::Unwritable(unwritable)],
        "\
error: the directory for cassettes cannot be written
  --> tests/forecast.rs:12, test forecast::berlin
   = directory: tests/my cassettes/weather
   = reason: Permission denied (os error 13)

help: make it yours to write:
    chmod u+w 'tests/my cassettes/weather'",
    );
}
