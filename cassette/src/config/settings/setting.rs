//! One setting of a `cassette.toml`, and its place in the file.
//!
//! Must not know: TOML, what a setting changes.

use std::path::Path;
use std::sync::Arc;

use super::keys::Key;
use crate::error::Error;

/// The value of a key, or one item of the key's list or table.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(super) key: &'static Key,
    /// The name of an item of a table.
    pub(super) name: String,
    pub(super) value: Value,
    pub(crate) place: Place,
}

#[derive(Clone)]
pub(super) enum Value {
    Flag(bool),
    Number(usize),
    Text(String),
    Texts(Vec<String>),
    /// The options of a scope.
    Scoped(Vec<Setting>),
}

/// A place in a file. Line and column begin with 1.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) file: Arc<Path>,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        Error::new(message).at(&*self.file).at_position(self.line, self.column)
    }
}

/// The value in the type of the key's kind. The file's reader has checked the type, so a value of another type, which
/// these methods give for any other type, is never used.
impl Setting {
    pub(super) fn flag(&self) -> bool {
        matches!(self.value, Value::Flag(true))
    }

    pub(super) fn number(&self) -> usize {
        if let Value::Number(number) = self.value { number } else { 0 }
    }

    pub(super) fn text(&self) -> &str {
        if let Value::Text(text) = &self.value { text } else { "" }
    }

    pub(super) fn texts(&self) -> &[String] {
        if let Value::Texts(texts) = &self.value { texts } else { &[] }
    }

    pub(super) fn scoped(&self) -> &[Setting] {
        if let Value::Scoped(scoped) = &self.value { scoped } else { &[] }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}
