//! Options that change what modes do: hosts that are not recorded, the greatest age of a cassette, the check of a new
//! recording, and drift.

use std::time::Duration;

use super::Config;

/// The reaction of a replay to a cassette that is older than [`Config::max_age`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// The test passes, and cassette prints a warning.
    Warn,
    /// The test fails.
    Fail,
}

/// What happens to a test in mode [`Verify`](crate::Mode::Verify) if the answers of the API differ from the recorded
/// answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drift {
    /// The default: the test fails with a table of the differences.
    #[default]
    Fail,
    /// The test passes, and cassette prints the table.
    Warn,
}

/// The options of mode `verify`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct VerifyPolicy {
    pub(crate) drift: Drift,
    /// Whether a changed value counts as drift. A changed schema always does.
    pub(crate) values: bool,
}

impl Config {
    /// Keeps a host out of cassettes: cassette neither records nor matches requests to it. A recording sends them to
    /// the server. A replay refuses them, unless the host is also a [pass-through](Self::pass_through) host.
    ///
    /// The host is a name, with or without a port. `*.` and a name stand for every subdomain of that name.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().ignore_host("telemetry.example.com").ignore_host("*.internal.example");
    /// ```
    #[must_use]
    pub fn ignore_host(mut self, host: &str) -> Config {
        if let Err(mistake) = self.hosts.ignore(host) {
            self.mistake.get_or_insert((mistake, None));
        }
        self
    }

    /// Passes connections to a host on to the real server in every mode, without recording them. Use it for a database, a
    /// mail server or a mock server, with any protocol. [`ignore_host`](Self::ignore_host) explains how to write the
    /// host.
    ///
    /// cassette does not change the bytes. A client with TLS gets the certificate of the real server, so it must trust
    /// that: the clients of the session, and those that read the file of certificates from the environment, trust the
    /// roots of the machine and of [`extra_root`](Self::extra_root).
    ///
    /// A replay never connects to other machines. So on replay the host must be this machine: a loopback address, `localhost`,
    /// the machine's own name or address, or a name that [`resolve`](Self::resolve) maps to such an address. A request to
    /// any other pass-through host fails the test.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().pass_through("db.internal:5432").pass_through("localhost:9200");
    /// ```
    #[must_use]
    pub fn pass_through(mut self, host: &str) -> Config {
        if let Err(mistake) = self.hosts.pass(host) {
            self.mistake.get_or_insert((mistake, None));
        }
        self
    }

    /// Sets the greatest age of a cassette. If the cassette is older, a replay prints a warning or fails, and names the
    /// command that records the cassette again. The age is the real time since `_metadata.recorded_at`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use cassette::{Config, Expiry};
    ///
    /// let config = Config::new().max_age(Duration::from_secs(90 * 24 * 60 * 60), Expiry::Warn);
    /// ```
    #[must_use]
    pub fn max_age(mut self, age: Duration, then: Expiry) -> Config {
        self.max_age = Some((age, then));
        self
    }

    /// Sets whether a recording is played back before it is installed. Default: `true`.
    ///
    /// After a test has passed in a mode that records, cassette runs the test's body again, offline, against the new
    /// recording. If the second run fails, or if its output differs, the recording is not installed, and the test fails
    /// with the cause. Switch this off for a test whose body must not run twice or takes too long. `prove = …` in the
    /// attribute overrides this setting for one test.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().prove(false);
    /// ```
    #[must_use]
    pub fn prove(mut self, prove: bool) -> Config {
        self.prove = prove;
        self
    }

    /// Sets how long a new recording may take to play back. Default: 30 s and ten times the time of the recording. If it
    /// takes longer, cassette ends the replay, does not install the recording, and the test fails.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use cassette::Config;
    ///
    /// let config = Config::new().proof_limit(Duration::from_secs(300));
    /// ```
    #[must_use]
    pub fn proof_limit(mut self, limit: Duration) -> Config {
        self.proof_limit = Some(limit);
        self
    }

    /// Sets what happens to a test in mode [`Verify`](crate::Mode::Verify) if the API has changed. Default:
    /// [`Drift::Fail`].
    ///
    /// ```
    /// use cassette::{Config, Drift};
    ///
    /// let config = Config::new().drift(Drift::Warn);
    /// ```
    #[must_use]
    pub fn drift(mut self, policy: Drift) -> Config {
        self.verify.drift = policy;
        self
    }

    /// In mode [`Verify`](crate::Mode::Verify), also compares the values in answers. By default the mode compares only
    /// the schema: statuses, names of headers, and names and types in JSON bodies.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().verify_values();
    /// ```
    #[must_use]
    pub fn verify_values(mut self) -> Config {
        self.verify.values = true;
        self
    }
}
