//! The failure of a session as a text: for who runs the test, and for machines.
//!
//! Must not know: what failed.

use crate::mode::Environment;
use crate::report::{self, Note, Palette, machine};

/// Why a session failed: the whole text a user reads. Both `Display` and `Debug` give it, without colours.
#[derive(Clone)]
pub struct Failure {
    text: String,
    /// For a terminal, if there is one.
    colored: Option<String>,
}

impl Failure {
    pub(super) fn plain(text: String) -> Failure {
        Failure { text, colored: None }
    }

    /// For the eyes of whoever runs the test.
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

/// The text of a failure, which is told to machines as well if they want to hear it.
pub(super) fn failed(mut failure: report::FailureReport, redact: impl Fn(&str) -> String) -> Failure {
    if let Some(file) = Environment::report_file()
        && let Err(e) = machine::append(&file, &failure.line(&redact))
    {
        failure.notes.push(Note::ReportUnwritten { file, reason: e.to_string() });
    }
    worded(&failure, redact)
}

/// Colours for what goes to a person, as the environment says.
pub(super) fn palette() -> Palette {
    Palette::choose(Environment::is_terminal(), |name| Environment::variable(name).ok())
}

pub(super) fn worded(failure: &report::FailureReport, redact: impl Fn(&str) -> String) -> Failure {
    // If there are no problems the test panicked, which has told why.
    let render = |palette: &Palette| match failure.problems.is_empty() {
        true => report::notes(&failure.notes, palette),
        false => failure.render(palette),
    };
    let plain = render(&Palette::plain());
    let text = redact(&plain);
    // Secrets are searched for in the words of a text, to which colours would stick.
    let palette = palette();
    let colored = (text == plain && palette != Palette::plain()).then(|| render(&palette));
    Failure { text, colored }
}
