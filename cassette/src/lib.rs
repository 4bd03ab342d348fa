//! Record and replay HTTP in tests.

mod error;
pub mod json;
pub mod matcher;
pub mod mode;
pub mod redact;
pub mod snapshot;
pub mod tape;
#[cfg(feature = "proxy")]
mod transport;

pub use error::{Error, Result};
