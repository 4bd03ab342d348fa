//! Patterns for the parts of a path that matching ignores, such as ids and dates.

use std::borrow::Cow;
use std::fmt;

use regex_lite::Regex;

/// Replaces each ignored part of a path. A normalised path is ASCII, so a path cannot contain this character.
pub(super) const LEFT_OUT: char = '…';

/// A regular expression over normalised paths. Matching ignores its groups, or the whole match if it has no group.
#[derive(Clone)]
pub(super) struct PathPattern(Regex);

impl PathPattern {
    pub(super) fn new(text: &str) -> Result<PathPattern, regex_lite::Error> {
        Regex::new(text).map(PathPattern)
    }
}

/// Returns the path without the parts that the patterns ignore. Each pattern searches the original path, so the order
/// of the patterns makes no difference.
pub(super) fn without<'p, 'a>(
    patterns: impl Iterator<Item = &'p PathPattern>,
    path: Cow<'a, str>,
) -> Cow<'a, str> {
    let mut ranges = Vec::new();
    for PathPattern(regex) in patterns {
        for captures in regex.captures_iter(&path) {
            let first = usize::from(captures.len() > 1);
            ranges.extend((first..captures.len()).filter_map(|n| captures.get(n)).map(|m| m.range()));
        }
    }
    ranges.retain(|range| !range.is_empty());
    if ranges.is_empty() {
        return path;
    }
    ranges.sort_unstable_by_key(|range| range.start);
    let mut out = String::with_capacity(path.len());
    let mut at = 0;
    for range in ranges {
        if range.start >= at {
            out.push_str(&path[at..range.start]);
            out.push(LEFT_OUT);
        }
        at = at.max(range.end);
    }
    out.push_str(&path[at..]);
    Cow::Owned(out)
}

impl PartialEq for PathPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for PathPattern {}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_str(), f)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patterns: &[&str], path: &str, expected: &str) {
        let patterns: Vec<_> = patterns.iter().map(|p| PathPattern::new(p).unwrap()).collect();
        assert_eq!(without(patterns.iter(), path.into()), expected, "{patterns:?}");
        let reversed = without(patterns.iter().rev(), path.into());
        assert_eq!(reversed, expected, "{patterns:?} reversed");
    }

    #[test]
    fn left_out() {
        check(&[r"/orders/(\d+)"], "/orders/17/lines/3", "/orders/…/lines/3");
        check(&[r"/orders/(\d+)/lines/(\d+)"], "/orders/17/lines/3", "/orders/…/lines/…");
        check(&[r"\d{4}-\d\d-\d\d"], "/of/2026-11-25/to/2026-11-26", "/of/…/to/…");
        check(&[r"/(\d+)", "7/lines"], "/orders/17/lines", "/orders/…");
        check(&[r"/orders/(\d+)"], "/orders/x", "/orders/x");
        check(&["x*"], "/orders", "/orders");
        check(&["^/v(1|2)/"], "/v2/v1/", "/v…/v1/");
    }
}
