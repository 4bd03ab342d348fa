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
    /// A host that no cassette is about: requests to it are neither recorded nor matched. While recording they
    /// pass; on replay they are refused, unless it is a [pass-through](Self::pass_through) host, too.
    ///
    /// A name, with or without a port, or `*.` and a name for everything below it.
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

    /// A host that requests go to in every mode, unrecorded: a database or a fake beside the test. Patterns are
    /// those of [`ignore_host`](Self::ignore_host).
    ///
    /// A replay leaves the machine for nobody, though: there it is a loopback address, `localhost`, or a name
    /// that [`resolve`](Self::resolve) gives a loopback address, and anything else fails the test.
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

    /// How old a cassette may grow. Whoever replays an older one is told how to record it again, or fails.
    /// Judged by the real time, and by when it was recorded (`_metadata.recorded_at`).
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

    /// What becomes of a test in mode [`Verify`](crate::Mode::Verify) whose API has changed. Default
    /// [`Drift::Fail`].
    #[must_use]
    pub fn drift(mut self, policy: Drift) -> Config {
        self.verify.drift = policy;
        self
    }

    /// In mode [`Verify`](crate::Mode::Verify) the values of answers count as well. By default it is their
    /// shape: names and types of JSON, names of headers, statuses.
    #[must_use]
    pub fn verify_values(mut self) -> Config {
        self.verify.values = true;
        self
    }
}
