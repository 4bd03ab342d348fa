//! Redaction of the heads of requests and responses: URLs, headers and cookies.
//!
//! Must not know: bodies, what is stored or matched.

pub(crate) mod cookies;
pub(crate) mod headers;
pub(crate) mod uri;
pub(crate) mod url_patterns;
