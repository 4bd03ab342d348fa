//! The scope of options: a host and a path, with wildcards.
//!
//! Must not know: the options.

use std::fmt;

use super::uri::{Parts, Target};
use crate::wild::{name, wild};

/// The requests that options apply to: `api.example.com`, `*.example.com/v1/**`,
/// `https://api.example.com:8443/orders/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    text: String,
    /// The scheme. It is empty if the scope contains all schemes.
    scheme: String,
    host: String,
    /// The segments of the path. `None` if the scope contains all paths.
    path: Option<Vec<String>>,
}

const ANY_DEPTH: &str = "**";

impl Scope {
    /// Returns `None` if the text has no host, or has characters that cannot be in a host or a path.
    pub(super) fn parse(text: &str) -> Option<Scope> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let usable = |c: char| !c.is_whitespace() && !matches!(c, '?' | '#' | '@');
        if host.is_empty() || !rest.chars().all(usable) {
            return None;
        }
        let path = path.strip_prefix('/').map(|path| path.split('/').map(str::to_owned).collect());
        let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
        Some(Scope { text: text.to_owned(), scheme, host, path })
    }

    pub(super) fn matches(&self, target: &Target<'_>) -> bool {
        let Target::Parts(Parts { scheme, host, path, .. }) = target else { return false };
        (self.scheme.is_empty() || self.scheme == *scheme)
            && name(self.host.as_bytes(), host.as_bytes())
            && self.path.as_ref().is_none_or(|pattern| {
                let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
                let segment = |p: &String, s: &&str| name(p.as_bytes(), s.as_bytes());
                wild(pattern, &segments, |p| p == ANY_DEPTH, segment)
            })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns the scope that contains only the scheme, the host and the path of this URI. Returns `None` if the URI cannot
/// be parsed, or if its path cannot be written as a scope.
pub(crate) fn scope_of(uri: &str) -> Option<String> {
    let Target::Parts(Parts { scheme, host, path, .. }) = Target::new(uri) else { return None };
    let scope = format!("{scheme}://{host}{path}");
    is_scope(&scope).then_some(scope)
}

/// Whether the text is a valid scope.
pub(crate) fn is_scope(text: &str) -> bool {
    Scope::parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scope: &str, uri: &str, expected: bool) {
        let scope = Scope::parse(scope).unwrap();
        assert_eq!(scope.matches(&Target::new(uri)), expected, "{scope} on {uri}");
    }

    #[test]
    fn what_is_in_a_scope() {
        check("api.example.com", "https://API.example.com/v1/a?b", true);
        check("api.example.com", "https://api.example.com:8443/", false);
        check("api.example.com:8443", "https://api.example.com:8443/", true);
        check("api.example.com", "https://example.com/", false);
        check("*.example.com", "https://api.example.com/", true);
        check("*.example.com", "https://api.example.org/", false);
        check("*", "https://anything/", true);
        check("https://*/v1", "http://h/v1", false);
        check("HTTPS://*/v1", "https://h/v1", true);
        check("h/v1/**", "https://h/v1", true);
        check("h/v1/**", "https://h/v1/a/b/", true);
        check("h/v1/**", "https://h/v2/a", false);
        check("h/v1/*", "https://h/v1/a/b", false);
        check("h/**/lines", "https://h/orders/1/lines", true);
        check("h/orders-*", "https://h/orders-2", true);
        check("h/", "https://h", true);
        check("h/", "https://h/a", false);
        check("*", "/relative", false);
    }

    #[test]
    fn what_is_none() {
        for text in ["", "/v1", "https://", "h?a=1", "a b", "me@h"] {
            assert!(Scope::parse(text).is_none(), "{text}");
        }
    }
}
