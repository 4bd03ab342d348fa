//! Which recording answers a request, and what becomes of those that nobody asked for.

use super::Config;
use crate::matcher::{Matcher, Matching};

/// What becomes of interactions that a passing test did not ask for. Those with `"optional": true` on the cassette are
/// always allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unused {
    /// The test fails and names them: the default.
    #[default]
    Fail,
    /// The test passes and they are named beside it.
    Warn,
    /// They are allowed.
    Allow,
}

/// What becomes of a request when all of its recordings were used. One with `"repeat": true` on the cassette answers
/// again, whatever this says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exhausted {
    /// It is not answered, and the test fails: the default.
    #[default]
    Fail,
    /// The last one answers again: for what is polled until it is done.
    RepeatLast,
    /// They are gone through again from the first: for a test in a loop.
    Loop,
}

impl Config {
    /// A query key that doesn't count in matching. `*` in it stands for any characters: `utm_*`.
    #[must_use]
    pub fn ignore_query(mut self, key: &str) -> Config {
        self.matching = self.matching.ignore_query(key);
        self
    }

    /// A place in JSON request bodies that doesn't count in matching: an RFC 6901 pointer, in which `*`
    /// stands for any one key or index.
    ///
    /// # Panics
    ///
    /// If it is not a pointer.
    #[must_use]
    #[track_caller]
    pub fn ignore_json(mut self, pointer: &str) -> Config {
        self.matching = self.matching.ignore_json(pointer);
        self
    }

    /// A field of forms that doesn't count in matching, URL-encoded or multipart.
    #[must_use]
    pub fn ignore_form(self, field: &str) -> Config {
        self.matching(|m| m.ignore_form(field))
    }

    /// An element of XML request bodies that doesn't count in matching, or an attribute: `/Envelope/Header/*`,
    /// `/Envelope/Body/Order/@id`. See [`Matching::ignore_xml`].
    ///
    /// # Panics
    ///
    /// If it doesn't begin with `/`.
    #[must_use]
    #[track_caller]
    pub fn ignore_xml(self, path: &str) -> Config {
        self.matching(|m| m.ignore_xml(path))
    }

    /// Request bodies don't count in matching.
    #[must_use]
    pub fn ignore_body(self) -> Config {
        self.matching(Matching::ignore_body)
    }

    /// Parts of paths that don't count in matching, such as ids and dates: those in the groups of a regular
    /// expression, or all that it matches where it has none. See [`Matching::ignore_path`].
    ///
    /// # Panics
    ///
    /// If it is not a regular expression.
    #[must_use]
    #[track_caller]
    pub fn ignore_path(self, pattern: &str) -> Config {
        self.matching(|m| m.ignore_path(pattern))
    }

    /// A header that counts in matching; by default none does. It is kept on the cassette then, as if
    /// [allowed](Config::allow_header), unless it is known to carry credentials: of those, what is shown is compared.
    ///
    /// # Panics
    ///
    /// If it cannot be the name of a header.
    #[must_use]
    #[track_caller]
    pub fn require_header(self, name: &str) -> Config {
        self.matching(|m| m.require_header(name))
    }

    /// A header that doesn't count in matching although an option before required it.
    ///
    /// # Panics
    ///
    /// If it cannot be the name of a header.
    #[must_use]
    #[track_caller]
    pub fn ignore_header(self, name: &str) -> Config {
        self.matching(|m| m.ignore_header(name))
    }

    /// A matcher that is asked too: a closure, or a value of one's own. `name` is what failures call it. See
    /// [`Matcher`] for what it costs.
    #[must_use]
    pub fn matcher(self, name: &str, matcher: impl Matcher) -> Config {
        self.matching(|m| m.matcher(name, matcher))
    }

    /// More options of matching, all that [`Matching`] has.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let only_pages = Config::new().matching(|m| m.ignore_query("*").require_query("page"));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn matching(mut self, options: impl FnOnce(Matching) -> Matching) -> Config {
        self.matching = options(self.matching);
        self
    }

    /// Options of matching for one host, or a part of it. See [`Matching::within`] for how it is written.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().matching_for("telemetry.example.com/v1/**", |m| m.ignore_body());
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no host in it.
    #[must_use]
    #[track_caller]
    pub fn matching_for(self, scope: &str, options: impl FnOnce(Matching) -> Matching) -> Config {
        self.matching(|m| m.within(scope, options))
    }

    /// What becomes of a request when all of its recordings were used. Default [`Exhausted::Fail`].
    ///
    /// ```
    /// use cassette::{Config, Exhausted};
    ///
    /// let config = Config::new().exhausted(Exhausted::RepeatLast);
    /// ```
    #[must_use]
    pub fn exhausted(mut self, policy: Exhausted) -> Config {
        self.exhausted = policy;
        self
    }

    /// Demands that requests come in the order in which they were recorded, all of them: one that comes before its turn
    /// is not answered. Requests that a test makes at once have no order: such a test can't ask for it. Recordings that
    /// are optional may be left out; answers that are given again don't count.
    #[must_use]
    pub fn ordered(mut self) -> Config {
        self.ordered = true;
        self
    }

    /// What becomes of interactions that the test didn't ask for. Default [`Unused::Fail`].
    #[must_use]
    pub fn unused(mut self, policy: Unused) -> Config {
        self.unused = policy;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{Redactor, Side};

    /// What is compared is recorded, whatever comes first, and still no credential.
    #[test]
    fn required_headers_are_kept() {
        let config = Config::new()
            .require_header("x-tenant")
            .require_header("authorization")
            .require_header("x-pin")
            .redact_field("x_pin")
            .matching_for("h", |m| m.require_header("x-acme-*"));
        let redactor = Redactor::new(config.checked().unwrap().rules).unwrap();
        let headers = ["x-tenant", "authorization", "x-pin", "x-acme-region", "x-other"]
            .map(|name| (http::HeaderName::from_static(name), http::HeaderValue::from_static("12345")));
        let kept = redactor.headers(&headers.into_iter().collect(), Side::Request);
        let shown = |name| kept.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap());
        assert_eq!(shown("x-tenant"), Some("12345"));
        assert_eq!(shown("x-acme-region"), Some("12345"));
        for credential in ["authorization", "x-pin"] {
            assert!(shown(credential).is_some_and(|value| !value.contains("12345")), "{credential}");
        }
        assert_eq!(shown("x-other"), None);
    }
}
