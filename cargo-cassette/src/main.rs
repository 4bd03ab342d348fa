//! `cargo cassette`: inspects cassettes and finishes recordings. Every subcommand is a thin call into the library.

mod config;
mod recover;
mod rules;
mod scan;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use cassette::__support::{self, Listed};
use clap::{Parser, Subcommand};

/// Inspect cassettes, scan for secrets, finish interrupted recordings.
#[derive(Parser)]
#[command(name = "cargo cassette", bin_name = "cargo cassette", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Print the settings of the package in the current folder: those of its `cassette.toml` and of the workspace's, and
    /// the defaults, each with the file and the line that set it
    Config {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the cassettes below a folder with their interactions, bytes on disk and time of recording. Exits with 1 if a
    /// cassette is malformed, with 2 if the folder could not be read
    List {
        /// The folder to search
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// Finish a recording that a killed process left behind: the interactions in its journal become the cassette
    Recover(recover::Arguments),
    /// List the default redaction rules with their id, kind, target and reason, and the headers that matching compares by
    /// default. Says which rules the package's settings switch off
    Rules {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Scan files for secrets: the named secrets in every encoding, and tokens that match the pattern of a known issuer.
    /// The settings of the package in the current folder name secrets and switch off rules, in addition to the options.
    /// Exits with 1 if a secret is found, with 2 if a file could not be read
    Scan(scan::Arguments),
}

fn main() -> ExitCode {
    // Cargo passes the name of the subcommand as the first argument.
    let mut arguments: Vec<_> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|a| a == "cassette") {
        arguments.remove(1);
    }
    let done = match Arguments::parse_from(arguments).verb {
        Verb::List { path } => {
            let listed = list(&path).map(|whole| if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE });
            return listed.unwrap_or_else(|e| report(&e, 2));
        }
        Verb::Config { json } => config::run(json).map(|()| ExitCode::SUCCESS),
        Verb::Recover(arguments) => recover::run(&arguments),
        Verb::Rules { json } => config::settings().and_then(|settings| {
            printed(rules::print(&settings, json), "the list")?;
            Ok(ExitCode::SUCCESS)
        }),
        Verb::Scan(arguments) => return scan::run(&arguments).unwrap_or_else(|e| report(&e, 2)),
    };
    done.unwrap_or_else(|e| report(&e, 1))
}

fn report(e: &cassette::Error, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "cargo cassette: {e:?}");
    ExitCode::from(code)
}

/// Prints the list of cassettes. Returns false if a cassette could not be read; the other cassettes are listed anyway.
fn list(path: &std::path::Path) -> cassette::Result<bool> {
    let (mut rows, mut whole) = (Vec::new(), true);
    for found in __support::list(path)? {
        match found {
            Ok(cassette) => rows.push(row(&cassette)),
            Err(e) => {
                whole = false;
                let _ = writeln!(io::stderr(), "{e:?}");
            }
        }
    }
    printed(print(path, &rows), "the list")?;
    Ok(whole)
}

fn print(path: &std::path::Path, rows: &[[String; 5]]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if rows.is_empty() {
        return writeln!(out, "no cassettes below {}", path.display());
    }
    let heads = ["cassette", "interactions", "bytes", "recorded at", "frozen at"].map(str::to_owned);
    let width = |i: usize| rows.iter().chain([&heads]).map(|r| r[i].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    for row in [&heads].into_iter().chain(rows) {
        let [name, interactions, bytes, recorded, frozen] = row;
        let [a, b, c, d, _] = widths;
        let line = format!("{name:<a$}  {interactions:>b$}  {bytes:>c$}  {recorded:<d$}  {frozen}");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Turns an I/O error of printing into the error of the command. `what` is the thing that was printed. A closed pipe is
/// not an error, because a reader such as `head` closes the pipe when it has read enough.
fn printed(done: io::Result<()>, what: &str) -> cassette::Result<()> {
    match done {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(cassette::Error::with_source(format!("could not print {what}"), e))
        }
        _ => Ok(()),
    }
}

fn row(cassette: &Listed) -> [String; 5] {
    // Seconds are enough for a list.
    let second = |t: &Option<String>| match t {
        Some(t) => t.split_once('.').map_or(t.clone(), |(whole, _)| format!("{whole}Z")),
        None => "-".to_owned(),
    };
    [
        cassette.path.display().to_string(),
        cassette.interactions.to_string(),
        cassette.bytes.to_string(),
        second(&cassette.metadata.recorded_at),
        second(&cassette.metadata.freeze_time),
    ]
}
