//! The component reads a configuration and the state of the last run, calls the prices API, and writes CSV tables,
//! their manifests and the new state.
//!
//! This is the code under test of the example.
//!
//! Must not know: cassette.

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

/// The two folders of one run: where it reads its input, and where it writes its output.
///
/// ```
/// let dirs = prices::component::Dirs::under("data");
/// assert_eq!(dirs.output, std::path::Path::new("data/out"));
/// ```
#[derive(Debug, Clone)]
pub struct Dirs {
    /// Contains `state.json` of the last run, if there was one. May be missing.
    pub input: PathBuf,
    /// Receives `tables/*.csv`, `tables/*.csv.manifest` and `state.json`. Created if missing.
    pub output: PathBuf,
}

impl Dirs {
    /// The usual layout of a data directory: `in/` and `out/` below `data`.
    pub fn under(data: impl AsRef<Path>) -> Self {
        let data = data.as_ref();
        Self { input: data.join("in"), output: data.join("out") }
    }
}

/// The result of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The tables, in the order in which they were written.
    pub tables: Vec<TableSummary>,
    /// The number of products whose id is higher than every id in earlier runs.
    pub new_products: u64,
    /// The number of HTTP requests, including repeated ones.
    pub requests: u32,
    /// The number of requests that the client repeated because of a 429 or 503 response.
    pub retries: u32,
}

/// Extracts the tables that `config` selects.
///
/// The run requests the days from `since` of the configuration to today (UTC). If the run is incremental and there was
/// an earlier run, it begins on the day of that run.
///
/// # Errors
///
/// The configuration or the state is invalid, the API is unreachable, refuses a request or sends an unexpected
/// response, or a file cannot be written. No error contains a secret.
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
