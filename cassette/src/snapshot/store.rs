//! A manifest as an insta snapshot: a header in YAML between lines of `---`, then the contents. insta reads it,
//! and `cargo insta review` shows the pending `.snap.new` beside it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use crate::error::{Error, Result};

/// What the header says the contents are.
const EXPRESSION: &str = "the output directory";

/// Reads a snapshot; `None` if there is none.
pub(crate) fn load(file: &Path) -> Result<Option<Manifest>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text.replace("\r\n", "\n"),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("read the snapshot", file, e)),
    };
    let header = text.strip_prefix("---\n").and_then(|rest| rest.find("\n---\n"));
    let Some(header) = header else {
        return Err(Error::new("not a snapshot: expected a header between lines of `---`")
            .at(file)
            .at_position(1, 1));
    };
    let start = "---\n".len() + header + "\n---\n".len();
    let lines_before = text[..start].lines().count();
    Manifest::parse(&text[start..]).map(Some).map_err(|e| {
        let line = e.position().map_or(1, |(line, _)| line);
        Error::new(e.to_string()).at(file).at_position(lines_before + line, 1)
    })
}

/// Writes the snapshot: whole, or not at all. `source` is the test's file, relative to the workspace.
pub(crate) fn store(file: &Path, manifest: &Manifest, source: &str) -> Result<()> {
    write(file, &text(manifest, source))?;
    remove_file(&pending(file))
}

/// Leaves the manifest beside the snapshot, for `cargo insta review`.
pub(crate) fn store_pending(file: &Path, manifest: &Manifest, source: &str) -> Result<()> {
    write(&pending(file), &text(manifest, source))
}

/// Removes the snapshot of a test that writes nothing any more.
pub(crate) fn remove(file: &Path) -> Result<()> {
    remove_file(&pending(file))?;
    remove_file(file)
}

/// `x.snap.new` of `x.snap`: where insta keeps what is to be reviewed.
fn pending(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn text(manifest: &Manifest, source: &str) -> String {
    let quoted = |s: &str| format!("\"{}\"", s.replace('\\', "/").replace('"', "'"));
    let source = if source.is_empty() { String::new() } else { format!("source: {}\n", quoted(source)) };
    format!("---\n{source}expression: {}\n---\n{}", quoted(EXPRESSION), manifest.to_text())
}

fn write(file: &Path, text: &str) -> Result<()> {
    if fs::read(file).is_ok_and(|before| before == text.as_bytes()) {
        return Ok(());
    }
    let failed = |e| Error::io("write the snapshot", file, e);
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir).map_err(failed)?;
    }
    let mut half = file.as_os_str().to_owned();
    half.push(".recording");
    let half = PathBuf::from(half);
    let written = File::create(&half)
        .and_then(|mut f| f.write_all(text.as_bytes()).and_then(|()| f.sync_all()))
        .and_then(|()| fs::rename(&half, file));
    if written.is_err() {
        let _ = fs::remove_file(&half);
    }
    written.map_err(failed)
}

fn remove_file(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io("remove the snapshot", file, e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("a.csv"), "x\n1\n").expect("written");
        Manifest::of(dir.path(), &[]).expect("a manifest")
    }

    #[test]
    fn what_is_stored_is_loaded() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("deep/x.output.snap");
        assert_eq!(load(&file).expect("nothing"), None);
        store_pending(&file, &manifest(), "tests/x.rs").expect("stored");
        assert_eq!(load(&file).expect("nothing yet"), None);
        store(&file, &manifest(), "tests/x.rs").expect("stored");
        assert_eq!(load(&file).expect("loaded"), Some(manifest()));
        assert!(!dir.path().join("deep/x.output.snap.new").exists(), "the pending one is settled");
        remove(&file).expect("removed");
        assert_eq!(load(&file).expect("nothing"), None);
    }

    #[track_caller]
    fn refused(text: &str, position: (usize, usize)) {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("x.snap");
        fs::write(&file, text).expect("written");
        assert_eq!(load(&file).expect_err("refused").position(), Some(position), "{text:?}");
    }

    #[test]
    fn a_damaged_snapshot_is_refused_with_the_place() {
        refused("", (1, 1));
        refused("---\nsource: x\n", (1, 1));
        refused("---\nsource: x\n---\n{}\n", (4, 1));
        refused("---\nsource: x\n---\n{\"path\":\"a\",\"kind\":\"dir\"}\nrubbish\n", (5, 1));
    }
}
