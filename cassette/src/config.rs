//! What a project decides once for its tests: where cassettes lie, what is secret, what matches.
//!
//! Built in code, shared through `config = crate::cassette_config` in the attribute. Reads nothing itself.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::error::{Error, Result};
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
    pub(crate) matching: Matching,
    pub(crate) unused: Unused,
    pub(crate) inline_limit: usize,
    pub(crate) extra_roots: Vec<Vec<u8>>,
    pub(crate) resolve: Vec<(String, SocketAddr)>,
    pub(crate) ignore_output: Vec<String>,
    pub(crate) record_command: Option<String>,
    pub(crate) explicit_clock: bool,
    /// The first mistake made while building; reported when a session begins.
    pub(crate) mistake: Option<String>,
}

/// What becomes of interactions that a passing test did not ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unused {
    /// The test fails and names them: the default.
    #[default]
    Fail,
    /// They are allowed.
    Allow,
}

impl Default for Config {
    fn default() -> Self {
        Config::new()
    }
}

impl Config {
    /// The defaults: `tests/cassettes`, default matching, default redaction, bodies above 64 KiB in files.
    pub fn new() -> Config {
        Config {
            directory: PathBuf::from("tests/cassettes"),
            mode: None,
            freeze: None,
            rules: Rules::default(),
            matching: Matching::default(),
            unused: Unused::default(),
            inline_limit: 64 * 1024,
            extra_roots: Vec::new(),
            resolve: Vec::new(),
            ignore_output: Vec::new(),
            record_command: None,
            explicit_clock: false,
            mistake: None,
        }
    }

    /// Where cassettes lie, relative to the package's directory. Default `tests/cassettes`.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Config {
        self.directory = directory.into();
        self
    }

    /// The mode, where neither `CASSETTE_MODE` nor the attribute says. Default [`Mode::Replay`].
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Config {
        self.mode = Some(mode);
        self
    }

    /// Freezes the clock at this instant instead of the cassette's `freeze_time` (when recording: instead of
    /// the moment at which the recording began).
    #[must_use]
    pub fn freeze(mut self, at: SystemTime) -> Config {
        self.freeze = Some(at);
        self
    }

    /// A named secret: wherever `value` occurs, in whatever encoding, the cassette has `{{secret.NAME}}`.
    /// On replay the placeholder is filled with the value again. An empty value is no secret: it is what
    /// an unset variable gives, and a replay needs none.
    ///
    /// A value too short to be replaced safely is a mistake that the session reports when it begins.
    #[must_use]
    pub fn secret(mut self, name: &str, value: impl AsRef<str>) -> Config {
        let value = value.as_ref();
        if !value.is_empty() {
            self.rules = match self.rules.clone().secret(name, value) {
                Ok(rules) => rules,
                Err(e) => {
                    self.mistake.get_or_insert_with(|| e.to_string());
                    self.rules
                }
            };
        }
        self
    }

    /// The same with the value of an environment variable of that name; unset is no secret.
    #[must_use]
    pub fn secret_from_env(self, name: &str) -> Config {
        let value = std::env::var(name).unwrap_or_default();
        self.secret(name, value)
    }

    /// Keeps a header, by name, with its value: the default list keeps what replay and review need.
    #[must_use]
    pub fn allow_header(mut self, name: &str) -> Config {
        self.rules = self.rules.allow_header(name);
        self
    }

    /// Redacts the values of a JSON key, form key or query key of this name, at any depth. Case, `-` and `_`
    /// don't count: `apiKey` is `api_key`.
    #[must_use]
    pub fn redact_field(mut self, name: &str) -> Config {
        self.rules = self.rules.field(name);
        self
    }

    /// Takes a name off the default list of redacted fields.
    #[must_use]
    pub fn keep_field(mut self, name: &str) -> Config {
        self.rules = self.rules.keep_field(name);
        self
    }

    /// A query key that doesn't count in matching.
    #[must_use]
    pub fn ignore_query(mut self, key: &str) -> Config {
        self.matching = self.matching.ignore_query(key);
        self
    }

    /// A place in JSON request bodies that doesn't count in matching: an RFC 6901 pointer, in which `*`
    /// stands for any one key or index.
    ///
    /// # Panics
    ///
    /// If it is not a pointer.
    #[must_use]
    #[track_caller]
    pub fn ignore_json(mut self, pointer: &str) -> Config {
        self.matching = self.matching.ignore_json(pointer);
        self
    }

    /// Request bodies don't count in matching.
    #[must_use]
    pub fn ignore_body(mut self) -> Config {
        self.matching = self.matching.ignore_body();
        self
    }

    /// A header that counts in matching; by default none does.
    ///
    /// # Panics
    ///
    /// If it cannot be the name of a header.
    #[must_use]
    #[track_caller]
    pub fn require_header(mut self, name: &str) -> Config {
        self.matching = self.matching.require_header(name);
        self
    }

    /// What becomes of interactions that the test didn't ask for. Default [`Unused::Fail`].
    #[must_use]
    pub fn unused(mut self, policy: Unused) -> Config {
        self.unused = policy;
        self
    }

    /// Bodies of more than this many bytes go into files of their own. Default 65,536.
    #[must_use]
    pub fn inline_limit(mut self, bytes: usize) -> Config {
        self.inline_limit = bytes;
        self
    }

    /// One more root certificate (PEM, one or several) that upstream servers are checked against while
    /// recording: for private APIs. The platform's roots stay in force.
    #[must_use]
    pub fn extra_root(mut self, pem: impl Into<Vec<u8>>) -> Config {
        self.extra_roots.push(pem.into());
        self
    }

    /// Connects to `address` for `host` while recording, as curl's `--resolve`.
    #[must_use]
    pub fn resolve(mut self, host: &str, address: SocketAddr) -> Config {
        self.resolve.push((host.to_owned(), address));
        self
    }

    /// Output files that the snapshot leaves out: a glob over relative paths, `**` crosses folders.
    #[must_use]
    pub fn ignore_output(mut self, glob: &str) -> Config {
        self.ignore_output.push(glob.to_owned());
        self
    }

    /// The command that records these tests, for failure texts, where it isn't
    /// `CASSETTE_MODE=record cargo test …`.
    #[must_use]
    pub fn record_command(mut self, command: &str) -> Config {
        self.record_command = Some(command.to_owned());
        self
    }

    /// The code under test reads the time through [`Session::clock`](crate::Session::clock). Then a session may
    /// begin where unmodified code can't be shown the frozen time: elsewhere than on Linux and macOS.
    #[must_use]
    pub fn explicit_clock(mut self) -> Config {
        self.explicit_clock = true;
        self
    }

    pub(crate) fn checked(self) -> Result<Config> {
        match &self.mistake {
            Some(m) => Err(Error::new(m.clone()).hint("correct the `Config` that this test uses")),
            None => Ok(self),
        }
    }
}
