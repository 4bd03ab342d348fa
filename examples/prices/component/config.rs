//! The configuration of a run, and the period that it selects.

use std::fmt;
use std::fs;
use std::path::Path;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Deserializer};

use super::error::{Error, Result};

/// The object `parameters` of a `config.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The URL of the API, such as `https://api.prices.example`.
    pub base_url: String,
    /// Sent as `X-Api-Key` with every request for data.
    #[serde(rename = "#api_key")]
    pub api_key: Secret,
    /// Identifies the client that requests an access token.
    pub client_id: String,
    /// The password of `client_id`.
    #[serde(rename = "#client_secret")]
    pub client_secret: Secret,
    /// The two-letter codes of the markets. The rows of the tables have the same order.
    pub markets: Vec<String>,
    /// The tables to write.
    pub tables: Vec<TableName>,
    /// The first day to request: `today`, `yesterday`, `N days ago` or a date such as `2026-03-01`.
    #[serde(default = "yesterday")]
    pub since: String,
    /// Whether the run is incremental: it begins on the day of the last run, requests only products that have changed,
    /// and its rows are added to the tables of earlier runs.
    #[serde(default)]
    pub incremental: bool,
    /// How many rows to request in one page.
    #[serde(default = "hundred")]
    pub page_size: u32,
}

/// A table, or several tables that come from the same responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableName {
    /// Products and their tags.
    Products,
    /// The price of each product on each day.
    Quotes,
    /// The index of each market on each day.
    History,
    /// The offers of all shops on the day before the last day of the run, as one large file.
    Export,
}

/// A text that `Debug` and errors do not show.
#[derive(Clone)]
pub struct Secret(String);

impl Config {
    /// Reads a `config.json`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not a configuration of this component.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&fs::read_to_string(path).map_err(Error::file(path))?)
    }

    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    ///
    /// The text is not a configuration of this component.
    pub fn parse(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Whole {
            parameters: Config,
        }
        let Whole { parameters: mut config } =
            serde_json::from_str(text).map_err(|error| Error::Config(error.to_string()))?;
        config.base_url.truncate(config.base_url.trim_end_matches('/').len());
        let wrong = |what: &str| Err(Error::Config(what.to_owned()));
        if !config.base_url.starts_with("https://") && !config.base_url.starts_with("http://") {
            return wrong("`base_url` must begin with https:// or http://");
        }
        if !(1..=500).contains(&config.page_size) {
            return wrong("`page_size` must be between 1 and 500");
        }
        if !config.markets.iter().all(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_lowercase()))
        {
            return wrong("`markets` must be two-letter codes such as \"cz\"");
        }
        Ok(config)
    }

    /// The first and the last day to request.
    pub(super) fn days(
        &self,
        last_run: Option<DateTime<Utc>>,
        today: NaiveDate,
    ) -> Result<(NaiveDate, NaiveDate)> {
        let first = match last_run {
            Some(last_run) if self.incremental => last_run.date_naive(),
            _ => first_day(&self.since, today).ok_or_else(|| {
                Error::Config(format!(
                    "`since` is {:?}; expected \"today\", \"yesterday\", \"N days ago\" or a date",
                    self.since
                ))
            })?,
        };
        if first > today {
            return Err(Error::Config(format!("{first} lies in the future; today is {today}")));
        }
        Ok((first, today))
    }
}

fn first_day(since: &str, today: NaiveDate) -> Option<NaiveDate> {
    match since {
        "today" => Some(today),
        "yesterday" => today.pred_opt(),
        _ => match since.strip_suffix(" days ago") {
            Some(days) => today.checked_sub_days(Days::new(days.parse().ok()?)),
            None => since.parse().ok(),
        },
    }
}

fn yesterday() -> String {
    "yesterday".to_owned()
}

fn hundred() -> u32 {
    100
}

impl Secret {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde's own message is replaced, because it would quote the value.
        let wrong = |_| serde::de::Error::custom("a secret must be a text");
        String::deserialize(deserializer).map(Self).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(since: &str, expected: Option<&str>) {
        let today = "2026-03-01".parse().unwrap();
        assert_eq!(first_day(since, today), expected.map(|day| day.parse().unwrap()), "{since}");
    }

    #[test]
    fn since_names_a_day() {
        check("today", Some("2026-03-01"));
        check("yesterday", Some("2026-02-28"));
        check("0 days ago", Some("2026-03-01"));
        check("60 days ago", Some("2025-12-31"));
        check("2025-12-24", Some("2025-12-24"));
        check("2025-02-29", None);
        check("-1 days ago", None);
        check("last week", None);
        check("", None);
    }

    fn config(change: impl FnOnce(&mut serde_json::Value)) -> Result<Config> {
        let mut whole = serde_json::json!({"parameters": {
            "base_url": "https://api.prices.example/", "#api_key": "key-4711", "client_id": "me",
            "#client_secret": "pass-4711", "markets": ["cz"], "tables": ["quotes"]
        }});
        change(&mut whole["parameters"]);
        Config::parse(&whole.to_string())
    }

    #[track_caller]
    fn check_refused(change: impl FnOnce(&mut serde_json::Value), expected: &str) {
        let error = config(change).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("4711"), "{error}");
    }

    #[test]
    fn a_wrong_configuration_is_refused_without_showing_its_secrets() {
        check_refused(|p| p["#api_key"] = 4711.into(), "a secret must be a text");
        check_refused(|p| p["markets"] = "cz".into(), "expected a sequence");
        check_refused(|p| p["markets"] = vec!["../etc"].into(), "two-letter");
        check_refused(|p| p["page_size"] = 0.into(), "between 1 and 500");
        check_refused(|p| p["base_url"] = "api.prices.example".into(), "https://");
        check_refused(|p| p["tables"] = vec!["prices"].into(), "unknown variant `prices`");
        check_refused(|p| p["sinze"] = "today".into(), "unknown field `sinze`");
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = config(|_| ()).unwrap();
        assert_eq!(config.base_url, "https://api.prices.example");
        assert!(!format!("{config:?}").contains("4711"), "{config:?}");
    }

    #[test]
    fn an_incremental_run_begins_where_the_last_one_ended() {
        let today = "2026-03-01".parse().unwrap();
        let last_run = Some("2026-02-25T23:59:59Z".parse().unwrap());
        let first = |incremental, last_run| {
            config(|p| p["incremental"] = incremental).unwrap().days(last_run, today).unwrap().0.to_string()
        };
        assert_eq!(first(true.into(), last_run), "2026-02-25");
        assert_eq!(first(true.into(), None), "2026-02-28");
        assert_eq!(first(false.into(), last_run), "2026-02-28");
    }
}
