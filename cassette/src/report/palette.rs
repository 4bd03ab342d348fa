//! Colours by role: what a text means, never how it looks where it is written.

use std::ffi::OsStr;
use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// How each role looks. Plain by default, as a panic's message is captured and shown anywhere.
///
/// ```
/// use cassette::report::Palette;
///
/// assert_eq!(Palette::choose(true, None), Palette::colored());
/// assert_eq!(Palette::choose(true, Some("1".as_ref())), Palette::plain());
/// assert_eq!(Palette::choose(false, None), Palette::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    /// The word that opens a failure.
    pub error: Style,
    /// The word that opens a remark.
    pub note: Style,
    /// The word that opens the way out.
    pub hint: Style,
    /// What this run has.
    pub added: Style,
    /// What was recorded.
    pub removed: Style,
    /// What leads the eye elsewhere: arrows, counts.
    pub dim: Style,
    /// What to read first, and what to copy.
    pub emphasis: Style,
}

impl Palette {
    /// No colours.
    pub const fn plain() -> Self {
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

    /// The sixteen colours that every terminal has, as its user set them.
    pub const fn colored() -> Self {
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

    /// Colours for a terminal, unless `NO_COLOR` is set and not empty (<https://no-color.org>).
    pub fn choose(terminal: bool, no_color: Option<&OsStr>) -> Self {
        let refused = no_color.is_some_and(|value| !value.is_empty());
        if terminal && !refused { Palette::colored() } else { Palette::plain() }
    }
}

/// `text` in a style of the palette.
pub(super) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_counts_only_if_not_empty() {
        assert_eq!(Palette::choose(true, Some("".as_ref())), Palette::colored());
        assert_eq!(Palette::choose(false, Some("".as_ref())), Palette::plain());
    }

    #[test]
    fn painting() {
        assert_eq!(paint(Palette::plain().error, "x"), "x");
        assert_eq!(paint(Palette::colored().added, "x"), "\u{1b}[32mx\u{1b}[0m");
    }
}
