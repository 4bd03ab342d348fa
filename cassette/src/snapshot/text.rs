//! A manifest as text: one JSON object on each line, with its keys always in the same order, so that a diff is easy to
//! read.

use serde::{Deserialize, Serialize};

use super::manifest::{Entry, Item, Manifest, Table};
use crate::error::{Error, Result};

/// One line of a manifest. The keys of the line are in the order of these fields.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    path: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<String>>,
    /// Present only if there are more columns than names.
    #[serde(skip_serializing_if = "Option::is_none")]
    column_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl Manifest {
    /// The manifest as text: one line with a JSON object for each entry.
    pub(crate) fn to_text(&self) -> String {
        let mut out = String::new();
        for entry in self.entries() {
            // The line holds only strings and integers, which JSON never refuses.
            out.push_str(&serde_json::to_string(&Line::from(entry)).unwrap_or_default());
            out.push('\n');
        }
        out
    }

    /// The reverse of [`to_text`](Manifest::to_text). Blank lines are skipped, and the lines may have any order.
    ///
    /// # Errors
    ///
    /// A line is not an entry, or a path occurs twice; the error has the position.
    pub(crate) fn parse(text: &str) -> Result<Manifest> {
        let mut entries: Vec<(usize, Entry)> = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
            let entry = parse_line(line)
                .map_err(|(column, message)| Error::new(message).at_position(number + 1, column))?;
            entries.push((number + 1, entry));
        }
        entries.sort_by(|(_, a), (_, b)| a.path.cmp(&b.path));
        if let Some(twice) = entries.windows(2).find(|w| w[0].1.path == w[1].1.path) {
            let (number, entry) = &twice[1];
            let message = format!("{:?} occurs twice, first in line {}", entry.path, twice[0].0);
            return Err(Error::new(message).at_position(*number, 1));
        }
        Ok(Manifest::from_entries(entries.into_iter().map(|(_, e)| e).collect()))
    }
}

impl Item {
    /// The name of the item's kind in a manifest: `file`, `csv`, `dir` or `symlink`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Item::File { table: None, .. } => "file",
            Item::File { table: Some(_), .. } => "csv",
            Item::Dir => "dir",
            Item::Symlink { .. } => "symlink",
        }
    }
}

impl From<&Entry> for Line {
    fn from(entry: &Entry) -> Line {
        let mut line =
            Line { path: entry.path.clone(), kind: entry.item.kind().to_owned(), ..Line::default() };
        match &entry.item {
            Item::File { size, sha256, table } => {
                line.size = Some(*size);
                line.sha256 = Some(sha256.clone());
                if let Some(Table { rows, columns, names }) = table {
                    line.rows = Some(*rows);
                    line.columns = Some(names.clone());
                    line.column_count = (*columns != names.len() as u64).then_some(*columns);
                }
            }
            Item::Dir => {}
            Item::Symlink { target } => line.target = Some(target.clone()),
        }
        line
    }
}

fn parse_line(text: &str) -> Result<Entry, (usize, String)> {
    let line: Line = serde_json::from_str(text).map_err(|e| {
        // serde_json appends a line number to its message; here it is always 1.
        let message = e.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        (e.column().max(1), format!("not an entry of a snapshot: {message}"))
    })?;
    let kind = line.kind.clone();
    let path = line.path.clone();
    line.into_item()
        .map(|item| Entry { path, item })
        .map_err(|what| (1, format!("not an entry of a snapshot: {what} (kind {kind:?})")))
}

impl Line {
    fn into_item(self) -> Result<Item, &'static str> {
        if self.path.is_empty() {
            return Err("the path is empty");
        }
        let Line { path: _, kind, size, rows, columns, column_count, target, sha256 } = self;
        match (kind.as_str(), size, rows, columns, column_count, target, sha256) {
            ("file", Some(size), None, None, None, None, Some(sha256)) => {
                Ok(Item::File { size, sha256: hash(sha256)?, table: None })
            }
            ("csv", Some(size), Some(rows), Some(names), count, None, Some(sha256)) => {
                let columns = count.unwrap_or(names.len() as u64);
                let table = Some(Table { rows, columns, names });
                Ok(Item::File { size, sha256: hash(sha256)?, table })
            }
            ("dir", None, None, None, None, None, None) => Ok(Item::Dir),
            ("symlink", None, None, None, None, Some(target), None) => Ok(Item::Symlink { target }),
            ("file", ..) => Err("a file has size and sha256, nothing else"),
            ("csv", ..) => Err("a csv file has size, rows, columns and sha256"),
            ("dir", ..) => Err("a directory has nothing but its path"),
            ("symlink", ..) => Err("a link has a target, nothing else"),
            _ => Err("the kind is none of file, csv, dir, symlink"),
        }
    }
}

fn hash(sha256: String) -> Result<String, &'static str> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if sha256.len() == 64 && sha256.bytes().all(hex) {
        Ok(sha256)
    } else {
        Err("sha256 is not 64 lower-case hex digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn text_and_back() {
        let text = [
            format!(r#"{{"path":"a \"b\"\\\\\n","kind":"file","size":5,"sha256":"{HASH}"}}"#),
            format!(
                r#"{{"path":"b.csv","kind":"csv","size":5,"rows":1,"columns":["id","x"],"sha256":"{HASH}"}}"#
            ),
            format!(
                r#"{{"path":"c.csv","kind":"csv","size":5,"rows":1,"columns":["id"],"column_count":70,"sha256":"{HASH}"}}"#
            ),
            r#"{"path":"d","kind":"dir"}"#.to_owned(),
            r#"{"path":"e","kind":"symlink","target":"../x"}"#.to_owned(),
            String::new(),
        ]
        .join("\n");
        let manifest = Manifest::parse(&text).unwrap();
        assert_eq!(manifest.entries().len(), 5);
        assert_eq!(manifest.to_text(), text);
        // First the text has the line ends that git on Windows checks out. Then its lines have another order.
        assert_eq!(Manifest::parse(&text.replace('\n', "\r\n")).unwrap(), manifest);
        let backwards: Vec<&str> = text.lines().rev().collect();
        assert_eq!(Manifest::parse(&backwards.join("\n\n")).unwrap(), manifest);
        assert_eq!(Manifest::parse("").unwrap(), Manifest::default());
    }

    #[track_caller]
    fn check_refused(line: &str, position: (usize, usize), expected: &str) {
        let text = format!("{{\"path\":\"0\",\"kind\":\"dir\"}}\n{}\n", line.replace("HASH", HASH));
        let error = Manifest::parse(&text).unwrap_err();
        assert_eq!(error.position(), Some(position), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn errors_say_where() {
        check_refused("nonsense", (2, 2), "expected");
        check_refused(r#"{"path":"a","kind":"dir""#, (2, 24), "EOF");
        check_refused(r#"{"path":"a"}"#, (2, 12), "missing field `kind`");
        check_refused(r#"{"path":"a","kind":"dir","sise":1}"#, (2, 31), "unknown field `sise`");
        check_refused(r#"{"path":"a","kind":"door"}"#, (2, 1), "file, csv, dir, symlink");
        check_refused(r#"{"path":"","kind":"dir"}"#, (2, 1), "empty");
        check_refused(r#"{"path":"a","kind":"dir","size":1}"#, (2, 1), "nothing but its path");
        check_refused(r#"{"path":"a","kind":"file","size":1}"#, (2, 1), "size and sha256");
        check_refused(r#"{"path":"a","kind":"file","size":-1,"sha256":"HASH"}"#, (2, 35), "invalid value");
        check_refused(r#"{"path":"a","kind":"file","size":1,"sha256":"abc"}"#, (2, 1), "64 lower-case");
        check_refused(r#"{"path":"a","kind":"csv","size":1,"sha256":"HASH"}"#, (2, 1), "rows, columns");
        check_refused(r#"{"path":"0","kind":"dir"}"#, (2, 1), "twice, first in line 1");
    }
}
