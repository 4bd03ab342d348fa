//! The search for secrets by value: the encodings of a value, and one search for all of them at once.
//!
//! Must not know: formats of bodies, streams, rules other than secrets.

pub(crate) mod credentials;
pub(crate) mod encoding;
pub(crate) mod encodings;
pub(crate) mod finder;
pub(crate) mod found_values;
pub(crate) mod search;
