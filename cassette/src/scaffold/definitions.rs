//! Reads the file of definitions: a JSON array of configurations, each raw or wrapped in an object with a name.

use crate::placeholder;
use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// One configuration of the component, which becomes one test.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Definition {
    /// The name of the test and of its folder: lower-case letters, digits and `_`, beginning with a letter. A keyword
    /// of Rust is refused.
    pub name: String,
    /// The component's configuration. Its secrets are placeholders: `{{secret.NAME}}`.
    pub config: Value,
    /// The state that the component starts from, if any.
    pub state: Option<Value>,
    /// The instant of the frozen clock in RFC 3339. Default: the moment of the recording.
    pub freeze_time: Option<String>,
}

const KEYS: [&str; 5] = ["name", "config", "secrets", "state", "freeze_time"];
/// The longest name of a case. With a longer name, rustfmt would break the generated lines.
const MAX_NAME: usize = 40;

/// The keywords of edition 2024 in lower case, strict and reserved: no function can have one of them as its name. Raw
/// identifiers do not help, because `self`, `super` and `crate` have none, and because the name of a test would differ
/// from the name of its folder.
const KEYWORDS: [&str; 51] = [
    // Strict.
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false",
    "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return",
    "self", "static", "struct", "super", "trait", "true", "type", "unsafe", "use", "where", "while",
    // Reserved.
    "abstract", "become", "box", "do", "final", "gen", "macro", "override", "priv", "try", "typeof",
    "unsized", "virtual", "yield",
];

/// Reads and validates the whole file.
pub(super) fn read(file: &Path) -> Result<Vec<Definition>> {
    let text = std::fs::read_to_string(file).map_err(|e| {
        Error::io("read the definitions", file, e).hint("check the path given to the scaffolder")
    })?;
    let value: Value = serde_json::from_str(&text).map_err(|e| {
        Error::new(format!("not JSON: {e}")).at(file).at_position(e.line(), e.column().max(1))
    })?;
    let Value::Array(items) = value else {
        return Err(Error::new("expected an array of definitions").at(file));
    };
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut definitions = Vec::with_capacity(items.len());
    for (i, item) in items.into_iter().enumerate() {
        let wrong = |place: &str, what: String| Error::new(format!("[{i}]{place}: {what}")).at(file);
        let Value::Object(object) = item else { return Err(wrong("", "expected an object".into())) };
        let definition = definition(i, object).map_err(|(place, what)| wrong(&place, what))?;
        if let Some(earlier) = seen.insert(definition.name.clone(), i) {
            return Err(wrong(".name", format!("`{}` is the name of [{earlier}] already", definition.name)));
        }
        definitions.push(definition);
    }
    Ok(definitions)
}

type Wrong = (String, String);

fn definition(i: usize, mut object: Map<String, Value>) -> Result<Definition, Wrong> {
    let wrapped = object.contains_key("config");
    if !wrapped {
        // A raw configuration, as the component itself gets it.
        if !object.contains_key("parameters") {
            let what =
                "expected a wrapped definition with `config`, or a raw configuration with `parameters`";
            return Err((String::new(), what.into()));
        }
        let config = masked(Value::Object(object), ".")?;
        return Ok(Definition { name: format!("case_{:02}", i + 1), config, state: None, freeze_time: None });
    }
    if let Some(unknown) = object.keys().find(|k| !KEYS.contains(&k.as_str())) {
        return Err((format!(".{unknown}"), format!("unknown key; known are {}", KEYS.join(", "))));
    }
    let name = match object.remove("name") {
        Some(Value::String(name)) => name,
        Some(_) => return Err((".name".into(), "expected a string".into())),
        None => return Err((String::new(), "`name` is missing".into())),
    };
    check_name(&name).map_err(|what| (".name".to_owned(), what))?;
    let mut config = object.remove("config").unwrap_or(Value::Null);
    if !config.is_object() {
        return Err((".config".into(), "expected an object".into()));
    }
    match object.remove("secrets") {
        None => {}
        Some(secrets @ Value::Object(_)) => {
            all_placeholders(&secrets, ".secrets")?;
            merge(&mut config, secrets);
        }
        Some(_) => return Err((".secrets".into(), "expected an object".into())),
    }
    let freeze_time = match object.remove("freeze_time") {
        None => None,
        Some(Value::String(at)) => {
            crate::clock::parse_rfc3339(&at).map_err(|e| (".freeze_time".to_owned(), e.to_string()))?;
            Some(at)
        }
        Some(_) => return Err((".freeze_time".into(), "expected a string, RFC 3339".into())),
    };
    Ok(Definition { config: masked(config, ".config")?, state: object.remove("state"), name, freeze_time })
}

fn check_name(name: &str) -> Result<(), String> {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_lowercase());
    let rest = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !first || !rest {
        return Err(format!("`{name}` must be lower-case letters, digits and `_`, a letter first"));
    }
    if name.len() > MAX_NAME {
        return Err(format!("`{name}` is longer than {MAX_NAME} characters"));
    }
    if KEYWORDS.contains(&name) {
        return Err(format!("`{name}` is a keyword of Rust; the generated test needs another name"));
    }
    Ok(())
}

/// Checks the secrets in a configuration. The value of a key that begins with `#` is a secret. In a definition it must
/// be a placeholder, because the file of definitions is committed.
fn masked(value: Value, place: &str) -> Result<Value, Wrong> {
    match value {
        Value::Object(object) => {
            let mut out = Map::new();
            for (key, value) in object {
                let place = format!("{place}.{key}");
                let secret = key.starts_with('#');
                match &value {
                    Value::String(s) if secret && placeholder::parse_secret_loosely(s).is_none() => {
                        let name = key.trim_start_matches('#').to_uppercase().replace('-', "_");
                        let what = format!(
                            "a secret must not stand in a committed file; write `{}` and give its value to the harness",
                            placeholder::of_secret(&name)
                        );
                        return Err((place, what));
                    }
                    _ => out.insert(key, masked(value, &place)?),
                };
            }
            Ok(Value::Object(out))
        }
        Value::Array(items) => items
            .into_iter()
            .enumerate()
            .map(|(i, v)| masked(v, &format!("{place}[{i}]")))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        other => Ok(other),
    }
}

/// Checks that `secrets` holds nothing but placeholders. `secrets` has the same structure as the configuration.
fn all_placeholders(value: &Value, place: &str) -> Result<(), Wrong> {
    match value {
        Value::Object(object) => {
            object.iter().try_for_each(|(key, v)| all_placeholders(v, &format!("{place}.{key}")))
        }
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(i, v)| all_placeholders(v, &format!("{place}[{i}]")))
        }
        Value::String(s) if placeholder::parse_secret_loosely(s).is_some() => Ok(()),
        _ => Err((
            place.to_owned(),
            "expected a placeholder, `{{secret.NAME}}`: this file is committed".into(),
        )),
    }
}

/// Merges `from` into `into` at every depth. Objects are merged key by key; any other value of `from` replaces the old
/// value.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Definition>> {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("definitions.json");
        std::fs::write(&file, text).expect("written");
        read(&file)
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let message = parse(text).expect_err("a wrong definition").to_string();
        let (_, after) = message.split_once("definitions.json").expect("the file's name");
        assert_eq!(after, expected);
    }

    #[test]
    fn wrong_definitions_are_refused_with_their_place() {
        check("{", ":1:1: not JSON: EOF while parsing an object at line 1 column 1");
        check("{}", ": expected an array of definitions");
        check("[1]", ": [0]: expected an object");
        check(
            "[{}]",
            ": [0]: expected a wrapped definition with `config`, or a raw configuration with `parameters`",
        );
        check(r#"[{"config": {}}]"#, ": [0]: `name` is missing");
        check(r#"[{"name": 1, "config": {}}]"#, ": [0].name: expected a string");
        check(
            r#"[{"name": "../../x", "config": {}}]"#,
            ": [0].name: `../../x` must be lower-case letters, digits and `_`, a letter first",
        );
        check(
            r#"[{"name": "type", "config": {}}]"#,
            ": [0].name: `type` is a keyword of Rust; the generated test needs another name",
        );
        check(
            r#"[{"name": "a", "config": {}}, {"name": "a", "config": {}}]"#,
            ": [1].name: `a` is the name of [0] already",
        );
        check(r#"[{"name": "a", "config": []}]"#, ": [0].config: expected an object");
        check(
            r#"[{"name": "a", "config": {}, "freeze": ""}]"#,
            ": [0].freeze: unknown key; known are name, config, secrets, state, freeze_time",
        );
    }

    #[test]
    fn a_secret_in_a_definition_is_refused() {
        check(
            r##"[{"name": "a", "config": {"parameters": {"#api-key": "s3cr3t"}}}]"##,
            ": [0].config.parameters.#api-key: a secret must not stand in a committed file; write \
             `{{secret.API_KEY}}` and give its value to the harness",
        );
    }

    #[test]
    fn secrets_are_placeholders_and_merged_deep() {
        check(
            r##"[{"name": "a", "config": {}, "secrets": {"parameters": {"key": "s3cr3t"}}}]"##,
            ": [0].secrets.parameters.key: expected a placeholder, `{{secret.NAME}}`: this file is committed",
        );
        let d = parse(
            r##"[{"name": "a", "config": {"p": {"x": 1}}, "secrets": {"p": {"#k": "{{secret.K}}"}}}]"##,
        )
        .expect("definitions");
        assert_eq!(d[0].config, serde_json::json!({"p": {"x": 1, "#k": "{{secret.K}}"}}));
        let d = parse(
            r##"[{"name": "a", "config": {"#k": "{{secret.my key}}"}, "secrets": {"l": "{{secret.a b}}"}}]"##,
        )
        .expect("definitions");
        assert_eq!(d[0].config, serde_json::json!({"#k": "{{secret.my key}}", "l": "{{secret.a b}}"}));
    }

    #[test]
    fn wrapped_and_raw_definitions_are_read() {
        let d = parse(
            r##"[{"name": "a", "config": {"parameters": {"#k": "{{secret.K}}"}}, "state": {"n": 1}}, {"parameters": {}}]"##,
        )
        .expect("definitions");
        assert_eq!(d[0].name, "a");
        assert_eq!(d[0].state, Some(serde_json::json!({"n": 1})));
        assert_eq!(d[1].name, "case_02");
    }
}
