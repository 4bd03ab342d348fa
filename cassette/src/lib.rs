//! Record and replay HTTP in tests of unmodified code, with frozen time and output snapshots.
//!
//! ```no_run
//! # #[cfg(all(feature = "macros", feature = "client"))] mod example {
//! use cassette::{Session, cassette_test};
//!
//! #[cassette_test("weather/berlin")]
//! async fn berlin(session: Session) -> cassette::TestResult {
//!     let http = session.client()?; // a real reqwest::Client
//!     let today = http.get("https://api.example.com/v1/berlin").send().await?.text().await?;
//!     std::fs::write(session.output_dir()?.join("berlin.json"), today)?;
//!     Ok(())
//! }
//! # }
//! ```
//!
//! * `CASSETTE_MODE=record cargo test` runs the test against the real API. It writes the cassette
//!   `tests/cassettes/weather/berlin.json` and a snapshot of the output directory.
//! * `cargo test` replays the cassette: no connection leaves the machine, the clock stands at the time of the
//!   recording, and the output directory must equal the snapshot.
//!
//! # Concepts
//!
//! * A **cassette** is a file with the requests of a test and the responses of the servers. It is laid out for review
//!   and belongs in the repository. [`tape`] reads and writes it.
//! * A **session** consists of the cassette, the clock and the output directory of one test. [`cassette_test`] begins
//!   it and passes it to the test as a [`Session`]; [`Session::builder`] begins one without the attribute.
//! * The [`Mode`] decides what the session does with requests.
//! * A [`Config`] holds the settings that all tests of a project share: which values are secret, which parts of a
//!   request matter, where cassettes are.
//! * A **request matches** a recording if method, scheme, host, port, path and query are equal, and the bodies have the
//!   same meaning. [`Matching`](matcher::Matching) has the options. A request that matches no recording fails the test,
//!   and the report shows the differences from the nearest recording.
//! * **Redaction** replaces secrets with placeholders before anything reaches the disk. The placeholder of a named
//!   secret is `{{secret.API_KEY}}`, and a replay puts the value in its place. The placeholder of a token that a server
//!   issues is `[access_token:1]`, and on replay the code gets a text with the syntax of the token.
//! * The **clock** of a session stands still, and unmodified code sees the same time. [`Session::clock`] reads it.
//! * The **output directory**, [`Session::output_dir`], must match a snapshot. `cargo insta review` shows the
//!   differences.
//!
//! With the feature `intercept`, requests reach the session without a change to the code under test. The explicit
//! transports work on every system: [`Session::client`], [`Session::proxy_url`], [`Session::base_url`],
//! [`Session::layer`], [`Session::service`] and [`Session::command`].
//!
//! # Modes
//!
//! | [`Mode`] | network | cassette | output snapshot |
//! |---|---|---|---|
//! | [`replay`](Mode::Replay), the default | never | read; unmatched requests and unused interactions fail the test | compared |
//! | [`record`](Mode::Record) | yes | replaced if the test passes | replaced if the test passes |
//! | [`auto`](Mode::Auto) | if there is no cassette | recorded if there is none, else replayed | likewise |
//! | [`append`](Mode::Append) | for requests that are not on the cassette | extended if the test passes | replaced if the test passes |
//! | [`learn`](Mode::Learn) | yes | recorded twice; matching ignores what varied | replaced if the test passes |
//! | [`verify`](Mode::Verify) | yes | compared with live responses, not written | compared |
//! | [`accept`](Mode::Accept) | never | read, as on replay | replaced if the test passes |
//! | [`off`](Mode::Off) | yes | ignored | not taken |
//!
//! # Variables
//!
//! | variable | meaning |
//! |---|---|
//! | `CASSETTE_MODE` | the mode of every test of the run; it overrides the attribute, which overrides [`Config::mode`] |
//! | `CASSETTE_REPORT` | a file to which every session appends one line of JSON, for editors and CI |
//! | `CASSETTE_PROOF` | internal: set by cassette, never by a user, for the process that plays a new recording back |
//! | `CASSETTE_TZ` | the time zone of the process; without it local time is UTC |
//! | `CI` | if set, and not to `false` or `0`, only `CASSETTE_MODE` lets a test write |
//! | `INSTA_UPDATE` | whether cassette writes a changed snapshot for review, as insta does |
//! | `CARGO_TARGET_DIR` | the target directory, where failed tests leave their files |
//! | `NO_COLOR`, `CLICOLOR_FORCE`, `FORCE_COLOR`, `CARGO_TERM_COLOR` | whether failures are in colour |
//!
//! Any other variable that begins with `CASSETTE_` is an error, because a misspelt variable would silently mean the
//! default.
//!
//! # Features
//!
//! All features except `reqwest-middleware` are on by default. `client` adds a quarter of the crates that the library
//! needs. A project with its own client can leave `client` out and use all other features. No feature but `tls12` turns
//! on a feature of rustls or reqwest that changes the code under test.
//!
//! | feature | adds |
//! |---|---|
//! | `macros` | [`cassette_test`] |
//! | `ambient` | frozen time for unmodified code, and the summary at the end of a test process |
//! | `intercept` | connections of unmodified clients, and of processes that a test starts, reach the session |
//! | `proxy` | the loopback proxy of a session, base URLs, and connections to real servers while recording |
//! | `tls12` | TLS 1.2 in addition to TLS 1.3, with clients and with real servers. Turns on the feature of rustls |
//! | `client` | [`Session::client`], a `reqwest::Client` with the features of the package's own reqwest |
//! | `blocking` | [`Session::blocking_client`] |
//! | `reqwest-middleware` | [`Session::middleware`] |
//! | `brotli`, `zstd` | decoding of bodies in these content encodings while recording |
//! | `scaffold` | [`scaffold`], which generates tests from a file of configurations |
//!
//! # Limits
//!
//! The page `docs/limits.md` of the repository has all limits, with what to do instead. The most important ones:
//!
//! * `ambient` and `intercept` work on 64-bit Linux and macOS with a dynamic libc. On other systems a test uses the
//!   explicit transports and [`Config::explicit_clock`].
//! * `Instant` and the timers of runtimes keep running. A process that a test starts sees the real clock.
//! * cassette does not record WebSocket, HTTP/3 or client certificates.
//! * Tests that record take turns within a process, see [`Config::record_in_parallel`]. Tests that replay in parallel
//!   must not share a client or a runtime in a `static`. If they do, both fail, and cassette reports it.
//! * The value of a secret has 6 bytes to 64 KiB. cassette does not find encrypted values, and finds compressed values
//!   only in the final leak check.
//! * A killed process leaves its recording, `*.recording`. The recording is redacted, but the leak check has not read
//!   it.
//!
//! Start with [`cassette_test`], [`Session`] and [`Config`].

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg_attr(not(feature = "proxy"), allow(dead_code, reason = "there are no I/O threads"))]
mod activity;
mod ambient;
mod body;
mod boundaries;
mod capture;
mod clock;
mod config;
mod cores;
mod decode;
mod drift;
mod edit_distance;
mod engine;
mod error;
mod failure;
mod file_replacement;
mod hex;
mod hosts;
mod in_process;
mod json;
pub mod matcher;
mod meaning;
mod media_type;
mod messages;
mod mode;
mod placeholder;
mod player;
mod poison;
mod private;
mod reason;
mod recorder;
pub mod redact;
mod report;
mod request_ids;
#[cfg(feature = "scaffold")]
pub mod scaffold;
mod scan;
mod selecting_headers;
mod session;
mod snapshot;
mod support;
mod syntax;
pub mod tape;
mod target;
mod template;
#[cfg(test)]
mod tests;
mod timer;
#[cfg(feature = "proxy")]
mod transport;
mod transport_error;
mod volatile;
mod wild;

pub use body::Body;
#[cfg(feature = "macros")]
pub use cassette_macros::{cassette_test, test};
pub use clock::Clock;
pub use config::{Config, Drift, Exhausted, Expiry, Unused};
pub use error::{Error, Result, TestError, TestResult};
#[cfg(feature = "reqwest-middleware")]
pub use in_process::CassetteMiddleware;
#[cfg(feature = "proxy")]
pub use in_process::SessionService;
pub use in_process::{CassetteLayer, CassetteService};
pub use mode::Mode;
pub use session::{Failure, Session, SessionBuilder, Summary};

/// The items that the expansion of `#[cassette_test]` uses.
#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}

/// Items for the other packages of this repository: the command, the benches and the tests. These items may change in
/// every release.
#[doc(hidden)]
pub mod __support {
    pub use crate::support::*;
}
