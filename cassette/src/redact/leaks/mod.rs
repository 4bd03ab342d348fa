//! The final leak check: it reads a recording before cassette installs it, and reports secrets that redaction missed.
//!
//! Must not know: cassettes, how redaction works.

pub(crate) mod check;
pub(crate) mod leak;
pub(crate) mod packed;
mod window;
