//! Finds the files of a package: its own `cassette.toml`, and the one in the root of its workspace.
//!
//! Must not know: what is in the files.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

/// The name of the file.
pub(crate) const FILE: &str = "cassette.toml";

/// The files that exist: first the one of the workspace, then the one of the package.
pub(super) fn files(package: &Path) -> Vec<PathBuf> {
    let package = std::path::absolute(package).unwrap_or_else(|_| package.to_owned());
    let root = workspace(&package);
    let folders = root.into_iter().filter(|root| *root != package).chain([package.clone()]);
    folders.map(|folder| folder.join(FILE)).filter(|file| file.is_file()).collect()
}

/// The root of the workspace that the package belongs to, as Cargo finds it.
fn workspace(package: &Path) -> Option<PathBuf> {
    for folder in package.ancestors() {
        let Ok(text) = std::fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        let Ok(manifest) = DeTable::parse(&text) else { continue };
        let manifest = manifest.get_ref();
        if let Some(DeValue::Table(workspace)) = manifest.get("workspace").map(|value| value.get_ref()) {
            let excluded =
                workspace.get("exclude").is_some_and(|value| excludes(value.get_ref(), folder, package));
            return (!excluded).then(|| folder.to_owned());
        }
        let named = manifest.get("package").and_then(|package| package.get_ref().get("workspace"));
        if let (true, Some(DeValue::String(root))) = (folder == package, named.map(|value| value.get_ref())) {
            return Some(package.join(&**root));
        }
    }
    None
}

fn excludes(list: &DeValue<'_>, root: &Path, package: &Path) -> bool {
    let DeValue::Array(folders) = list else { return false };
    folders
        .iter()
        .any(|folder| matches!(folder.get_ref(), DeValue::String(f) if package.starts_with(root.join(&**f))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_found_as_cargo_finds_it() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let found = |package: &str| {
            let files = files(&dir.path().join(package));
            let names = files
                .iter()
                .map(|file| file.strip_prefix(dir.path()).unwrap().to_string_lossy().replace('\\', "/"));
            names.collect::<Vec<_>>()
        };
        write("w/Cargo.toml", "[workspace]\nexclude = [\"old\"]\n");
        write("w/cassette.toml", "");
        write("w/a/Cargo.toml", "[package]\nname = \"a\"\nversion.workspace = true\n");
        write("w/b/Cargo.toml", "[package]\nname = \"b\"\n");
        write("w/b/cassette.toml", "");
        write("w/old/Cargo.toml", "[package]\nname = \"old\"\n");
        write("w/own/Cargo.toml", "[package]\nname = \"own\"\n[workspace]\n");
        write("x/Cargo.toml", "[package]\nname = \"x\"\nworkspace = \"../w\"\n");
        assert_eq!(found("w/a"), ["w/cassette.toml"]);
        assert_eq!(found("w/b"), ["w/cassette.toml", "w/b/cassette.toml"]);
        assert_eq!(found("w/old"), [""; 0]);
        assert_eq!(found("w/own"), [""; 0]);
        assert_eq!(found("w"), ["w/cassette.toml"]);
        assert_eq!(found("x"), ["x/../w/cassette.toml"]);
    }
}
