//! Processes that a test starts: what puts their requests on the session's cassette.
//!
//! Must not know: which variables there are.

use std::ffi::{OsStr, OsString};
use std::process::Command;

use crate::error::Result;
use crate::session::handle::Session;

impl Session {
    /// A command whose process is under this session: its requests are recorded, or replayed. The program has to look
    /// at the variables of [`env`](Self::env), as most do.
    ///
    /// Where unmodified clients are intercepted any other `Command` of the test does the same; this one works
    /// everywhere. For tokio: `tokio::process::Command::from(session.command("curl")?)`. Its clock is the real one.
    ///
    /// ```no_run
    /// # fn example(session: cassette::Session) -> cassette::TestResult {
    /// let output = session.command("curl")?.args(["--silent", "https://api.example.com/v1/berlin"]).output()?;
    /// assert!(output.status.success());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`env`](Self::env).
    pub fn command(&self, program: impl AsRef<OsStr>) -> Result<Command> {
        let mut command = Command::new(program);
        command.envs(self.env()?);
        Ok(command)
    }

    /// The variables that put a process under this session, for launchers other than [`command`](Self::command): a
    /// container, a shell, `env_clear`. They name the session's proxy and a file with the certificate to trust, in every
    /// spelling that clients know; that file is there until the session ends. Empty where the session is off.
    ///
    /// Loopback is exempt, as it is for the test itself: the process reaches its own servers, and
    /// [`base_url`](Self::base_url)s.
    ///
    /// ```no_run
    /// # fn example(session: cassette::Session) -> cassette::TestResult {
    /// let mut docker = std::process::Command::new("docker");
    /// docker.args(["run", "--network=host", "--volume=/tmp:/tmp"]);
    /// for (name, value) in session.env()? {
    ///     docker.arg("--env").arg(format!("{name}={}", value.display()));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// No port could be bound on the loopback interface, or the certificate could not be written to the temporary
    /// directory.
    pub fn env(&self) -> Result<Vec<(&'static str, OsString)>> {
        self.variables()
    }
}
