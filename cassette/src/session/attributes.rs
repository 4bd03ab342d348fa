//! Tells Git to leave body files as they are. Otherwise Git may change line ends in them, and the next replay would find
//! other bytes than those of the recording.
//!
//! Must not know: what a body file contains.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::report::GitAttributes;

/// The line for the file `.gitattributes` in the folder of the cassettes, or above it. A pattern with a slash counts from
/// the folder of the file, and `**/` also covers its subfolders: <https://git-scm.com/docs/gitignore#_pattern_format>.
pub(super) const LINE: &str = "**/*.bodies/** -text";

const NAME: &str = ".gitattributes";

/// Makes the file in the folder of the cassettes, if the folder is in a working tree of Git, and no such file covers body
/// files.
///
/// Returns what was done, or what the user has to do. `None` if nothing has to be done.
pub(super) fn protect_bodies(folder: &Path) -> Option<GitAttributes> {
    let folder = std::path::absolute(folder).ok()?;
    let top = folder.ancestors().position(|folder| folder.join(".git").exists())?;
    let covers = |folder: &Path| {
        fs::read_to_string(folder.join(NAME))
            .is_ok_and(|text| text.lines().any(|line| line.contains(".bodies/")))
    };
    if folder.ancestors().take(top + 1).any(covers) {
        return None;
    }
    let file = folder.join(NAME);
    match make(&file) {
        Ok(()) => Some(GitAttributes { file, line: LINE, made: true }),
        // The file belongs to the project, or cannot be written.
        Err(_) => Some(GitAttributes { file, line: LINE, made: false }),
    }
}

fn make(file: &PathBuf) -> io::Result<()> {
    let text = format!("# The bodies of recorded responses. Git must not change their line ends.\n{LINE}\n");
    File::create_new(file)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let cassettes = dir.path().join("tests/cassettes");
        fs::create_dir_all(&cassettes).unwrap();
        (dir, cassettes)
    }

    fn made(folder: &Path) -> Option<bool> {
        protect_bodies(folder).map(|attributes| attributes.made)
    }

    #[test]
    fn only_in_a_working_tree_of_git() {
        let (dir, cassettes) = project();
        assert_eq!(made(&cassettes), None);
        fs::create_dir(dir.path().join(".git")).unwrap();
        assert_eq!(made(&cassettes), Some(true));
        assert!(fs::read_to_string(cassettes.join(NAME)).unwrap().contains(LINE));
        assert_eq!(made(&cassettes), None, "the second time");
    }

    #[test]
    fn a_file_of_the_project_is_not_changed() {
        let (dir, cassettes) = project();
        // In a worktree, `.git` is a file.
        fs::write(dir.path().join(".git"), "gitdir: elsewhere").unwrap();
        fs::write(cassettes.join(NAME), "*.snap text\n").unwrap();
        assert_eq!(made(&cassettes), Some(false));
        assert_eq!(fs::read_to_string(cassettes.join(NAME)).unwrap(), "*.snap text\n");
        fs::write(dir.path().join(NAME), "tests/cassettes/**/*.bodies/** -text\n").unwrap();
        assert_eq!(made(&cassettes), None, "a file above covers the bodies");
    }
}
