//! What modes do beyond their names: hosts that no cassette is about, how old one may grow, what drift means.

use std::time::Duration;

use super::Config;

/// What becomes of a cassette that is older than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// The test passes, and it is told.
    Warn,
    /// The test fails.
    Fail,
}

/// What becomes of a test whose recorded answers are no longer what the API gives, in mode
/// [`Verify`](crate::Mode::Verify).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drift {
    /// The test fails with a table of what differs: the default.
    #[default]
    Fail,
    /// The test passes, and the table is printed.
    Warn,
}

/// What counts as drift, and what becomes of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct VerifyPolicy {
    pub(crate) drift: Drift,
    pub(crate) values: bool,
}

impl Config {
    /// Keeps a host out of cassettes: requests to it are neither recorded nor matched. A recording lets them pass. A
    /// replay refuses them, unless the host is a [pass-through](Self::pass_through) host as well.
    ///
    /// The host is a name, with or without a port, or `*.` and a name for every host below it.
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

    /// Lets requests to a host pass in every mode, unrecorded: to a database or a fake server beside the test. The host
    /// is written as for [`ignore_host`](Self::ignore_host).
    ///
    /// No replay leaves the machine. On replay the host has to be a loopback address, `localhost`, or a name that
    /// [`resolve`](Self::resolve) gives a loopback address. Any other host fails the test.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().pass_through("127.0.0.1").pass_through("localhost:9200");
    /// ```
    #[must_use]
    pub fn pass_through(mut self, host: &str) -> Config {
        if let Err(mistake) = self.hosts.pass(host) {
            self.mistake.get_or_insert((mistake, None));
        }
        self
    }

    /// The greatest age of a cassette. A replay of an older one warns or fails, and names the command that records it
    /// again. The age is the real time since `_metadata.recorded_at`.
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

    /// What happens to a test in mode [`Verify`](crate::Mode::Verify) if the API has changed. Default: [`Drift::Fail`].
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

    /// Compares the values of answers in mode [`Verify`](crate::Mode::Verify). By default the mode compares the schema
    /// only: names and types of JSON, names of headers, and statuses.
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
