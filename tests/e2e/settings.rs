//! Tests `cassette.toml`. These tests run the tests of the fixture project as a user does, with the file in the package's
//! folder or in the root of its workspace.

use bytes::Bytes;
use http::Request;

use crate::api::{self, Answer, Speaks, answer};
use crate::fixture::{Project, Run};

const RECORD: (&str, &str) = ("CASSETTE_MODE", "record");
const CHANCE: (&str, &str) = ("FIXTURE", "chance");

fn server() -> api::Api {
    api::Api::start(Speaks::Http1, |request: Request<Bytes>| -> Answer {
        let text = match request.uri().path() {
            "/secret" => r#"{"shown": "own-5f2b9c41"}"#,
            _ => r#"{"shown": "nothing"}"#,
        };
        answer(200, &[("content-type", "application/json")], text)
    })
}

/// The table that leads the fixture's host to the server.
fn to(api: &api::Api) -> String {
    format!("\n[resolve]\n\"api.weather.test\" = \"{}\"\n", api.address())
}

#[track_caller]
fn passed(run: Run) -> String {
    assert!(run.passed, "{}", run.text);
    run.text
}

#[track_caller]
fn failed(run: Run, expected: &[&str]) {
    assert!(!run.passed, "it passed:\n{}", run.text);
    for expected in expected {
        assert!(run.text.contains(expected), "`{expected}` is not in\n{}", run.text);
    }
}

#[test]
fn a_test_without_config_has_the_settings_of_the_file() {
    let (api, project) = (server(), Project::new());
    let settings = "directory = \"recorded\"\nfreeze = 2024-05-06T07:08:09Z\nignore_query = [\"chance\"]\n";
    project.write("cassette.toml", &format!("{settings}{}", to(&api)));
    passed(project.run(&["settings::plain"], &[RECORD, CHANCE]));
    drop(api);
    let cassette = project.read("recorded/settings/plain.json");
    assert!(cassette.contains("\"freeze_time\": \"2024-05-06T07:08:09Z\""), "{cassette}");
    // The query differs in each process.
    passed(project.run(&["settings::plain"], &[CHANCE]));
    // Without the file the defaults are in force.
    std::fs::remove_file(project.path("cassette.toml")).expect("removed");
    failed(project.run(&["settings::plain"], &[CHANCE]), &["[project]/tests/cassettes/settings/plain.json"]);
}

#[test]
fn the_file_switches_the_proof_off_and_a_test_switches_it_on() {
    let (api, project) = (server(), Project::new());
    project.write("cassette.toml", &format!("prove = false\n{}", to(&api)));
    let run = |test: &str| project.run(&[test], &[RECORD, CHANCE]);
    passed(run("settings::plain"));
    failed(run("settings::proved"), &["the recording passed, but it does not replay"]);
    // Without the line the recording of the first test is refused as well.
    project.write("cassette.toml", &to(&api));
    failed(run("settings::plain"), &["the recording passed, but it does not replay"]);
    // A test may ignore the value itself, on top of the file.
    passed(run("settings::ignoring"));
}

/// The package's file over the workspace's.
#[test]
fn a_package_in_a_workspace() {
    let (api, project) = (server(), Project::new());
    project.write("Cargo.toml", "[workspace]\nmembers = [\"api\"]\n");
    project.write("cassette.toml", &format!("directory = \"recorded\"\nprove = false\n{}", to(&api)));
    project.write("api/Cargo.toml", "[package]\nname = \"api\"\n");
    let package = project.path("api");
    let package = package.to_string_lossy();
    let variables = [RECORD, CHANCE, ("CARGO_MANIFEST_DIR", &*package)];
    passed(project.run(&["settings::plain"], &variables));
    assert!(project.path("api/recorded/settings/plain.json").is_file(), "{:?}", project.files());
    project.write("api/cassette.toml", "directory = \"tapes\"\nprove = true\n");
    failed(project.run(&["settings::plain"], &variables), &["the recording passed, but it does not replay"]);
    passed(project.run(&["settings::plain"], &[RECORD, ("CARGO_MANIFEST_DIR", &package)]));
    assert!(project.path("api/tapes/settings/plain.json").is_file(), "{:?}", project.files());
}

#[test]
fn a_mistake_in_the_file_fails_every_test() {
    let project = Project::new();
    project.write("cassette.toml", "prove = false\n\n  ignore_qery = [\"nonce\"]\n");
    for test in ["settings::plain", "settings::proved", "settings::ignoring", "settings::a_names"] {
        failed(
            project.run(&[test], &[]),
            &[
                "[project]/cassette.toml:3:3: unknown key `ignore_qery`: did you mean `ignore_query`?",
                "help: ",
            ],
        );
    }
    project.write("cassette.toml", "prove = 1\n");
    failed(
        project.run(&["settings::plain"], &[]),
        &["[project]/cassette.toml:1:9: `prove` takes `true` or `false`, not the number 1"],
    );
}

/// A test shows a secret that only an earlier test of the process names.
#[test]
fn a_secret_of_another_session_is_found() {
    let (api, project) = (server(), Project::new());
    project.write("cassette.toml", &to(&api));
    failed(
        project.run(&["settings::a_names", "settings::b_shows"], &[RECORD]),
        &[
            "OWN_KEY, as it is, a secret that another test of this process names",
            "fix: name it for every test, in `cassette.toml`: secret_from_env = [\"OWN_KEY\"]",
        ],
    );
    assert!(project.read("tests/cassettes/settings/a_names.json").contains("{{secret.OWN_KEY}}"));
    assert!(!project.path("tests/cassettes/settings/b_shows.json").exists());
    // Nobody names it in this process.
    passed(project.run(&["settings::b_shows"], &[RECORD]));
    // With the name in the file, the secret is redacted in both tests.
    project.write("cassette.toml", &format!("secret_from_env = [\"OWN_KEY\"]\n{}", to(&api)));
    passed(project.run(&["settings::a_names", "settings::b_shows"], &[RECORD, ("OWN_KEY", "own-5f2b9c41")]));
    assert!(project.read("tests/cassettes/settings/b_shows.json").contains("{{secret.OWN_KEY}}"));
}
