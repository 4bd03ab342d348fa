//! `cargo cassette scan`: finds secrets in the files of a repository.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use cassette::__support::{self, FoundSecret, Redactor, Rules, Scanned};
use cassette::{Error, Result};

/// The secrets to look for, and the files to look into.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Files and folders to scan; folders named `target`, `node_modules` or `.git` are skipped
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// A JSON file in which every string is a secret
    #[arg(long, value_name = "FILE")]
    secrets: Vec<PathBuf>,
    /// A JSON file in which every value under a key that starts with `#` is a secret
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// An environment variable that holds a secret
    #[arg(long, value_name = "NAME")]
    env: Vec<String>,
    /// The id of a rule to leave out, as `cargo cassette rules` lists it
    #[arg(long, value_name = "ID")]
    without: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints one line for each secret found. Exits with 0 if there is none, 1 if there are any, 2 if a file could not be
/// read.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let redactor = Redactor::new(rules(arguments)?)?;
    let scanned = __support::scan(&arguments.paths, &redactor)?;
    crate::printed(print(&scanned, arguments.json), "what was found")?;
    report(&scanned);
    Ok(match &scanned {
        Scanned { unread, .. } if !unread.is_empty() => ExitCode::from(2),
        Scanned { found, .. } if !found.is_empty() => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    })
}

fn rules(arguments: &Arguments) -> Result<Rules> {
    let settings = crate::config::settings()?;
    let mut rules = settings.rules()?;
    let folder = std::env::current_dir().unwrap_or_default();
    for (name, file, line) in settings.unset().iter().filter(|(name, ..)| !arguments.env.contains(name)) {
        let place = crate::config::place(file, *line, &folder);
        let _ = writeln!(io::stderr(), "not searched for: {name} is not set ({place})");
    }
    for name in &arguments.env {
        // A missing variable is an error. Without it, the scan would not search for this secret, and would report no
        // problem.
        let value = std::env::var(name).map_err(|e| {
            let error = Error::with_source(format!("could not read the environment variable {name}"), e);
            error.hint(format!("set {name} to the secret to look for, or leave out `--env {name}`"))
        })?;
        // The settings may name the secret, too.
        if !rules.names().any(|known| known == name) {
            rules = rules.secret(name.as_str(), value)?;
        }
    }
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|e| Error::with_source(format!("could not read {}", path.display()), e))
    };
    for path in &arguments.secrets {
        rules = rules.secrets_in(&read(path)?).map_err(|e| e.at(path))?;
    }
    for path in &arguments.config {
        rules = rules.secrets_of_config(&read(path)?).map_err(|e| e.at(path))?;
    }
    arguments.without.iter().try_fold(rules, |rules, id| rules.without_rule(id))
}

fn print(scanned: &Scanned, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        let found: Vec<_> = scanned.found.iter().map(object).collect();
        writeln!(out, "{}", serde_json::Value::from(found))?;
    } else {
        for FoundSecret { path, leak, packed, .. } in &scanned.found {
            let packed = if *packed { ", unpacked" } else { "" };
            let (line, column) = (leak.line, leak.column);
            writeln!(out, "{}:{line}:{column} {}, {}{packed}", path.display(), leak.rule(), leak.encoding())?;
        }
    }
    Ok(())
}

/// Reports the files that could not be read, and the totals. A closed stderr is ignored.
fn report(scanned: &Scanned) {
    let mut out = io::stderr().lock();
    for e in &scanned.unread {
        let _ = writeln!(out, "cargo cassette: {e:?}");
    }
    if let Some(sum) = sum(scanned) {
        let _ = writeln!(out, "{sum}");
    }
}

/// The totals in one line. The line of an incomplete scan begins with `incomplete`. Returns `None` if files could not
/// be read and no file was read.
fn sum(scanned: &Scanned) -> Option<String> {
    let count = |n: u64, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let files = count(scanned.files, "file");
    let sum = match scanned.found.len() {
        0 => format!("no secrets in {files}"),
        1 => format!("1 secret in {files}"),
        places => format!("secrets in {places} places, {files}"),
    };
    match scanned.unread.len() as u64 {
        0 => Some(sum),
        _ if scanned.files == 0 => None,
        unread => Some(format!("incomplete: {} could not be read; {sum} that could", count(unread, "path"))),
    }
}

fn object(found: &FoundSecret) -> serde_json::Value {
    let leak = &found.leak;
    serde_json::json!({
        "file": found.path.to_string_lossy(),
        "line": leak.line,
        "column": leak.column,
        "rule": leak.rule(),
        "encoding": leak.encoding(),
        "packed": found.packed,
    })
}
