//! What the expansion of `#[cassette_test]` calls, and nothing that a user calls.
//!
//! The contract between the macro and the library: the facts of a call site, what a test may take and what it
//! may return. It knows neither cassettes nor clocks.

use std::fmt::Debug;
use std::process::ExitCode;

use crate::{Config, Session};

pub use crate::session::{run_async, run_sync};
// The expansion names the runtime's builder through this: whether it has `new_multi_thread` and `start_paused`
// is then decided by the features of tokio in the *user's* build, and a missing one is a compile error there.
pub use tokio;

/// The facts of one test that only its call site knows.
pub struct Test {
    /// The name of the cassette as written, perhaps with `{test}` in it.
    pub name: Option<&'static str>,
    /// The name of the test's function, as written (`r#async`).
    pub test: &'static str,
    /// `module_path!()`: the crate first.
    pub module_path: &'static str,
    /// `CARGO_MANIFEST_DIR` when the test was compiled; the variable wins at run time.
    pub manifest_dir: &'static str,
    /// `CARGO_PKG_NAME`, for `cargo test -p`.
    pub package: &'static str,
    /// `file!()`: relative to the workspace, not to the package.
    pub file: &'static str,
    /// The line of the attribute.
    pub line: u32,
    /// `mode = "…"`, one of the modes.
    pub mode: Option<&'static str>,
    /// `freeze = "…"`, of the form of RFC 3339.
    pub freeze: Option<&'static str>,
    /// `config = …`.
    pub config: Option<fn() -> Config>,
    /// `#[should_panic]`: the text that the panic's message has to contain, empty if any panic will do. A test
    /// that expects a panic passes by it, so a failure of the *session* cannot be told by another panic.
    pub expects_panic: Option<&'static str>,
}

impl Test {
    /// The path of the test as the harness knows it, for `--exact`: modules and function, without the crate.
    pub fn path(&self) -> String {
        let modules = self.module_path.split("::").skip(1);
        let path: Vec<&str> = modules.chain([self.test]).collect();
        path.join("::")
    }

    /// The name of the cassette: as written, with `{test}` replaced by the path of the test. If none was written:
    /// that path, after the name of the crate unless it is the package's own.
    pub fn cassette(&self) -> String {
        let path = self.path().replace("r#", "").replace("::", "/");
        let krate = self.module_path.split("::").next().unwrap_or_default();
        match self.name {
            Some(name) => name.replace("{test}", &path),
            None if krate == self.package.replace('-', "_") => path,
            // A file in `tests/` is a crate of its own, and another one may have a test of the same path.
            None => format!("{krate}/{path}"),
        }
    }
}

/// Whether the body passed: `Err` with the text of what it returned if not.
pub type Verdict = Result<(), String>;

/// What a test may take: its [`Session`].
#[diagnostic::on_unimplemented(
    message = "a cassette test takes its `Session`, not `{Self}`",
    label = "this argument can only be `cassette::Session`",
    note = "values of other types are for `#[rstest]` above `#[cassette_test]`, with `Session::current()` in the body"
)]
pub trait Argument {
    /// The argument of this session's test.
    fn from_session(session: Session) -> Self;
}

impl Argument for Session {
    fn from_session(session: Session) -> Self {
        session
    }
}

/// What a test may return.
#[diagnostic::on_unimplemented(
    message = "a cassette test cannot return `{Self}`",
    label = "does not say whether the test passed",
    note = "return `()`, `Result<(), E>` with an `E` that is `Debug`, or `ExitCode`"
)]
pub trait Outcome {
    /// Whether the value means that the test passed.
    ///
    /// # Errors
    ///
    /// The value means that the test failed. The error is its text.
    fn verdict(self) -> Verdict;
}

impl Outcome for () {
    fn verdict(self) -> Verdict {
        Ok(())
    }
}

impl<T: Outcome, E: Debug> Outcome for Result<T, E> {
    fn verdict(self) -> Verdict {
        self.map_err(|e| format!("{e:?}"))?.verdict()
    }
}

impl Outcome for ExitCode {
    fn verdict(self) -> Verdict {
        if self == ExitCode::SUCCESS { Ok(()) } else { Err(format!("{self:?}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn name(name: Option<&'static str>, module_path: &'static str, test: &'static str, expected: &str) {
        let test = Test {
            name,
            test,
            module_path,
            manifest_dir: "",
            package: "api",
            file: "",
            line: 0,
            mode: None,
            freeze: None,
            config: None,
            expects_panic: None,
        };
        assert_eq!(test.cassette(), expected);
    }

    #[test]
    fn names() {
        name(Some("weather/berlin"), "api::weather", "rome", "weather/berlin");
        name(None, "api", "rome", "rome");
        name(None, "api::weather::tests", "rome", "weather/tests/rome");
        name(None, "api::r#mod", "r#async", "mod/async");
        name(None, "weather::r#mod", "rome", "weather/mod/rome");
        name(Some("{test}"), "api::weather", "rome", "weather/rome");
        name(Some("v1/{test}"), "api::rome", "case_1", "v1/rome/case_1");
        name(Some("{test}-a"), "api", "rome", "rome-a");
    }

    #[track_caller]
    fn verdict(value: impl Outcome, expected: Result<(), &str>) {
        assert_eq!(value.verdict(), expected.map_err(str::to_owned));
    }

    #[test]
    fn verdicts() {
        verdict((), Ok(()));
        verdict(Ok::<_, String>(()), Ok(()));
        verdict(Err::<(), _>("no such table"), Err("\"no such table\""));
        verdict(Err::<(), _>(crate::Error::new("no such table")), Err("no such table"));
        verdict(ExitCode::SUCCESS, Ok(()));
        verdict(ExitCode::from(3), Err("ExitCode(unix_exit_status(3))"));
        verdict(Ok::<_, String>(ExitCode::SUCCESS), Ok(()));
        verdict(Ok::<_, String>(ExitCode::FAILURE), Err("ExitCode(unix_exit_status(1))"));
    }
}
