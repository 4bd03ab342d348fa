//! Tests the command `cargo cassette`. They start it in the way in which cargo starts a subcommand.

use std::path::Path;
use std::process::{Command, Output};

use cassette::__support::{Files, Journal, JournalOptions};
use cassette::tape::{Body, Interaction, Outcome, Request};
use cassette::tape::{TransportError, TransportErrorKind};

fn cargo_cassette(arguments: &[&str], dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-cassette"));
    command.arg("cassette").args(arguments).current_dir(dir).output().expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn version_and_help() {
    let here = Path::new(".");
    let version = text(&cargo_cassette(&["--version"], here).stdout);
    assert_eq!(version.trim(), format!("cargo cassette {}", env!("CARGO_PKG_VERSION")));
    assert!(text(&cargo_cassette(&["--help"], here).stdout).contains("List the cassettes below a folder"));
    assert!(!cargo_cassette(&["lsit"], here).status.success());
}

#[test]
fn the_cassettes_of_the_example_are_listed() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/tests/prices");
    let output = cargo_cassette(&["list"], &tree);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let listed = text(&output.stdout);
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("cassette "), "{listed}");
    assert!(lines[1].contains("asked_to_come_back_later/cassettes/requests.json"), "{listed}");
    assert!(lines[1].ends_with("2026-03-02T06:30:00Z"), "{listed}");
    assert_eq!(lines.len(), 7, "{listed}");
}

#[test]
fn a_broken_cassette_is_reported_and_the_others_are_listed() {
    let dir = tempfile::tempdir().expect("a directory");
    let broken = "{\n  \"version\": 2,\n  \"_metadata\": {";
    std::fs::write(dir.path().join("broken.json"), broken).expect("written");
    let whole = "{\n  \"version\": 2,\n  \"_metadata\": {},\n  \"interactions\": []\n}\n";
    std::fs::write(dir.path().join("whole.json"), whole).expect("written");
    let output = cargo_cassette(&["list"], dir.path());
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("broken.json:3:"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("whole.json"), "{}", text(&output.stdout));
}

#[test]
fn a_folder_without_cassettes() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = cargo_cassette(&["list"], dir.path());
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), "no cassettes below .\n");
    let output = cargo_cassette(&["list", "missing"], dir.path());
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    assert!(message.starts_with("cargo cassette: missing: could not read the folder: "), "{message}");
    assert!(message.contains("help: correct the path"), "{message}");
}

#[test]
fn the_redaction_rules_are_listed() {
    let output = cargo_cassette(&["rules"], Path::new("."));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let listed = text(&output.stdout);
    let line = listed.lines().find(|line| line.starts_with("CAS0012 ")).expect("the rule");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[..4], ["CAS0012", "header", "authorization", "credentials"], "{line}");
    let line = listed.lines().find(|line| line.starts_with("x-amz-target ")).expect("the header");
    assert!(line.contains("AWS: operation"), "{line}");

    let output = cargo_cassette(&["rules", "--json"], Path::new("."));
    let json = text(&output.stdout);
    let rules: Vec<serde_json::Value> = serde_json::from_str(&json).expect("it is JSON");
    let headers = cassette::__support::selecting_headers().len();
    assert_eq!(rules.len(), cassette::__support::default_rules().len() + headers);
    assert_eq!(rules.iter().filter(|rule| rule["kind"] == "compared header").count(), headers);
    let rule = rules.iter().find(|rule| rule["id"] == "CAS0031").expect("the rule");
    assert_eq!((&rule["kind"], &rule["what"]), (&"field".into(), &"access_token".into()));
    assert!(rules.iter().all(|rule| rule["why"].is_string()));
}

/// A reader such as `head` may close the pipe before the output ends.
#[test]
fn nobody_reads_to_the_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("written");
    write("notes.txt", "CARGO_PKG_NAME=cargo-cassette");
    write("whole.json", "{\n  \"version\": 2,\n  \"_metadata\": {},\n  \"interactions\": []\n}\n");
    std::fs::create_dir(dir.path().join("empty")).expect("made");
    let files = Files::new(dir.path(), &"weather".parse().expect("a name"));
    let close = |arguments: &[&str]| {
        // The test closes the pipe before the command starts, so even the first line that the command prints has no
        // reader.
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-cassette"));
        command.arg("cassette").args(arguments).current_dir(dir.path()).stdout(writer);
        command.output().expect("the command runs")
    };
    let _ = Journal::create(&files, JournalOptions::default()).expect("a journal");
    for (arguments, code, message) in [
        (&["--help"][..], 0, ""),
        (&["--version"], 0, ""),
        (&["config"], 0, ""),
        (&["config", "--json"], 0, ""),
        (&["rules"], 0, ""),
        (&["rules", "--json"], 0, ""),
        (&["list"], 0, ""),
        (&["list", "empty"], 0, ""),
        (&["scan", ".", "--env", "CARGO_PKG_NAME"], 1, "1 secret in 3 files\n"),
        (&["scan", ".", "--env", "CARGO_PKG_NAME", "--json"], 1, "1 secret in 3 files\n"),
        (&["recover", "weather.json.recording"], 0, ""),
    ] {
        let output = close(arguments);
        assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(code), message), "{arguments:?}");
    }
}

#[test]
fn secrets_are_found_by_name_and_by_form() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &[u8]| std::fs::write(dir.path().join(name), text).expect("written");
    std::fs::create_dir_all(dir.path().join("target")).expect("made");
    write("target/build.txt", b"pk-2f9a77c1");
    write("clean.txt", b"nothing");
    let clean = cargo_cassette(&["scan", ".", "--env", "CARGO_PKG_NAME"], dir.path());
    assert_eq!(clean.status.code(), Some(0), "{}", text(&clean.stderr));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, b"one\ntwo pk%2D2f9a77c1").expect("packed");
    write("packed.gz", &packed.finish().expect("packed"));
    let token = ["ghp_", &"a1".repeat(18)].concat();
    write("notes.txt", format!("one\n  {token}\ncGstMmY5YTc3YzE=").as_bytes());
    let outside = tempfile::tempdir().expect("a directory");
    let secrets = outside.path().join("secrets.json");
    std::fs::write(&secrets, br#"{"api": {"key": "pk-2f9a77c1"}}"#).expect("written");
    let secrets = secrets.display().to_string();
    let arguments = ["scan", "notes.txt", "packed.gz", "target/../clean.txt", "--secrets", &secrets];
    let found = cargo_cassette(&arguments, dir.path());
    assert_eq!(found.status.code(), Some(1), "{}", text(&found.stderr));
    let lines = [
        "notes.txt:2:3 CAS0505 pattern github-token, by its pattern",
        "notes.txt:3:1 secret.api.key, in base64",
        "packed.gz:2:5 secret.api.key, percent-encoded, unpacked",
    ];
    assert_eq!(text(&found.stdout).lines().collect::<Vec<_>>(), lines);
    let json = cargo_cassette(&["scan", ".", "--secrets", &secrets, "--json"], dir.path());
    let json: Vec<serde_json::Value> = serde_json::from_str(&text(&json.stdout)).expect("it is JSON");
    assert_eq!(json.len(), 3);
    assert_eq!((&json[0]["line"], &json[0]["rule"]), (&2.into(), &"CAS0505 pattern github-token".into()));
    for twice in [&["scan", "clean.txt", "./clean.txt"][..], &["scan", "clean.txt", "."]] {
        let sum = text(&cargo_cassette(&[twice, &["--secrets", &secrets]].concat(), dir.path()).stderr);
        let files = if twice.contains(&".") { "3 files" } else { "1 file" };
        assert!(sum.contains(files), "{sum}");
    }
    #[cfg(unix)]
    {
        let pipe = std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status();
        if pipe.is_ok_and(|status| status.success()) {
            let output = cargo_cassette(&["scan", "pipe"], dir.path());
            assert_eq!(output.status.code(), Some(2));
            let message = text(&output.stderr);
            assert!(message.contains("pipe is neither a file nor a folder"), "{message}");
            std::fs::remove_file(dir.path().join("pipe")).expect("removed");
        }
    }
    let off = cargo_cassette(&["scan", "notes.txt", "--without", "CAS0505"], dir.path());
    assert_eq!(off.status.code(), Some(0), "{}", text(&off.stdout));
}

#[test]
fn a_recording_that_was_left_behind_is_recovered() {
    let dir = tempfile::tempdir().expect("a directory");
    let files = Files::new(dir.path(), &"deep/weather".parse().expect("a name"));
    for _ in 0..2 {
        // The journal stays, as if the process were killed here. A second recording then renames the journal of the
        // first recording.
        let journal = Journal::create(&files, JournalOptions::default()).expect("a journal");
        let refused = TransportError { kind: TransportErrorKind::Connect, message: "refused".into() };
        let request = Request {
            method: "GET".parse().expect("a method"),
            uri: "https://api.example.com/now".into(),
            headers: Default::default(),
            body: Body::default(),
        };
        journal.append(1, &Interaction::new(request, Outcome::Error(refused))).expect("a whole line");
    }
    let recovered = cargo_cassette(&["recover", "deep/weather.json.1.recording"], dir.path());
    assert!(recovered.status.success(), "{}", text(&recovered.stderr));
    assert!(text(&recovered.stdout).starts_with("deep/weather.json: 1 interaction, "), "{recovered:?}");
    let left = || files.left_behind().iter().map(Files::journal).collect::<Vec<_>>();
    assert_eq!(left(), [dir.path().join("deep/weather.json.recording")]);
    assert!(cargo_cassette(&["recover", "deep/weather.json.recording"], dir.path()).status.success());
    assert!(left().is_empty());
    for (wrong, why) in [
        ("deep/weather.json.recording", "there is no recording to recover"),
        ("deep/weather.json", "find . -name '*.json*.recording'"),
        ("deep", "is not the journal of a recording"),
    ] {
        let output = cargo_cassette(&["recover", wrong], dir.path());
        assert_eq!(output.status.code(), Some(1));
        let message = text(&output.stderr);
        assert!(message.contains(why) && message.contains(wrong), "{message}");
    }
}

#[test]
fn a_scan_that_cannot_be_whole_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    for arguments in [
        &["scan", "missing.txt"][..],
        &["scan", ".", "--env", "NO_SUCH_VARIABLE"],
        &["scan", ".", "--secrets", "missing.json"],
        &["scan"],
    ] {
        let output = cargo_cassette(arguments, dir.path());
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    }
}

/// Checks that the error has a hint, and that the totals say that the scan is incomplete.
#[test]
fn what_a_scan_could_not_read_is_reported() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &[u8]| std::fs::write(dir.path().join(name), text).expect("written");
    write("clean.txt", b"nothing");
    write("notes.txt", b"CARGO_PKG_NAME=cargo-cassette");
    write("broken.gz", b"\x1f\x8bnot gzip");
    let why = std::fs::metadata(dir.path().join("missing.txt")).expect_err("it is missing");
    let missing = format!(
        "cargo cassette: missing.txt: could not read: {why}\n  help: correct the path; a relative path starts at \
         the current directory\n"
    );
    for (paths, sum) in [
        (&["missing.txt"][..], ""),
        (
            &["missing.txt", "clean.txt"],
            "incomplete: 1 path could not be read; no secrets in 1 file that could\n",
        ),
        (
            &["missing.txt", "clean.txt", "notes.txt"],
            "incomplete: 1 path could not be read; 1 secret in 2 files that could\n",
        ),
    ] {
        let arguments = [&["scan", "--env", "CARGO_PKG_NAME"], paths].concat();
        let output = cargo_cassette(&arguments, dir.path());
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stderr), format!("{missing}{sum}"));
    }
    let output = cargo_cassette(&["scan", "."], dir.path());
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    assert!(
        message.contains("broken.gz: could not scan: ") && message.contains("it may hold secrets"),
        "{message}"
    );
    assert!(
        message.ends_with("incomplete: 1 path could not be read; no secrets in 2 files that could\n"),
        "{message}"
    );
}

/// A workspace with settings, and one package with settings of its own.
fn workspace() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("written");
    std::fs::create_dir_all(dir.path().join("api/src")).expect("made");
    write("Cargo.toml", "[workspace]\nmembers = [\"api\"]\n");
    write(
        "cassette.toml",
        "without_rule = [\"CAS0031\"]\nprove = false\nignore_query = [\"nonce\"]\n\
         secret_from_env = [\"CARGO_PKG_NAME\", \"A_VARIABLE_THAT_NOBODY_SETS\"]\n",
    );
    write("api/Cargo.toml", "[package]\nname = \"api\"\n");
    write(
        "api/cassette.toml",
        "ignore_query = [\"t\"]\nunused = \"warn\"\n\n[matching_for.\"a.test/v1/**\"]\nignore_body = true\n",
    );
    dir
}

#[test]
fn the_settings_in_effect_are_printed_with_their_places() {
    let dir = workspace();
    let root = std::path::absolute(dir.path().join("cassette.toml")).expect("a path");
    let output = cargo_cassette(&["config"], &dir.path().join("api"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = text(&output.stdout).replace(&*root.to_string_lossy(), "[root]");
    for lines in [
        "directory = \"tests/cassettes\"  # default\n",
        "prove = false  # [root]:2\n",
        "without_rule = [\n    \"CAS0031\",  # [root]:1\n]\n",
        "ignore_query = [\n    \"nonce\",  # [root]:3\n    \"t\",  # cassette.toml:1\n]\n",
        "matching_for.\"a.test/v1/**\".ignore_body = true  # cassette.toml:5\n",
        "unused = \"warn\"  # cassette.toml:2\n",
    ] {
        assert!(shown.contains(lines), "{lines}\n{shown}");
    }
    // What the command prints is a file that means the same.
    let copy = tempfile::tempdir().expect("a directory");
    std::fs::write(copy.path().join("cassette.toml"), text(&output.stdout)).expect("written");
    let values = |output: &Output| -> Vec<serde_json::Value> {
        let json: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("it is JSON");
        json.iter().map(|setting| serde_json::json!([setting["key"], setting["value"]])).collect()
    };
    let json = cargo_cassette(&["config", "--json"], &dir.path().join("api/src"));
    let of_copy = cargo_cassette(&["config", "--json"], copy.path());
    assert!(of_copy.status.success(), "{}", text(&of_copy.stderr));
    // A list without items is one line of the original, and no item of the copy.
    assert_eq!(values(&json), values(&of_copy));
}

#[test]
fn other_subcommands_read_the_settings() {
    let dir = workspace();
    let api = dir.path().join("api");
    std::fs::write(api.join("src/notes.txt"), "CARGO_PKG_NAME=cargo-cassette").expect("written");
    let output = cargo_cassette(&["scan", "src"], &api);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("notes.txt:1:16 secret.CARGO_PKG_NAME, as it is"),
        "{}",
        text(&output.stdout)
    );
    let message = text(&output.stderr);
    assert!(message.contains("not searched for: A_VARIABLE_THAT_NOBODY_SETS is not set ("), "{message}");
    let rules = text(&cargo_cassette(&["rules"], &api).stdout);
    assert!(rules.contains("\nCAS0031 is switched off by "), "{rules}");

    std::fs::write(api.join("cassette.toml"), "\n  ignore_qery = []\n").expect("written");
    for (arguments, code) in [(&["config"][..], 1), (&["scan", "src"], 2), (&["rules"], 1)] {
        let output = cargo_cassette(arguments, &api);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let message = text(&output.stderr);
        assert!(
            message.contains("cassette.toml:2:3: unknown key `ignore_qery`: did you mean `ignore_query`?"),
            "{message}"
        );
        assert!(message.contains("help: correct this file"), "{message}");
    }
}
