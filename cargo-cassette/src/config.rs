//! `cargo cassette config`: prints the settings of the package in the current folder, each with the place that sets it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cassette::__support::{self, InEffect};
use cassette::{Error, Result};

/// The settings of the package that the current folder belongs to.
pub(crate) fn settings() -> Result<__support::ProjectSettings> {
    __support::project_settings(&current_folder()?)
}

fn current_folder() -> Result<PathBuf> {
    std::env::current_dir().map_err(|e| Error::with_source("could not find the current folder", e))
}

/// Prints the settings as TOML, or as JSON.
pub(crate) fn run(json: bool) -> Result<()> {
    let settings = settings()?.in_effect();
    let folder = current_folder()?;
    let done = if json { print_json(&settings, &folder) } else { print(&settings, &folder) };
    crate::printed(done, "the settings")
}

/// `file:line`, with a path relative to the current folder if the file is below it.
pub(crate) fn place(file: &Path, line: usize, folder: &Path) -> String {
    format!("{}:{line}", file.strip_prefix(folder).unwrap_or(file).display())
}

fn print(settings: &[InEffect], folder: &Path) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "# The settings in effect. CASSETTE_MODE, the attribute and `Config` in code change them further.\n"
    )?;
    let origin = |setting: &InEffect| match &setting.place {
        Some((file, line)) => place(file, *line, folder),
        None => "default".to_owned(),
    };
    let mut rest = settings;
    while let Some(first) = rest.first() {
        let key = &first.key;
        if !first.is_item {
            writeln!(out, "{key} = {}  # {}", first.value, origin(first))?;
            rest = &rest[1..];
            continue;
        }
        let items = rest.iter().take_while(|setting| setting.is_item && setting.key == *key).count();
        writeln!(out, "{key} = [")?;
        for item in &rest[..items] {
            writeln!(out, "    {},  # {}", item.value, origin(item))?;
        }
        writeln!(out, "]")?;
        rest = &rest[items..];
    }
    Ok(())
}

fn print_json(settings: &[InEffect], folder: &Path) -> io::Result<()> {
    let object = |setting: &InEffect| {
        let place = setting.place.as_ref();
        serde_json::json!({
            "key": setting.key,
            "value": setting.value,
            "file": place.map(|(file, _)| file.strip_prefix(folder).unwrap_or(file).to_string_lossy()),
            "line": place.map(|(_, line)| line),
        })
    };
    let settings: Vec<_> = settings.iter().map(object).collect();
    writeln!(io::stdout().lock(), "{}", serde_json::Value::from(settings))
}
