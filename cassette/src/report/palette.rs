//! The colours of a report. Each role that a text can have in the report has a style.
//!
//! Must not know: which texts are written.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// The style of each role. The default palette has no colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Palette {
    /// The first word of a failure.
    pub(crate) error: Style,
    /// The first word of a note.
    pub(crate) note: Style,
    /// The first word of the last part of a report, which has the command.
    pub(crate) hint: Style,
    /// A value of this run.
    pub(crate) added: Style,
    /// A recorded value.
    pub(crate) removed: Style,
    /// Less important text: arrows, counts.
    pub(crate) dim: Style,
    /// Text to read first, and text to copy.
    pub(crate) emphasis: Style,
}

impl Palette {
    /// No colours.
    pub(crate) const fn plain() -> Self {
        let plain = Style::new();
        Palette {
            error: plain,
            note: plain,
            hint: plain,
            added: plain,
            removed: plain,
            dim: plain,
            emphasis: plain,
        }
    }

    /// Uses only the sixteen colours that every terminal has, in the shades that the user has set.
    pub(crate) const fn colored() -> Self {
        Palette {
            error: AnsiColor::Red.on_default().bold(),
            note: AnsiColor::Blue.on_default().bold(),
            hint: AnsiColor::Cyan.on_default().bold(),
            added: AnsiColor::Green.on_default(),
            removed: AnsiColor::Red.on_default(),
            dim: Style::new().dimmed(),
            emphasis: Style::new().bold(),
        }
    }

    /// Returns the palette with colours if `terminal` is true, unless an environment variable decides otherwise.
    /// `variable` returns the value of a variable. The first line of this table that applies decides. An empty variable
    /// counts as unset.
    ///
    /// | variable | decides |
    /// |---|---|
    /// | `NO_COLOR` (<https://no-color.org>) | no colours |
    /// | `CLICOLOR_FORCE` (<https://bixense.com/clicolors>), `FORCE_COLOR` (<https://force-color.org>) | colours; with `0` or `false`, none |
    /// | `CARGO_TERM_COLOR`, as cargo reads it | `always` or `never` |
    /// | `CLICOLOR=0`, `TERM=dumb` | no colours |
    pub(crate) fn choose(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let forced = || {
            let value = set("CLICOLOR_FORCE").or_else(|| set("FORCE_COLOR"))?;
            Some(!matches!(&*value, "0" | "false"))
        };
        let cargo = || match &*set("CARGO_TERM_COLOR")? {
            "always" => Some(true),
            "never" => Some(false),
            _ => None,
        };
        let unfit = || {
            let refused = set("CLICOLOR").is_some_and(|value| value == "0");
            (refused || set("TERM").is_some_and(|value| value == "dumb")).then_some(false)
        };
        let refused = set("NO_COLOR").map(|_| false);
        let colored = refused.or_else(forced).or_else(cargo).or_else(unfit).unwrap_or(terminal);
        if colored { Palette::colored() } else { Palette::plain() }
    }
}

/// Returns `text` in this style.
pub(super) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(terminal: bool, variables: &[(&str, &str)], colored: bool) {
        let value = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let expected = if colored { Palette::colored() } else { Palette::plain() };
        assert_eq!(Palette::choose(terminal, value), expected, "{terminal}, {variables:?}");
    }

    #[test]
    fn what_decides_on_colors() {
        check(true, &[], true);
        check(false, &[], false);
        check(true, &[("NO_COLOR", "1")], false);
        check(true, &[("NO_COLOR", "0")], false); // Any value of `NO_COLOR` turns colours off.
        check(true, &[("NO_COLOR", "")], true);
        check(true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1"), ("CARGO_TERM_COLOR", "always")], false);
        for name in ["CLICOLOR_FORCE", "FORCE_COLOR"] {
            check(false, &[(name, "1")], true);
            check(false, &[(name, "1"), ("TERM", "dumb"), ("CARGO_TERM_COLOR", "never")], true);
            check(true, &[(name, "0")], false);
            check(true, &[(name, "")], true);
        }
        check(false, &[("CARGO_TERM_COLOR", "always")], true);
        check(false, &[("CARGO_TERM_COLOR", "always"), ("TERM", "dumb")], true);
        check(true, &[("CARGO_TERM_COLOR", "never")], false);
        check(true, &[("CARGO_TERM_COLOR", "auto")], true);
        check(true, &[("TERM", "dumb")], false);
        check(true, &[("CLICOLOR", "0")], false);
        check(false, &[("CLICOLOR", "1")], false);
        check(true, &[("TERM", "xterm")], true);
    }

    #[test]
    fn painting() {
        assert_eq!(paint(Palette::plain().error, "x"), "x");
        assert_eq!(paint(Palette::colored().added, "x"), "\u{1b}[32mx\u{1b}[0m");
    }

    #[test]
    fn a_variable_beats_the_terminal() {
        let refused = |name: &str| (name == "NO_COLOR").then(|| "1".to_owned());
        assert_eq!(Palette::choose(true, refused), Palette::plain());
        assert_eq!(Palette::choose(true, |_| None), Palette::colored());
        assert_eq!(Palette::choose(false, |_| None), Palette::default());
    }
}
