//! The output of a test. This module reads a directory into a [`Manifest`], compares it with an earlier manifest, and
//! keeps manifests and files on the disk.
//!
//! A manifest is text with one line for each file, so that a review shows a change of the output as the lines of the
//! changed files. Differences are values ([`SnapshotDiff`]); `report` writes their text.
//!
//! Must not know: HTTP, cassettes, modes, what a session is.

mod csv;
mod diff;
mod digest;
mod directory;
mod glob;
mod keep;
mod manifest;
mod name;
mod store;
mod text;
mod walk;

#[cfg(test)]
mod tests;

pub(crate) use diff::{EntryChange, Fact, SnapshotDiff};
pub(crate) use digest::Filter;
pub(crate) use keep::keep;
pub(crate) use manifest::{Entry, Item, Manifest};
pub(crate) use store::{Header, discard_pending, load, store, store_pending};
