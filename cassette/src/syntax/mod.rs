//! Syntax from RFCs that redaction and matching share: JSON pointers, header values with parameters, fragments of URIs.
//!
//! Must not know: what the values mean, cassettes, sessions.

pub(crate) mod parameters;
pub(crate) mod pointer;
pub(crate) mod uri;
