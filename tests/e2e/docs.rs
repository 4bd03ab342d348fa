//! Tests that the pages for users name all options, modes, rules and variables, and none that does not exist.
//! `tests/pages.rs` runs the examples of the pages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cassette::__support::{
    DefaultRule, SelectingHeader, SettingsKey, default_rules, selecting_headers, settings_keys,
};
use cassette::Mode;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// The names in the text that directly follow `marker`.
fn names(text: &str, marker: &str) -> BTreeSet<String> {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    text.split(marker).skip(1).map(name).filter(|name: &String| !name.is_empty()).collect()
}

fn sources(folder: &str) -> String {
    let files = fs::read_dir(root().join(folder)).expect("a folder").flatten().map(|e| e.path());
    let files = files.filter(|path| path.extension().is_some_and(|e| e == "rs"));
    files.map(|path| fs::read_to_string(path).expect("readable")).collect()
}

#[test]
fn every_option_that_a_page_names_exists() {
    let options = names(&sources("cassette/src/config"), "pub fn ");
    assert!(options.len() > 40, "{options:?}");
    for page in [
        "README.md",
        "docs/matching.md",
        "docs/modes.md",
        "docs/redaction.md",
        "docs/secrets.md",
        "docs/clients.md",
        "docs/limits.md",
        "docs/settings.md",
    ] {
        for name in names(&read(page), "Config::") {
            assert!(options.contains(&name), "{page} names `Config::{name}`");
        }
    }
}

#[test]
fn the_pages_leave_nothing_out() {
    for (page, file) in [("docs/matching.md", "matching"), ("docs/modes.md", "modes")] {
        let text = read(page);
        for option in names(&read(&format!("cassette/src/config/{file}.rs")), "pub fn ") {
            let named = ["Config::", "."].iter().any(|before| names(&text, before).contains(&option));
            assert!(named, "{page} doesn't name `{option}`");
        }
    }
    let modes = read("docs/modes.md");
    for page in [&modes, &read("README.md")] {
        let table = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let named: Vec<&str> = table.map(|(name, _)| name).filter(|n| n.parse::<Mode>().is_ok()).collect();
        assert_eq!(named.len(), 8, "{named:?}");
    }
    // The error for an unknown mode lists all modes.
    let message = "no-mode".parse::<Mode>().unwrap_err().to_string();
    let (_, all) = message.split_once("valid are ").expect("a list");
    for mode in all.split(", ") {
        assert!(modes.contains(&format!("| `{mode}` |")), "docs/modes.md has no `{mode}`");
    }
}

#[test]
fn the_page_of_redaction_has_the_rules_and_options_that_there_are() {
    let page = read("docs/redaction.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `CAS")).collect();
    let row = |r: &DefaultRule| format!("| `{}` | {} | `{}` | {} |", r.id, r.kind, r.what, r.why);
    assert_eq!(rows, default_rules().iter().map(row).collect::<Vec<_>>());
    for option in names(&read("cassette/src/config/redaction.rs"), "pub fn ") {
        let named = ["`", "."].iter().any(|before| names(&page, before).contains(&option));
        assert!(named, "docs/redaction.md doesn't name `{option}`");
    }
}

#[test]
fn the_page_of_settings_has_the_keys_that_there_are() {
    let page = read("docs/settings.md");
    let (_, table) =
        page.split_once("\n| key | value | default | meaning |\n|---|---|---|---|\n").expect("the table");
    let row = |key: SettingsKey| match key.default {
        "" => format!("| `{}` | {} | | ", key.name, key.kind),
        default => format!("| `{}` | {} | `{default}` | ", key.name, key.kind),
    };
    let keys: Vec<String> = settings_keys().map(row).collect();
    assert_eq!(table.lines().count(), keys.len());
    for (line, key) in table.lines().zip(&keys) {
        assert!(line.starts_with(key.as_str()), "{line}\n{key}");
    }
}

#[test]
fn the_page_of_matching_has_the_headers_that_are_compared() {
    let page = read("docs/matching.md");
    let (_, table) = page.split_once("\n| header | selects |\n|---|---|\n").expect("the table");
    let row = |h: &SelectingHeader| format!("| `{}` | {} |", h.name, h.why);
    assert_eq!(table.lines().collect::<Vec<_>>(), selecting_headers().iter().map(row).collect::<Vec<_>>());
}

#[test]
fn the_front_page_of_the_library_has_all_modes_variables_and_features() {
    let page: String = read("cassette/src/lib.rs").lines().filter(|line| line.starts_with("//!")).collect();
    let message = "no-mode".parse::<Mode>().unwrap_err().to_string();
    let (_, modes) = message.split_once("valid are ").expect("a list");
    for mode in modes.split(", ") {
        assert!(page.contains(&format!("[`{mode}`](Mode::")), "no mode `{mode}`");
    }
    let source = read("cassette/src/mode.rs");
    let (source, _) = source.split_once("#[cfg(test)]").expect("tests");
    let variables = names(source, "\"CASSETTE_");
    assert!(variables.len() >= 3, "{variables:?}");
    for name in variables {
        assert!(page.contains(&format!("| `CASSETTE_{name}` |")), "no variable `CASSETTE_{name}`");
    }
    let manifest = read("cassette/Cargo.toml");
    let (_, features) = manifest.split_once("[features]\n").expect("features");
    let (features, _) = features.split_once("\n[").expect("an end");
    let features = features.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    for feature in features.filter(|name| *name != "default" && name.starts_with(char::is_alphabetic)) {
        assert!(page.contains(&format!("`{feature}`")), "no feature `{feature}`");
    }
}

/// The failure for an unknown expression lists the names of all expressions.
#[test]
fn every_expression_of_templates_is_explained() {
    let message = read("tests/e2e/snapshots/e2e__templates__an_unknown_expression.snap");
    let (_, known) = message.split_once("there are ").expect("a list");
    let (known, _) = known.split_once('\n').expect("an end");
    let page = read("docs/matching.md");
    for expression in known.split(", ") {
        let name = expression.trim_matches('`').replace("path.N", "path.2");
        assert!(page.contains(&format!("`{{{{{name}}}}}`")), "docs/matching.md has no {name}");
    }
}

#[test]
fn links_lead_somewhere() {
    for page in [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/matching.md",
        "docs/modes.md",
        "docs/redaction.md",
        "docs/secrets.md",
        "docs/clients.md",
        "docs/report.md",
        "docs/limits.md",
        "ARCHITECTURE.md",
        "benches/README.md",
    ] {
        let text = read(page);
        let folder = Path::new(page).parent().expect("a folder");
        for (_, rest) in text.match_indices("](").map(|(at, _)| text[at..].split_at(2)) {
            let target = rest.split(')').next().unwrap_or("");
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { PathBuf::from(page) } else { folder.join(file) };
            assert!(root().join(&file).exists(), "{page} links to {target}");
            if !anchor.is_empty() {
                // Makes the anchor of a heading, by GitHub's rules.
                let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
                let slug = |line: &str| {
                    let heading = line.trim_start_matches('#').trim().to_lowercase();
                    heading.chars().filter(kept).collect::<String>().replace(' ', "-")
                };
                let linked = read(&file.to_string_lossy());
                let found = linked.lines().filter(|l| l.starts_with('#')).any(|l| slug(l) == anchor);
                assert!(found, "{page} links to {target}");
            }
        }
    }
}
