//! Where a cassette lives. A name comes from a test's source or a command line, so it is checked once, here:
//! after that no other module can build a path that leaves the cassette directory.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::{Error, Result};

/// The longest name, in bytes: most file systems allow 255 for one file, and we add suffixes.
const LONGEST: usize = 200;

/// Suffixes that are ours: a segment with one could take the place of another cassette's files.
const RESERVED: [&str; 3] = [".json", ".bodies", ".recording"];

/// The name of a cassette: one or more segments of `A-Z a-z 0-9 . _ -`, with `/` between them.
///
/// ```
/// use cassette::tape::Name;
///
/// let name: Name = "weather/berlin".parse()?;
/// assert_eq!(name.as_str(), "weather/berlin");
/// assert!("../weather".parse::<Name>().is_err());
/// # Ok::<(), cassette::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<str>);

/// The paths of one cassette: a directory of cassettes and a [`Name`] in it.
///
/// ```
/// use cassette::tape::Files;
///
/// let files = Files::new("tests/cassettes", &"weather/berlin".parse()?);
/// assert!(files.document().ends_with("tests/cassettes/weather/berlin.json"));
/// assert!(!files.exists());
/// # Ok::<(), cassette::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    dir: PathBuf,
    name: Name,
    /// Recordings set aside are numbered; 0 is the one that a new recording writes.
    aside: u32,
}

impl Name {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(name: &str) -> Result<Name> {
        let wrong = |why: &str| {
            Err(Error::new(format!("`{name}` is not a name for a cassette: {why}"))
                .hint("use segments of A-Z a-z 0-9 . _ - with `/` between them, such as `weather/berlin`"))
        };
        if name.len() > LONGEST {
            return wrong(&format!("it is {} bytes long, {LONGEST} is the most", name.len()));
        }
        for segment in name.split('/') {
            if segment.is_empty() {
                return wrong("a segment is empty");
            }
            if let Some(c) = segment.chars().find(|c| !(c.is_ascii_alphanumeric() || "._-".contains(*c))) {
                return wrong(&format!("it has {c:?} in it"));
            }
            if segment.starts_with('.') || segment.ends_with('.') {
                return wrong("a segment starts or ends with a dot");
            }
            let lower = segment.to_ascii_lowercase();
            if let Some(suffix) = RESERVED.iter().find(|r| lower.ends_with(*r)) {
                return wrong(&format!("a segment ends in `{suffix}`, which cassettes use themselves"));
            }
        }
        Ok(Name(name.into()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Files {
    /// The files of the cassette `name` in `dir`. Touches nothing.
    pub fn new(dir: impl AsRef<Path>, name: &Name) -> Files {
        Files { dir: dir.as_ref().to_path_buf(), name: name.clone(), aside: 0 }
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

    /// `<name>.json.recording`: what a recording has written so far, one line an interaction.
    pub fn journal(&self) -> PathBuf {
        self.with(&format!(".json{}.recording", self.number()))
    }

    /// `<name>.bodies.recording`: the long bodies of a recording.
    pub fn recording_bodies(&self) -> PathBuf {
        self.with(&format!(".bodies{}.recording", self.number()))
    }

    /// `<name>.lock.recording`: held by the one process that records this cassette.
    pub fn lock(&self) -> PathBuf {
        self.with(".lock.recording")
    }

    /// Is there a cassette to replay?
    pub fn exists(&self) -> bool {
        self.document().is_file()
    }

    /// The recordings that something left behind: a crash, a killed process, a failed install. Each can be
    /// given to [`Journal::recover`](super::Journal::recover), unless another process is still writing it.
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

    /// The same cassette, with the paths of its `n`th recording that was set aside.
    pub(super) fn set_aside(&self, n: u32) -> Files {
        Files { aside: n, ..self.clone() }
    }

    /// `<name>.json.new.recording`: the document that is about to take the place of the old one.
    pub(super) fn next_document(&self) -> PathBuf {
        self.with(".json.new.recording")
    }

    /// The folder that the document lies in.
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

    // Not `Path::with_extension`: it would take the `.berlin` of a name `v1.berlin` for an extension.
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

    #[track_caller]
    fn refused(name: &str, why: &str) {
        let e = name.parse::<Name>().expect_err("it should be refused").to_string();
        assert!(e.contains(why), "{e}");
    }

    #[track_caller]
    fn accepted(name: &str) {
        assert_eq!(name.parse::<Name>().unwrap().to_string(), name);
    }

    #[test]
    fn names() {
        accepted("weather/berlin");
        accepted("a");
        accepted("v1.2_x-y/Z");
        accepted(&"x".repeat(200));
        refused("", "empty");
        refused("/etc/passwd", "empty");
        refused("a//b", "empty");
        refused("a/", "empty");
        refused("..", "dot");
        refused("a/../b", "dot");
        refused(".hidden", "dot");
        refused("a/b.", "dot");
        refused("a b", "' '");
        refused("a\\b", "'\\\\'");
        refused("C:x", "':'");
        refused("grün", "'ü'");
        refused("a\0", "'\\0'");
        refused("a.json", "`.json`");
        refused("a.JSON/b", "`.json`");
        refused("a.bodies/b", "`.bodies`");
        refused("a.recording", "`.recording`");
        refused(&"x".repeat(201), "201 bytes");
    }

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
