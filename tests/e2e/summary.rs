//! The block at the end of a test process: what its tests have written and left, past the harness's capture.

use crate::fixture::{Api, CASSETTE, Project, recorded};

/// What follows the harness's own last line.
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
fn what_was_recorded_and_whether_it_changed() {
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
    // The tests of a process together; what failed has been told, and wrote nothing.
    let together = "
summary: 2 cassettes recorded (1 new, 1 changed)
   = recorded: 2 interactions, [size]
   = redacted: secret.API_KEY (2 times)";
    check(&project, &["cities", "recorded_if_missing", "failing::panics"], &record, together);
}

/// A key that is not there is on the cassette in clear text, wherever it comes from.
#[test]
fn secrets_that_are_not_there() {
    let api = Api::start();
    let project = Project::new().upstream(api.address());
    let record = [("CASSETTE_MODE", "record"), ("API_KEY", "")];
    let expected = "
summary: 1 cassette recorded (new)
   = recorded: 2 interactions, [size]
   = no secret: API_KEY is empty";
    check(&project, &["cities"], &record, expected);
    check(&project, &["cities"], &[], "");
}

#[test]
fn nothing_where_all_is_well() {
    let project = recorded();
    check(&project, &["cities"], &[], "");
    check(&project, &["cities"], &[("CASSETTE_MODE", "verify"), ("FIXTURE", "another cell")], "");
    check(&project, &["failing::panics"], &[], "");
    // Nothing new was accepted.
    check(&project, &["cities"], &[("CASSETTE_MODE", "accept")], "");
}

#[test]
fn what_was_left() {
    let project = recorded();
    let left = "summary: 1 recording unused\n   = unused: weather/cities (1)";
    check(&project, &["cities"], &[("FIXTURE", "a page less")], left);
    // A test that passes says so to nobody else.
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
