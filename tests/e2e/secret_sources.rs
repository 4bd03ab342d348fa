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

/// What can't be a secret is the same as none on replay, whatever it comes from; a miss says where to mend it.
#[test]
fn a_dummy_on_replay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secrets.json");
    let api = Api::start(Speaks::Http1, |_| answer(200, &[], "your key is one-value1"));
    let (project, plain) = (Project::new(), api.config());
    let ask = |key: &'static str| {
        async move |session: cassette::Session| {
            let url = format!("http://{HOST}/x?note={key}");
            see(session.client().unwrap().get(url).send().await.unwrap()).await.body
        }
    };
    project.record(plain.clone().secret("key", "one-value1"), &ask("one-value1"));
    drop(api);
    for config in [plain.clone().secret("key", "test"), plain.clone().secrets_file(&file)] {
        fs::write(&file, r#"{"key": "test"}"#).unwrap();
        let found = project.replay(config.clone(), &ask("{{secret.key}}"));
        assert_eq!(found, "your key is {{secret.key}}");
    }
    let miss = |config| project.run(Mode::Replay, config, &ask("test")).unwrap_err().to_string();
    let told = miss(plain.clone().secret("key", "test"));
    let code = "give key any value of six characters or more in the test's `Config`: the cassette has {{secret.key}} there";
    assert!(told.contains(code), "{told}");
    let told = miss(plain.clone().secrets_file(&file));
    let in_file = format!("give key any value of six characters or more in {}: ", file.display());
    assert!(told.contains(&in_file) && told.contains("is shorter than 6 bytes"), "{told}");
    assert!(!told.contains(".ignore_query"), "{told}");
    let told = miss(plain.secret("key", "other-value"));
    assert!(!told.contains("of six characters"), "it has a value: {told}");
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
