//! A session has the cassette, the clock and the output directory of one test. It begins, runs the body of the test,
//! and finishes.
//!
//! Must not know: how HTTP is parsed, or the contents of files.

mod attributes;
mod begin;
mod call_site;
mod causes;
mod failure;
mod finish;
mod folder;
mod handle;
mod leaks;
mod learn;
mod named_secrets;
mod network;
mod open;
mod output;
mod owners;
mod problems;
mod process_summary;
mod proof;
mod registry;
mod run;
mod summary;

pub use begin::SessionBuilder;
pub use call_site::Test;
pub use failure::Failure;
pub use handle::Session;
pub use run::{Verdict, run_async, run_sync};
pub use summary::Summary;
