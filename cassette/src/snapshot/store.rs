//! The snapshot of a test as a file in the format of insta's `.snap` files, so that `cargo insta review` shows and
//! accepts it. The format is written by hand, because insta is not among our dependencies.
//!
//! A file is a YAML header between two lines of `---`, followed by the manifest
//! (<https://insta.rs/docs/snapshot-files/>). Reading skips the header.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use crate::error::{Error, Result};
use crate::file_replacement;

/// The header of a snapshot, for its reviewers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// The source file of the test, relative to the workspace.
    pub(crate) source: Option<String>,
}

/// The path of the pending snapshot that `cargo insta review` shows: `<path>.new`.
pub(super) fn pending_path(path: &Path) -> PathBuf {
    let mut pending = OsString::from(path);
    pending.push(".new");
    pending.into()
}

/// Reads a snapshot. `None` if the file does not exist.
///
/// # Errors
///
/// The file cannot be read, or is not a snapshot. If the text is no snapshot, the error has line and column.
pub(crate) fn load(path: &Path) -> Result<Option<Manifest>> {
    let text = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("read the snapshot", path, e)),
    };
    let text =
        String::from_utf8(text).map_err(|e| Error::with_source("not a snapshot: not UTF-8", e).at(path))?;
    parse(&text).map(Some).map_err(|e| e.at(path))
}

/// Installs a snapshot atomically: another process sees the complete old file or the complete new file. A file that
/// already holds an equal manifest is not touched. A pending snapshot is removed, because its review is settled.
///
/// # Errors
///
/// The snapshot cannot be written. The old file is unchanged then.
pub(crate) fn store(path: &Path, manifest: &Manifest, header: &Header) -> Result<()> {
    // An unreadable snapshot may be replaced.
    if !matches!(load(path), Ok(Some(old)) if old == *manifest) {
        replace(path, &render(manifest, header))?;
    }
    discard_pending(path)
}

/// Writes a pending snapshot for review next to the snapshot at `path`. Returns the path of the pending snapshot.
///
/// # Errors
///
/// The pending snapshot cannot be written.
pub(crate) fn store_pending(path: &Path, manifest: &Manifest, header: &Header) -> Result<PathBuf> {
    let pending = pending_path(path);
    replace(&pending, &render(manifest, header))?;
    Ok(pending)
}

/// Removes the pending snapshot of [`store_pending`], if there is one.
///
/// # Errors
///
/// The pending snapshot cannot be removed.
pub(crate) fn discard_pending(path: &Path) -> Result<()> {
    let pending = pending_path(path);
    match fs::remove_file(&pending) {
        Err(e) if e.kind() != ErrorKind::NotFound => {
            Err(Error::io("remove the old pending snapshot", &pending, e))
        }
        _ => Ok(()),
    }
}

const FENCE: &str = "---";

fn render(manifest: &Manifest, header: &Header) -> String {
    let mut out = format!("{FENCE}\n");
    if let Some(source) = &header.source {
        out.push_str(&format!("source: {}\n", scalar(source)));
    }
    out.push_str(&format!("expression: session.output_dir()\n{FENCE}\n"));
    let text = manifest.to_text();
    out.push_str(&text);
    // insta requires one line end after the contents, even if they are empty.
    if text.is_empty() {
        out.push('\n');
    }
    out
}

/// A YAML scalar. The scalar is plain if no reader could take it for anything but a string, so that our files look like
/// insta's own. Otherwise it is a JSON string, which is a YAML string too (YAML 1.2, §1.3).
fn scalar(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ' ');
    let worded = value.starts_with(|c: char| c.is_ascii_alphabetic()) && value.contains(['/', ' ']);
    if worded && value.chars().all(plain) && !value.ends_with(' ') {
        value.to_owned()
    } else {
        serde_json::Value::from(value).to_string()
    }
}

fn parse(text: &str) -> Result<Manifest> {
    let mut lines = text.lines();
    if lines.next().map(str::trim_end) != Some(FENCE) {
        return Err(Error::new("not a snapshot: expected a line of three dashes").at_position(1, 1));
    }
    let Some(length) = lines.position(|line| line.trim_end() == FENCE) else {
        return Err(Error::new("not a snapshot: the header has no end").at_position(text.lines().count(), 1));
    };
    // The header becomes blank lines, so that the manifest's errors count the lines of the whole file.
    let body: String = text.split_inclusive('\n').skip(length + 2).collect();
    Manifest::parse(&("\n".repeat(length + 2) + &body))
}

/// Replaces the file at `path` atomically, and creates its folder if there is none.
fn replace(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| Error::io("create the folder of the snapshot", folder, e))?;
    }
    file_replacement::write(path, text.as_bytes()).map_err(|e| Error::io("write the snapshot", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "{\"path\":\"d\",\"kind\":\"dir\"}\n";

    fn header() -> Header {
        Header { source: Some("tests/weather.rs".to_owned()) }
    }

    #[test]
    fn a_file_is_what_insta_would_write() {
        let manifest = Manifest::parse(BODY).unwrap();
        assert_eq!(
            render(&manifest, &header()),
            "---\nsource: tests/weather.rs\n\
             expression: session.output_dir()\n---\n{\"path\":\"d\",\"kind\":\"dir\"}\n"
        );
        let nothing = render(&Manifest::default(), &Header::default());
        assert_eq!(nothing, "---\nexpression: session.output_dir()\n---\n\n");
    }

    #[track_caller]
    fn check_scalar(value: &str, expected: &str) {
        assert_eq!(scalar(value), expected);
    }

    #[test]
    fn header_values_are_strings() {
        check_scalar("src/lib.rs", "src/lib.rs");
        check_scalar("true", r#""true""#);
        check_scalar("12", r#""12""#);
        check_scalar("a: b", r#""a: b""#);
        check_scalar("a\\b c", r#""a\\b c""#);
        check_scalar("a b ", r#""a b ""#);
        check_scalar("", r#""""#);
    }

    #[test]
    fn stored_and_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weather/berlin.output.snap");
        assert!(path.ends_with("weather/berlin.output.snap"));
        assert_eq!(load(&path).unwrap(), None);

        let manifest = Manifest::parse(BODY).unwrap();
        let pending = store_pending(&path, &manifest, &header()).unwrap();
        assert!(pending.ends_with("weather/berlin.output.snap.new"));
        assert_eq!(load(&path).unwrap(), None);
        assert_eq!(load(&pending).unwrap().unwrap(), manifest);

        store(&path, &manifest, &header()).unwrap();
        assert_eq!(load(&path).unwrap().unwrap(), manifest);
        store(&path, &Manifest::default(), &header()).unwrap();
        assert_eq!(load(&path).unwrap().unwrap(), Manifest::default());
        // Nothing else is left: no temporary file, nothing to review.
        let names: Vec<_> =
            fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["berlin.output.snap"]);
    }

    #[test]
    fn the_same_again_touches_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.output.snap");
        let accepted = format!("---\nsource: elsewhere.rs\nsnapshot_kind: text\n---\n{BODY}");
        fs::write(&path, &accepted).unwrap();
        store(&path, &Manifest::parse(BODY).unwrap(), &header()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), accepted);
    }

    #[test]
    fn a_broken_snapshot_can_be_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.output.snap");
        fs::write(&path, b"\xff").unwrap();
        store(&path, &Manifest::default(), &header()).unwrap();
        assert_eq!(load(&path).unwrap().unwrap(), Manifest::default());
    }

    #[track_caller]
    fn check_refused(text: &[u8], position: Option<(usize, usize)>, expected: &str) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.output.snap");
        fs::write(&path, text).unwrap();
        let error = load(&path).unwrap_err();
        assert_eq!(error.path(), Some(path.as_path()));
        assert_eq!(error.position(), position, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn errors_say_where() {
        check_refused(b"", Some((1, 1)), "three dashes");
        check_refused(BODY.as_bytes(), Some((1, 1)), "three dashes");
        check_refused(b"---\nsource: x\n", Some((2, 1)), "no end");
        check_refused(
            b"---\nsource: x\n---\n{\"path\":\"d\",\"kind\":\"dir\"}\noops\n",
            Some((5, 1)),
            "expected value",
        );
        check_refused(b"---\r\nsource: x\r\n---\r\noops\r\n", Some((4, 1)), "expected value");
        check_refused(b"---\n\xff", None, "UTF-8");
    }
}
