//! `cargo cassette recover`: turns an unfinished recording into a cassette.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use cassette::__support::{self, Files};
use cassette::Result;

/// The recording to finish.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The journal of the recording: a file such as `tests/cassettes/weather.json.1.recording`
    journal: PathBuf,
}

/// Turns the journal into the cassette of the same name. Prints the size of the cassette, and how to check it for
/// secrets.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let files = Files::of_journal(&arguments.journal)?;
    let document = files.document();
    let installed = __support::recover(&files)?;
    let mut what = document.display().to_string();
    if files.bodies().is_dir() {
        what = format!("{what} {}", files.bodies().display());
    }
    let mut out = io::stdout().lock();
    let said = writeln!(
        out,
        "{}: {} interaction{}, {} bytes\n\nSecrets were redacted during recording, but the final leak check has not run. \
         Unnamed tokens that appeared before cassette could recognise them may still be in the file. Review the cassette \
         before you commit it, and scan it once for each secret:\n  \
         cargo cassette scan {what} --env NAME_OF_A_SECRET",
        document.display(),
        installed.interactions,
        if installed.interactions == 1 { "" } else { "s" },
        installed.bytes,
    );
    crate::printed(said, "what was recovered")?;
    for path in installed.not_removed {
        let _ = writeln!(
            io::stderr(),
            "could not remove {}, which is no longer needed: delete it",
            path.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}
