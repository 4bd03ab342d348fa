//! The built command, as cargo and people call it.

use std::fs;
use std::path::Path;
use std::process::Command;

const EMPTY: &str = r#"{"version": 2, "_metadata": {}, "interactions": []}"#;
const FULL: &str = r#"{
  "version": 2,
  "_metadata": {
    "recorded_at": "2026-03-01T10:00:00Z",
    "freeze_time": "2026-03-01T09:59:58Z",
    "interactions": 1
  },
  "interactions": [
    {
      "request": {"method": "GET", "uri": "https://api.example.com/"},
      "response": {"status": 204}
    }
  ]
}
"#;

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(dir: &Path, arguments: &[&str]) -> Run {
    let output =
        Command::new(env!("CARGO_BIN_EXE_cargo-cassette")).args(arguments).current_dir(dir).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

#[test]
fn cassettes_are_listed() {
    let body = "x".repeat(1_500_000);
    let dir = project(&[
        ("tests/cassettes/weather/berlin.json", FULL),
        ("tests/cassettes/weather/berlin.bodies/1.bin", &body),
        ("tests/cassettes/empty.json", EMPTY),
        ("package.json", "{}"),
    ]);
    let expected = "\
cassette                             interactions     size  recorded              frozen at
tests/cassettes/empty.json                      0     51 B  -                     -
tests/cassettes/weather/berlin.json             1  1.50 MB  2026-03-01T10:00:00Z  2026-03-01T09:59:58Z

2 cassettes, 1 interaction, 1.50 MB
";
    for arguments in [&["list"][..], &["cassette", "list"], &["cassette", "list", "."]] {
        let run = run(dir.path(), arguments);
        assert_eq!((run.out.as_str(), run.err.as_str(), run.code), (expected, "", Some(0)));
    }
    let run = run(dir.path(), &["list", "tests/cassettes/empty.json"]);
    assert!(run.out.ends_with("1 cassette, 0 interactions, 51 B\n"), "{}", run.out);
}

#[test]
fn a_broken_cassette_is_an_error_beside_the_others() {
    let dir = project(&[("a.json", EMPTY), ("b.json", &FULL.replace("204}", "204]"))]);
    let run = run(dir.path(), &["list"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.starts_with("error: ./b.json:11:"), "{}", run.err);
    assert!(run.out.contains("\na.json "), "{}", run.out);
}

#[test]
fn a_cassette_does_not_steer_the_terminal() {
    let dir = project(&[("a.json", &FULL.replace("2026-03-01T10", r"\u001b[2J"))]);
    let run = run(dir.path(), &["list"]);
    assert!(!run.out.contains('\u{1b}') && run.out.contains("[2J"), "{:?}", run.out);
}

#[test]
fn nothing_to_list() {
    let dir = project(&[]);
    let nothing = run(dir.path(), &["list"]);
    assert_eq!((nothing.out.as_str(), nothing.code), ("no cassettes below .\n", Some(0)));
    let missing = run(dir.path(), &["list", "missing"]);
    assert_eq!((missing.out.as_str(), missing.code), ("", Some(1)));
    assert!(missing.err.starts_with("error: missing: could not look for cassettes: "), "{}", missing.err);
}

#[test]
fn version_help_and_usage() {
    let dir = project(&[]);
    for arguments in [&["--version"][..], &["cassette", "--version"]] {
        let version = run(dir.path(), arguments);
        assert_eq!(version.out, concat!("cargo-cassette ", env!("CARGO_PKG_VERSION"), "\n"));
        assert_eq!(version.code, Some(0));
    }
    let help = run(dir.path(), &["cassette", "--help"]);
    assert!(
        help.out.contains("Usage: cargo cassette <COMMAND>") && help.out.contains("list"),
        "{}",
        help.out
    );
    let unknown = run(dir.path(), &["rewind"]);
    assert!(unknown.err.contains("rewind"), "{}", unknown.err);
    assert_eq!(unknown.code, Some(2));
}
