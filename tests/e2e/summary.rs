//! Tests the summary that a test process prints when it ends. The test harness does not capture it.

use crate::api::{Api as Server, Speaks, answer};
use crate::fixture::{Api, CASSETTE, Project, recorded};

/// The text after the last line that the test harness prints.
fn end(text: &str) -> &str {
    let (_, end) = text.split_once("finished in [time]\n").unwrap_or_else(|| panic!("no end: {text}"));
    end.trim_matches('\n')
}

#[track_caller]
fn check(project: &Project, tests: &[&str], variables: &[(&str, &str)], expected: &str) {
    let run = project.run(tests, variables);
    assert_eq!(end(&run.text), expected.trim_matches('\n'), "{}", run.text);
}

#[test]
fn recorded_cassettes() {
    let api = Api::start();
    let project = Project::new().upstream(api.address());
    let record = [("CASSETTE_MODE", "record"), ("API_KEY", "k-9f86d081884c7d65")];
    let new = "
summary: 1 cassette recorded (new)
   = recorded: 2 interactions, [size]
   = redacted: secret.API_KEY (2 times)";
    check(&project, &["cities"], &record, new);
    check(&project, &["cities"], &record, &new.replace("(new)", "(unchanged)"));
    let shorter = "
summary: 1 cassette recorded (changed)
   = recorded: 1 interaction, [size]
   = redacted: secret.API_KEY";
    check(&project, &["cities"], &[&record[..], &[("FIXTURE", "a page less")]].concat(), shorter);
    // The summary covers all tests of the process, but not the failed one, which wrote nothing.
    let together = "
summary: 2 cassettes recorded (1 new, 1 changed)
   = recorded: 2 interactions, [size]
   = redacted: secret.API_KEY (2 times)";
    check(&project, &["cities", "recorded_if_missing", "failing::panics"], &record, together);
}

/// If a secret is empty, cassette cannot redact it, and its real value could be in the cassette. So the summary names
/// the secret.
#[test]
fn empty_secrets() {
    let api = Api::start();
    let project = Project::new().upstream(api.address());
    let record = [("CASSETTE_MODE", "record"), ("API_KEY", "")];
    let expected = "
summary: 1 cassette recorded (new)
   = recorded: 2 interactions, [size]
   = missing secrets: API_KEY is empty";
    check(&project, &["cities"], &record, expected);
    check(&project, &["cities"], &[], "");
}

#[test]
fn no_summary_without_news() {
    let project = recorded();
    check(&project, &["cities"], &[], "");
    check(&project, &["cities"], &[("CASSETTE_MODE", "verify"), ("FIXTURE", "another cell")], "");
    check(&project, &["failing::panics"], &[], "");
    // The snapshot is unchanged, so nothing was accepted.
    check(&project, &["cities"], &[("CASSETTE_MODE", "accept")], "");
}

#[test]
fn unused_recordings_and_old_cassettes() {
    let project = recorded();
    let left = "summary: 1 recording unused\n   = unused: weather/cities (1)";
    check(&project, &["cities"], &[("FIXTURE", "a page less")], left);
    // The test harness hides the output of a passing test, so only the summary shows the accepted snapshot and the
    // unused recording.
    let variables = [("FIXTURE", "a page less"), ("FIXTURE_UNUSED", "warn"), ("CASSETTE_MODE", "accept")];
    let accepted = "summary: 1 snapshot accepted, 1 recording unused\n   = unused: weather/cities (1)";
    check(&project, &["cities"], &variables, accepted);
    let aged = project.read(CASSETTE);
    let at = aged.find("\"recorded_at\": \"").expect("a time") + "\"recorded_at\": \"".len();
    project.write(CASSETTE, &format!("{}1999{}", &aged[..at], &aged[at + 4..]));
    let old = "summary: 1 recording unused, 1 cassette too old\n   = unused: weather/cities (1)\n   = too old: weather/cities";
    check(
        &project,
        &["cities"],
        &[("FIXTURE", "a page less"), ("FIXTURE_UNUSED", "warn"), ("FIXTURE_MAX_AGE", "warn")],
        old,
    );
}

/// A long recording by an unoptimized cassette says what makes it faster, once.
#[test]
fn a_long_recording_without_optimization() {
    let api = Server::start(Speaks::Http1, |_| answer(200, &[], ""));
    let project = Project::new().upstream(api.address());
    let run = project.run(&["ways::upload"], &[("CASSETTE_MODE", "record")]);
    assert!(run.passed, "{}", run.text);
    let lines = run.text.matches("   = slow: cassette is compiled without optimization").count();
    assert_eq!(lines, usize::from(cfg!(debug_assertions)), "{}", run.text);
}
