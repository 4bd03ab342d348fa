//! Reads secrets from JSON: all strings of a secrets file, or the values in the configuration of a component whose keys
//! begin with `#`.
//!
//! Must not know: how a file is read. This code gets the content of the file, and its path for messages.

use std::path::Path;

use crate::json::{self, Value};
use crate::redact::rules::set::Rules;
use crate::{Error, Result};

/// Numbers with fewer digits are ports, sizes or flags, not secrets.
const LEAST_DIGITS: usize = 8;

impl Rules {
    /// Adds every string of a secrets file, at any depth. The path of a string is the name of the secret. For example,
    /// `{"db": {"password": "…"}}` gives the secret `db.password`. If a string contains a JSON object or array, the
    /// strings in it are secrets. Long numbers are secrets too.
    ///
    /// ```
    /// use cassette::__support::Rules;
    ///
    /// let rules = Rules::default().secrets_in(br#"{"db": {"password": "pk-2f9a77c1"}, "port": 443}"#)?;
    /// assert_eq!(rules.names().collect::<Vec<_>>(), ["db.password"]);
    /// # Ok::<(), cassette::TestError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The text is not JSON, or a value cannot be redacted, as for [`secret`](Rules::secret). Empty strings are
    /// skipped.
    pub fn secrets_in(self, text: &[u8]) -> Result<Rules> {
        self.add_all(&parse(text)?, "", true)?.accepted()
    }

    /// Adds every value in a configuration whose key begins with `#`, at any depth.
    ///
    /// ```
    /// use cassette::__support::Rules;
    ///
    /// let config = br##"{"parameters": {"#token": "pk-2f9a77c1", "region": "eu-west"}}"##;
    /// let rules = Rules::default().secrets_of_config(config)?;
    /// assert_eq!(rules.names().collect::<Vec<_>>(), ["parameters.#token"]);
    /// # Ok::<(), cassette::TestError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`secrets_in`](Rules::secrets_in).
    pub fn secrets_of_config(self, text: &[u8]) -> Result<Rules> {
        self.add_all(&parse(text)?, "", false)?.accepted()
    }

    /// Adds the secrets of a file: all strings if `all` is true, otherwise the values whose keys begin with `#`. Notes
    /// the values that cannot be redacted.
    pub(crate) fn secrets_of_file(self, file: &Path, text: &[u8], all: bool) -> Result<Rules> {
        let before = self.unusable.len();
        let secrets = parse(text).and_then(|value| self.add_all(&value, "", all));
        let mut rules = secrets.map_err(|e| e.at(file))?;
        rules.unusable[before..].iter_mut().for_each(|unusable| unusable.file = Some(file.to_owned()));
        Ok(rules)
    }

    /// Whether the text is JSON in which no key begins with `#`.
    pub(crate) fn marks_none(text: &[u8]) -> bool {
        parse(text).is_ok_and(|value| !marks(&value))
    }

    fn add_all(mut self, value: &Value<'_>, path: &str, secret: bool) -> Result<Rules> {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    self = self.add_all(value, &join(path, key), secret || key.starts_with('#'))?;
                }
            }
            Value::Array(items) => {
                for (i, value) in items.iter().enumerate() {
                    self = self.add_all(value, &join(path, &i.to_string()), secret)?;
                }
            }
            Value::String(text) => {
                if let (true, Ok(inner)) = (text.trim_start().starts_with(['{', '[']), parse(text.as_bytes()))
                {
                    return self.add_all(&inner, path, secret);
                }
                if secret && !text.is_empty() {
                    return self.add(path, text);
                }
            }
            Value::Number(number) if secret => {
                if number.bytes().filter(u8::is_ascii_digit).count() >= LEAST_DIGITS {
                    return self.add(path, number);
                }
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
        Ok(self)
    }

    /// Adds a secret. A value that is already a secret keeps its name.
    fn add(self, name: &str, value: &str) -> Result<Rules> {
        let has_name = self.secrets.iter().any(|secret| secret.value == value.trim());
        if has_name {
            Ok(self)
        } else {
            let nameless = name.bytes().all(|b| b == b'#');
            self.secret_or_unusable(if nameless { "secret" } else { name }, value)
        }
    }
}

/// Joins a path and a key. Replaces the characters that the name of a secret cannot have.
fn join(path: &str, key: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "_-.#".contains(c) { c } else { '_' };
    let key: String = key.chars().map(safe).collect();
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

fn parse(text: &[u8]) -> Result<Value<'_>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    // The parser's own message may quote the text, which is secret.
    json::parse(text).map_err(|e| {
        let (line, column) = e.position(text);
        let what = match e.is_too_deep() {
            true => format!("are nested deeper than {} levels", json::MAX_DEPTH),
            false => "are not JSON".to_owned(),
        };
        Error::new(format!("the secrets {what}: line {line}, column {column}"))
    })
}

/// Whether any key in the value begins with `#`.
fn marks(value: &Value<'_>) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(key, value)| key.starts_with('#') || marks(value)),
        Value::Array(items) => items.iter().any(marks),
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            parse(text.as_bytes()).is_ok_and(|inner| marks(&inner))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, all: &[(&str, &str)], config: &[(&str, &str)]) {
        let shown = |rules: Rules| -> Vec<(String, String)> {
            rules.secrets.into_iter().map(|secret| (secret.name, secret.value)).collect()
        };
        let owned = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        assert_eq!(shown(Rules::default().secrets_in(text.as_bytes()).unwrap()), owned(all));
        assert_eq!(shown(Rules::default().secrets_of_config(text.as_bytes()).unwrap()), owned(config));
    }

    #[test]
    fn at_any_depth() {
        check(r#"{"key":"value-one"}"#, &[("key", "value-one")], &[]);
        check(
            r##"{"a":{"#b c":"value-one","d":[{"#e":"value-two"}]},"#f":{"g":"value-three"}}"##,
            &[("a.#b_c", "value-one"), ("a.d.0.#e", "value-two"), ("#f.g", "value-three")],
            &[("a.#b_c", "value-one"), ("a.d.0.#e", "value-two"), ("#f.g", "value-three")],
        );
        check(
            r##"{"a":"{\"#b\":\"value-one\",\"c\":\"value-two\"}","d":"[not JSON"}"##,
            &[("a.#b", "value-one"), ("a.c", "value-two"), ("d", "[not JSON")],
            &[("a.#b", "value-one")],
        );
        check(
            r##"{"#pin":4915290371,"#port":443,"#on":true,"#none":null,"#empty":"","#again":"4915290371"}"##,
            &[("#pin", "4915290371")],
            &[("#pin", "4915290371")],
        );
        check("\"value-one\"", &[("secret", "value-one")], &[]);
    }

    #[test]
    fn mistakes() {
        let error = Rules::default().secrets_in(b"{\"key\": \"value-one").unwrap_err().to_string();
        assert!(error.contains("not JSON: line 1") && !error.contains("value-one"), "{error}");
        let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
        let error = Rules::default().secrets_in(deep.as_bytes()).unwrap_err().to_string();
        assert_eq!(error, "the secrets are nested deeper than 256 levels: line 1, column 257");
        let error = Rules::default().secrets_in(br#"{"a":{"key":"abc"}}"#).unwrap_err().to_string();
        assert!(error.contains("a.key") && error.contains("shorter than 6"), "{error}");
    }
}
