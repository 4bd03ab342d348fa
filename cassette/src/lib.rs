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
//! * `CASSETTE_MODE=record cargo test` runs it against the real API, and writes the cassette
//!   `tests/cassettes/weather/berlin.json` and a snapshot of its output.
//! * `cargo test` replays: nothing leaves the machine, the clock stands where it stood, the output directory must
//!   be the one of the snapshot.
//!
//! Start with [`cassette_test`], [`Session`] and [`Config`].

// In reading order.
mod ambient;
mod body;
mod capture;
mod clock;
mod config;
mod decode;
pub mod drift;
mod edit_distance;
mod engine;
mod error;
mod failure;
mod hosts;
mod in_process;
pub mod json;
pub mod matcher;
mod media_type;
mod mode;
mod placeholder;
mod player;
mod private;
mod recorder;
pub mod redact;
pub mod report;
#[cfg(feature = "scaffold")]
pub mod scaffold;
pub mod scan;
mod session;
pub mod snapshot;
mod syntax;
pub mod tape;
mod target;
mod template;
#[cfg(feature = "proxy")]
mod transport;
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

/// The examples of the pages for users run with those of the code.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../docs/matching.md")]
    mod matching {}
    #[doc = include_str!("../../docs/modes.md")]
    mod modes {}
    #[doc = include_str!("../../docs/redaction.md")]
    mod redaction {}
    #[doc = include_str!("../../docs/secrets.md")]
    mod secrets {}
}

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}
