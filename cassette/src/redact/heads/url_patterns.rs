//! Redaction of parts of a URL by a regular expression, for values without a name, such as a token in a path.
//!
//! Must not know: other rules for URLs.

use std::ops::Range;

use crate::placeholder;
use crate::redact::redactor::Redactor;

impl Redactor {
    /// Replaces the parts that the URL patterns match, except parts that overlap a placeholder.
    pub(crate) fn by_pattern(&self, mut url: String) -> String {
        for rule in &self.rules().urls {
            let placeholders = placeholder::spans(&url);
            let free = |span: &Range<usize>| {
                placeholders.iter().all(|taken| taken.end <= span.start || span.end <= taken.start)
            };
            let places = rule.places(&url);
            let mut out = String::with_capacity(url.len());
            let mut done = 0;
            for (span, rule) in places.into_iter().filter(|(span, _)| free(span)) {
                out.push_str(&url[done..span.start]);
                out.push_str(&self.found_in_url(rule, &url[span.clone()]));
                done = span.end;
            }
            out.push_str(&url[done..]);
            url = out;
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use crate::redact::{Redactor, Rules};

    #[track_caller]
    fn check(patterns: &[&str], url: &str, expected: &str) {
        let rules = patterns.iter().fold(Rules::default(), |rules, pattern| rules.url(pattern).unwrap());
        let redactor = Redactor::new(rules).unwrap();
        assert_eq!(redactor.uri(url), expected);
        assert_eq!(redactor.uri(expected), expected, "redacting again changes nothing");
    }

    #[test]
    fn by_default() {
        check(
            &[],
            "https://hooks.slack.com/services/T0/B0/abc",
            "https://hooks.slack.com/services/[slack-webhook:1]",
        );
        check(
            &[],
            "https://discord.com/api/v10/webhooks/12/abc/slack",
            "https://discord.com/api/v10/webhooks/12/[discord-webhook:1]/slack",
        );
        check(
            &[],
            "https://api.telegram.org/bot12:abc/getMe",
            "https://api.telegram.org/bot[telegram-bot:1]/getMe",
        );
        check(&[], "https://h/?u=https://api.telegram.org/", "https://h/?u=https://api.telegram.org/");
        let path = "/a/b;jsessionid=1F0A.node1;v=2/c?q=;jsessionid=x";
        let stored = "/a/b;jsessionid=[jsessionid:1];v=2/c?q=;jsessionid=x";
        check(&[], path, stored);
        check(&[], &format!("https://h{path}"), &format!("https://h{stored}"));
        check(&[], "/a;JSESSIONID=1F0A", "/a;JSESSIONID=[jsessionid:1]");
        let rules = Rules::default().without_rule("CAS0006").unwrap();
        let url = "https://api.telegram.org/bot12:abc/getMe";
        assert_eq!(Redactor::new(rules).unwrap().uri(url), url);
    }

    #[test]
    fn patterns_of_the_project() {
        check(
            &[r"/tenants/([^/?]+)"],
            "https://h/tenants/acme/users/7?x=acme",
            "https://h/tenants/[url:1]/users/7?x=acme",
        );
        check(
            &[r"/t/(?<tenant>\w+)/u/(?<user>\w+)"],
            "https://h/t/a/u/b",
            "https://h/t/[tenant:1]/u/[user:1]",
        );
        check(&[r"\d+"], "https://h/7/8?token=x", "https://h/[url:1]/[url:2]?token=[token:1]");
        check(&[r"/secret/.*"], "https://h/secret/a?b", "https://h[url:1]");
        check(&[r"/x(\()?[()]"], "https://h/ab", "https://h/ab");
        for pattern in ["(", "", "x*", "^", "(?<a>)", "/x(?P<a>)/(?<b>y)", "/()"] {
            assert!(Rules::default().url(pattern).is_err(), "{pattern}");
        }
    }
}
