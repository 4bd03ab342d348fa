//! Redaction of URLs and headers.

pub(crate) mod cookies;
pub(crate) mod headers;
pub(crate) mod uri;
pub(crate) mod url_patterns;
