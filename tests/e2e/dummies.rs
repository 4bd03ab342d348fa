//! A replay without the key of the code under test: the code, and the processes that it starts, read a dummy.

use crate::api::{Api, Speaks, answer};
use crate::fixture::{Project, Run};

const KEY: (&str, &str) = ("API_KEY", "k-5f2b9c41d7");

/// Records the test `key` from a server that repeats the key, then stops the server.
fn recorded(variables: &[(&str, &str)]) -> (Project, Run) {
    let api = Api::start(Speaks::Http1, |request| {
        let query = request.uri().query().unwrap_or_default();
        let key = query.split('&').find_map(|pair| pair.strip_prefix("key=")).unwrap_or_default();
        answer(200, &[("content-type", "text/plain")], format!("your key is {}", key.replace('+', " ")))
    });
    let project = Project::new().upstream(api.address());
    let run = project.run(&["ways::key"], &[&[("CASSETTE_MODE", "record")], variables].concat());
    assert!(run.passed, "{}", run.text);
    (project, run)
}

const CASSETTE: &str = "tests/cassettes/ways/key.json";

#[test]
fn code_that_demands_its_key() {
    let (project, _) = recorded(&[KEY]);
    let cassette = project.read(CASSETTE);
    assert!(cassette.contains("key={{secret.API_KEY}}&child={{secret.API_KEY}}"), "{cassette}");
    for variables in [&[][..], &[("API_KEY", "")], &[KEY], &[("API_KEY", "another-key")]] {
        let run = project.run(&["ways::key"], variables);
        assert!(run.passed, "{variables:?}: {}", run.text);
    }
}

#[test]
fn a_dummy_of_another_syntax_is_named() {
    let (project, _) = recorded(&[KEY, ("FIXTURE", "syntax of the key")]);
    let run = project.run(&["ways::key"], &[("FIXTURE", "syntax of the key")]);
    assert!(!run.passed, "{}", run.text);
    for expected in [
        "note: the code under test read a dummy in place of a secret whose variable is not set",
        "   = variable: API_KEY",
        "   = if the code needs another syntax: set the variable to any value with that syntax",
    ] {
        assert!(run.text.contains(expected), "`{expected}` is not in\n{}", run.text);
    }
    let run = project.run(&["ways::key"], &[("FIXTURE", "syntax of the key"), ("API_KEY", "k-123456")]);
    assert!(run.passed, "{}", run.text);
}

/// The code under test must not see a key on replay that it did not see while recording.
#[test]
fn no_dummy_for_a_key_that_the_recording_lacked() {
    let optional = ("FIXTURE", "optional key");
    let (project, recorded) = recorded(&[optional]);
    assert!(recorded.text.contains("missing secrets: API_KEY is not set"), "{}", recorded.text);
    let cassette = project.read(CASSETTE);
    let mark = "\"unset\": [\n      \"API_KEY\"\n    ]";
    assert!(cassette.contains(mark) && cassette.contains("key=no+key"), "{cassette}");
    let run = project.run(&["ways::key"], &[optional]);
    assert!(run.passed, "{}", run.text);
    // Without the mark, as on a cassette of an older version, the code sees the dummy.
    project.write(CASSETTE, &cassette.replace(mark, "\"unset\": []"));
    let run = project.run(&["ways::key"], &[optional]);
    assert!(!run.passed && run.text.contains("key={{secret.API_KEY}}"), "{}", run.text);
}
