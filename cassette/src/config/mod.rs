//! The settings that a project makes once for its tests: where cassettes are stored, which values are secret, which
//! requests are equal.
//!
//! A project writes settings that are data into `cassette.toml` (`settings`). It builds a [`Config`] on top of them in
//! code, and shares it through `config = crate::cassette_config` in the attribute. The values of secrets come from other
//! files and from variables (`sources`).
//!
//! Must not know: sessions.

mod matching;
mod modes;
mod network;
mod output;
mod redaction;
mod settings;
mod sources;
mod validation;

pub use self::matching::{Exhausted, Unused};
pub(crate) use self::modes::VerifyPolicy;
pub use self::modes::{Drift, Expiry};
pub use self::settings::{InEffect, ProjectSettings, SettingsKey, project_settings, settings_keys};
pub(crate) use self::sources::Sources;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};
use crate::hosts::Hosts;
use crate::matcher::Matching;
use crate::mode::Mode;
use crate::redact::Rules;

/// The settings of a session. Without `config = …`, `#[cassette_test]` uses `Config::new()`.
///
/// Settings that are data can also be in `cassette.toml`, in the folder of the package and in the root of the workspace.
/// A `Config` begins with them, and its methods change them: a method with a single value replaces that of the file, and
/// a method that adds to a list adds to that of the file.
///
/// Methods take a `Config` and return it changed. If a value is wrong, the session reports the first mistake when it
/// begins. Only methods that document a panic panic at once.
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
    pub(crate) upstream_proxy: Option<String>,
    pub(crate) upstream_no_proxy: Option<String>,
    pub(crate) drain: Option<Duration>,
    pub(crate) ignore_output: Vec<String>,
    pub(crate) record_command: Option<String>,
    pub(crate) explicit_clock: bool,
    pub(crate) explicit_clients: bool,
    pub(crate) intercept_loopback: bool,
    pub(crate) record_in_parallel: bool,
    pub(crate) hosts: Hosts,
    pub(crate) max_age: Option<(Duration, Expiry)>,
    pub(crate) verify: VerifyPolicy,
    pub(crate) prove: bool,
    pub(crate) proof_limit: Option<Duration>,
    /// The first mistake in the settings, with a hint. The session reports it when it begins.
    pub(crate) mistake: Option<(String, Option<String>)>,
}

impl Default for Config {
    fn default() -> Self {
        Config::new()
    }
}

impl Config {
    /// The settings of the package's `cassette.toml` and of the workspace's. If there is no such file, the defaults:
    /// cassettes in `tests/cassettes`, default matching, default redaction, and bodies of more than 65,536 bytes in files
    /// of their own.
    ///
    /// The package is the one whose tests run (`CARGO_MANIFEST_DIR`). If a file has a mistake, the session reports it when
    /// it begins.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// fn cassette_config() -> Config {
    ///     Config::new().redact_field("customer_pin")
    /// }
    /// ```
    pub fn new() -> Config {
        Config::of_project()
    }

    fn defaults() -> Config {
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
            upstream_proxy: None,
            upstream_no_proxy: None,
            drain: None,
            ignore_output: Vec::new(),
            record_command: None,
            explicit_clock: false,
            explicit_clients: false,
            intercept_loopback: false,
            record_in_parallel: false,
            hosts: Hosts::default(),
            max_age: None,
            verify: VerifyPolicy::default(),
            prove: true,
            proof_limit: None,
            mistake: None,
        }
    }

    /// Sets the folder of the cassettes, relative to the package's directory. Default: `tests/cassettes`.
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

    /// Sets the mode of tests. The variable `CASSETTE_MODE` and the attribute override this setting. Default:
    /// [`Mode::Replay`].
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

    /// Freezes the clock at this instant. By default a replay uses the `freeze_time` of the cassette, and a recording
    /// uses the time at which the recording began.
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

    /// Sets the greatest length of a body, in bytes, that cassette stores inside the cassette file. Each longer body is
    /// stored in a separate file. Default: 65,536.
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

    /// Sets the command that records these tests. Reports show this command instead of `CASSETTE_MODE=record cargo test
    /// …`.
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

    /// Declares that the code under test reads the time through [`Session::clock`](crate::Session::clock). On systems
    /// other than Linux and macOS, cassette cannot freeze the time for other code, so a session begins there only with
    /// this option.
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

    /// Checks settings that depend on each other, and returns the finished settings.
    ///
    /// # Errors
    ///
    /// A method has noted a mistake, or `allow_header` names a header that a default rule redacts.
    pub(crate) fn checked(mut self) -> Result<Config> {
        if let Some((mistake, hint)) = self.mistake {
            let hint = hint.unwrap_or_else(|| "correct the `Config` that this test uses".to_owned());
            return Err(Error::new(mistake).hint(hint));
        }
        if let Some((name, rules)) = self.rules.shown_credential() {
            let without: String = rules.iter().map(|rule| format!(".without_rule({:?})", rule.id)).collect();
            let hint = format!("remove this call; to store credentials on purpose, add `{without}`");
            let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
            let message =
                format!("`allow_header({name:?})`: this header is redacted by {}", rules.join(" and "));
            return Err(Error::new(message).hint(hint));
        }
        // A replay can only compare headers that are on the cassette.
        for name in self.matching.required_headers() {
            self.rules = self.rules.allow_header_unless_credential(name);
        }
        Ok(self)
    }
}
