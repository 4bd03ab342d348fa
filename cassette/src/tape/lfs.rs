//! Recognises a pointer of Git LFS, which stands in the place of a file whose content has not been fetched.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::error::Error;

/// The command that fetches the content of all files.
pub(crate) const PULL: &str = "git lfs pull";

/// How a pointer begins: <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>.
const BEGINNING: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The error of a file that cannot be used, if it is a pointer.
pub(super) fn pointer(path: &Path, what: &str) -> Option<Error> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(BEGINNING.len() as u64).read_to_end(&mut text).ok()?;
    let message = format!("this is a pointer of Git LFS, and not {what}");
    (text == BEGINNING).then(|| Error::new(message).at(path).hint(PULL))
}
