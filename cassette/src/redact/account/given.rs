//! Placeholders that the code under test read in responses, each with the rule that produced it.
//!
//! Must not know: requests, which may send such a placeholder back.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::redact::rules::label::Label;

/// Placeholders in responses that the code under test read, with the rules that put them there.
#[derive(Default)]
pub(crate) struct Given(Mutex<HashMap<String, Label>>);

/// The greatest number of placeholders that are remembered.
const REMEMBERED: usize = 1 << 16;

impl Given {
    pub(crate) fn add(&self, placeholder: &str, label: &Label) {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if given.len() < REMEMBERED && !given.contains_key(placeholder) {
            given.insert(placeholder.to_owned(), label.clone());
        }
    }

    pub(crate) fn rule(&self, placeholder: &str) -> Option<Label> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(placeholder).cloned()
    }
}
