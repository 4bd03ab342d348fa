//! Files that a test wrote, against the snapshot of them.

use std::path::PathBuf;

use super::TestSite;
use super::page::{Help, Page};
use super::palette::paint;
use super::setup;
use super::text::{clean, count, short_pair};

/// The output is not what the snapshot says.
#[derive(Clone, Debug, Default)]
pub struct OutputChange {
    /// The snapshot.
    pub snapshot: PathBuf,
    /// In both, but not the same.
    pub changed: Vec<ChangedFile>,
    /// In the snapshot only.
    pub missing: Vec<String>,
    /// In the output only.
    pub unexpected: Vec<String>,
    /// Where this run's files are.
    pub kept_in: PathBuf,
    /// What shows the new output beside the old one, where there is a tool for that.
    pub review_command: Option<String>,
}

/// A file that changed.
#[derive(Clone, Debug, Default)]
pub struct ChangedFile {
    /// Relative, with forward slashes.
    pub path: String,
    /// What about it.
    pub fields: Vec<FieldChange>,
    /// A unified diff of its text, where both texts are at hand.
    pub diff: Option<String>,
}

/// One thing about a file that changed: `rows` from `24` to `25`.
#[derive(Clone, Debug, Default)]
pub struct FieldChange {
    /// `kind`, `sha256`, `size`, `rows`, `columns`.
    pub what: String,
    /// In the snapshot.
    pub before: String,
    /// In this run.
    pub after: String,
}

/// There is output, but no snapshot of it.
#[derive(Clone, Debug)]
pub struct MissingSnapshot {
    /// Where it would be.
    pub snapshot: PathBuf,
    /// How many files the test wrote.
    pub files: usize,
    /// Where they are.
    pub kept_in: PathBuf,
    /// What shows the output, where there is a tool for that.
    pub review_command: Option<String>,
}

/// Files that are shown of a kind.
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
            // The beginning of a hash tells it from another as well as the whole.
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

/// This needs neither the network nor a tool.
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
