//! Differences between the output of a test and its snapshot.
//!
//! Must not know: how differences are found.

use std::path::PathBuf;

use super::TestSite;
use super::page::{Help, Page};
use super::palette::paint;
use super::setup;
use super::text::{clean, count, short_pair};

/// The output differs from the snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutputChange {
    /// The snapshot.
    pub(crate) snapshot: PathBuf,
    /// Files that are in the snapshot and in the output, but differ.
    pub(crate) changed: Vec<ChangedFile>,
    /// Files that are in the snapshot only.
    pub(crate) missing: Vec<String>,
    /// Files that are in the output only.
    pub(crate) unexpected: Vec<String>,
    /// The folder with the files of this run.
    pub(crate) kept_in: PathBuf,
    /// The command that shows the new output next to the old one, if there is one.
    pub(crate) review_command: Option<String>,
}

/// A file that changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChangedFile {
    /// The relative path, with forward slashes.
    pub(crate) path: String,
    /// The properties that changed.
    pub(crate) fields: Vec<FieldChange>,
    /// A unified diff of the file's text, if the old and the new text are available.
    pub(crate) diff: Option<String>,
    /// The SHA-256 of the file in this run, as hexadecimal digits. Empty for an item that is not a file. The report
    /// does not show this field.
    pub(crate) sha256: String,
}

/// A property of a file that changed: `rows` from `24` to `25`.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldChange {
    /// The name of the property, such as `kind`, `sha256`, `size`, `rows`, `columns` or `target`.
    pub(crate) what: String,
    /// The value in the snapshot.
    pub(crate) before: String,
    /// The value in this run.
    pub(crate) after: String,
}

/// Output without a snapshot.
#[derive(Clone, Debug)]
pub(crate) struct MissingSnapshot {
    /// The file that does not exist.
    pub(crate) snapshot: PathBuf,
    /// The number of files that the test wrote.
    pub(crate) files: usize,
    /// The folder with these files.
    pub(crate) kept_in: PathBuf,
    /// The command that shows the output, if there is one.
    pub(crate) review_command: Option<String>,
}

/// How many files a report shows in each of its three lists.
const SHOWN: usize = 20;

impl OutputChange {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        page.error("the output of this test differs from its snapshot");
        page.fact("snapshot", setup::path(&self.snapshot));
        page.fact("this run's files", setup::path(&self.kept_in));
        if !self.changed.is_empty() {
            page.gap();
            let (removed, added) = (page.palette.removed, page.palette.added);
            let signs = format!("({}, {})", paint(removed, "- snapshot"), paint(added, "+ this run"));
            page.line(2, format_args!("changed {signs}"));
        }
        for file in self.changed.iter().take(SHOWN) {
            file.write(page);
        }
        page.more(4, self.changed.len(), SHOWN, "");
        list(page, "missing: in the snapshot, but not written", &self.missing);
        list(page, "unexpected: written, but not in the snapshot", &self.unexpected);
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        accept(self.review_command.as_ref(), site)
    }
}

impl ChangedFile {
    fn write(&self, page: &mut Page<'_>) {
        page.line(4, paint(page.palette.emphasis, clean(&self.path)));
        for field in &self.fields {
            // The beginning of a hash is enough to see that two hashes differ.
            let hash = |text: &str| text.get(..12).map_or(text.to_owned(), |start| format!("{start}…"));
            let (before, after) = match field.what.as_str() {
                "sha256" => (hash(&field.before), hash(&field.after)),
                _ => short_pair(&field.before, &field.after),
            };
            page.change(6, clean(&field.what), &[before], &[after]);
        }
        if let Some(diff) = &self.diff {
            page.quote(6, diff);
        }
    }
}

impl MissingSnapshot {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        page.error("the output of this test has no snapshot");
        page.fact("snapshot", format_args!("{} does not exist", setup::path(&self.snapshot)));
        page.fact(
            "this run's files",
            format_args!("{} in {}", count(self.files, "file"), setup::path(&self.kept_in)),
        );
    }

    pub(super) fn help(&self, site: &TestSite) -> Help {
        accept(self.review_command.as_ref(), site)
    }
}

/// The suggestion to replace the snapshot. The command needs neither the network nor another tool.
fn accept(review: Option<&String>, site: &TestSite) -> Help {
    let first = review.map_or(String::new(), |command| format!(" (`{command}` shows it first)"));
    let why = format!("if the new output is right, take it into the snapshot{first}");
    Help { why, command: site.mode_command("accept") }
}

fn list(page: &mut Page<'_>, title: &str, paths: &[String]) {
    if paths.is_empty() {
        return;
    }
    page.gap();
    page.line(2, title);
    for path in paths.iter().take(SHOWN) {
        page.line(4, paint(page.palette.emphasis, clean(path)));
    }
    page.more(4, paths.len(), SHOWN, "");
}
