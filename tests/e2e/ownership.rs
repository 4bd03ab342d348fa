//! Two tests that name the same cassette, each in a process of its own, as under nextest.

use crate::api::{Api, Speaks, answer};
use crate::fixture::Project;

const RECORD: (&str, &str) = ("CASSETTE_MODE", "record");

/// A project that contains the source file of the tests.
fn project(api: &Api) -> Project {
    let project = Project::new().upstream(api.address());
    project.write("tests/fixture/ways.rs", "");
    project
}

#[test]
fn the_second_test_is_refused_by_name() {
    let api = Api::start(Speaks::Http1, |_| answer(200, &[], "plain"));
    let project = project(&api);
    let run = |test, variables: &[(&str, &str)]| {
        project.run(&[test], &[&[("NEXTEST_RUN_ID", "1")], variables].concat())
    };
    let first = run("ways::shared_a", &[RECORD]);
    assert!(first.passed, "{}", first.text);
    let cassette = project.read("tests/cassettes/ways/shared.json");
    for variables in [&[][..], &[RECORD]] {
        let second = run("ways::shared_b", variables);
        assert!(!second.passed, "{}", second.text);
        for expected in [
            "error: cassette `ways/shared` belongs to another test",
            "   = opened by: ways::shared_a at tests/fixture/ways.rs:",
            "   = this test: ways::shared_b at tests/fixture/ways.rs:",
            "grep -rn '\"ways/shared\"'",
        ] {
            assert!(second.text.contains(expected), "`{expected}` is not in\n{}", second.text);
        }
    }
    assert_eq!(project.read("tests/cassettes/ways/shared.json"), cassette);
    drop(api);
    // The first test runs again, and in another run, the second one may be the only test.
    assert!(run("ways::shared_a", &[]).passed);
    let other_run = project.run(&["ways::shared_b"], &[("NEXTEST_RUN_ID", "2")]);
    assert!(other_run.passed, "{}", other_run.text);
}

/// Without nextest, the process that starts the tests is the run: cargo, which runs the files in `tests/` one by one.
#[cfg(unix)]
#[test]
fn under_one_parent_process() {
    let api = Api::start(Speaks::Http1, |_| answer(200, &[], "plain"));
    let project = project(&api);
    let unset = ("NEXTEST_RUN_ID", "");
    assert!(project.run(&["ways::shared_a"], &[RECORD, unset]).passed);
    let second = project.run(&["ways::shared_b"], &[unset]);
    assert!(!second.passed && second.text.contains("belongs to another test"), "{}", second.text);
    // A test whose source file is gone has been renamed.
    std::fs::remove_file(project.path("tests/fixture/ways.rs")).expect("removed");
    let renamed = project.run(&["ways::shared_b"], &[unset]);
    assert!(renamed.passed, "{}", renamed.text);
}
