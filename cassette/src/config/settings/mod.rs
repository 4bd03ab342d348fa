//! The settings of a project that are data: `cassette.toml` in the package's folder, and in the root of its workspace.
//! `Config::new()` begins with them, so everything that a project does with a `Config` in code comes on top.
//!
//! The two files are read as one. A single value of the package replaces that of the workspace, lists and tables are
//! joined. Then the settings are applied in the order of [`KEYS`], by calling the methods of `Config`.
//!
//! Must not know: sessions.

mod file;
mod in_effect;
mod keys;
mod location;
mod setting;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub use self::in_effect::{InEffect, ProjectSettings, SettingsKey, project_settings, settings_keys};
use self::keys::{Apply, KEYS};
use self::setting::{Setting, Value};
use super::Config;
use crate::error::{Error, Result, chain};
use crate::mode::Environment;
use crate::poison::unpoisoned;

/// The settings of one package, from both files.
struct Settings(Vec<Setting>);

/// The first mistake in the files, with a hint.
type Mistake = (String, Option<String>);

fn mistake(e: &Error) -> Mistake {
    (chain(e), e.help().map(str::to_owned))
}

/// The settings of the packages whose files this process has read, by the package's folder.
static READ: Mutex<BTreeMap<PathBuf, Arc<Result<Settings, Mistake>>>> = Mutex::new(BTreeMap::new());

impl Config {
    /// The settings of the package that runs, or the defaults if cargo did not start this process.
    pub(super) fn of_project() -> Config {
        match Environment::manifest_dir() {
            Some(package) => Config::of_package(&package),
            None => Config::defaults(),
        }
    }

    /// The settings of the package in this folder. If its files have a mistake, the session reports it when it begins.
    pub(crate) fn of_package(package: &Path) -> Config {
        let settings = unpoisoned(READ.lock())
            .entry(package.to_owned())
            .or_insert_with(|| Arc::new(Settings::read(package).map_err(|e| mistake(&e))))
            .clone();
        let (config, mistake) = match &*settings {
            Ok(settings) if settings.0.is_empty() => return Config::defaults(),
            Ok(settings) => match settings.applied() {
                Ok(config) => return config,
                Err(e) => (Config::defaults(), mistake(&e)),
            },
            Err(mistake) => (Config::defaults(), mistake.clone()),
        };
        Config { mistake: Some(mistake), ..config }
    }
}

impl Settings {
    fn read(package: &Path) -> Result<Settings> {
        let mut joined: Vec<Setting> = Vec::new();
        for file in location::files(package) {
            let settings = file::read(&file)?;
            joined.retain(|old| !settings.iter().any(|new| replaces(new, old)));
            joined.extend(settings);
        }
        sort(&mut joined);
        Ok(Settings(joined))
    }

    /// The defaults, changed by the settings. The first value that a method of `Config` refuses is an error.
    fn applied(&self) -> Result<Config> {
        apply(&self.0)
    }
}

/// Whether a setting of the package replaces one of the workspace.
fn replaces(new: &Setting, old: &Setting) -> bool {
    std::ptr::eq(new.key, old.key)
        && match (&new.value, &old.value) {
            _ if new.key.kind.is_single() => true,
            // The items of a list: one that both files have counts once.
            (Value::Text(new_text), Value::Text(old_text)) if new.name.is_empty() => new_text == old_text,
            (Value::Text(_), Value::Text(_)) => new.name == old.name,
            _ => false,
        }
}

/// Sorts the settings by their keys. Settings of one key keep their order.
fn sort(settings: &mut [Setting]) {
    settings.sort_by_key(|setting| KEYS.iter().position(|key| std::ptr::eq(key, setting.key)));
}

/// Checks that the settings can be applied.
fn check(settings: &[Setting]) -> Result<()> {
    apply(settings).map(drop)
}

fn apply(settings: &[Setting]) -> Result<Config> {
    let mut config = Config::defaults();
    for setting in settings {
        let applied = match setting.key.apply {
            Apply::Config(apply) => apply(config, setting),
            Apply::Matching(apply) => apply(std::mem::take(&mut config.matching), setting)
                .map(|matching| Config { matching, ..config }),
        };
        let name = setting.key.name;
        let wrong = |message: String, hint: Option<String>| {
            let hint = hint.unwrap_or_else(|| format!("correct `{name}` in this file"));
            setting.place.error(message).hint(hint)
        };
        config = applied.map_err(|message| wrong(format!("`{name}`: {message}"), None))?;
        if let Some((message, hint)) = config.mistake {
            return Err(wrong(message, hint));
        }
    }
    Ok(config)
}
