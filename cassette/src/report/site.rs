//! The location of a test, and the commands that run it again.
//!
//! Must not know: problems.

use crate::mode::Mode;

/// The test that a report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TestSite {
    /// The name of the test's cassette, such as `weather/berlin`.
    pub(crate) cassette: String,
    /// The path of the test, as the test harness takes it, such as `forecast::berlin`.
    pub(crate) test: String,
    /// The package, for `cargo test -p`.
    pub(crate) package: String,
    /// The source file, from `file!()`.
    pub(crate) file: String,
    /// The line, from 1.
    pub(crate) line: u32,
    /// The project's own command that records the test, if it has one. In the command, `{cassette}`, `{package}` and
    /// `{test}` are replaced.
    pub(crate) record_command: Option<String>,
    /// The mode in which the test ran. The suggested command depends on it.
    pub(crate) mode: Mode,
}

impl TestSite {
    /// The command that runs only this test.
    pub(crate) fn run_command(&self) -> String {
        match (self.package.as_str(), self.test.as_str()) {
            // A session without the attribute does not know the path of its test.
            (_, "") => "cargo test".to_owned(),
            ("", test) => format!("cargo test -- --exact {test}"),
            (package, test) => format!("cargo test -p {package} -- --exact {test}"),
        }
    }

    /// The command that runs the test in the same mode again.
    pub(crate) fn again_command(&self) -> String {
        match self.mode {
            Mode::Replay => self.run_command(),
            Mode::Record | Mode::Auto => self.record_command(),
            other => self.mode_command(other.name()),
        }
    }

    /// The command that runs the test in another mode.
    pub(crate) fn mode_command(&self, mode: &str) -> String {
        format!("CASSETTE_MODE={mode} {}", self.run_command())
    }

    /// The command that records the test. This is the project's own command, if it has one.
    pub(crate) fn record_command(&self) -> String {
        match &self.record_command {
            Some(command) => command
                .replace("{cassette}", &self.cassette)
                .replace("{package}", &self.package)
                .replace("{test}", &self.test),
            None => self.mode_command("record"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::mode::Mode;

    use super::*;

    #[test]
    fn the_commands_of_a_test() {
        let site = TestSite {
            cassette: "weather/berlin".into(),
            test: "forecast::berlin".into(),
            package: "weather".into(),
            file: "tests/forecast.rs".into(),
            line: 12,
            record_command: None,
            mode: Mode::Replay,
        };
        assert_eq!(site.run_command(), "cargo test -p weather -- --exact forecast::berlin");
        assert_eq!(
            site.record_command(),
            "CASSETTE_MODE=record cargo test -p weather -- --exact forecast::berlin"
        );
    }
}
