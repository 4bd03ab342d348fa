//! Tests every failure as a user sees it. These tests run the tests of the fixture project, and compare the whole
//! output.

use crate::fixture::{Api, CASSETTE, Project, recorded};

/// Runs the fixture's test `cities` with these variables. The test must fail, and must write no file next to the
/// sources except insta's pending snapshot. Returns the output.
#[track_caller]
fn fails(project: &Project, variables: &[(&str, &str)]) -> String {
    let before = sources(project);
    let run = project.run(&["cities"], variables);
    assert!(!run.passed, "it passed:\n{}", run.text);
    assert_eq!(before, sources(project), "a failing test changed the source tree");
    run.text
}

fn sources(project: &Project) -> Vec<String> {
    let mut files = project.files();
    files.retain(|f| !f.starts_with("target/") && !f.ends_with(".snap.new"));
    files
}

#[test]
fn a_recording_replays_with_the_server_gone() {
    let project = recorded();
    let run = project.run(&["cities"], &[]);
    assert!(run.passed, "{}", run.text);
    assert_eq!(sources(&project), [CASSETTE, "tests/cassettes/weather/cities.output.snap"]);
}

#[test]
fn a_test_that_learns_replays_in_another_process() {
    let api = Api::start();
    let project = Project::new().upstream(api.address());
    let run = project.run(&["cities"], &[("CASSETTE_MODE", "learn"), ("FIXTURE", "a nonce")]);
    assert!(run.passed, "{}", run.text);
    api.stop();
    assert!(project.read(CASSETTE).contains("\"nonce\""), "{}", project.read(CASSETTE));
    let run = project.run(&["cities"], &[("FIXTURE", "a nonce")]);
    assert!(run.passed, "{}", run.text);
}

#[test]
fn no_cassette() {
    insta::assert_snapshot!(fails(&Project::new(), &[]));
}

#[test]
fn an_unmatched_request_that_the_body_swallows() {
    insta::assert_snapshot!(fails(&recorded(), &[("FIXTURE", "another parameter")]));
}

/// The code under test reads the variable itself, and does not ask the session for the secret. On replay the variable
/// must have a value that can be a secret, but it need not be the real value.
#[test]
fn a_secret_without_a_value() {
    let own = ("FIXTURE", "its own key");
    let api = Api::start();
    let project = Project::new().upstream(api.address());
    let record = |key| project.run(&["cities"], &[own, ("CASSETTE_MODE", "record"), ("API_KEY", key)]);
    let refused = record("test");
    assert!(
        !refused.passed && refused.text.contains("secret API_KEY is shorter than 6 bytes"),
        "{}",
        refused.text
    );
    assert!(refused.text.contains("\n    CASSETTE_MODE=record cargo test"), "{}", refused.text);
    assert_eq!(sources(&project), [""; 0]);
    assert!(record("k-5f2b9c41").passed);
    api.stop();
    // The code that reads the variable gets a dummy.
    assert!(project.run(&["cities"], &[own]).passed);
    insta::assert_snapshot!(fails(&project, &[("FIXTURE", "a key in the code")]));
    let message = fails(&project, &[own, ("API_KEY", "test")]);
    assert!(
        message.contains("its present value is shorter than 6 bytes, so cassette ignores it"),
        "{message}"
    );
    let (_, command) = message.rsplit_once("API_KEY=").expect("a command");
    let value = command.split(' ').next().expect("a value");
    for (variation, key) in
        [("its own key", value), ("", "test"), ("", "password"), ("", "API_KEY"), ("", "")]
    {
        let run = project.run(&["cities"], &[("FIXTURE", variation), ("API_KEY", key)]);
        assert!(run.passed, "{key:?}: {}", run.text);
    }
    for (mode, passes) in
        [("auto", true), ("accept", true), ("append", false), ("learn", false), ("verify", false)]
    {
        let run = project.run(&["cities"], &[("CASSETTE_MODE", mode), ("API_KEY", "test")]);
        assert_eq!(run.passed, passes, "{mode}: {}", run.text);
        assert_eq!(run.text.contains("it cannot be redacted"), !passes, "{mode}: {}", run.text);
    }
}

#[test]
fn an_unused_interaction() {
    insta::assert_snapshot!(fails(&recorded(), &[("FIXTURE", "a page less")]));
}

#[test]
fn another_cell_in_the_output() {
    let project = recorded();
    insta::assert_snapshot!(fails(&project, &[("FIXTURE", "another cell")]));
    assert!(project.read("target/cassette/weather/cities/output/cities.csv").contains("Berlin,22"));
    assert!(project.path("tests/cassettes/weather/cities.output.snap.new").is_file());
}

#[test]
fn another_file_in_the_output() {
    let project = recorded();
    insta::assert_snapshot!(fails(&project, &[("FIXTURE", "another file"), ("CI", "true")]));
    assert!(!project.path("tests/cassettes/weather/cities.output.snap.new").exists());
}

#[test]
fn a_malformed_cassette() {
    let project = recorded();
    let text = project.read(CASSETTE).replacen("\"status\": 200", "\"status\": \"fine\"", 1);
    project.write(CASSETTE, &text);
    insta::assert_snapshot!(fails(&project, &[]));
}

#[test]
fn a_torn_cassette() {
    let project = recorded();
    let text = project.read(CASSETTE);
    // The document is cut inside the word `content-type`, so that the message does not depend on the length of the
    // times in the document.
    let at = text.find("\"content-type\"").expect("a header");
    project.write(CASSETTE, &text[..at + "\"conte".len()]);
    insta::assert_snapshot!(fails(&project, &[]));
}

#[test]
fn an_unknown_mode() {
    insta::assert_snapshot!(fails(&recorded(), &[("CASSETTE_MODE", "rekord")]));
}

/// On a terminal, or if a variable asks for colors, the report has the same text with colors.
#[cfg(unix)]
#[test]
fn colors() {
    let project = recorded();
    let plain = fails(&project, &[("FIXTURE", "another parameter")]);
    let on_a_terminal = |variables: &[(&str, &str)]| {
        let variables = [&[("FIXTURE", "another parameter")], variables].concat();
        project.run_on_a_terminal(&["cities"], &variables).text
    };
    let painted = on_a_terminal(&[]);
    let parts = [
        "\x1b[1m\x1b[31merror\x1b[0m: no recording answers 2 requests",
        "\x1b[31m- ",
        "\x1b[32m+ ",
        "\x1b[1m\x1b[36mhelp\x1b[0m: ",
        "\x1b[1mCASSETTE_MODE=record cargo test",
    ];
    for part in parts {
        assert!(painted.contains(part), "no {part:?} in {painted:?}");
    }
    assert_eq!(without_colors(&painted), plain);
    for variable in [("NO_COLOR", "1"), ("CARGO_TERM_COLOR", "never"), ("TERM", "dumb")] {
        assert_eq!(on_a_terminal(&[variable]), plain, "{variable:?}");
    }
    let forced = [("FIXTURE", "another parameter"), ("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")];
    assert_eq!(fails(&project, &forced), painted);
}

#[cfg(unix)]
fn without_colors(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').expect("a colour").1)
}

/// The machine-readable report has a line for each run, passed or failed. The line of a failed run contains the text of
/// the panic message.
#[test]
fn a_report_for_machines() {
    let project = recorded();
    let file = project.path("target/report.ndjson");
    let report = ("CASSETTE_REPORT", file.to_str().expect("a path"));
    let unused = fails(&project, &[report, ("FIXTURE", "a page less")]);
    fails(&project, &[report, ("CASSETTE_MODE", "rekord")]);
    assert!(project.run(&["cities"], &[report]).passed);
    let text = project.read("target/report.ndjson");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let outcomes: Vec<_> = lines
        .iter()
        .map(|l| (l["event"].as_str().unwrap_or_default(), l["problems"][0]["kind"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(outcomes, [("failed", "unused"), ("failed", "unknown_mode"), ("passed", "-")], "{text}");
    assert!(lines.iter().all(|l| l["version"] == 1 && l["test"] == "cities" && l["line"].is_u64()), "{text}");
    let panic = lines[0]["text"]
        .as_str()
        .expect("a text")
        .replace(project.path("").to_str().expect("a path").trim_end_matches('/'), "[project]");
    assert!(unused.contains(&panic), "{unused}\n{panic}");
    assert!(lines[2]["interactions"].as_u64() > Some(0), "{text}");
}

/// The output has the failure of the test, and a note that the machine-readable report could not be written.
#[test]
fn a_report_that_cannot_be_written() {
    let project = recorded();
    let report = ("CASSETTE_REPORT", "no/such/directory/report");
    let text = fails(&project, &[report, ("FIXTURE", "a page less")]);
    let message =
        "note: the file that `CASSETTE_REPORT` names can't be written\n   = file: no/such/directory/report";
    assert!(text.contains("error: 1 of") && text.contains(message), "{text}");
    let text = fails(&project, &[report]);
    assert!(text.contains("CASSETTE_REPORT") && text.contains("no/such/directory/report"), "{text}");
}

#[test]
fn a_misspelt_variable() {
    insta::assert_snapshot!(fails(&recorded(), &[("CASSETTE_MDOE", "record")]));
}

#[test]
fn a_body_that_fails() {
    insta::assert_snapshot!(fails(&recorded(), &[("FIXTURE", "body fails")]));
}

#[test]
fn a_body_that_panics() {
    insta::assert_snapshot!(fails(&recorded(), &[("FIXTURE", "body panics")]));
}

#[test]
fn two_tests_with_one_cassette() {
    let run = Project::new().run(&["first_of_two", "second_of_two"], &[]);
    assert!(!run.passed);
    insta::assert_snapshot!(run.text);
}

/// A file has the name of the folder, so nobody can write into the folder. A folder without write permission would not
/// do, because root can write into it.
#[test]
fn a_folder_that_cannot_be_written() {
    let api = Api::start();
    let project = Project::new().upstream(api.address());
    project.write("tests/cassettes", "not a folder");
    insta::assert_snapshot!(fails(&project, &[("CASSETTE_MODE", "record")]));
}

#[test]
fn a_failed_recording_is_kept_elsewhere_and_replaces_nothing() {
    let api = Api::start();
    let project = Project::new().upstream(api.address());
    let run = project.run(&["cities"], &[("CASSETTE_MODE", "record")]);
    assert!(run.passed, "{}", run.text);
    let before = project.read(CASSETTE);
    insta::assert_snapshot!(fails(&project, &[("CASSETTE_MODE", "record"), ("FIXTURE", "body fails")]));
    assert_eq!(project.read(CASSETTE), before);
    assert!(project.path("target/cassette/weather/cities/recording/weather/cities.json").is_file());
}

#[test]
fn a_server_that_is_not_there() {
    // A listener takes a free port and is dropped. So no server listens on this port.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let project = Project::new().upstream(address);
    let text = fails(&project, &[("CASSETTE_MODE", "record")]).replace(&address.to_string(), "[address]");
    insta::assert_snapshot!(text);
}

#[test]
fn secrets_do_not_reach_the_disk() {
    let api = Api::start();
    let project = Project::new().upstream(api.address());
    let key = "k-9f86d081884c7d65";
    let run = project.run(&["cities"], &[("CASSETTE_MODE", "record"), ("API_KEY", key)]);
    assert!(run.passed, "{}", run.text);
    for file in project.files() {
        let bytes = std::fs::read(project.path(&file)).expect("readable");
        assert!(!bytes.windows(key.len()).any(|w| w == key.as_bytes()), "{file}");
    }
    assert!(project.read(CASSETTE).contains("key={{secret.API_KEY}}"));
    // The replay works with the secret and without it.
    for variables in [&[][..], &[("API_KEY", key)]] {
        let run = project.run(&["cities"], variables);
        assert!(run.passed, "{}", run.text);
    }
}

/// These tests of the fixture fail for reasons that have nothing to do with cassette. The output has each failure only
/// once, with its place in the user's file.
#[test]
fn bodies_that_fail_by_themselves() {
    for test in ["returns_an_error", "panics", "panics_with_another_text", "exits"] {
        let run = Project::new().run(&[&format!("failing::{test}")], &[]);
        let wanted = match test {
            "panics_with_another_text" => "1 failed",
            _ => "panicked at tests/fixture/main.rs:",
        };
        assert!(!run.passed && run.text.contains(wanted), "{}", run.text);
        insta::assert_snapshot!(test, run.text);
    }
}
