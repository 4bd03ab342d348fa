//! The mode of a session, and the environment variables that decide about it. No other module reads `CASSETTE_*`.
//!
//! Must not know: sessions, cassettes, or the text of a report.

use std::env::VarError;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;

use crate::edit_distance::edit_distance;
use crate::error::{Error, Result};

/// Decides what a session does with requests. `CASSETTE_MODE` overrides the attribute, and the attribute overrides the
/// [`Config`](crate::Config). Default: [`Mode::Replay`].
///
/// ```
/// use cassette::Mode;
///
/// assert_eq!("record".parse::<Mode>().unwrap(), Mode::Record);
/// assert!("rekord".parse::<Mode>().unwrap_err().to_string().contains("replay, record, auto"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Answers requests from the cassette. No connection leaves the machine. Unmatched requests and unused interactions
    /// fail the test.
    #[default]
    Replay,
    /// Sends requests to the real servers, and replaces the cassette and the snapshot if the test passes.
    Record,
    /// Records if there is no cassette yet. Otherwise replays.
    Auto,
    /// Answers requests from the cassette if they are on it, and sends all other requests to the real servers. If the
    /// test passes, their responses are added to the cassette. Unused interactions stay on it.
    Append,
    /// Sends every request that is on the cassette to the real server as well, and reports how the live responses
    /// differ from the recorded responses. The test gets the recorded responses. Writes nothing.
    Verify,
    /// Replays, and replaces the snapshot of the output if the test passes.
    Accept,
    /// Passes all requests to the real servers. Uses no cassette and no snapshot, and does not freeze the time.
    Off,
    /// Runs the test twice and keeps the second recording. The cassette lists what differs between the two runs, and
    /// matching ignores it.
    Learn,
}

/// The number of modes.
const MODES: usize = 8;

impl Mode {
    const NAMES: [(&'static str, Mode); MODES] = [
        ("replay", Mode::Replay),
        ("record", Mode::Record),
        ("auto", Mode::Auto),
        ("append", Mode::Append),
        ("verify", Mode::Verify),
        ("accept", Mode::Accept),
        ("off", Mode::Off),
        ("learn", Mode::Learn),
    ];

    /// The name of the mode, as in `CASSETTE_MODE`.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, m)| *m == self).map_or("replay", |(n, _)| n)
    }

    /// The names of all modes.
    pub(crate) fn names() -> [&'static str; MODES] {
        Self::NAMES.map(|(name, _)| name)
    }

    /// Whether a test in this mode may record.
    pub(crate) fn may_record(self) -> bool {
        self.writes() && self != Mode::Accept
    }

    /// Whether a test in this mode may write a cassette or a snapshot.
    fn writes(self) -> bool {
        match self {
            Mode::Record | Mode::Auto | Mode::Append | Mode::Accept | Mode::Learn => true,
            Mode::Replay | Mode::Verify | Mode::Off => false,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Mode> {
        if let Some((_, mode)) = Self::NAMES.iter().find(|(n, _)| *n == text) {
            return Ok(*mode);
        }
        Err(Error::new(format!("`{text}` is not a mode; valid are {}", Self::names().join(", "))))
    }
}

/// The variables of this library. `cassette-ambient` reads `CASSETTE_TZ`, before `main`.
const KNOWN: [&str; 3] = ["CASSETTE_MODE", "CASSETTE_REPORT", "CASSETTE_TZ"];

/// The variable that cassette sets for a process that it starts to play one recording back, before the recording is
/// installed. The value is the path of the file with the assignment for this process. Users do not set the variable.
pub(crate) const PROOF: &str = "CASSETTE_PROOF";

/// The variable with the path of the machine-readable report.
pub(crate) const REPORT: &str = "CASSETTE_REPORT";

/// The directory of the package when its tests were compiled.
static COMPILED_IN: OnceLock<&'static str> = OnceLock::new();

/// A mistake in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// The value of `CASSETTE_MODE` is not the name of a mode. The field is this value.
    UnknownMode(String),
    /// An unknown variable that begins with `CASSETTE_`. A misspelt variable would silently mean the default.
    UnknownVariable { name: String, nearest: &'static str },
}

/// The settings from the environment of this process.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    mode: Option<Mode>,
    ci: bool,
    pending: bool,
    target: Option<PathBuf>,
    proof: Option<PathBuf>,
}

impl Environment {
    /// Reads and checks the variables.
    pub(crate) fn read() -> Result<Environment, Mistake> {
        Environment::of(std::env::vars_os())
    }

    /// The directory of the package whose tests run: from the variable that cargo sets, otherwise as a test of this
    /// process was compiled.
    pub(crate) fn manifest_dir() -> Option<PathBuf> {
        let set = std::env::var_os("CARGO_MANIFEST_DIR").filter(|d| !d.is_empty()).map(PathBuf::from);
        set.or_else(|| COMPILED_IN.get().map(PathBuf::from))
    }

    /// Notes the directory of the package in which a test was compiled. Somebody who starts a test executable without
    /// cargo has no variable, and all tests of an executable are of one package.
    pub(crate) fn note_compiled_in(manifest_dir: &'static str) {
        _ = COMPILED_IN.set(manifest_dir);
    }

    /// The file of the machine-readable report, from `CASSETTE_REPORT`. A relative path starts at the working directory
    /// of the process.
    pub(crate) fn report_file() -> Option<PathBuf> {
        std::env::var_os(REPORT).filter(|file| !file.is_empty()).map(PathBuf::from)
    }

    /// Whether a terminal shows the printed text. Both stdout and stderr must be terminals, because a harness that
    /// captures the output of a test prints it to stdout.
    pub(crate) fn is_terminal() -> bool {
        use std::io::IsTerminal as _;
        std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
    }

    /// The value of any other variable, such as `NO_COLOR` or the variable of a secret.
    pub(crate) fn variable(name: &str) -> Result<String, VarError> {
        std::env::var(name)
    }

    /// Whether the variable has a value that is not empty, in the environment of the process: a thread of a replaying
    /// session would see a dummy.
    #[cfg(feature = "proxy")]
    pub(crate) fn has(name: &str) -> bool {
        std::env::vars_os().any(|(known, value)| known == *name && !value.is_empty())
    }

    /// An id of the run that this process belongs to, which all test processes of the run share: nextest's own id, or the
    /// process that started this one, such as cargo. `None` if neither is known.
    pub(crate) fn run() -> Option<String> {
        if let Some(id) = std::env::var_os("NEXTEST_RUN_ID").filter(|id| !id.is_empty()) {
            return id.into_string().ok();
        }
        #[cfg(unix)]
        return Some(format!("process {}", std::os::unix::process::parent_id()));
        #[cfg(not(unix))]
        None
    }

    fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Environment, Mistake> {
        let mut found = Environment { mode: None, ci: false, pending: true, target: None, proof: None };
        let mut update = String::new();
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            let text = value.to_string_lossy();
            match name {
                "CASSETTE_MODE" if text.is_empty() => {}
                "CASSETTE_MODE" => {
                    found.mode = Some(text.parse().map_err(|_| Mistake::UnknownMode(text.into_owned()))?);
                }
                PROOF => {
                    found.proof = Some(PathBuf::from(&value)).filter(|file| !file.as_os_str().is_empty())
                }
                "CI" => found.ci = !matches!(&*text, "" | "0" | "false"),
                "INSTA_UPDATE" => update = text.into_owned(),
                "CARGO_TARGET_DIR" if !text.is_empty() => found.target = Some(PathBuf::from(&value)),
                _ => check_known(name)?,
            }
        }
        found.pending = match &*update {
            "no" => false,
            "new" | "always" => true,
            _ => !found.ci,
        };
        Ok(found)
    }

    /// Returns the mode of a test. The variable decides first, then the attribute, and then the configuration. In CI
    /// only the variable can make a test write. If CI has changed the mode, the second value is the mode that the test
    /// asked for.
    ///
    /// In a process that plays a recording back, the mode is always one that writes nothing.
    pub(crate) fn resolve(&self, attribute: Option<Mode>, config: Option<Mode>) -> (Mode, Option<Mode>) {
        if self.proof.is_some() {
            let mode = attribute.or(config).filter(|mode| !mode.writes());
            return (mode.unwrap_or_default(), None);
        }
        if let Some(mode) = self.mode {
            return (mode, None);
        }
        match attribute.or(config) {
            Some(mode) if self.ci && mode.writes() => (Mode::Replay, Some(mode)),
            mode => (mode.unwrap_or_default(), None),
        }
    }

    /// Whether a changed snapshot may be written next to the old one for review. The rule is insta's: `no`, `new` or
    /// `always` in `INSTA_UPDATE` decides. Otherwise the file may be written, except in CI.
    pub(crate) fn may_write_pending(&self) -> bool {
        self.pending && self.proof.is_none()
    }

    /// The file with the assignment of this process, if cassette started the process to play one recording back.
    pub(crate) fn proof(&self) -> Option<&Path> {
        self.proof.as_deref()
    }

    /// Cargo's target directory: `CARGO_TARGET_DIR`, otherwise the target directory that contains the running
    /// executable, otherwise `target` in the package.
    pub(crate) fn target_dir(&self, manifest_dir: &Path) -> PathBuf {
        if let Some(target) = &self.target {
            return target.clone();
        }
        let exe = std::env::current_exe().unwrap_or_default();
        target_of(&exe).map_or_else(|| manifest_dir.join("target"), Path::to_owned)
    }
}

/// The target directory that contains an executable.
fn target_of(exe: &Path) -> Option<&Path> {
    // Cargo writes the tag only into a folder that it has made itself, and the other file into each target directory.
    let marks = ["CACHEDIR.TAG", ".rustc_info.json"];
    exe.ancestors().skip(1).find(|folder| marks.iter().any(|mark| folder.join(mark).is_file()))
}

fn check_known(name: &str) -> Result<(), Mistake> {
    if !name.starts_with("CASSETTE_") || KNOWN.contains(&name) {
        return Ok(());
    }
    let nearest = KNOWN.iter().min_by_key(|k| edit_distance(k, name)).copied().unwrap_or("CASSETTE_MODE");
    Err(Mistake::UnknownVariable { name: name.to_owned(), nearest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_directory_of_an_executable() {
        for mark in ["CACHEDIR.TAG", ".rustc_info.json"] {
            let dir = tempfile::tempdir().unwrap();
            let exe = dir.path().join("target/debug/deps/e2e-0123");
            std::fs::create_dir_all(exe.parent().unwrap()).unwrap();
            assert_eq!(target_of(&exe), None);
            std::fs::write(dir.path().join("target").join(mark), "").unwrap();
            assert_eq!(target_of(&exe), Some(&*dir.path().join("target")));
        }
    }

    fn environment(variables: &[(&str, &str)]) -> Result<Environment, Mistake> {
        Environment::of(variables.iter().map(|(k, v)| (k.into(), v.into())))
    }

    #[track_caller]
    fn check(variables: &[(&str, &str)], attribute: Option<Mode>, config: Option<Mode>, expected: Mode) {
        let (mode, _) = environment(variables).expect("an environment").resolve(attribute, config);
        assert_eq!(mode, expected);
    }

    #[test]
    fn the_variable_wins_over_attribute_over_config() {
        check(&[], None, None, Mode::Replay);
        check(&[], None, Some(Mode::Off), Mode::Off);
        check(&[], Some(Mode::Auto), Some(Mode::Off), Mode::Auto);
        check(&[("CASSETTE_MODE", "record")], Some(Mode::Off), Some(Mode::Off), Mode::Record);
        check(&[("CASSETTE_MODE", "")], Some(Mode::Off), None, Mode::Off);
        for (name, mode) in Mode::NAMES {
            check(&[("CASSETTE_MODE", name)], None, None, mode);
            assert_eq!(mode.to_string(), name);
        }
    }

    #[test]
    fn in_ci_only_the_variable_makes_anything_write() {
        check(&[("CI", "true")], Some(Mode::Record), None, Mode::Replay);
        check(&[("CI", "1")], None, Some(Mode::Auto), Mode::Replay);
        for writes in [Mode::Append, Mode::Accept, Mode::Learn] {
            check(&[("CI", "true")], Some(writes), None, Mode::Replay);
        }
        for reads in [Mode::Off, Mode::Verify] {
            check(&[("CI", "true")], Some(reads), None, reads);
        }
        check(&[("CI", "false")], Some(Mode::Record), None, Mode::Record);
        check(&[("CI", "true"), ("CASSETTE_MODE", "record")], None, None, Mode::Record);
    }

    #[test]
    fn a_process_that_plays_a_recording_back_writes_nothing() {
        let proof = (PROOF, "target/cassette/.proving/1-1/proof.json");
        check(&[proof, ("CASSETTE_MODE", "record")], Some(Mode::Learn), None, Mode::Replay);
        check(&[proof, ("CI", "true")], None, Some(Mode::Auto), Mode::Replay);
        check(&[proof], Some(Mode::Off), None, Mode::Off);
        let pending = [proof, ("INSTA_UPDATE", "always")];
        assert!(!environment(&pending).expect("an environment").may_write_pending());
    }

    #[test]
    fn what_is_unknown_is_refused() {
        let unknown = |mode: &str| Err(Mistake::UnknownMode(mode.to_owned()));
        for mode in ["Record", "rekord", "record "] {
            assert_eq!(environment(&[("CASSETTE_MODE", mode)]).map(|_| ()), unknown(mode));
        }
        let name = "CASSETTE_MDOE".to_owned();
        let misspelt = Mistake::UnknownVariable { name, nearest: "CASSETTE_MODE" };
        assert_eq!(environment(&[("CASSETTE_MDOE", "record")]).map(|_| ()), Err(misspelt));
    }

    #[test]
    fn a_pending_snapshot_is_left_where_insta_would_leave_one() {
        for (variables, expected) in [
            (&[][..], true),
            (&[("CI", "true")], false),
            (&[("CI", "true"), ("INSTA_UPDATE", "new")], true),
            (&[("INSTA_UPDATE", "no")], false),
        ] {
            let found = environment(variables).expect("an environment").may_write_pending();
            assert_eq!(found, expected, "{variables:?}");
        }
    }
}
