//! Finds placeholders in replayed responses. A real server would give a value in the place of a placeholder, so a
//! placeholder may be the cause of a failure.
//!
//! Must not know: why the code under test failed, the text of a failure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Player;
use crate::placeholder;
use crate::tape::{Body, Outcome};

/// A response that a replay has given to the code under test.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// The place of the recording on the cassette, from 0.
    pub(crate) index: usize,
    pub(crate) method: http::Method,
    pub(crate) uri: String,
    /// The placeholders in the response, each with its place.
    pub(crate) placeholders: Vec<(String, GivenPlace)>,
    /// The names of the response's headers, in lower case.
    pub(crate) headers: BTreeSet<String>,
    /// The length of the body in bytes.
    pub(crate) size: u64,
}

/// The place of a value in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GivenPlace {
    /// The value of the header with this name, which is in lower case.
    Header(String),
    /// The place with this JSON pointer.
    Json(String),
    /// Any other place in the body.
    Body,
}

/// The greatest number of responses that are read, and the greatest number of placeholders that are collected from one
/// response. One placeholder is enough to explain a failure.
const MOST: usize = 200;

/// The greatest length of a body that is searched, in bytes.
const LONGEST: u64 = 1 << 20;

impl Player {
    /// Returns the responses that the code under test got before its first request without an answer, in the order of
    /// the requests. Responses that cannot be read are left out, because the replay reports them.
    pub(crate) fn given(&self) -> Vec<Given> {
        let mut used: Vec<(usize, usize)> = {
            let state = self.state();
            let before = state.first_unmatched.unwrap_or(usize::MAX);
            let number = |i: usize| state.used[i].filter(|number| *number < before).map(|number| (number, i));
            (0..state.used.len()).filter_map(number).collect()
        };
        used.sort_unstable();
        used.into_iter().take(MOST).filter_map(|(_, index)| self.given_by(index)).collect()
    }

    fn given_by(&self, index: usize) -> Option<Given> {
        let interaction = self.cassette.interaction(index).ok()?;
        let Outcome::Response(response) = interaction.outcome else { return None };
        let mut placeholders = Vec::new();
        for (name, value) in &response.headers {
            let Ok(text) = std::str::from_utf8(value.as_bytes()) else { continue };
            self.add(text, &GivenPlace::Header(name.as_str().to_owned()), &mut placeholders);
        }
        if let Some(bytes) = self.short_body(&response.body) {
            match serde_json::from_slice::<Value>(&bytes) {
                Ok(json) => self.add_json(&json, &mut String::new(), &mut placeholders),
                Err(_) => self.add(&String::from_utf8_lossy(&bytes), &GivenPlace::Body, &mut placeholders),
            }
        }
        Some(Given {
            index,
            method: interaction.request.method,
            uri: interaction.request.uri,
            placeholders,
            headers: response.headers.keys().map(|name| name.as_str().to_owned()).collect(),
            size: response.body.size(),
        })
    }

    fn short_body(&self, body: &Body) -> Option<Vec<u8>> {
        if body.size() > LONGEST {
            return None;
        }
        let mut bytes = Vec::new();
        let mut reader = self.cassette.body_reader(body).ok()?;
        while let Some(chunk) = reader.next_chunk().ok()? {
            bytes.extend_from_slice(&chunk);
        }
        Some(bytes)
    }

    fn add_json(&self, json: &Value, at: &mut String, found: &mut Vec<(String, GivenPlace)>) {
        let mut each = |step: &str, value: &Value| {
            let length = at.len();
            at.push('/');
            at.push_str(&step.replace('~', "~0").replace('/', "~1"));
            self.add_json(value, at, found);
            at.truncate(length);
        };
        match json {
            Value::String(text) => self.add(text, &GivenPlace::Json(at.clone()), found),
            Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| each(&i.to_string(), item)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| each(name, value)),
            _ => {}
        }
    }

    /// Adds the placeholders in a text to `found`. Placeholders that the session replaces by the value of a secret are
    /// not added.
    fn add(&self, text: &str, place: &GivenPlace, found: &mut Vec<(String, GivenPlace)>) {
        for span in placeholder::spans(text) {
            let placeholder = &text[span];
            let secret = placeholder::parse_secret(placeholder).map(|(name, _)| name);
            let is_restored = secret.is_some_and(|name| self.redactor.secret(name).is_some());
            if !is_restored && found.len() < MOST {
                found.push((placeholder.to_owned(), place.clone()));
            }
        }
    }
}
