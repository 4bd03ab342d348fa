//! Parses the parameters of a request: pairs, dates, numbers, markets, cursors. Returns an error response for a wrong
//! parameter.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::NaiveDate;
use http::StatusCode;
use percent_encoding::percent_decode_str;

use super::data::{Market, World};
use super::reply::{self, Reply};

/// The longest period that one request may ask for, in days.
const MAX_DAYS: i64 = 400;

pub(super) type Pairs = BTreeMap<String, String>;

/// Decodes a text such as `a=1&b=2`. If a name is repeated, its last value is used.
pub(super) fn pairs(text: &str) -> Pairs {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(k, v)| (decode(k), decode(v)))
        .collect()
}

pub(super) fn market(code: Option<&String>) -> Result<&'static Market, Reply> {
    let code = code.map_or("", String::as_str);
    World::market(code).ok_or_else(|| {
        reply::refusal(StatusCode::NOT_FOUND, "unknown_market", &format!("there is no market {code:?}"))
    })
}

pub(super) fn date(query: &Pairs, name: &str) -> Result<NaiveDate, Reply> {
    let date = query.get(name).and_then(|text| text.parse().ok());
    date.ok_or_else(|| bad("invalid_date", &format!("`{name}` must be a date such as 2026-03-01")))
}

pub(super) fn number(text: Option<&String>, name: &str) -> Result<usize, Reply> {
    let number = text.and_then(|text| text.parse().ok()).filter(|number| (1..=500).contains(number));
    number.ok_or_else(|| bad("invalid_number", &format!("`{name}` must be between 1 and 500")))
}

pub(super) fn check_days(from: NaiveDate, to: NaiveDate) -> Result<(), Reply> {
    if (0..MAX_DAYS).contains(&(to - from).num_days()) {
        return Ok(());
    }
    Err(bad("invalid_date", &format!("`from` must not be after `to`, nor {MAX_DAYS} days before it")))
}

pub(super) fn bad(code: &str, message: &str) -> Reply {
    reply::refusal(StatusCode::BAD_REQUEST, code, message)
}

/// Makes a cursor: a text that contains a place, and the list to which the place belongs. The client does not interpret
/// it.
pub(super) fn cursor(place: usize, scope: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{place} {scope}"))
}

pub(super) fn place(cursor: &str, scope: &str) -> Option<usize> {
    let text = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (place, of) = std::str::from_utf8(&text).ok()?.split_once(' ')?;
    (of == scope).then(|| place.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        let found = pairs("a=1&b=x+y%2Bz&c=&d&&a=2");
        let expected = [("a", "2"), ("b", "x y+z"), ("c", ""), ("d", "")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn a_cursor_belongs_to_one_list() {
        assert_eq!(place(&cursor(100, "cz None"), "cz None"), Some(100));
        assert_eq!(place(&cursor(100, "cz None"), "de None"), None);
        assert_eq!(place("MTAw", "cz None"), None);
        assert_eq!(place("no cursor", "cz None"), None);
    }
}
