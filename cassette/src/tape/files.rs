//! Builds the paths of a cassette's files.
//!
//! All files that are not part of a cassette end in `.recording`, so that one line in `.gitignore` covers them.

use std::path::{Path, PathBuf};

use super::Name;
use crate::error::{Error, Result};

/// The paths of one cassette: a directory of cassettes and a `Name` in it.
///
/// ```
/// use cassette::__support::Files;
///
/// let files = Files::new("tests/cassettes", &"weather/berlin".parse()?);
/// assert!(files.document().ends_with("tests/cassettes/weather/berlin.json"));
/// assert!(!files.exists());
/// # Ok::<(), cassette::TestError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    dir: PathBuf,
    name: Name,
    /// The number of a recording that was set aside. With 0, these are the paths that a new recording uses.
    aside: u32,
}

impl Files {
    /// The files of the cassette `name` in `dir`. No file is touched.
    pub fn new(dir: impl AsRef<Path>, name: &Name) -> Files {
        Files { dir: dir.as_ref().to_path_buf(), name: name.clone(), aside: 0 }
    }

    /// The files of the recording with this journal, for example to [`recover`](super::recover) it.
    ///
    /// ```
    /// use cassette::__support::Files;
    ///
    /// let files = Files::of_journal("tests/cassettes/weather.json.1.recording")?;
    /// assert!(files.document().ends_with("tests/cassettes/weather.json"));
    /// assert!(files.journal().ends_with("tests/cassettes/weather.json.1.recording"));
    /// # Ok::<(), cassette::TestError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The path is not named like a journal.
    pub fn of_journal(journal: impl AsRef<Path>) -> Result<Files> {
        let journal = journal.as_ref();
        let parts = || {
            let rest = journal.file_name()?.to_str()?.strip_suffix(".recording")?;
            if let Some(name) = rest.strip_suffix(".json") {
                return Some((name, 0));
            }
            let (rest, number) = rest.rsplit_once('.')?;
            Some((rest.strip_suffix(".json")?, number.parse().ok()?))
        };
        let (name, aside) = parts().ok_or_else(|| {
            Error::new(
                "this is not the journal of a recording: its name ends in `.json.recording`, or in \
                        `.json.1.recording` if it was set aside",
            )
            .at(journal)
            .hint("find . -name '*.json*.recording'")
        })?;
        let name = name.parse().map_err(|e: Error| e.at(journal))?;
        Ok(Files { aside, ..Files::new(journal.parent().unwrap_or(Path::new("")), &name) })
    }

    /// The name of the cassette.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// `<name>.json`: the document that people review.
    pub fn document(&self) -> PathBuf {
        self.with(".json")
    }

    /// `<name>.bodies`: the folder of bodies over the inline limit.
    pub fn bodies(&self) -> PathBuf {
        self.with(".bodies")
    }

    /// `<name>.json.recording`: the journal of a recording, with one line for each interaction.
    pub fn journal(&self) -> PathBuf {
        self.with(&format!(".json{}.recording", self.number()))
    }

    /// `<name>.bodies.recording`: the long bodies of a recording.
    pub fn recording_bodies(&self) -> PathBuf {
        self.with(&format!(".bodies{}.recording", self.number()))
    }

    /// `<name>.lock.recording`: the lock file. The process that records this cassette holds its lock.
    pub fn lock(&self) -> PathBuf {
        self.with(".lock.recording")
    }

    /// `<name>.output.snap`: the snapshot of the test's output, next to the cassette.
    pub fn output_snapshot(&self) -> PathBuf {
        self.with(".output.snap")
    }

    /// Whether there is a cassette to replay.
    pub fn exists(&self) -> bool {
        self.document().is_file()
    }

    /// The recordings that a crash, a killed process or a failed install left behind.
    /// [`Journal::recover`](super::Journal::recover) can finish each of them, unless another process is still writing
    /// it.
    pub fn left_behind(&self) -> Vec<Files> {
        let document = self.document();
        let prefix = format!("{}.", document.file_name().unwrap_or_default().display());
        let number = |file: String| match file.strip_prefix(&prefix)?.strip_suffix("recording")? {
            "" => Some(0),
            number => number.strip_suffix('.')?.parse().ok(),
        };
        let entries = std::fs::read_dir(self.folder()).into_iter().flatten().flatten();
        let mut numbers: Vec<u32> =
            entries.filter_map(|entry| number(entry.file_name().into_string().ok()?)).collect();
        numbers.sort_unstable();
        numbers.into_iter().map(|n| self.set_aside(n)).collect()
    }

    /// The same cassette, with the paths of the `n`th recording that was set aside.
    pub(super) fn set_aside(&self, n: u32) -> Files {
        Files { aside: n, ..self.clone() }
    }

    /// `<name>.json.new.recording`: the document that is about to replace the old one.
    pub(super) fn next_document(&self) -> PathBuf {
        self.with(".json.new.recording")
    }

    /// The folder of the document.
    pub(super) fn folder(&self) -> PathBuf {
        let document = self.document();
        match document.parent() {
            Some(p) if !p.as_os_str().is_empty() => p.to_path_buf(),
            _ => PathBuf::from("."),
        }
    }

    // The number comes before `.recording`, so that one line in `.gitignore` covers every recording.
    fn number(&self) -> String {
        if self.aside == 0 { String::new() } else { format!(".{}", self.aside) }
    }

    // This function does not use `Path::with_extension`, because in a name such as `v1.berlin` that would replace
    // `.berlin`.
    fn with(&self, suffix: &str) -> PathBuf {
        let mut path = self.dir.clone();
        path.extend(self.name.as_str().split('/'));
        let mut path = path.into_os_string();
        path.push(suffix);
        path.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let files = Files::new("dir", &"v1.0/some.thing".parse().unwrap());
        let shown = |p: PathBuf| p.to_str().unwrap().replace('\\', "/");
        assert_eq!(shown(files.document()), "dir/v1.0/some.thing.json");
        assert_eq!(shown(files.bodies()), "dir/v1.0/some.thing.bodies");
        assert_eq!(shown(files.journal()), "dir/v1.0/some.thing.json.recording");
        assert_eq!(shown(files.recording_bodies()), "dir/v1.0/some.thing.bodies.recording");
        assert_eq!(shown(files.set_aside(2).journal()), "dir/v1.0/some.thing.json.2.recording");
        assert_eq!(shown(files.set_aside(2).document()), "dir/v1.0/some.thing.json");
        assert_eq!(shown(files.lock()), "dir/v1.0/some.thing.lock.recording");
        assert_eq!(Files::new("", &"a".parse().unwrap()).folder(), PathBuf::from("."));
    }
}
