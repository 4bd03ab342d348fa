//! The redaction rules as data: the default rules, a project's own rules, and its secrets.
//!
//! Must not know: how a rule is applied, bodies, heads.

mod builder;
pub(crate) mod catalogue;
pub(crate) mod fields;
pub(crate) mod hooks;
pub(crate) mod known_headers;
pub(crate) mod label;
pub(crate) mod links;
pub(crate) mod names;
mod noise;
pub(crate) mod pointers;
pub(crate) mod rule;
pub(crate) mod secret;
pub(crate) mod secrets_file;
pub(crate) mod set;
pub(crate) mod unusable;
pub(crate) mod urls;
