//! Reads one `cassette.toml` strictly: an unknown key and a value of a wrong type are errors, with line and column.
//!
//! Must not know: where the file is, what a setting changes.

use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{CODE, KEYS, Key, Kind};
use super::setting::{Place, Setting, Value};
use crate::edit_distance::edit_distance;
use crate::error::{Error, Result};

/// The hint of every error.
const HINT: &str =
    "correct this file; `docs/settings.md` lists the keys, `cargo cassette config` prints what is in force";

type Entry<'t, 'i> = (&'t Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>);

/// The settings of the file, in the order in which the file has them.
pub(super) fn read(path: &Path) -> Result<Vec<Setting>> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e).hint(HINT))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::new("this file is not UTF-8, as TOML must be").at(path).hint(HINT))?;
    parse(path, &text)
}

pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Setting>> {
    let file = File { path: Arc::from(path), text };
    let table = DeTable::parse(text).map_err(|e| {
        let message = e.message().lines().next().unwrap_or("this is not TOML").to_owned();
        file.error(e.span().map_or(0, |span| span.start), message)
    })?;
    let mut settings = Vec::new();
    for (key, value) in in_order(table.get_ref()) {
        file.setting(key, value, |_| true, &mut settings)?;
    }
    Ok(settings)
}

/// The entries of a table in the order of the text. The table itself sorts them by name.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<Entry<'t, 'i>> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

struct File<'t> {
    path: Arc<Path>,
    text: &'t str,
}

impl File<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1;
        Place { file: self.path.clone(), line, column }
    }

    fn error(&self, offset: usize, message: impl Into<String>) -> Error {
        self.place(offset).error(message).hint(HINT)
    }

    /// Adds the settings of one key. `fits` says whether the key may be in this table.
    fn setting(
        &self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        fits: fn(&Key) -> bool,
        settings: &mut Vec<Setting>,
    ) -> Result<()> {
        let at = name.span().start;
        let name: &str = name.get_ref();
        let Some(key) = KEYS.iter().find(|key| key.name == name && fits(key)) else {
            return Err(self.error(at, unknown(name, fits)));
        };
        let wrong = |value: &Spanned<DeValue<'_>>, expected: &str| {
            self.error(
                value.span().start,
                format!("`{name}` takes {expected}, not {}", type_of(value.get_ref())),
            )
        };
        let mut add = |offset: usize, name: &str, value: Value| {
            settings.push(Setting { key, name: name.to_owned(), value, place: self.place(offset) });
        };
        let expected = key.kind.name();
        let text_of = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
            DeValue::String(text) => Ok(text.clone().into_owned()),
            _ => Err(wrong(value, expected)),
        };
        let table_of = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
            DeValue::Table(_) => Ok(()),
            _ => Err(wrong(value, expected)),
        };
        match (key.kind, value.get_ref()) {
            (Kind::Flag, DeValue::Boolean(flag)) => add(at, "", Value::Flag(*flag)),
            (Kind::Number, DeValue::Integer(integer)) => {
                let number = usize::from_str_radix(integer.as_str(), integer.radix());
                add(at, "", Value::Number(number.map_err(|_| wrong(value, "a number from 0"))?));
            }
            (Kind::Text | Kind::Instant, DeValue::String(text)) => {
                add(at, "", Value::Text(text.clone().into_owned()))
            }
            (Kind::Instant, DeValue::Datetime(time)) => add(at, "", Value::Text(time.to_string())),
            (Kind::Texts, DeValue::Array(items)) => {
                for item in items.iter() {
                    add(item.span().start, "", Value::Text(text_of(item)?));
                }
            }
            (Kind::Files, DeValue::Array(items)) => {
                let folder = self.path.parent().unwrap_or(Path::new(""));
                for item in items.iter() {
                    let path = folder.join(text_of(item)?);
                    add(item.span().start, "", Value::Text(path.to_string_lossy().into_owned()));
                }
            }
            (Kind::TextTable, DeValue::Table(table)) => {
                for (name, value) in in_order(table) {
                    add(name.span().start, name.get_ref(), Value::Text(text_of(value)?));
                }
            }
            (Kind::ListTable, DeValue::Table(table)) => {
                for (name, value) in in_order(table) {
                    let DeValue::Array(items) = value.get_ref() else { return Err(wrong(value, expected)) };
                    let texts = items.iter().map(text_of).collect::<Result<_>>()?;
                    add(name.span().start, name.get_ref(), Value::Texts(texts));
                }
            }
            (Kind::Age, DeValue::Table(table)) => {
                let mut parts = [None, None];
                for (name, value) in in_order(table) {
                    let part = ["age", "then"].iter().position(|part| part == name.get_ref());
                    let Some(part) = part else {
                        let message =
                            format!("unknown key `{}`: `max_age` has `age` and `then`", name.get_ref());
                        return Err(self.error(name.span().start, message));
                    };
                    parts[part] = Some(text_of(value)?);
                }
                let [Some(age), Some(then)] = parts else { return Err(wrong(value, expected)) };
                add(at, "", Value::Texts(vec![age, then]));
            }
            (Kind::Scopes, DeValue::Table(table)) => {
                for (scope, options) in in_order(table) {
                    table_of(options)?;
                    let mut scoped = Vec::new();
                    if let DeValue::Table(options) = options.get_ref() {
                        for (name, value) in in_order(options) {
                            self.setting(name, value, Key::is_of_matching, &mut scoped)?;
                        }
                    }
                    super::sort(&mut scoped);
                    super::check(&scoped)?;
                    add(scope.span().start, scope.get_ref(), Value::Scoped(scoped));
                }
            }
            _ => return Err(wrong(value, expected)),
        }
        Ok(())
    }
}

/// The message for a key that does not exist, or not in this table. It names the nearest key.
fn unknown(name: &str, fits: fn(&Key) -> bool) -> String {
    if let Some((_, why)) = CODE.iter().find(|(code, _)| *code == name) {
        return format!("`{name}` is no key of this file: {why}");
    }
    if KEYS.iter().any(|key| key.name == name) {
        return format!("`{name}` does not apply to a scope: put it above all tables of this file");
    }
    let nearest = KEYS.iter().filter(|key| fits(key)).min_by_key(|key| edit_distance(key.name, name));
    format!("unknown key `{name}`: did you mean `{}`?", nearest.map_or("directory", |key| key.name))
}

fn type_of(value: &DeValue<'_>) -> String {
    match value {
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Boolean(flag) => format!("`{flag}`"),
        DeValue::String(_) => "a string".to_owned(),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Datetime(_) => "a time".to_owned(),
        DeValue::Array(_) => "a list of other values".to_owned(),
        DeValue::Table(_) => "this table".to_owned(),
    }
}
