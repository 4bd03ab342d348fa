//! Lists the names and the kinds of the entries of a directory. This code does not open files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::glob::Ignore;
use super::manifest::{Entry, Item};
use super::name;
use crate::error::{Error, Result};

/// The result of [`walk`].
#[derive(Default)]
pub(super) struct Listing {
    /// Links and empty directories, which need no reading.
    pub(super) done: Vec<Entry>,
    /// Files, which need to be read.
    pub(super) files: Vec<ListedFile>,
}

pub(super) struct ListedFile {
    /// The path in the manifest.
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// The size that the directory reports. It only serves to distribute the work.
    pub(super) size: u64,
}

/// Lists everything below `root` that is not ignored.
pub(super) fn walk(root: &Path, ignore: &Ignore) -> Result<Listing> {
    let mut found = Listing::default();
    let mut folders = vec![(root.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let mut empty = true;
        let reading = |e| Error::io("read the directory", &folder, e);
        for entry in fs::read_dir(&folder).map_err(reading)? {
            let entry = entry.map_err(reading)?;
            let path = entry.path();
            let name = join(&prefix, &name::escape(entry.file_name().as_encoded_bytes()));
            if ignore.matches(&name) {
                continue;
            }
            empty = false;
            let kind = entry.file_type().map_err(|e| Error::io("look at the entry", &path, e))?;
            if kind.is_symlink() {
                let target = fs::read_link(&path).map_err(|e| Error::io("read the link", &path, e))?;
                let target = link_target(root, &target);
                found.done.push(Entry { path: name, item: Item::Symlink { target } });
            } else if kind.is_dir() {
                folders.push((path, name));
            } else if kind.is_file() {
                let size = entry.metadata().map_err(|e| Error::io("look at the file", &path, e))?.len();
                found.files.push(ListedFile { name, path, size });
            } else {
                return Err(neither(&path, &name));
            }
        }
        // The root itself is not an entry.
        if empty && !prefix.is_empty() {
            found.done.push(Entry { path: prefix, item: Item::Dir });
        }
    }
    Ok(found)
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") }
}

fn link_target(root: &Path, target: &Path) -> String {
    let canonical: io::Result<PathBuf> = root.canonicalize();
    let inside = target
        .strip_prefix(root)
        .ok()
        .or_else(|| canonical.as_ref().ok().and_then(|root| target.strip_prefix(root).ok()));
    match inside {
        Some(rest) if target.is_absolute() => {
            join("{{output_dir}}", &name::of_path(rest)).trim_end_matches('/').to_owned()
        }
        _ => name::of_path(target),
    }
}

fn neither(path: &Path, name: &str) -> Error {
    Error::new("is neither file, directory nor link, and cannot be in a snapshot")
        .at(path)
        .hint(format!("remove it before the test ends, or ignore `/{name}`"))
}
