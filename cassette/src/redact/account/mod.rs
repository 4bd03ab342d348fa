//! What became of the values that were found: which placeholder each one has, and which rules fired.

pub(crate) mod identity;
