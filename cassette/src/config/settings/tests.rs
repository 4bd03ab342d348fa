//! Tests of the settings from files: strictness, precedence, and the list of keys.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::keys::{CODE, KEYS, Kind};
use super::{Settings, file, project_settings};
use crate::config::{Config, Drift, Exhausted, Expiry, Unused};
use crate::mode::Mode;

/// Checks the whole message for a file with this text, without the path.
#[track_caller]
fn refused(text: &str, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("cassette.toml"), text).unwrap();
    let error = project_settings(dir.path()).err().expect("a mistake");
    let (_, message) =
        format!("{error:?}").split_once("cassette.toml:").map(|(a, b)| (a.len(), b.to_owned())).unwrap();
    assert!(message.starts_with(expected), "{message}");
    assert!(message.contains("\n  help: "), "{message}");
}

#[test]
fn mistakes_have_a_line_and_a_column() {
    refused("\nignore_qery = [\"a\"]", "2:1: unknown key `ignore_qery`: did you mean `ignore_query`?");
    refused("  prove = \"no\"", "1:11: `prove` takes `true` or `false`, not a string");
    refused("ignore_query = \"a\"", "1:16: `ignore_query` takes a list of strings, not a string");
    refused(
        "ignore_query = [\n  \"ä\", 5\n]",
        "2:8: `ignore_query` takes a list of strings, not the number 5",
    );
    refused("inline_limit = -1", "1:16: `inline_limit` takes a number from 0, not the number -1");
    refused("mode = \"rekord\"", "1:1: `mode`: `rekord` is not a mode; valid are replay");
    refused("drain = \"soon\"", "1:1: `drain`: `soon` is not a duration, such as");
    refused("freeze = 2024-01-01", "1:1: `freeze`: ");
    refused("unused = \"ignore\"", "1:1: `unused`: `ignore` is none of \"fail\", \"warn\", \"allow\"");
    refused("prove = true\nprove = false", "2:1: duplicate key");
    refused("prove = ", "1:");
    refused("secret = \"k\"", "1:1: `secret` is no key of this file: its value does not belong into a file");
    refused("matcher = 1", "1:1: `matcher` is no key of this file: it takes code");
    refused("without_rule = [\"CAS0012\",\n\"CAS9999\"]", "2:1: ");
    refused("redact_field = [\"a\", \"/b\"]", "1:22: `redact_field(\"/b\")`: this is a JSON pointer");
    refused("ignore_json = [\"a\"]", "1:16: `ignore_json`: ");
    refused("ignore_path = [\"(\"]", "1:16: `ignore_path`: \"(\" is not a regular expression");
    refused("require_header = [\"a b\"]", "1:19: `require_header`: \"a b\" cannot be the name of a header");
    refused("extra_root = [\"ca.pem\"]", "1:15: `extra_root`: could not read ");
    refused(
        "[resolve]\n\"a.test\" = \"127.0.0.1\"",
        "2:1: `resolve`: `127.0.0.1` is not an address with a port",
    );
    refused(
        "max_age = { age = \"1d\", than = \"warn\" }",
        "1:25: unknown key `than`: `max_age` has `age` and `then`",
    );
    refused(
        "max_age = { age = \"1d\" }",
        "1:11: `max_age` takes a table with `age` and `then`, not this table",
    );
    refused("[matching_for.\"a.test\"]\nmode = \"off\"", "2:1: `mode` does not apply to a scope");
    refused(
        "[matching_for.\"a.test\"]\nignore_jsn = []",
        "2:1: unknown key `ignore_jsn`: did you mean `ignore_json`?",
    );
    refused("[matching_for.\"a.test\"]\nignore_json = [\"a\"]", "2:16: `ignore_json`: ");
    refused("[matching_for.\"/v1\"]", "1:15: `matching_for`: `/v1` is not a scope");
    refused("allow_header = [\"x\"]\nshadow = 1", "2:1: unknown key `shadow`: did you mean ");
}

#[test]
fn a_file_that_is_not_text() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("cassette.toml"), b"mode = \"\xff\"").unwrap();
    let error = project_settings(dir.path()).err().expect("a mistake").to_string();
    assert!(error.ends_with("cassette.toml: this file is not UTF-8, as TOML must be"), "{error}");
}

/// The package's file over the workspace's, and a `Config` over both.
#[test]
fn precedence() {
    let dir = tempfile::tempdir().unwrap();
    let package = dir.path().join("crates/api");
    fs::create_dir_all(&package).unwrap();
    let write = |path: &str, text: &str| fs::write(dir.path().join(path), text).unwrap();
    write("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n");
    write("crates/api/Cargo.toml", "[package]\nname = \"api\"\n");
    write("ca.pem", "workspace's");
    write("crates/api/ca.pem", "package's");
    write(
        "cassette.toml",
        "directory = \"recorded\"\nprove = false\nordered = true\nignore_query = [\"nonce\", \"*\"]\n\
         inline_limit = 1_024\nextra_root = [\"ca.pem\"]\nexhausted = \"repeat_last\"\n\
         max_age = { age = \"1d\", then = \"fail\" }\n\
         [resolve]\n\"a.test\" = \"127.0.0.1:1\"\n\"b.test\" = \"127.0.0.1:2\"\n\
         [matching_for.\"t.test/v1/**\"]\nignore_body = true\n",
    );
    write(
        "crates/api/cassette.toml",
        "ordered = false\nrequire_query = [\"page\"]\nignore_query = [\"nonce\"]\nunused = \"warn\"\n\
         drift = \"warn\"\nfreeze = 2024-05-06T07:08:09Z\nextra_root = [\"ca.pem\"]\nmode = \"off\"\n\
         max_age = { age = \"2d\", then = \"warn\" }\n\
         [resolve]\n\"a.test\" = \"127.0.0.1:3\"\n[redact_links]\n\"cdn.test\" = [\"sig\"]\n\
         [matching_for.\"u.test\"]\nignore_query = [\"*\"]\nrequire_query = [\"id\"]\n",
    );
    let config = Config::of_package(&package);
    assert_eq!(config.mistake, None);
    assert_eq!(config.directory, Path::new("recorded"));
    assert!(!config.prove && !config.ordered);
    assert_eq!((config.inline_limit, config.mode), (1024, Some(Mode::Off)));
    assert_eq!((config.unused, config.exhausted), (Unused::Warn, Exhausted::RepeatLast));
    assert_eq!(config.verify.drift, Drift::Warn);
    assert_eq!(config.max_age, Some((Duration::from_secs(2 * 24 * 60 * 60), Expiry::Warn)));
    assert!(config.freeze.is_some());
    assert_eq!(config.extra_roots, [b"workspace's".to_vec(), b"package's".to_vec()]);
    let mut resolved: Vec<_> = config.resolve.iter().map(|(h, a)| format!("{h} {}", a.port())).collect();
    resolved.sort();
    assert_eq!(resolved, ["a.test 3", "b.test 2"]);
    assert_eq!(
        config.matching.to_string(),
        Config::defaults()
            .ignore_query("*")
            .ignore_query("nonce")
            .matching(|m| m.require_query("page"))
            .matching_for("t.test/v1/**", |m| m.ignore_body())
            .matching_for("u.test", |m| m.ignore_query("*").require_query("id"))
            .matching
            .to_string()
    );
    let config = config.prove(true).directory("tests/cassettes").ignore_query("t");
    assert!(config.prove && config.matching.to_string().contains("`t`"));
    assert_eq!(config.directory, Path::new("tests/cassettes"));
}

/// A key has the name of a method, and every method has a key or a reason why it has none.
#[test]
fn keys_and_methods_are_the_same() {
    let sources = [
        include_str!("../mod.rs"),
        include_str!("../matching.rs"),
        include_str!("../modes.rs"),
        include_str!("../network.rs"),
        include_str!("../output.rs"),
        include_str!("../redaction.rs"),
        include_str!("../../matcher/matching.rs"),
    ];
    let name = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let methods = sources.iter().flat_map(|source| source.split("\n    pub fn ").skip(1));
    let methods: Vec<String> =
        methods.map(name).filter(|name: &String| name != "new" && name != "within").collect();
    assert!(methods.len() > 60, "{methods:?}");
    let keys: Vec<&str> = KEYS.iter().map(|key| key.name).chain(CODE.iter().map(|(name, _)| *name)).collect();
    for method in &methods {
        assert!(keys.contains(&method.as_str()), "`{method}` has no key in `keys.rs`");
    }
    for key in keys {
        assert!(methods.iter().any(|method| method == key), "there is no method `{key}`");
    }
}

/// The output of `cargo cassette config` depends on it: each default value in TOML is a valid value of its key, and
/// equal to the default of the code.
#[test]
fn defaults_are_values_and_change_nothing() {
    for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
        let text = format!("{} = {}", key.name, key.default);
        let settings = file::parse(Path::new("cassette.toml"), &text).unwrap();
        let config = Settings(settings).applied().unwrap();
        let shown = |config: &Config| {
            // The default of these two is no value of its own.
            let same = Config { mode: None, connect_timeout: None, ..config.clone() };
            format!("{same:?}")
        };
        assert_eq!(shown(&config), shown(&Config::defaults()), "{}", key.name);
    }
    assert!(KEYS.iter().any(|key| key.kind == Kind::Scopes));
}
