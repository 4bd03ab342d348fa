//! stub
#![allow(missing_docs)]
use crate::Result; use std::path::Path;
#[derive(Default, Debug)] pub struct Manifest; pub struct SnapshotDiff; impl SnapshotDiff { pub fn is_empty(&self) -> bool { true } }
impl Manifest { pub fn of(_: &Path, _: &[String]) -> Result<Manifest> { Ok(Manifest) } pub fn len(&self) -> usize { 0 } pub fn compare(&self, _: &Manifest) -> SnapshotDiff { SnapshotDiff } }
pub fn load(_: &Path) -> Result<Option<Manifest>> { Ok(None) }
pub fn store(_: &Path, _: &Manifest, _: &str) -> Result<()> { Ok(()) }
pub fn store_pending(_: &Path, _: &Manifest, _: &str) -> Result<()> { Ok(()) }
pub fn remove(_: &Path) -> Result<()> { Ok(()) }
pub fn keep(_: &Path, _: &Path) -> Result<()> { Ok(()) }
