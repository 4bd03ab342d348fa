//! A temporary folder below `target`. The drop of its value removes it.
//!
//! Must not know: what the folder is for.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};

pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes a new folder in `parent`. Its path is absolute, so that a change of the working directory does not matter.
    pub(super) fn new(parent: &Path) -> Result<Folder> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let parent = std::path::absolute(parent).unwrap_or_else(|_| parent.to_owned());
        let folder = Folder(parent.join(format!("{}-{n}", std::process::id())));
        // If the folder exists already, a killed process has left it.
        let _ = std::fs::remove_dir_all(&folder.0);
        std::fs::create_dir_all(&folder.0).map_err(|e| Error::io("make the folder", &folder.0, e))?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The folder is below `target`, so a failed removal does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
