//! Where secrets come from: the configuration, the environment, a secrets file, a component's configuration. What can't be
//! one is told before anything is recorded.

use std::fs;

use cassette::{Config, Mode};

use crate::api::{Api, HOST, Speaks, answer, see};
use crate::project::Project;

/// What Cargo sets while tests run.
const VARIABLE: &str = "CARGO_MANIFEST_DIR";
const SENT: &str = concat!(
    "one-value1 two-value2 three-value3 four-value4 4915290371 plain-value [",
    env!("CARGO_MANIFEST_DIR"),
    "]"
);

#[test]
fn every_source() {
    let folder = tempfile::tempdir().unwrap();
    let (secrets, component) = (folder.path().join("secrets.json"), folder.path().join("config.json"));
    fs::write(&secrets, r#"{"db": {"list": ["two-value2", "{\"inner\": \"three-value3\"}"]}, "port": 443}"#)
        .unwrap();
    fs::write(
        &component,
        r##"{"parameters": {"deep": [{"#token": "four-value4"}], "#pin": 4915290371, "note": "plain-value"}}"##,
    )
    .unwrap();
    let api = Api::start(Speaks::Http1, |_| answer(200, &[("content-type", "text/plain")], SENT));
    let (project, plain) = (Project::new(), api.config());
    let config = plain
        .clone()
        .secret("KEY", "one-value1")
        .secret("UNSET", "")
        .secret_from_env(VARIABLE)
        .secret_from_env("A_VARIABLE_THAT_NOBODY_SETS")
        .secrets_file(&secrets)
        .secrets_file(folder.path().join("no-such-file.json"))
        .secrets_from_config(&component);
    let ask = async |session: cassette::Session| {
        see(session.client().unwrap().get(format!("http://{HOST}/x")).send().await.unwrap()).await.body
    };
    assert_eq!(project.record(config.clone(), &ask), SENT);
    drop(api);
    assert_eq!(project.replay(config, &ask), SENT, "filled in again");
    let stored = "{{secret.KEY}} {{secret.db.list.0}} {{secret.db.list.1.inner}} \
                  {{secret.parameters.deep.0.#token}} {{secret.parameters.#pin}} plain-value \
                  [{{secret.CARGO_MANIFEST_DIR}}]";
    assert_eq!(project.replay(plain, &ask), stored, "who has no values sees what is stored");
}

#[track_caller]
fn refused(config: Config, expected: &[&str]) {
    let failed = Project::new().run(Mode::Record, config, &async |_| ());
    let told = failed.unwrap_err().to_string();
    for part in expected {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn what_cannot_be_a_secret_is_told() {
    refused(Config::new().secret("PIN", "abc12"), &["secret PIN", "shorter than 6 bytes"]);
    refused(Config::new().secret("FLAG", "password"), &["secret FLAG", "cannot be redacted"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secrets.json");
    fs::write(&file, r#"{"db": {"pin": "q7#z"}}"#).unwrap();
    refused(Config::new().secrets_file(&file), &["db.pin", "shorter than 6 bytes", "secrets.json"]);
    fs::write(&file, r##"{"a": [{"#pin": "q7#z"}]}"##).unwrap();
    refused(Config::new().secrets_from_config(&file), &["a.0.#pin", "shorter than 6 bytes"]);
    fs::write(&file, "{").unwrap();
    refused(Config::new().secrets_file(&file), &["not JSON", "secrets.json"]);
}
