//! Record and replay HTTP in tests.

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod error;
pub mod json;
pub mod matcher;
pub mod redact;
pub mod snapshot;
mod stand_in;
pub mod tape;
#[cfg(feature = "proxy")]
mod transport;

#[cfg(feature = "macros")]
pub use cassette_macros::{cassette_test, test};
pub use error::{Error, Result};
pub use stand_in::{Config, Session};
