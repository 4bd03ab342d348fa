//! `cargo cassette`: looks at, and after, recorded cassettes. Each verb is a call into the library and the
//! printing of what came of it.

mod list;

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Look at recorded cassettes.
#[derive(Parser)]
#[command(name = "cargo-cassette", bin_name = "cargo cassette", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List the cassettes below a directory.
    ///
    /// Exits with 1 if one of them cannot be read.
    List {
        /// A directory, or a cassette.
        #[arg(default_value = ".")]
        path: PathBuf,
    },
}

fn main() -> ExitCode {
    let Verb::List { path } = Arguments::parse_from(arguments()).verb;
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let printed = match cassette::tape::list(&path) {
        Ok(found) => list::print(&mut out, &mut err, &path, &found).and_then(|all| out.flush().map(|()| all)),
        Err(e) => writeln!(err, "error: {e:?}").map(|()| false),
    };
    match printed {
        Ok(true) => ExitCode::SUCCESS,
        // As in `cargo cassette list | head -1`: the reader has seen enough.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// `cargo cassette list` runs `cargo-cassette cassette list`.
fn arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os().enumerate().filter(|(i, a)| *i != 1 || a != "cassette").map(|(_, a)| a)
}
