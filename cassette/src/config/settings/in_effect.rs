//! The settings in effect, for `cargo cassette`.
//!
//! Must not know: how the command prints them.

use std::path::{Path, PathBuf};

use super::Settings;
use super::keys::{KEYS, Kind};
use super::location::FILE;
use super::setting::{Setting, Value};
use crate::error::Result;
use crate::mode::Environment;
use crate::redact::Rules;

/// A key of `cassette.toml`.
#[derive(Clone, Copy, Debug)]
pub struct SettingsKey {
    /// The name of the key.
    pub name: &'static str,
    /// The type of its value.
    pub kind: &'static str,
    /// The default value in TOML. Empty if there is none.
    pub default: &'static str,
}

/// The value of one key, or one item of its list or table.
#[derive(Clone, Debug)]
pub struct InEffect {
    /// The key. For an item of a table, the name of the item follows.
    pub key: String,
    /// Whether the value is one item of a list.
    pub is_item: bool,
    /// The value in TOML.
    pub value: String,
    /// The file and the line that have the value. `None` for a default value.
    pub place: Option<(PathBuf, usize)>,
}

/// The settings of one package.
pub struct ProjectSettings(Settings);

/// All keys, in the order in which their settings are applied.
pub fn settings_keys() -> impl Iterator<Item = SettingsKey> {
    KEYS.iter().map(|key| SettingsKey { name: key.name, kind: key.kind.name(), default: key.default })
}

/// The settings of the package that this folder belongs to: the nearest folder that has a `Cargo.toml` or a
/// `cassette.toml`.
///
/// # Errors
///
/// The files of the package have a mistake.
pub fn project_settings(folder: &Path) -> Result<ProjectSettings> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let has = |folder: &&Path| [FILE, "Cargo.toml"].iter().any(|file| folder.join(file).is_file());
    let package = folder.ancestors().find(has).unwrap_or(&folder);
    let settings = Settings::read(package)?;
    settings.applied()?;
    Ok(ProjectSettings(settings))
}

impl ProjectSettings {
    /// All settings with a value, in the order of the keys.
    pub fn in_effect(&self) -> Vec<InEffect> {
        let mut shown = Vec::new();
        for key in KEYS {
            let before = shown.len();
            for setting in self.0.0.iter().filter(|setting| std::ptr::eq(setting.key, key)) {
                add(&mut shown, "", setting);
            }
            if shown.len() == before && !key.default.is_empty() {
                let (key, value) = (key.name.to_owned(), key.default.to_owned());
                shown.push(InEffect { key, is_item: false, value, place: None });
            }
        }
        shown
    }

    /// The rules of redaction, with the secrets whose values are there.
    ///
    /// # Errors
    ///
    /// A secret cannot be searched for.
    pub fn rules(&self) -> Result<Rules> {
        self.0.applied()?.rules.accepted()
    }

    /// The variables of secrets that are not set, each with the file and the line that name it.
    pub fn unset(&self) -> Vec<(String, PathBuf, usize)> {
        let variables = self.0.0.iter().filter(|setting| setting.key.name == "secret_from_env");
        let unset =
            variables.filter(|s| Environment::variable(s.text()).map_or(true, |value| value.is_empty()));
        unset.map(|s| (s.text().to_owned(), s.place.file.to_path_buf(), s.place.line)).collect()
    }

    /// The ids of the rules that the project switches off, each with the file and the line.
    pub fn rules_off(&self) -> Vec<(String, PathBuf, usize)> {
        let off = self.0.0.iter().filter(|setting| setting.key.name == "without_rule");
        off.map(|s| (s.text().to_owned(), s.place.file.to_path_buf(), s.place.line)).collect()
    }
}

fn add(shown: &mut Vec<InEffect>, scope: &str, setting: &Setting) {
    let kind = setting.key.kind;
    let mut key = format!("{scope}{}", setting.key.name);
    if matches!(kind, Kind::TextTable | Kind::ListTable | Kind::Scopes) {
        key = format!("{key}.{}", quoted(&setting.name));
    }
    if let Value::Scoped(options) = &setting.value {
        return options.iter().for_each(|option| add(shown, &format!("{key}."), option));
    }
    let texts = || setting.texts().iter().map(|text| quoted(text)).collect::<Vec<_>>();
    let value = match &setting.value {
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Texts(_) if kind == Kind::Age => format!("{{ age = {}, then = {} }}", texts()[0], texts()[1]),
        Value::Texts(_) => format!("[{}]", texts().join(", ")),
        // A log must not show the password.
        _ if setting.key.name == "upstream_proxy" => quoted(&without_user(setting.text())),
        _ => quoted(setting.text()),
    };
    let is_item = matches!(kind, Kind::Texts | Kind::Files);
    shown.push(InEffect {
        key,
        is_item,
        value,
        place: Some((setting.place.file.to_path_buf(), setting.place.line)),
    });
}

/// The URL with `***` in place of the user and the password.
fn without_user(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}"),
        None => url.to_owned(),
    }
}

/// The text as a TOML string. A JSON string is one, except for the character DEL.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}
