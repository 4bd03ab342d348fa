//! The file `state.json`, in which a run stores what the next run must know.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::error::{Error, Result};

/// The content of a `state.json`. An absent file, an absent field and `{}` all mean that there was no earlier run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// When the last run began, in whole seconds.
    pub last_run: Option<DateTime<Utc>>,
    /// The highest product id so far, by market.
    pub highest_product_id: BTreeMap<String, u64>,
}

impl State {
    /// Reads `state.json` in `dir`.
    ///
    /// # Errors
    ///
    /// The file exists but cannot be read, or is not a state.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("state.json");
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|source| Error::State { path, source }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::file(&path)(error)),
        }
    }

    /// Writes `state.json` in `dir`, which must exist.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let path = dir.join("state.json");
        let mut text = serde_json::to_string_pretty(self).expect("a state is always valid JSON");
        text.push('\n');
        fs::write(&path, text).map_err(Error::file(&path))
    }
}
