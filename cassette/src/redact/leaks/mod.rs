//! The last check of what was written.

pub(crate) mod check;
pub(crate) mod leak;
pub(crate) mod packed;
mod window;
