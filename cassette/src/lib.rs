//! Record and replay HTTP in tests.

#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "the session, which enters it, comes next"))]
mod ambient;
#[cfg_attr(not(test), expect(dead_code, reason = "the session, which reads its instant, comes next"))]
mod clock;
mod error;
pub mod json;
pub mod matcher;
pub mod redact;
pub mod snapshot;
pub mod tape;
#[cfg(feature = "proxy")]
mod transport;

pub use clock::Clock;
pub use error::{Error, Result};
