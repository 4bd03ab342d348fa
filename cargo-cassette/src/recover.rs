//! `cargo cassette recover`: a cassette of a recording that was never finished.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use cassette::Result;
use cassette::tape::{self, Files};

/// Which recording.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The journal: a file whose name ends in `.recording`, such as `tests/cassettes/weather.json.1.recording`
    journal: PathBuf,
}

/// Turns the journal into the cassette whose name it has, and says what was found and what to look at.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let files = Files::of_journal(&arguments.journal)?;
    let document = files.document();
    let installed = tape::recover(&files)?;
    let mut what = document.display().to_string();
    if files.bodies().is_dir() {
        what = format!("{what} {}", files.bodies().display());
    }
    let mut out = io::stdout().lock();
    let said = writeln!(
        out,
        "{}: {} interaction{}, {} bytes\n\nIts secrets were redacted while it was recorded, and not looked for since: a \
         token that nobody named may be where nothing told yet that it is one. Before it is committed, look through it, and:\n  \
         cargo cassette scan {what} --env NAME_OF_A_SECRET",
        document.display(),
        installed.interactions,
        if installed.interactions == 1 { "" } else { "s" },
        installed.bytes,
    );
    crate::printed(said, "what was recovered")?;
    for path in installed.not_removed {
        let _ = writeln!(io::stderr(), "could not remove {}: it is of no more use", path.display());
    }
    Ok(ExitCode::SUCCESS)
}
