//! Redaction by name in each format of bodies: one streaming parser for each format, and the detection of the format.
//!
//! Must not know: links, secrets by value, where a body comes from.

pub(crate) mod body_fields;
pub(crate) mod events;
pub(crate) mod form;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod loose_form;
pub(crate) mod multipart;
pub(crate) mod pass;
pub(crate) mod script;
pub(crate) mod sniff;
pub(crate) mod splice;
pub(crate) mod unescape;
pub(crate) mod xml;
