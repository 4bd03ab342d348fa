//! Tests that cassette plays a recording back before it installs the recording. After a test has passed while
//! recording, it runs again in a new process, and gets its responses from the recording. These tests run the tests of
//! the fixture project as a user does.

use bytes::Bytes;
use http::Request;

use crate::api::{self, Answer, Speaks, answer, data, frames};
use crate::fixture::{Project, Run};

const RECORD: (&str, &str) = ("CASSETTE_MODE", "record");

/// The server of the fixture's tests in `proof.rs`.
fn server() -> api::Api {
    api::Api::start(Speaks::Http1, |request: Request<Bytes>| -> Answer {
        match request.uri().path() {
            "/token" => {
                let json = [("content-type", "application/json")];
                answer(200, &json, r#"{"access_token":"tk_5f2b9c41d7e84a30"}"#)
            }
            "/header" => answer(200, &[("x-runtime", "17"), ("x-backend-server", "3")], "{}"),
            "/chunks" => frames(200, &[], [data("one"), data("two"), data("three")]),
            _ => answer(200, &[("content-type", "text/plain")], "plain"),
        }
    })
}

/// Records these tests from the server, and stops the server.
fn recorded(tests: &[&str], variables: &[(&str, &str)]) -> (Project, Run) {
    let api = server();
    let project = Project::new().upstream(api.address());
    let run = project.run(tests, &[&[RECORD], variables].concat());
    (project, run)
}

/// The files of the project except those below `target`.
fn sources(project: &Project) -> Vec<String> {
    let mut files = project.files();
    files.retain(|file| !file.starts_with("target/"));
    files
}

/// Records a test. The test must fail, must write no file except below `target`, and its failure must contain the texts
/// `expected`.
#[track_caller]
fn refused(test: &str, variation: &str, expected: &[&str]) -> String {
    let (project, run) = recorded(&[&format!("proof::{test}")], &[("FIXTURE", variation)]);
    check_refused(&project, &run, expected);
    run.text
}

#[track_caller]
fn check_refused(project: &Project, run: &Run, expected: &[&str]) {
    assert!(!run.passed, "it passed:\n{}", run.text);
    assert_eq!(sources(project), [""; 0], "{}", run.text);
    let all = ["error: the recording passed, but it does not replay, so it was not installed", "   = kept: "];
    for expected in all.iter().chain(expected) {
        assert!(run.text.contains(expected), "`{expected}` is not in\n{}", run.text);
    }
    assert!(!run.text.contains(".proving"), "the folder of the replay is gone:\n{}", run.text);
    assert!(!project.path("target/cassette/.proving").read_dir().is_ok_and(|mut d| d.next().is_some()));
}

#[test]
fn a_recording_that_replays_is_installed() {
    let (project, run) = recorded(&["proof::plain"], &[]);
    assert!(run.passed, "{}", run.text);
    assert_eq!(
        sources(&project),
        ["tests/cassettes/proof/plain.json", "tests/cassettes/proof/plain.output.snap"]
    );
    let replayed = project.run(&["proof::plain"], &[]);
    assert!(replayed.passed, "{}", replayed.text);
}

/// Under nextest, each test has its own process, and a variable shows that. The process of the replay inherits this
/// variable.
#[test]
fn under_nextest() {
    let api = server();
    let project = Project::new().upstream(api.address());
    let nextest = [RECORD, ("NEXTEST", "1"), ("NEXTEST_EXECUTION_MODE", "process-per-test")];
    let mut command = project.command(&["proof::plain"], &nextest);
    let output = command.arg("--nocapture").output().expect("the fixture runs");
    let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).join("");
    assert!(output.status.success() && !text.contains("on a thread"), "{text}");
    assert_eq!(sources(&project).len(), 2);
}

#[test]
fn each_case_of_a_parametrised_test_proves_itself() {
    let tests = ["proof::cases::each::case_1_one", "proof::cases::each::case_2_two"];
    let (project, run) = recorded(&tests, &[]);
    assert!(run.passed && !run.text.contains("on a thread"), "{}", run.text);
    assert_eq!(sources(&project).len(), 2);
    assert!(project.run(&tests, &[]).passed);
}

#[test]
fn a_test_that_expects_a_panic_proves_itself() {
    let (project, run) = recorded(&["proof::panics"], &[]);
    assert!(run.passed, "{}", run.text);
    assert_eq!(sources(&project), ["tests/cassettes/proof/panics.json"]);
}

#[test]
fn a_redacted_value() {
    let cause = [
        "cause: the code under test got another value in place of a redacted one",
        "= placeholder: [access_token:1] in the JSON at /access_token",
        "= from: recording 1, GET http://api.weather.test/token",
        "field access_token",
        "= to keep the value: .keep_field(\"access_token\")",
    ];
    let text = refused("token", "panic", &cause);
    assert!(
        text.contains("= seen in: the panic") && text.contains("not a token: [access_token:1]"),
        "{text}"
    );
    let text = refused("token", "error", &cause);
    assert!(text.contains("= seen in: the error"), "{text}");
    // The token that the code under test gets on replay has the same length as the real token.
    let (_, run) = recorded(&["proof::token"], &[("FIXTURE", "length")]);
    assert!(run.passed, "{}", run.text);
    // The request contains only a part of the token, so the placeholder does not show in it.
    let text = refused("token", "part", &cause);
    assert!(
        !text.contains("= seen in") && text.contains("error: no recording answers this request"),
        "{text}"
    );
}

#[test]
fn a_header_that_was_left_out() {
    let cause = [
        "cause: the code under test did not get a header that the recording left out",
        "= header: x-runtime",
        "= to keep it: .allow_header(\"x-runtime\")",
    ];
    refused("header", "panic", &cause);
    let text =
        refused("header", "silent", &["x-runtime", "x-backend-server", "to keep the first: .allow_header("]);
    assert!(text.contains("error: the output of this test differs from its snapshot"), "{text}");
}

#[test]
fn a_chunk_boundary() {
    refused(
        "chunks",
        "",
        &[
            "cause: a body came in other chunks than from the server",
            "= chunks: 3 chunks while recording, 1 on replay",
        ],
    );
}

#[test]
fn a_value_that_differs_in_each_run() {
    let random = "cause: a value in a request differs in each run";
    let text = refused("varying", "query", &[random, "the query key `nonce`", ".ignore_query(\"nonce\")"]);
    assert!(text.contains("CASSETTE_MODE=learn"), "{text}");
    let text = refused("varying", "path", &[random, "a part of the path", ".ignore_path("]);
    assert!(!text.contains("mode `learn`"), "{text}");
    let time = "cause: a request contains a time that differs in each run";
    refused("varying", "time", &[time, "the query key `at`", ".ignore_query(\"at\")", "`Session::clock`"]);
}

#[test]
fn an_output_that_differs_in_each_run() {
    let cause = ["cause: a file of the output differs in each run", "= file: id", ".ignore_output(\"id\")"];
    refused("varying", "output", &cause);
    refused("varying", "length", &cause);
}

/// The first test fills a cache of the process. So the second test sends no request while recording, but it sends one
/// in the new process.
#[test]
fn a_cache_that_an_earlier_test_has_filled() {
    let (project, run) = recorded(&["proof::cache_a", "proof::cache_b"], &[]);
    assert!(!run.passed);
    let cause = "cause: a fresh process sends a request that the recording process did not send";
    assert!(
        run.text.contains(cause) && run.text.contains("= request: GET http://api.weather.test/plain"),
        "{}",
        run.text
    );
    assert_eq!(sources(&project), ["tests/cassettes/proof/cache_a.json"]);
}

/// While recording, the test sets a `static`, and on replay it needs this `static`. It fails, because the `static` is
/// not set in the new process of the replay.
#[test]
fn statics_do_not_help_the_replay() {
    refused("second_time", "", &["the static is not set", "in a new process of this executable"]);
}

#[test]
fn a_request_of_another_test() {
    let api = server();
    let project = Project::new().upstream(api.address());
    let tests = ["proof::parallel::a", "proof::parallel::b"];
    let mut command = project.command_with(2, &tests, &[RECORD, ("FIXTURE", "together")]);
    let output = command.output().expect("the fixture runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{text}");
    assert_eq!(sources(&project), [""; 0], "{text}");
    for expected in [
        "cause: the cassette holds a request that belongs to another test",
        "cause: the cassette lacks a request, which may be on that of another test",
        "= likely cause: a client or a runtime in a `static`",
    ] {
        assert!(text.contains(expected), "`{expected}` is not in\n{text}");
    }
}

#[test]
fn a_replay_that_ends_its_process() {
    refused("exits", "", &["= ended: without a result: exit status: 101", "this code exits"]);
}

/// This test is inside of a function, so the test harness has no name for it, and cassette cannot run it in a new
/// process.
#[test]
fn a_test_that_no_new_process_can_run() {
    let api = server();
    let project = Project::new().upstream(api.address());
    let mut command = project.command(&["proof::unnameable"], &[RECORD]);
    let output = command.arg("--nocapture").output().expect("the fixture runs");
    let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).join("");
    assert!(output.status.success(), "{text}");
    assert!(text.contains("note: the recording was played back on a thread"), "{text}");
    assert!(text.contains("played back on a thread: proof/unnameable"), "the summary says so: {text}");
    assert_eq!(sources(&project), ["tests/cassettes/proof/unnameable.json"]);
    let run = project.run(&["proof::unnameable"], &[RECORD, ("FIXTURE", "server")]);
    assert!(
        !run.passed && run.text.contains("= replayed: offline, on a thread of this process"),
        "{}",
        run.text
    );
}

/// In mode `auto` a test records if there is no cassette.
#[test]
fn in_mode_auto() {
    let api = server();
    let project = Project::new().upstream(api.address());
    let run = project.run(&["proof::in_auto"], &[("FIXTURE", "random")]);
    check_refused(&project, &run, &["cause: a value in a request differs in each run"]);
    let run = project.run(&["proof::in_auto"], &[("FIXTURE", "more")]);
    assert!(run.passed, "{}", run.text);
    drop(api);
    let run = project.run(&["proof::in_auto"], &[("FIXTURE", "more")]);
    assert!(run.passed, "{}", run.text);
}

/// In mode `append` the replay plays the old and the new interactions, and the old cassette stays if the replay fails.
#[test]
fn in_mode_append() {
    let file = "tests/cassettes/proof/in_append.json";
    let api = server();
    let project = Project::new().upstream(api.address());
    assert!(project.run(&["proof::in_append"], &[RECORD]).passed);
    let before = project.read(file);
    let run = project.run(&["proof::in_append"], &[("FIXTURE", "random")]);
    assert!(!run.passed, "{}", run.text);
    for expected in ["it does not replay, so it was not installed", "cause: a value in a request differs"] {
        assert!(run.text.contains(expected), "`{expected}` is not in\n{}", run.text);
    }
    assert_eq!(project.read(file), before);
    let run = project.run(&["proof::in_append"], &[("FIXTURE", "more")]);
    assert!(run.passed, "{}", run.text);
    assert!(project.read(file).contains("/plain/more"));
    drop(api);
    let run = project.run(&["proof::in_append"], &[("FIXTURE", "more"), ("CASSETTE_MODE", "replay")]);
    assert!(run.passed, "{}", run.text);
}

#[test]
fn a_replay_that_hangs() {
    let expected = [
        "   = stopped: after 2 s, the limit that the `Config` sets",
        "   = if it takes longer: `.proof_limit(Duration::from_secs(…))` in the `Config`",
        "   = to install without a replay: `prove = false` in the attribute",
    ];
    refused("hangs", "", &expected);
}

/// The summary of mode `learn` names what it learned. If a path differs, the failure says that mode `learn` cannot
/// ignore it.
#[test]
fn learn_says_what_it_learned() {
    let api = server();
    let project = Project::new().upstream(api.address());
    let learn =
        |variation| project.run(&["proof::varying"], &[("CASSETTE_MODE", "learn"), ("FIXTURE", variation)]);
    let run = learn("query");
    let learned = "   = learned to ignore: the query key `nonce` of http://api.weather.test/vary";
    assert!(run.passed && run.text.contains(learned), "{}", run.text);
    let run = learn("path");
    assert!(!run.passed, "{}", run.text);
    let cannot = "   = varies, and mode `learn` cannot ignore it: a part of the path /vary/";
    for expected in [cannot, ".ignore_path(", "cause: a value in a request differs in each run"] {
        assert!(run.text.contains(expected), "`{expected}` is not in\n{}", run.text);
    }
}

#[test]
fn switched_off() {
    let tests = ["proof::by_config", "proof::by_attribute"];
    let (project, run) = recorded(&tests, &[]);
    assert!(run.passed, "{}", run.text);
    assert_eq!(sources(&project).len(), 2);
    refused("over_config", "", &["not the server", "`prove = false` in the attribute"]);
}

/// A recording that does not replay must not replace an older recording that does.
#[test]
fn the_old_cassette_stays() {
    let api = server();
    let project = Project::new().upstream(api.address());
    assert!(project.run(&["proof::token"], &[RECORD]).passed);
    let before = project.read("tests/cassettes/proof/token.json");
    let run = project.run(&["proof::token"], &[RECORD, ("FIXTURE", "error")]);
    assert!(!run.passed && run.text.contains("does not replay"), "{}", run.text);
    assert_eq!(project.read("tests/cassettes/proof/token.json"), before);
    assert!(project.path("target/cassette/proof/token/recording/proof/token.json").is_file());
    // A later replay explains the failure in the same way.
    for (variation, seen) in [("panic", "the panic"), ("error", "the error")] {
        let run = project.run(&["proof::token"], &[("FIXTURE", variation)]);
        let cause = "note: the code under test got another value in place of a redacted one";
        assert!(!run.passed && run.text.contains(cause) && run.text.contains(seen), "{}", run.text);
        assert!(run.text.contains(".keep_field(\"access_token\")"), "{}", run.text);
    }
}

#[test]
fn a_later_replay_names_a_missing_header() {
    let (project, run) = recorded(&["proof::header"], &[]);
    assert!(run.passed, "{}", run.text);
    let run = project.run(&["proof::header"], &[("FIXTURE", "panic")]);
    let cause = "note: a header that the failure names is not on the cassette";
    assert!(!run.passed && run.text.contains(cause), "{}", run.text);
    assert!(run.text.contains(".allow_header(\"x-runtime\")"), "{}", run.text);
}
