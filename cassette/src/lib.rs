//! Record and replay HTTP in tests.

#[cfg(feature = "proxy")]
mod body;
mod error;
pub mod json;
pub mod matcher;
pub mod redact;
pub mod snapshot;
pub mod tape;
#[cfg(feature = "proxy")]
#[cfg_attr(
    not(all(test, feature = "client")),
    expect(dead_code, unused_imports, reason = "the session, its first user, comes next")
)]
mod transport;

pub use error::{Error, Result};
