//! Unknown modes, directories that cannot be written, secrets without a value.

use super::*;

#[test]
fn an_unknown_mode() {
    let valid: Vec<String> =
        ["replay", "record", "auto", "append", "verify", "accept", "off", "learn"].map(str::to_owned).into();
    let unknown =
        |value: &str| vec![Problem::UnknownMode(UnknownMode { value: value.into(), valid: valid.clone() })];
    check(
        unknown("recrod"),
        "\
error: `recrod` is not a mode
  --> tests/forecast.rs:12, test forecast::berlin
   = set by: the variable CASSETTE_MODE
   = valid: replay, record, auto, append, verify, accept, off, learn

help: did you mean `record`?
    CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin",
    );
    check(
        unknown("yes"),
        "\
error: `yes` is not a mode
  --> tests/forecast.rs:12, test forecast::berlin
   = set by: the variable CASSETTE_MODE
   = valid: replay, record, auto, append, verify, accept, off, learn

help: without the variable the test replays:
    env -u CASSETTE_MODE cargo test -p weather -- --exact forecast::berlin",
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

help: give yourself permission to write:
    chmod u+w 'tests/my cassettes/weather'",
    );
}

/// Tests the notes about secrets without a value, which a test prints even if it passes.
#[test]
fn secrets_that_are_not_there() {
    let absent = [
        Absent::Unset("API_KEYY".into()),
        Absent::Empty("OTHER".into()),
        Absent::Value("THIRD".into()),
        Absent::File("tests/secretz.json".into()),
        Absent::Unmarked("tests/config.json".into()),
    ];
    let text = notes(&absent.map(Note::Absent), &Palette::plain());
    let expected = "\
note: API_KEYY is not set, so cassette did not search for this secret
   = to redact it: set the variable, or correct its name in `secret_from_env`

note: OTHER is empty, so cassette did not search for this secret
   = to redact it: set the variable, or correct its name in `secret_from_env`

note: THIRD is empty, so cassette did not search for this secret
   = to redact it: check where the test's `Config` takes its value from

note: tests/secretz.json does not exist, so cassette takes no secrets from it
   = if it has secrets: create it, or correct its path in the test's `Config`

note: tests/config.json has no key that begins with `#`, so cassette takes no secrets from it
   = if it has secrets: begin their keys with `#`, or read the whole file with `secrets_file`";
    assert_eq!(text, expected);
}
