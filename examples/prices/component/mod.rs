//! The component: reads a configuration and the state of the last run, calls the prices API, writes CSV tables,
//! their manifests and the new state.
//!
//! This is the code under test of the example. It must not know that cassettes exist.

mod client;
mod config;
mod error;
mod extract;
mod payloads;
mod state;
mod tables;

use std::path::{Path, PathBuf};

use chrono::Utc;

use client::Api;
pub use config::{Config, Secret, TableName};
pub use error::{Error, Result};
use extract::Extraction;
pub use state::State;
pub use tables::TableSummary;

/// Where one run reads from and writes to.
///
/// ```
/// let dirs = prices::component::Dirs::under("data");
/// assert_eq!(dirs.output, std::path::Path::new("data/out"));
/// ```
#[derive(Debug, Clone)]
pub struct Dirs {
    /// Holds `state.json` of the run before, if there was one. May be missing.
    pub input: PathBuf,
    /// Receives `tables/*.csv`, `tables/*.csv.manifest` and `state.json`. Made if missing.
    pub output: PathBuf,
}

impl Dirs {
    /// The usual layout of a data directory: `in/` and `out/` below `data`.
    pub fn under(data: impl AsRef<Path>) -> Self {
        let data = data.as_ref();
        Self { input: data.join("in"), output: data.join("out") }
    }
}

/// What one run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The tables written, in the order they were written.
    pub tables: Vec<TableSummary>,
    /// Products with an id higher than any that an earlier run saw.
    pub new_products: u64,
    /// HTTP requests sent, repeated ones included.
    pub requests: u32,
    /// Requests that were sent again because the API asked to come back later.
    pub retries: u32,
}

/// Extracts what `config` asks for.
///
/// The days that are asked for end today (UTC) and begin at `since` of the configuration; an incremental run begins
/// at the day of the last run instead, when there was one.
///
/// # Errors
///
/// The configuration or the state cannot be used, the API cannot be reached, refuses, or answers something that the
/// tables have no place for, or a file cannot be written. No error holds a secret.
pub async fn run(http: &reqwest::Client, config: &Config, dirs: &Dirs) -> Result<Summary> {
    let before = State::read(&dirs.input)?;
    let now = Utc::now();
    let days = config.days(before.last_run, now.date_naive())?;

    let mut api = Api::new(http, config);
    let mut extraction = Extraction::new(config, dirs, days, now, before)?;
    for table in &config.tables {
        extraction.table(&mut api, *table).await?;
    }
    extraction.finish(&api)
}
