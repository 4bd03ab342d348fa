//! What the test wrote is not what the snapshot has.

use std::fmt::Write as _;
use std::path::Path;

use super::words::{bytes, count, more, shortened};
use super::SHOWN;
use crate::snapshot::{Change, Entry, SnapshotDiff};

pub(super) fn changed(file: &Path, diff: &SnapshotDiff) -> String {
    let mut text = format!("what the test wrote differs from the snapshot {}", file.display());
    section(&mut text, "changed", &diff.changed, change);
    section(&mut text, "missing", &diff.missing, entry);
    section(&mut text, "not in the snapshot", &diff.unexpected, entry);
    text
}

fn section<T>(text: &mut String, title: &str, items: &[T], line: impl Fn(&T) -> String) {
    if items.is_empty() {
        return;
    }
    let _ = write!(text, "\n\n  {title}: {}", count(items.len(), "file"));
    for item in items.iter().take(SHOWN) {
        let _ = write!(text, "\n    {}", line(item));
    }
    text.push_str(&more(items.len()).replace("\n  ", "\n    "));
}

fn change(change: &Change) -> String {
    let facts: Vec<String> = change
        .facts()
        .into_iter()
        .map(|(fact, before, now)| match fact {
            // The digits say nothing to a reader; that they differ does.
            "sha256" => format!("content differs, {} as before", size(&change.after)),
            _ => format!("{fact} {} → {}", shortened(&before), shortened(&now)),
        })
        .collect();
    format!("{}: {}", shortened(&change.after.path), facts.join(", "))
}

fn entry(entry: &Entry) -> String {
    let rows = entry.rows.map(|n| format!(", {}", count(usize::try_from(n).unwrap_or(usize::MAX), "row")));
    let what = match entry.size {
        Some(_) => size(entry),
        None => format!("{:?}", entry.kind).to_lowercase(),
    };
    format!("{}: {what}{}", shortened(&entry.path), rows.unwrap_or_default())
}

fn size(entry: &Entry) -> String {
    bytes(entry.size.unwrap_or(0))
}
