//! What a project decides once for its tests: where cassettes lie, what is secret, what matches.
//!
//! Built in code, shared through `config = crate::cassette_config` in the attribute. Reads nothing itself but the values
//! of secrets that it names (`sources`).
//!
//! Must not know: sessions.

mod matching;
mod modes;
mod network;
mod output;
mod redaction;
mod sources;
mod validation;

pub use self::matching::{Exhausted, Unused};
pub(crate) use self::modes::VerifyPolicy;
pub use self::modes::{Drift, Expiry};
pub(crate) use self::sources::Sources;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};
use crate::hosts::Hosts;
use crate::matcher::Matching;
use crate::mode::Mode;
use crate::redact::Rules;

/// The settings of a session; `Config::new()` is what `#[cassette_test]` uses without `config = …`.
///
/// ```
/// use cassette::Config;
///
/// fn cassette_config() -> Config {
///     Config::new().secret("API_KEY", "k-5f2b9c41").ignore_query("requested_at").ignore_output("**/*.log")
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) directory: PathBuf,
    pub(crate) mode: Option<Mode>,
    pub(crate) freeze: Option<SystemTime>,
    pub(crate) rules: Rules,
    pub(crate) sources: Sources,
    pub(crate) matching: Matching,
    pub(crate) unused: Unused,
    pub(crate) exhausted: Exhausted,
    pub(crate) ordered: bool,
    pub(crate) inline_limit: usize,
    pub(crate) extra_roots: Vec<Vec<u8>>,
    pub(crate) resolve: Vec<(String, SocketAddr)>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) ignore_output: Vec<String>,
    pub(crate) record_command: Option<String>,
    pub(crate) explicit_clock: bool,
    pub(crate) explicit_clients: bool,
    pub(crate) intercept_loopback: bool,
    pub(crate) hosts: Hosts,
    pub(crate) max_age: Option<(Duration, Expiry)>,
    pub(crate) verify: VerifyPolicy,
    /// The first mistake made while building, with what would help; reported when a session begins.
    pub(crate) mistake: Option<(String, Option<String>)>,
}

impl Default for Config {
    fn default() -> Self {
        Config::new()
    }
}

impl Config {
    /// The defaults: cassettes in `tests/cassettes`, default matching, default redaction, bodies above 64 KiB in files.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// fn cassette_config() -> Config {
    ///     Config::new().redact_field("customer_pin")
    /// }
    /// ```
    pub fn new() -> Config {
        Config {
            directory: PathBuf::from("tests/cassettes"),
            mode: None,
            freeze: None,
            rules: Rules::default(),
            sources: Sources::default(),
            matching: Matching::default(),
            unused: Unused::default(),
            exhausted: Exhausted::default(),
            ordered: false,
            inline_limit: 64 * 1024,
            extra_roots: Vec::new(),
            resolve: Vec::new(),
            connect_timeout: None,
            ignore_output: Vec::new(),
            record_command: None,
            explicit_clock: false,
            explicit_clients: false,
            intercept_loopback: false,
            hosts: Hosts::default(),
            max_age: None,
            verify: VerifyPolicy::default(),
            mistake: None,
        }
    }

    /// The folder of the cassettes, relative to the package's directory. Default: `tests/cassettes`.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().directory("tests/recorded");
    /// ```
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Config {
        self.directory = directory.into();
        self
    }

    /// The mode of tests for which neither `CASSETTE_MODE` nor the attribute names one. Default: [`Mode::Replay`].
    ///
    /// ```
    /// use cassette::{Config, Mode};
    ///
    /// let config = Config::new().mode(Mode::Auto);
    /// ```
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Config {
        self.mode = Some(mode);
        self
    }

    /// Freezes the clock at this instant. Without it a replay uses the `freeze_time` of the cassette, and a recording
    /// the moment at which it began.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// use cassette::Config;
    ///
    /// let config = Config::new().freeze(SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_433_000));
    /// ```
    #[must_use]
    pub fn freeze(mut self, at: SystemTime) -> Config {
        self.freeze = Some(at);
        self
    }

    /// Bodies of more than this many bytes are stored in files of their own. Default: 65,536.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().inline_limit(4 * 1024);
    /// ```
    #[must_use]
    pub fn inline_limit(mut self, bytes: usize) -> Config {
        self.inline_limit = bytes;
        self
    }

    /// The command that records these tests. Reports name it instead of `CASSETTE_MODE=record cargo test …`.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().record_command("cargo run --example scaffold");
    /// ```
    #[must_use]
    pub fn record_command(mut self, command: &str) -> Config {
        self.record_command = Some(command.to_owned());
        self
    }

    /// The code under test reads the time through [`Session::clock`](crate::Session::clock). A session can then begin
    /// on systems on which unmodified code cannot see the frozen time: all but Linux and macOS.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().explicit_clock();
    /// ```
    #[must_use]
    pub fn explicit_clock(mut self) -> Config {
        self.explicit_clock = true;
        self
    }

    /// Complete: what follows from several settings together is settled here.
    pub(crate) fn checked(mut self) -> Result<Config> {
        if let Some((mistake, hint)) = self.mistake {
            let hint = hint.unwrap_or_else(|| "correct the `Config` that this test uses".to_owned());
            return Err(Error::new(mistake).hint(hint));
        }
        if let Some((name, rules)) = self.rules.shown_credential() {
            let without: String = rules.iter().map(|rule| format!(".without_rule({:?})", rule.id)).collect();
            let hint = format!("leave it out; or, to store credentials on purpose, add `{without}`");
            let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
            let message = format!("`allow_header({name:?})`: redacted by {}", rules.join(" and "));
            return Err(Error::new(message).hint(hint));
        }
        // What is compared has to be recorded.
        for name in self.matching.required_headers() {
            self.rules = self.rules.allow_header_unless_credential(name);
        }
        Ok(self)
    }
}
