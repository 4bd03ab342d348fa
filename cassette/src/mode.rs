//! What a run is to do, and the one place where the environment is read for it.
//!
//! Strict on purpose: a mistyped `CASSETTE_MDOE=record` that silently replays costs an hour, so whatever
//! is not understood is an error that lists what would be.
//!
//! Must not know: anything else of this crate but its error.

mod environment;

use std::fmt;
use std::str::FromStr;

pub use environment::Environment;

use crate::Error;

/// What a session does with the network, its cassette and the snapshot of its output.
///
/// | mode | network | cassette | output snapshot |
/// |---|---|---|---|
/// | `replay` | never | read | compared |
/// | `record` | yes | replaced if the test passes | replaced if the test passes |
/// | `auto` | only if there is no cassette | recorded if missing, else replayed | likewise |
/// | `off` | yes | ignored | not taken |
///
/// ```
/// use cassette::mode::Mode;
///
/// assert_eq!("record".parse::<Mode>().unwrap(), Mode::Record);
/// assert_eq!(Mode::default().to_string(), "replay");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Answers come from the cassette; unmatched, and unused, interactions fail the test.
    #[default]
    Replay,
    /// Answers come from the network, and go on the cassette.
    Record,
    /// `Record` if there is no cassette yet, else `Replay`.
    Auto,
    /// As if there were no cassette: the network answers, and nothing is kept.
    Off,
}

/// The mode of a session, and what it would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// What the session is to do.
    pub mode: Mode,
    /// What the code asked for, if it would write and a CI server runs it without asking for it.
    pub held_back: Option<Mode>,
}

/// The mode from all that may name it: the variable `CASSETTE_MODE`, the attribute of the test, the
/// project's configuration, in this order; `Replay` if none does.
///
/// On a CI server only the variable makes anything write: `record` and `auto` of the code become `replay`,
/// so that a missing cassette fails the build instead of being recorded there and thrown away.
///
/// ```
/// use cassette::mode::{Mode, resolve};
///
/// assert_eq!(resolve(None, Some(Mode::Auto), None, false).mode, Mode::Auto);
/// let on_ci = resolve(None, Some(Mode::Auto), None, true);
/// assert_eq!((on_ci.mode, on_ci.held_back), (Mode::Replay, Some(Mode::Auto)));
/// assert_eq!(resolve(Some(Mode::Record), None, None, true).mode, Mode::Record);
/// ```
pub fn resolve(variable: Option<Mode>, attribute: Option<Mode>, config: Option<Mode>, ci: bool) -> Resolved {
    let asked = variable.or(attribute).or(config).unwrap_or_default();
    if ci && variable.is_none() && asked.may_write() {
        Resolved { mode: Mode::Replay, held_back: Some(asked) }
    } else {
        Resolved { mode: asked, held_back: None }
    }
}

impl Mode {
    /// Every mode, in the order in which they are listed.
    pub const ALL: [Mode; 4] = [Mode::Replay, Mode::Record, Mode::Auto, Mode::Off];

    /// As written in `CASSETTE_MODE` and in the attribute.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Replay => "replay",
            Mode::Record => "record",
            Mode::Auto => "auto",
            Mode::Off => "off",
        }
    }

    /// Whether a session in this mode may write a cassette or a snapshot.
    pub fn may_write(self) -> bool {
        matches!(self, Mode::Record | Mode::Auto)
    }
}

impl Resolved {
    /// Why the mode is not the one the code asked for.
    pub fn note(&self) -> Option<String> {
        self.held_back.map(|mode| {
            format!("mode `{mode}` is `replay` here: CI is set, so only CASSETTE_MODE={mode} writes anything")
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Names that are decided and not there yet.
const PLANNED: [&str; 3] = ["append", "verify", "accept"];

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Mode, Error> {
        if let Some(mode) = Mode::ALL.into_iter().find(|m| m.name() == text) {
            return Ok(mode);
        }
        let valid = Mode::ALL.map(Mode::name);
        if PLANNED.contains(&text) {
            let message =
                format!("the mode `{text}` is planned, and not there yet; valid are {}", listed(&valid));
            return Err(Error::new(message));
        }
        let error = Error::new(format!("{text:?} is not a mode; valid are {}", listed(&valid)));
        Err(match nearest(&text.trim().to_lowercase(), &valid) {
            Some(name) => error.hint(format!("did you mean `{name}`?")),
            None => error,
        })
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

/// The name that `text` may be a slip of the hand for.
fn nearest<'a>(text: &str, names: &[&'a str]) -> Option<&'a str> {
    let (distance, name) = names.iter().map(|n| (distance(text, n), *n)).min()?;
    (distance <= name.len() / 3 + 1).then_some(name)
}

/// The fewest insertions, deletions, replacements and swaps of neighbours from `a` to `b` (optimal string
/// alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(text: &str, message: &str, hint: Option<&str>) {
        let error = text.parse::<Mode>().unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.to_string().contains("valid are `replay`, `record`, `auto`, `off`"), "{error}");
        assert_eq!(error.help(), hint);
    }

    #[test]
    fn modes_have_names() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse::<Mode>().unwrap(), mode);
        }
        check_refused("recrod", r#""recrod" is not a mode"#, Some("did you mean `record`?"));
        check_refused("Record", r#""Record" is not a mode"#, Some("did you mean `record`?"));
        check_refused("record ", r#""record " is not a mode"#, Some("did you mean `record`?"));
        check_refused("once", r#""once" is not a mode"#, None);
        check_refused("", r#""" is not a mode"#, None);
        check_refused("append", "`append` is planned", None);
        check_refused("verify", "`verify` is planned", None);
        check_refused("accept", "`accept` is planned", None);
    }

    #[track_caller]
    fn check(named: [Option<Mode>; 3], ci: bool, mode: Mode, held_back: Option<Mode>) {
        let [variable, attribute, config] = named;
        let resolved = resolve(variable, attribute, config, ci);
        assert_eq!(resolved, Resolved { mode, held_back });
        assert_eq!(resolved.note().is_some(), held_back.is_some());
    }

    #[test]
    fn the_variable_wins_and_ci_writes_nothing_unasked() {
        use Mode::{Auto, Off, Record, Replay};
        check([None, None, None], false, Replay, None);
        check([None, None, Some(Auto)], false, Auto, None);
        check([None, Some(Record), Some(Auto)], false, Record, None);
        check([Some(Off), Some(Record), Some(Auto)], false, Off, None);
        check([None, None, None], true, Replay, None);
        check([None, Some(Record), None], true, Replay, Some(Record));
        check([None, None, Some(Auto)], true, Replay, Some(Auto));
        check([None, Some(Off), Some(Auto)], true, Off, None);
        check([Some(Auto), Some(Off), None], true, Auto, None);
        check([Some(Replay), Some(Record), None], true, Replay, None);
    }

    #[test]
    fn distances_count_slips() {
        for (a, b, expected) in [
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abd", "abc", 1),
            ("acb", "abc", 1),
            ("bc", "abc", 1),
            ("xyz", "abc", 3),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
