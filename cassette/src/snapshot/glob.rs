//! Patterns of paths to leave out. The only wildcards of a pattern are `*`, `**` and `?`.

use crate::error::{Error, Result};
use crate::wild::wild;

/// The patterns of a project.
pub(super) struct Ignore(Vec<Vec<String>>);

const ANY_DEPTH: &str = "**";

impl Ignore {
    pub(super) fn new(patterns: &[String]) -> Result<Ignore> {
        patterns.iter().map(|p| compile(p)).collect::<Result<_>>().map(Ignore)
    }

    /// Whether the entry at this path (as in a manifest) is left out. The folders above the entry are not checked,
    /// because the caller does not enter an ignored folder.
    pub(super) fn matches(&self, path: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let names: Vec<&str> = path.split('/').collect();
        self.0.iter().any(|p| wild(p, &names, |p| p == ANY_DEPTH, |p, n| name_matches(p, n)))
    }
}

fn compile(pattern: &str) -> Result<Vec<String>> {
    let trimmed = pattern.strip_suffix('/').unwrap_or(pattern);
    let anchored = trimmed.strip_prefix('/').unwrap_or(trimmed);
    if anchored.is_empty() || anchored.split('/').any(str::is_empty) {
        return Err(Error::new(format!("{pattern:?} is not a pattern of files to ignore: a name is empty"))
            .hint("patterns are like `*.log`, `tmp/**` or `**/cache/*.json`"));
    }
    let mut parts: Vec<String> = anchored.split('/').map(str::to_owned).collect();
    // As in .gitignore: a pattern without a slash matches at any depth.
    if !trimmed.contains('/') {
        parts.insert(0, ANY_DEPTH.to_owned());
    }
    // `logs/**` is treated like `logs`: if all contents of a folder are ignored, the folder needs no entry either.
    if parts.len() > 1 && parts.last().is_some_and(|p| p == ANY_DEPTH) {
        parts.pop();
    }
    Ok(parts)
}

fn name_matches(pattern: &str, name: &str) -> bool {
    let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    wild(&p, &n, |p| *p == '*', |p, c| *p == '?' || p == c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: bool) {
        let ignore = Ignore::new(&[pattern.to_owned()]).unwrap();
        assert_eq!(ignore.matches(path), expected, "{pattern} on {path}");
    }

    #[test]
    fn patterns_match_paths() {
        check("*.log", "a.log", true);
        check("*.log", "deep/down/a.log", true);
        check("*.log", "a.log.csv", false);
        check("/*.log", "a.log", true);
        check("/*.log", "deep/a.log", false);
        check("tmp/*.log", "tmp/a.log", true);
        check("tmp/*.log", "tmp/b/a.log", false);
        check("tmp/*.log", "x/tmp/a.log", false);
        check("**/tmp/*.log", "tmp/a.log", true);
        check("**/tmp/*.log", "x/y/tmp/a.log", true);
        check("a/**/b", "a/b", true);
        check("a/**/b", "a/x/y/b", true);
        check("a/**/b", "a/x/y/c", false);
        check("logs/**", "logs", true);
        check("logs/", "logs", true);
        check("logs", "logs2", false);
        check("?.csv", "a.csv", true);
        check("?.csv", "ž.csv", true);
        check("?.csv", "ab.csv", false);
        check("*", "anything", true);
        check("**", "any/thing", true);
        check("[a].csv", "a.csv", false);
        check("[a].csv", "[a].csv", true);
        check("a*b*c", "axxbyybzzc", true);
        check("a*b*c", "axxbyybzz", false);
        check(&"*a".repeat(40), &"a".repeat(39), false);
    }

    #[test]
    fn an_empty_pattern_is_refused() {
        for pattern in ["", "/", "a//b"] {
            assert!(Ignore::new(&[pattern.to_owned()]).is_err(), "{pattern:?}");
        }
    }
}
