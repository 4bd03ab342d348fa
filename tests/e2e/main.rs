//! End-to-end tests: the public API, real servers on loopback, real files, and what a user sees.

mod failures;
mod fixture;
