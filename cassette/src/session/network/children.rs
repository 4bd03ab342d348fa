//! Connects processes to a session explicitly: with a `Command`, or with environment variables for another launcher.
//!
//! Must not know: the names of the variables.

use std::ffi::{OsStr, OsString};
use std::process::Command;

use crate::error::Result;
use crate::session::handle::Session;

impl Session {
    /// A command whose process belongs to this session. The session records or replays the requests of the process. The
    /// program must read the variables of [`env`](Self::env), as most programs do.
    ///
    /// With interception, the process of every other `Command` in the test belongs to the session, too. This method
    /// also works on systems without interception. For tokio use
    /// `tokio::process::Command::from(session.command("curl")?)`. The process sees the real time. On replay it has a
    /// dummy for each secret whose variable is not set, as the threads of the test do; see
    /// [`secret_from_env`](crate::Config::secret_from_env).
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
    /// The same errors as [`env`](Self::env).
    pub fn command(&self, program: impl AsRef<OsStr>) -> Result<Command> {
        let mut command = Command::new(program);
        command.envs(self.env()?).envs(self.0.config.sources.missing_dummies());
        Ok(command)
    }

    /// The variables that connect a process to this session, for launchers other than [`command`](Self::command): a
    /// container, a shell, `env_clear`. They contain the URL of the session's proxy and the path of a file with the
    /// certificate to trust, each under all names that clients read. The file exists until the session ends. The list
    /// is empty if the session is off.
    ///
    /// The variables exempt loopback addresses: the process reaches its own servers and the URLs of
    /// [`base_url`](Self::base_url) directly, like the test itself.
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
    /// cassette could not bind a port on the loopback interface, or could not write the certificate to the temporary
    /// directory.
    pub fn env(&self) -> Result<Vec<(&'static str, OsString)>> {
        self.variables()
    }
}
