//! The environment variables this library listens to, read once and in one place.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use super::{Mode, listed, nearest};
use crate::{Error, Result};

/// What the environment says about a run.
///
/// | variable | meaning |
/// |---|---|
/// | `CASSETTE_MODE` | a [`Mode`]; wins over what the code says; empty is unset |
/// | `CASSETTE_TZ` | the time zone of the process; read before `main`, see the crate `cassette-ambient` |
/// | `CI` | set, and neither empty, `0` nor `false`: nothing is written unless a variable asks for it |
/// | `INSTA_UPDATE` | whether a snapshot may be put up for review, by insta's own values |
/// | `CARGO_TARGET_DIR`, `CARGO_MANIFEST_DIR` | where cargo builds, where the package under test is |
/// | `NO_COLOR` | set and not empty: no colours (<https://no-color.org>) |
///
/// Any other variable that starts with `CASSETTE_` is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Environment {
    /// `CASSETTE_MODE`.
    pub mode: Option<Mode>,
    /// Whether this is a CI server.
    pub ci: bool,
    /// Whether a changed snapshot may be written as `….snap.new`, for `cargo insta review`.
    pub pending_snapshots: bool,
    /// Whether `NO_COLOR` asks for plain text.
    pub no_color: bool,
    /// `CARGO_MANIFEST_DIR`, as it is while the tests run.
    pub manifest_dir: Option<PathBuf>,
    /// `CARGO_TARGET_DIR`, as given.
    target_dir: Option<PathBuf>,
}

const MODE: &str = "CASSETTE_MODE";
const PREFIX: &str = "CASSETTE_";
const KNOWN: [&str; 2] = [MODE, "CASSETTE_TZ"];

impl Environment {
    /// Reads the environment of this process.
    ///
    /// # Errors
    ///
    /// If a variable has a value that is not understood, or if a `CASSETTE_` variable is unknown.
    pub fn read() -> Result<Environment> {
        Environment::from_variables(env::vars_os())
    }

    /// Cargo's target directory, for the package in `manifest_dir`: as `CARGO_TARGET_DIR` says, else where
    /// the running test was built, else the nearest `target` above the package, else the one in it.
    pub fn target_dir(&self, manifest_dir: &Path) -> PathBuf {
        let executable = env::current_exe().ok();
        find_target(self.target_dir.as_deref(), executable.as_deref(), manifest_dir)
    }

    fn from_variables(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Environment> {
        let variables: Vec<(OsString, OsString)> = variables.into_iter().collect();
        for (name, _) in &variables {
            refuse_unknown(name)?;
        }
        // Empty is unset, for each of them.
        let set = |name: &str| {
            variables.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_os_str())
        };
        let ci = set("CI").is_some_and(|v| v != "0" && !v.eq_ignore_ascii_case("false"));
        Ok(Environment {
            mode: set(MODE).map(mode).transpose()?,
            ci,
            pending_snapshots: pending(set("INSTA_UPDATE"), ci)?,
            no_color: set("NO_COLOR").is_some(),
            manifest_dir: set("CARGO_MANIFEST_DIR").map(PathBuf::from),
            target_dir: set("CARGO_TARGET_DIR").map(PathBuf::from),
        })
    }
}

fn refuse_unknown(name: &OsStr) -> Result<()> {
    let shown = name.to_string_lossy();
    if !shown.starts_with(PREFIX) || KNOWN.iter().any(|k| name == *k) {
        return Ok(());
    }
    let error = Error::new(format!(
        "the environment variable {shown} means nothing to cassette; it knows {}",
        listed(&KNOWN)
    ));
    Err(match nearest(&shown, &KNOWN) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint(format!("unset {shown}")),
    })
}

fn mode(value: &OsStr) -> Result<Mode> {
    let text = value.to_str().ok_or_else(|| Error::new(format!("{MODE} is not UTF-8: {value:?}")))?;
    text.parse().map_err(|e: Error| {
        let named = Error::new(format!("{MODE}: {e}"));
        match e.help() {
            Some(help) => named.hint(help),
            None => named,
        }
    })
}

/// As insta decides it (<https://docs.rs/insta>, "Updating snapshots"), except that
/// nothing is ever accepted unseen.
fn pending(value: Option<&OsStr>, ci: bool) -> Result<bool> {
    const VALUES: [&str; 7] = ["auto", "always", "1", "new", "unseen", "force", "no"];
    match value.map(|v| (v, v.to_str())) {
        None | Some((_, Some("auto"))) => Ok(!ci),
        Some((_, Some("no"))) => Ok(false),
        Some((_, Some(v))) if VALUES.contains(&v) => Ok(true),
        Some((v, _)) => Err(Error::new(format!(
            "INSTA_UPDATE: {v:?} is not a value of it; valid are {}",
            listed(&VALUES)
        ))),
    }
}

fn find_target(variable: Option<&Path>, executable: Option<&Path>, manifest_dir: &Path) -> PathBuf {
    if let Some(given) = variable {
        if given.is_absolute() {
            return given.to_path_buf();
        }
        // Relative to wherever cargo was started, which is not where it runs tests. The executable
        // tells, unless the directory was changed since.
        let given: PathBuf = given.components().filter(|c| !matches!(c, Component::CurDir)).collect();
        let above = executable.and_then(|e| e.ancestors().skip(1).find(|a| a.ends_with(&given)));
        return above.map_or_else(|| manifest_dir.join(&given), Path::to_path_buf);
    }
    // Cargo leaves this file at the root of every target directory, whatever its name.
    let is_target = |p: &&Path| p.ends_with("target") || p.join(".rustc_info.json").is_file();
    if let Some(found) = executable.and_then(|e| e.ancestors().skip(1).find(is_target)) {
        return found.to_path_buf();
    }
    let above = manifest_dir.ancestors().map(|a| a.join("target")).find(|t| t.is_dir());
    above.unwrap_or_else(|| manifest_dir.join("target"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(variables: &[(&str, &str)]) -> Result<Environment> {
        Environment::from_variables(variables.iter().map(|(n, v)| (n.into(), v.into())))
    }

    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: Environment) {
        assert_eq!(read(variables).unwrap(), expected);
    }

    #[test]
    fn variables_are_read() {
        let usual = || Environment { pending_snapshots: true, ..Environment::default() };
        let on_ci = || Environment { ci: true, ..Environment::default() };
        check(&[], usual());
        check(&[("HOME", "/"), ("CASSETTE_TZ", "UTC"), ("MY_CASSETTE_MODE", "x")], usual());
        check(&[("CASSETTE_MODE", "")], usual());
        check(&[("CASSETTE_MODE", "auto")], Environment { mode: Some(Mode::Auto), ..usual() });
        check(&[("CI", "true")], on_ci());
        check(&[("CI", "woodpecker")], on_ci());
        check(&[("CI", "")], usual());
        check(&[("CI", "0")], usual());
        check(&[("CI", "False")], usual());
        check(&[("INSTA_UPDATE", "no")], Environment::default());
        check(&[("INSTA_UPDATE", "auto")], usual());
        check(&[("INSTA_UPDATE", "auto"), ("CI", "1")], on_ci());
        check(&[("INSTA_UPDATE", "new"), ("CI", "1")], Environment { pending_snapshots: true, ..on_ci() });
        check(&[("INSTA_UPDATE", "always"), ("CI", "1")], Environment { pending_snapshots: true, ..on_ci() });
        check(&[("INSTA_UPDATE", "no"), ("CI", "1")], on_ci());
        check(&[("NO_COLOR", "")], usual());
        check(&[("NO_COLOR", "0")], Environment { no_color: true, ..usual() });
        check(&[("CARGO_MANIFEST_DIR", "/p")], Environment { manifest_dir: Some("/p".into()), ..usual() });
        check(&[("CARGO_TARGET_DIR", "/t")], Environment { target_dir: Some("/t".into()), ..usual() });
    }

    #[track_caller]
    fn check_refused(variable: (&str, &str), message: &str, hint: Option<&str>) {
        let error = read(&[("HOME", "/"), variable]).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(error.help(), hint, "{error}");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        check_refused(
            ("CASSETTE_MODE", "recrod"),
            "CASSETTE_MODE: \"recrod\" is not a mode; valid are `replay`",
            Some("did you mean `record`?"),
        );
        check_refused(("CASSETTE_MODE", "verify"), "CASSETTE_MODE: the mode `verify` is planned", None);
        check_refused(
            ("CASSETTE_MDOE", "record"),
            "CASSETTE_MDOE means nothing",
            Some("did you mean CASSETTE_MODE?"),
        );
        check_refused(
            ("CASSETTE_", ""),
            "knows `CASSETTE_MODE`, `CASSETTE_TZ`",
            Some("did you mean CASSETTE_TZ?"),
        );
        check_refused(
            ("CASSETTE_SOMETHING_ELSE", "1"),
            "means nothing",
            Some("unset CASSETTE_SOMETHING_ELSE"),
        );
        check_refused(("INSTA_UPDATE", "maybe"), "INSTA_UPDATE: \"maybe\"", None);
    }

    #[cfg(unix)]
    #[test]
    fn a_mode_that_is_not_text_is_refused() {
        use std::os::unix::ffi::OsStringExt;
        let value = OsString::from_vec(b"rec\xffrd".to_vec());
        let error = Environment::from_variables([(MODE.into(), value)]).unwrap_err();
        assert!(error.to_string().contains("not UTF-8"), "{error}");
    }

    #[test]
    fn the_environment_of_the_tests_is_fine() {
        let environment = Environment::read().unwrap();
        assert_eq!(environment.manifest_dir.as_deref(), Some(Path::new(env!("CARGO_MANIFEST_DIR"))));
        let executable = env::current_exe().unwrap();
        let target = environment.target_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
        assert!(executable.starts_with(&target), "{executable:?} is not in {target:?}");
    }

    #[track_caller]
    fn check_target(variable: Option<&str>, executable: Option<&str>, manifest_dir: &Path, expected: &Path) {
        let found = find_target(variable.map(Path::new), executable.map(Path::new), manifest_dir);
        assert_eq!(found, expected);
    }

    #[cfg(unix)]
    #[test]
    fn the_target_directory_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let package = dir.path().join("ws/crates/p");
        fs::create_dir_all(&package).unwrap();
        fs::create_dir_all(dir.path().join("built/debug/deps")).unwrap();
        let exe = dir.path().join("built/debug/deps/t-0123");
        let exe = exe.to_str();
        let elsewhere = Some("/usr/bin/t");

        check_target(Some("/t"), exe, &package, Path::new("/t"));
        check_target(Some("./built"), exe, &package, &dir.path().join("built"));
        check_target(Some("out"), elsewhere, &package, &package.join("out"));
        check_target(None, Some("/ws/target/debug/deps/t"), &package, Path::new("/ws/target"));
        // Nothing tells that `built` is a target directory, and there is no `target` yet.
        check_target(None, exe, &package, &package.join("target"));
        check_target(None, None, &package, &package.join("target"));
        fs::create_dir(dir.path().join("ws/target")).unwrap();
        check_target(None, exe, &package, &dir.path().join("ws/target"));
        fs::write(dir.path().join("built/.rustc_info.json"), "{}").unwrap();
        check_target(None, exe, &package, &dir.path().join("built"));
    }
}
