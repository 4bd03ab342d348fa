//! The failure of a session as a text for people. Also appends the failure to the machine-readable report.
//!
//! Must not know: what failed.

use crate::mode::Environment;
use crate::report::{self, Note, Palette, machine};

/// The whole report on a failed session, as a user reads it. `Display` and `Debug` print it without colours.
#[derive(Clone)]
pub struct Failure {
    text: String,
    /// The same text in colours. Set if the output is a terminal, and if redaction replaced nothing in the text.
    colored: Option<String>,
}

impl Failure {
    pub(super) fn plain(text: String) -> Failure {
        Failure { text, colored: None }
    }

    /// The text to print: in colours if the output is a terminal.
    pub(super) fn shown(&self) -> &str {
        self.colored.as_deref().unwrap_or(&self.text)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

/// Makes the text of a failure. If `CASSETTE_REPORT` names a file, also appends the failure to it.
pub(super) fn failed(mut failure: report::FailureReport, redact: impl Fn(&str) -> String) -> Failure {
    if let Some(file) = Environment::report_file()
        && let Err(e) = machine::append(&file, &failure.line(&redact))
    {
        failure.notes.push(Note::ReportUnwritten { file, reason: e.to_string() });
    }
    render(&failure, redact)
}

/// The colours for the output, which depend on the terminal and on the environment variables.
pub(super) fn palette() -> Palette {
    Palette::choose(Environment::is_terminal(), |name| Environment::variable(name).ok())
}

pub(super) fn render(failure: &report::FailureReport, redact: impl Fn(&str) -> String) -> Failure {
    // If there are no problems, the session failed because the body panicked. The panic has printed its message, so the
    // text is only the notes.
    let text_in = |palette: &Palette| match failure.problems.is_empty() {
        true => report::notes(&failure.notes, palette),
        false => failure.render(palette),
    };
    let plain = text_in(&Palette::plain());
    let text = redact(&plain);
    // Redaction searches the plain text, because the escape sequences of colours would split values.
    let palette = palette();
    let colored = (text == plain && palette != Palette::plain()).then(|| text_in(&palette));
    Failure { text, colored }
}
