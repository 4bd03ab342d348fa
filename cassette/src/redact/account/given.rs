//! Placeholders that the code under test read in responses, with the rules that put them there.
//!
//! Must not know: requests, which may send such a placeholder back.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Placeholders that stood where the code under test read an answer, with the rules that put them there.
#[derive(Default)]
pub(crate) struct Given(Mutex<HashMap<String, String>>);

/// Different ones that are remembered.
const REMEMBERED: usize = 1 << 16;

impl Given {
    pub(crate) fn add(&self, placeholder: &str, label: &str) {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if given.len() < REMEMBERED && !given.contains_key(placeholder) {
            given.insert(placeholder.to_owned(), label.to_owned());
        }
    }

    pub(crate) fn rule(&self, placeholder: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(placeholder).cloned()
    }
}
