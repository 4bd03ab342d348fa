//! Stand-ins: the texts that the code under test gets on replay in place of numbered placeholders such as
//! `[access_token:1]`. A stand-in has the syntax of the recorded value: a JWT stays a JWT, a UUID stays a UUID. The
//! cassette has the syntax of each value, and not the value, so the same cassette always gives the same stand-ins.
//!
//! Must not know: where a value was found, where a stand-in is inserted.

mod alphabet;
mod jwt;
mod random;
pub(crate) mod substitute;
mod syntax;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::placeholder;
use crate::redact::values::found_values::is_token;
pub(crate) use syntax::Syntax;

/// The stand-ins of a cassette.
#[derive(Debug, Default)]
pub(crate) struct StandIns {
    /// The stand-in for each placeholder.
    texts: BTreeMap<String, String>,
    /// The placeholder for each stand-in.
    placeholders: HashMap<String, String>,
}

/// How often another stand-in is made, if one is equal to an earlier one or does not look random.
const ATTEMPTS: usize = 32;

impl StandIns {
    /// The stand-ins for a table of the syntaxes of placeholders, as in `_metadata.tokens`. `restored` puts the
    /// session's own secrets into a text of the table.
    ///
    /// # Errors
    ///
    /// An entry of the table names no placeholder or describes no syntax.
    pub(crate) fn of(table: &Map<String, Value>, restored: &dyn Fn(&str) -> String) -> Result<StandIns> {
        let mut made = StandIns::default();
        let mut taken = HashSet::new();
        // The table has no order if a user's program has enabled serde_json's `preserve_order`.
        let table: BTreeMap<_, _> = table.iter().collect();
        for (name, value) in table {
            let placeholder = format!("[{name}]");
            let wrong = |what: String| {
                let hint =
                    "record the cassette again, or remove the entry: the client then gets the placeholder";
                Error::new(format!("`_metadata.tokens`, entry `{name}`: {what}")).hint(hint)
            };
            if placeholder::parse(placeholder.as_bytes()).is_none_or(|parsed| parsed.numbered.is_none()) {
                return Err(wrong(
                    "the key must be the name and number of a placeholder, as in `token:1`".into(),
                ));
            }
            let syntax = Syntax::parse(value).map_err(wrong)?.map(restored);
            let mut texts = (0..ATTEMPTS).map(|n| syntax.text(name, n)).filter(|text| !taken.contains(text));
            let Some(first) = texts.next() else { continue };
            // Redaction searches everywhere for values that look like tokens, so the stand-in must look like one, too.
            let looks_random = |text: &String| is_token(text.as_bytes());
            let text = Some(first.clone()).into_iter().chain(texts).find(looks_random).unwrap_or(first);
            taken.insert(text.clone());
            made.placeholders.insert(text.clone(), placeholder.clone());
            made.texts.insert(placeholder, text);
        }
        Ok(made)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The stand-in for a placeholder.
    pub(crate) fn text(&self, placeholder: &str) -> Option<&str> {
        self.texts.get(placeholder).map(String::as_str)
    }

    /// The placeholder for a stand-in.
    pub(crate) fn placeholder(&self, text: &[u8]) -> Option<&str> {
        self.placeholders.get(std::str::from_utf8(text).ok()?).map(String::as_str)
    }

    /// The placeholders with their stand-ins.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(placeholder, text)| (placeholder.as_str(), text.as_str()))
    }
}

/// Whether a token that a pattern recognises is a stand-in of some cassette. Stand-ins contain a mark, so that a scan
/// also recognises a stand-in whose cassette it does not know.
pub(crate) fn is_stand_in(token: &[u8]) -> bool {
    let has = |mark: &&str| memchr::memmem::find(token, mark.as_bytes()).is_some();
    alphabet::MARKS.iter().any(has) || jwt::is_marked(token)
}

/// Whether a stand-in is a JWT.
pub(crate) fn is_jwt(stand_in: &str) -> bool {
    jwt::is_marked(stand_in.as_bytes())
}

#[cfg(test)]
mod tests;
