//! One case: its folder, its files, and its configuration for a harness.

use crate::placeholder;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Definition;
use crate::error::{Error, Result};
use crate::session::Session;

/// One case of a test tree: `<tree>/<name>/` with `source/data/config.json`, `source/data/in/state.json`
/// and `cassettes/requests.json`.
#[derive(Clone, Debug)]
pub struct Case {
    dir: PathBuf,
    definition: Definition,
}

impl Case {
    pub(super) fn new(tree: &Path, definition: Definition) -> Case {
        Case { dir: tree.join(&definition.name), definition }
    }

    /// Opens a case that was scaffolded below `tree`. The harness of a generated test calls this.
    ///
    /// # Errors
    ///
    /// The case's files cannot be read, or are not JSON.
    pub fn open(tree: &Path, name: &str) -> Result<Case> {
        let dir = tree.join(name);
        let config = read_json(&config_file(&dir))?;
        let state_file = state_file(&dir);
        let state = if state_file.is_file() { Some(read_json(&state_file)?) } else { None };
        let definition = Definition { name: name.to_owned(), config, state, freeze_time: None };
        Ok(Case { dir, definition })
    }

    /// The name of the case and of its generated test.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// The folder of the case.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The name of the case's cassette, relative to the tree.
    pub fn cassette_name(&self) -> String {
        cassette_name(self.name())
    }

    /// The path of the case's cassette.
    pub fn cassette_file(&self) -> PathBuf {
        self.dir.join("cassettes").join("requests.json")
    }

    /// The instant at which the case's definition freezes the clock, if the definition names one.
    ///
    /// # Errors
    ///
    /// The definition's instant is malformed. Cases of a [`Plan`](super::Plan) have been validated.
    pub fn freeze_time(&self) -> Result<Option<std::time::SystemTime>> {
        self.definition.freeze_time.as_deref().map(crate::clock::parse_rfc3339).transpose()
    }

    /// The component's configuration with the session's secrets filled in. The secrets exist in memory only.
    pub fn config(&self, session: &Session) -> Value {
        filled(self.definition.config.clone(), &|name| session.secret(name))
    }

    /// The state that the component starts from, if the definition names one.
    pub fn state(&self) -> Option<&Value> {
        self.definition.state.as_ref()
    }

    pub(super) fn freeze_text(&self) -> Option<&str> {
        self.definition.freeze_time.as_deref()
    }

    /// The files of the case. The configuration is as defined: secrets are placeholders.
    pub(super) fn files(&self) -> Vec<(PathBuf, String)> {
        let mut files = vec![(config_file(&self.dir), pretty(&self.definition.config))];
        if let Some(state) = &self.definition.state {
            files.push((state_file(&self.dir), pretty(state)));
        }
        files
    }
}

pub(super) fn cassette_name(case: &str) -> String {
    format!("{case}/cassettes/requests")
}

fn config_file(dir: &Path) -> PathBuf {
    dir.join("source/data/config.json")
}

fn state_file(dir: &Path) -> PathBuf {
    dir.join("source/data/in/state.json")
}

fn read_json(file: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(file).map_err(|e| Error::io("read", file, e))?;
    serde_json::from_str(&text)
        .map_err(|e| Error::new(format!("not JSON: {e}")).at(file).at_position(e.line(), e.column().max(1)))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Replaces each string that is the placeholder of a secret with the value of the secret. A placeholder that also names
/// encodings stays, because no secret has a name such as `KEY|json`.
fn filled(value: Value, secret: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(s) => Value::String(placeholder::parse_secret_loosely(&s).map(secret).unwrap_or(s)),
        Value::Array(items) => items.into_iter().map(|v| filled(v, secret)).collect(),
        Value::Object(object) => object.into_iter().map(|(k, v)| (k, filled(v, secret))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{Redactor, Rules};

    #[test]
    fn secrets_are_filled_in() {
        let redactor = Redactor::new(Rules::default().secret("KEY", "pk-2f9a77c1").unwrap()).unwrap();
        let secret = |name: &str| match redactor.secret(name) {
            Some(value) => value.to_owned(),
            None => placeholder::of_secret(name),
        };
        let config = serde_json::json!({
            "#a": "{{secret.KEY}}",
            "b": ["{{secret.KEY|percent}}", "{{secret.my key}}", "x{{secret.KEY}}", 1],
        });
        let mut expected = config.clone();
        expected["#a"] = "pk-2f9a77c1".into();
        assert_eq!(filled(config, &secret), expected);
    }
}
