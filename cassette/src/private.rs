//! The items that the expansion of `#[cassette_test]` uses. Users call none of them. The traits say what a test may
//! take as its argument, and what it may return.
//!
//! Must not know: cassettes, or clocks.

use std::fmt::Debug;
use std::process::ExitCode;

use crate::config::Config;
use crate::session::Session;
pub use crate::session::{Test, Verdict, run_async, run_sync};
// The expansion uses tokio's runtime builder through this re-export. So the features of tokio in the *user's* build
// decide whether `new_multi_thread` and `start_paused` exist. A missing feature is a compile error in the user's test.
pub use tokio;

/// The argument that a test may take: its [`Session`].
#[diagnostic::on_unimplemented(
    message = "a cassette test takes its `Session`, not `{Self}`",
    label = "this argument can only be `cassette::Session`",
    note = "values of other types are for `#[rstest]` above `#[cassette_test]`, with `Session::current()` in the body"
)]
pub trait Argument {
    /// Makes the argument from the session of the test.
    fn from_session(session: Session) -> Self;
}

impl Argument for Session {
    fn from_session(session: Session) -> Self {
        session
    }
}

/// A function that the attribute's option `config` may name. `Arguments` only tells the two kinds of functions apart.
#[diagnostic::on_unimplemented(
    message = "`config` takes a function that returns a `Config`",
    label = "is neither `fn() -> Config` nor `fn(Config) -> Config`",
    note = "to change one option of the project's settings for one test: `config = |config| config.prove(false)`"
)]
pub trait Configure<Arguments> {
    /// Calls the function, with the project's settings if it takes them.
    fn configure(self, project: Config) -> Config;
}

impl<F: FnOnce() -> Config> Configure<()> for F {
    fn configure(self, _: Config) -> Config {
        self()
    }
}

impl<F: FnOnce(Config) -> Config> Configure<(Config,)> for F {
    fn configure(self, project: Config) -> Config {
        self(project)
    }
}

/// A type that a test may return.
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
    /// The value means that the test failed. The error is the text of the failure.
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
    fn verdict(value: impl Outcome, expected: Result<(), &str>) {
        assert_eq!(value.verdict(), expected.map_err(str::to_owned));
    }

    #[test]
    fn verdicts() {
        verdict((), Ok(()));
        verdict(Ok::<_, String>(()), Ok(()));
        verdict(Err::<(), _>("no such table"), Err("\"no such table\""));
        verdict(Err::<(), _>(crate::error::Error::new("no such table")), Err("no such table"));
        verdict(ExitCode::SUCCESS, Ok(()));
        verdict(ExitCode::from(3), Err("ExitCode(unix_exit_status(3))"));
        verdict(Ok::<_, String>(ExitCode::SUCCESS), Ok(()));
        verdict(Ok::<_, String>(ExitCode::FAILURE), Err("ExitCode(unix_exit_status(1))"));
    }
}
