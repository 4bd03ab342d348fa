//! Secrets by value: every encoding of them, and the search for all at once.

pub(crate) mod encoding;
pub(crate) mod encodings;
pub(crate) mod finder;
pub(crate) mod found_values;
pub(crate) mod search;
