//! What a test wrote: a directory becomes a manifest, a manifest becomes a snapshot, two manifests become the
//! differences between them.
//!
//! Must not know: HTTP, sessions, what a failure reads like.

mod diff;
mod glob;
mod keep;
mod manifest;
mod scan;
mod store;

pub use diff::{Change, SnapshotDiff};
pub use manifest::{Entry, Kind, Manifest};

pub(crate) use keep::keep;
pub(crate) use store::{load, remove, store, store_pending};
