//! Options for matching: which recording answers a request, and what happens to unused recordings.

use super::Config;
use crate::matcher::{Matcher, Matching};

/// What happens if a passing test did not use all interactions of its cassette. Interactions with `"optional": true` on
/// the cassette may always stay unused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unused {
    /// The default: the test fails, and the report lists the unused interactions.
    #[default]
    Fail,
    /// The test passes, and cassette prints the unused interactions.
    Warn,
    /// The test passes.
    Allow,
}

/// What happens to a request if the test has already used all recordings that match it. A recording with `"repeat":
/// true` on the cassette always answers again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exhausted {
    /// The default: the request gets no answer, and the test fails.
    #[default]
    Fail,
    /// The last recording answers again. Use it for code that polls.
    RepeatLast,
    /// The recordings of the request answer again, from the first to the last. Use it for a test that repeats its
    /// requests in a loop.
    Loop,
}

impl Config {
    /// Ignores a query key in matching. `*` in the key stands for any characters.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().ignore_query("requested_at").ignore_query("utm_*");
    /// ```
    #[must_use]
    pub fn ignore_query(mut self, key: &str) -> Config {
        self.matching = self.matching.ignore_query(key);
        self
    }

    /// Ignores a place of JSON request bodies in matching. The place is a JSON pointer (RFC 6901) in which `*` stands
    /// for any one key or index.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().ignore_json("/requested_at").ignore_json("/items/*/id");
    /// ```
    ///
    /// # Panics
    ///
    /// If the text is not a pointer.
    #[must_use]
    #[track_caller]
    pub fn ignore_json(mut self, pointer: &str) -> Config {
        self.matching = self.matching.ignore_json(pointer);
        self
    }

    /// Ignores a field of URL-encoded and multipart forms in matching.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().ignore_form("nonce");
    /// ```
    #[must_use]
    pub fn ignore_form(self, field: &str) -> Config {
        self.matching(|m| m.ignore_form(field))
    }

    /// Ignores an element or an attribute of XML request bodies in matching. [`Matching::ignore_xml`] explains the
    /// paths.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().ignore_xml("/Envelope/Header/*").ignore_xml("/Envelope/Body/Order/@id");
    /// ```
    ///
    /// # Panics
    ///
    /// If the path does not begin with `/`.
    #[must_use]
    #[track_caller]
    pub fn ignore_xml(self, path: &str) -> Config {
        self.matching(|m| m.ignore_xml(path))
    }

    /// Ignores request bodies in matching.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().ignore_body();
    /// ```
    #[must_use]
    pub fn ignore_body(self) -> Config {
        self.matching(Matching::ignore_body)
    }

    /// Ignores parts of paths in matching, such as ids and dates: the groups of a regular expression, or the whole
    /// match if the expression has no group. See [`Matching::ignore_path`].
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().ignore_path(r"/orders/(\d+)");
    /// ```
    ///
    /// # Panics
    ///
    /// If the text is not a regular expression.
    #[must_use]
    #[track_caller]
    pub fn ignore_path(self, pattern: &str) -> Config {
        self.matching(|m| m.ignore_path(pattern))
    }

    /// Compares a header in matching. By default matching compares only headers that select what a request asks for,
    /// such as `range` and `x-amz-target`. `cargo cassette rules` lists these headers. The cassette keeps a required
    /// header as if it were [allowed](Config::allow_header). If a rule redacts the header, matching compares the
    /// redacted values.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().require_header("accept-language");
    /// ```
    ///
    /// # Panics
    ///
    /// If the text cannot be the name of a header.
    #[must_use]
    #[track_caller]
    pub fn require_header(self, name: &str) -> Config {
        self.matching(|m| m.require_header(name))
    }

    /// Ignores a header that matching compares by default, or that an earlier option required. By default, if several
    /// recordings match, headers that are not compared decide which recording answers. An ignored header does not take
    /// part in this decision.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().ignore_header("anthropic-version");
    /// let config = config.require_header("x-acme-*").ignore_header("x-acme-trace");
    /// ```
    ///
    /// # Panics
    ///
    /// If the text cannot be the name of a header.
    #[must_use]
    #[track_caller]
    pub fn ignore_header(self, name: &str) -> Config {
        self.matching(|m| m.ignore_header(name))
    }

    /// Adds a matcher: a closure, or a value of a type that implements [`Matcher`]. Reports call the matcher `name`.
    /// The documentation of [`Matcher`] says how much time matchers cost.
    ///
    /// ```
    /// use cassette::Config;
    /// use cassette::tape::Request;
    ///
    /// let same_end = |actual: &Request, recorded: &Request| actual.uri.ends_with('/') == recorded.uri.ends_with('/');
    /// let config = Config::new().matcher("a slash at the end", same_end);
    /// ```
    #[must_use]
    pub fn matcher(self, name: &str, matcher: impl Matcher) -> Config {
        self.matching(|m| m.matcher(name, matcher))
    }

    /// Sets any option of [`Matching`].
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

    /// Sets options of [`Matching`] for one host, or for some of its paths. [`Matching::within`] explains the scope.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().matching_for("telemetry.example.com/v1/**", |m| m.ignore_body());
    /// ```
    ///
    /// # Panics
    ///
    /// If the scope has no host.
    #[must_use]
    #[track_caller]
    pub fn matching_for(self, scope: &str, options: impl FnOnce(Matching) -> Matching) -> Config {
        self.matching(|m| m.within(scope, options))
    }

    /// Sets what happens to a request if the test has already used all recordings that match it. Default:
    /// [`Exhausted::Fail`].
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

    /// Requires that the test sends its requests in the order in which they were recorded. A request that comes too
    /// early gets no answer, and the test fails. Do not use this option in a test that makes several requests at the
    /// same time, because they have no fixed order. A test may skip optional recordings. A recording that answers more
    /// than once may do so at any time.
    ///
    /// ```
    /// use cassette::Config;
    ///
    /// let config = Config::new().ordered();
    /// ```
    #[must_use]
    pub fn ordered(mut self) -> Config {
        self.ordered = true;
        self
    }

    /// Sets what happens if the test did not use all interactions of its cassette. Default: [`Unused::Fail`].
    ///
    /// ```
    /// use cassette::{Config, Unused};
    ///
    /// let config = Config::new().unused(Unused::Warn);
    /// ```
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

    /// The cassette keeps required headers, whatever the order of the options. Required headers with credentials are
    /// redacted.
    #[test]
    fn required_headers_are_kept() {
        let config = Config::new()
            .require_header("x-tenant")
            .require_header("authorization")
            .require_header("x-pin")
            .require_header("accept-encoding")
            .redact_field("x_pin")
            .matching_for("h", |m| m.require_header("x-acme-*"));
        let redactor = Redactor::new(config.checked().unwrap().rules).unwrap();
        let headers =
            ["x-tenant", "authorization", "x-pin", "x-acme-region", "accept-encoding", "user-agent"]
                .map(|name| (http::HeaderName::from_static(name), http::HeaderValue::from_static("12345")));
        let kept = redactor.headers(&headers.into_iter().collect(), Side::Request);
        let shown = |name| kept.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap());
        assert_eq!(shown("x-tenant"), Some("12345"));
        assert_eq!(shown("x-acme-region"), Some("12345"));
        assert_eq!(shown("accept-encoding"), Some("12345"));
        for credential in ["authorization", "x-pin"] {
            assert!(shown(credential).is_some_and(|value| !value.contains("12345")), "{credential}");
        }
        assert_eq!(shown("user-agent"), None);
    }
}
