//! The layout of all reports: headlines, lines with a name and a value, indented lines, and the command at the end.
//!
//! Must not know: the problem that a report is about.

use std::fmt::Display;

use super::TestSite;
use super::palette::{Palette, paint};
use super::text::{self, clean};

/// A text that is written line by line.
pub(super) struct Page<'p> {
    pub(super) palette: &'p Palette,
    text: String,
    /// The test whose location is written below the first headline. `None` after that, so that it is written once.
    site: Option<&'p TestSite>,
}

/// The end of a report: a command to copy, and what it is for.
pub(super) struct Help {
    pub(super) why: String,
    pub(super) command: String,
}

impl<'p> Page<'p> {
    pub(super) fn new(palette: &'p Palette, site: Option<&'p TestSite>) -> Self {
        Page { palette, text: String::new(), site }
    }

    /// Writes the headline of a failure, and the location of the test.
    pub(super) fn error(&mut self, headline: impl Display) {
        self.headline(paint(self.palette.error, "error"), headline);
        if let Some(site) = self.site.take().filter(|site| !site.file.is_empty()) {
            let place = format!("{}:{}", clean(&site.file), site.line);
            self.place(place, format_args!(", test {}", clean(&site.test)));
        }
    }

    /// Writes the headline of a failure that is in a file, then the place in the file, then the location of the test.
    pub(super) fn error_in_file(&mut self, headline: impl Display, place: impl Display) {
        let site = self.site.take();
        self.error(headline);
        self.place(place, "");
        if let Some(site) = site.filter(|site| !site.file.is_empty()) {
            self.fact("test", format_args!("{} at {}:{}", clean(&site.test), clean(&site.file), site.line));
        }
    }

    /// Writes the headline of a note.
    pub(super) fn note(&mut self, headline: impl Display) {
        self.headline(paint(self.palette.note, "note"), headline);
    }

    /// Writes the headline of the summary of a process.
    pub(super) fn summary(&mut self, headline: impl Display) {
        self.headline(paint(self.palette.note, "summary"), headline);
    }

    /// Writes the line `   = name: value`.
    pub(super) fn fact(&mut self, name: &str, value: impl Display) {
        let sign = paint(self.palette.dim, "=");
        self.line(3, format_args!("{sign} {name}: {value}"));
    }

    pub(super) fn line(&mut self, indent: usize, text: impl Display) {
        let line = format!("{:indent$}{text}", "");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Writes a line with the number of items that are not shown, if there are any.
    pub(super) fn more(&mut self, indent: usize, all: usize, shown: usize, noun: &str) {
        if let Some(more) = text::more(all, shown, noun) {
            self.line(indent, paint(self.palette.dim, more));
        }
    }

    /// The length of the text so far, in bytes.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether the text contains `what` after its first `from` bytes.
    pub(super) fn holds(&self, what: &str, from: usize) -> bool {
        self.text.get(from..).is_some_and(|text| text.contains(what))
    }

    /// Writes an empty line, unless the text is empty or ends with an empty line already.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Writes the values before and after a change, below a title.
    pub(super) fn change(&mut self, indent: usize, title: impl Display, before: &[String], after: &[String]) {
        self.line(indent, title);
        let (removed, added) = (self.palette.removed, self.palette.added);
        for value in before {
            self.line(indent + 2, paint(removed, format_args!("- {value}")));
        }
        for value in after {
            self.line(indent + 2, paint(added, format_args!("+ {value}")));
        }
    }

    /// Writes the first lines of a text that does not come from cassette, such as an error of the code under test.
    pub(super) fn quote(&mut self, indent: usize, text: &str) {
        const LINES: usize = 40;
        let mut lines = text.trim_end().lines();
        for line in lines.by_ref().take(LINES) {
            // The text keeps its tabs as spaces, but not its colours.
            self.line(indent, text::short(line, 4 * text::VALUE).replace("\\t", "    "));
        }
        let left = lines.count();
        if left > 0 {
            self.line(
                indent,
                paint(self.palette.dim, format_args!("… and {}", text::count(left, "more line"))),
            );
        }
    }

    /// Writes the command at the end of a report.
    pub(super) fn help(&mut self, help: &Help) {
        let end = if help.why.ends_with('?') { "" } else { ":" };
        self.headline(paint(self.palette.hint, "help"), format_args!("{}{end}", help.why));
        self.line(4, paint(self.palette.emphasis, clean(&help.command)));
    }

    /// Returns the text without a line break at the end. Messages of panics and errors have none either.
    pub(super) fn finish(self) -> String {
        self.text.trim_end().to_owned()
    }

    fn headline(&mut self, word: String, headline: impl Display) {
        self.gap();
        self.line(0, format_args!("{word}: {headline}"));
    }

    fn place(&mut self, place: impl Display, after: impl Display) {
        let arrow = paint(self.palette.dim, "-->");
        self.line(2, format_args!("{arrow} {place}{after}"));
    }
}
