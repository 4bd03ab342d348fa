//! `cargo cassette scan`: secrets in what a repository holds.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use cassette::redact::{Redactor, Rules};
use cassette::scan::{Found, Scanned};
use cassette::{Error, Result};

/// What to look for, and where.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Files and folders; `target`, `node_modules` and `.git` are passed over
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// A JSON file of which every string is a secret
    #[arg(long, value_name = "FILE")]
    secrets: Vec<PathBuf>,
    /// A JSON file of which what stands under keys with `#` is secret
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// An environment variable that holds a secret
    #[arg(long, value_name = "NAME")]
    env: Vec<String>,
    /// A rule that is not to count, by its id
    #[arg(long, value_name = "ID")]
    without: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Prints a line a place. Exit code 0: nothing found; 1: something; 2: not everything could be read.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let redactor = Redactor::new(rules(arguments)?)?;
    let scanned = cassette::scan::scan(&arguments.paths, &redactor)?;
    crate::printed(print(&scanned, arguments.json), "what was found")?;
    tell(&scanned);
    Ok(match &scanned {
        Scanned { unread, .. } if !unread.is_empty() => ExitCode::from(2),
        Scanned { found, .. } if !found.is_empty() => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    })
}

fn rules(arguments: &Arguments) -> Result<Rules> {
    let mut rules = Rules::default();
    for name in &arguments.env {
        // A scan for a secret that isn't there would pass.
        let value = std::env::var(name)
            .map_err(|e| Error::with_source(format!("the environment variable {name}"), e))?;
        rules = rules.secret(name.as_str(), value)?;
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
        for Found { path, leak, packed, .. } in &scanned.found {
            let packed = if *packed { ", unpacked" } else { "" };
            let (line, column) = (leak.line, leak.column);
            writeln!(out, "{}:{line}:{column} {}, {}{packed}", path.display(), leak.rule(), leak.encoding())?;
        }
    }
    Ok(())
}

/// What could not be read, and the sum. Whoever closed stderr does not want to hear it.
fn tell(scanned: &Scanned) {
    let mut told = io::stderr().lock();
    for e in &scanned.unread {
        let _ = writeln!(told, "cargo cassette: {e:?}");
    }
    if let Some(sum) = sum(scanned) {
        let _ = writeln!(told, "{sum}");
    }
}

/// What is not whole does not read as if all were well; of nothing there is no sum.
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

fn object(found: &Found) -> serde_json::Value {
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
