//! Redaction of parts of a URL by a regular expression: for parts without a name, such as a token in a path.
//!
//! Must not know: what else is redacted in a URL.

use std::ops::Range;
use std::sync::Arc;

use regex_lite::Regex;

use crate::redact::rules::rule::Rule;
use crate::{Error, Result};

/// A regular expression over whole URLs, with a rule for each group, or one rule if there are no groups.
#[derive(Clone, Debug)]
pub(crate) struct UrlRule {
    pattern: Regex,
    /// The rules for the groups in order, or the rule for the whole match.
    rules: Vec<Arc<Rule>>,
    /// Every URL that matches has one of these hosts, or has one of these texts in its path. An entry that begins with
    /// `;` is a text, any other entry is a host. Empty for a rule of the project, which may match any URL.
    hosts: &'static [&'static str],
}

/// The default rules: the id, the `hosts` of [`UrlRule`] and the regular expression.
const DEFAULTS: &[(&str, &[&str], &str)] = &[
    (
        "CAS0004",
        &["hooks.slack.com"],
        r"^https?://hooks\.slack\.com/(?:services|workflows|triggers)/([^?#\s]+)",
    ),
    (
        "CAS0005",
        &["discord.com", "discordapp.com"],
        r"^https?://discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/([^/?#\s]+)",
    ),
    ("CAS0006", &["api.telegram.org"], r"^https?://api\.telegram\.org/(?:file/)?bot([^/?#\s]+)"),
    ("CAS0222", &[";jsessionid=", ";JSESSIONID="], r"^[^?#]*;(?:jsessionid|JSESSIONID)=([^/?#;\s]+)"),
];

impl UrlRule {
    /// A rule of the project. A named group gives the placeholder its name.
    pub(crate) fn own(pattern: &str, rule: &mut dyn FnMut(&str) -> Rule) -> Result<UrlRule> {
        let compiled = Regex::new(pattern).map_err(|e| {
            Error::with_source(format!("`{pattern}` is not a regular expression for URLs"), e)
        })?;
        if compiled.is_match("") || has_empty_group(pattern) {
            return Err(Error::new(format!("`{pattern}` matches an empty text"))
                .hint("put a group around the part of the URL to redact: `/tenants/(?<tenant>[^/]+)`"));
        }
        let groups = compiled.capture_names().skip(1);
        let mut rules: Vec<_> = groups.map(|name| Arc::new(rule(name.unwrap_or("url")))).collect();
        if rules.is_empty() {
            rules.push(Arc::new(rule("url")));
        }
        Ok(UrlRule { pattern: compiled, rules, hosts: &[] })
    }

    /// The default rules that are in force: the rules with an id for which `rule` returns a rule.
    pub(crate) fn defaults(rule: impl Fn(&str) -> Option<Arc<Rule>>) -> Vec<UrlRule> {
        let default = |(id, hosts, pattern): &(&'static str, &'static [&'static str], &str)| {
            let (pattern, rules) = (Regex::new(pattern).ok()?, vec![rule(id)?]);
            Some(UrlRule { pattern, rules, hosts })
        };
        DEFAULTS.iter().filter_map(default).collect()
    }

    pub(crate) fn is_of(&self, rule: &Rule) -> bool {
        self.rules.iter().any(|own| **own == *rule)
    }

    /// Whether the rule may match a URL. `link` is the URL from the host on.
    pub(crate) fn may_be(&self, link: &[u8]) -> bool {
        let is_in = |host: &&str| match host.starts_with(';') {
            true => {
                let parameters = memchr::memchr(b';', link).map_or(&link[..0], |at| &link[at..]);
                memchr::memmem::find(parameters, host.as_bytes()).is_some()
            }
            false => link.starts_with(host.as_bytes()),
        };
        self.hosts.is_empty() || self.hosts.iter().any(is_in)
    }

    /// The parts of a URL to redact, with their rules, in order and without overlap.
    pub(crate) fn places(&self, url: &str) -> Vec<(Range<usize>, &Arc<Rule>)> {
        if !self.hosts.is_empty() && !self.hosts.iter().any(|host| url.contains(host)) {
            return Vec::new();
        }
        let mut places: Vec<(Range<usize>, &Arc<Rule>)> = Vec::new();
        for found in self.pattern.captures_iter(url) {
            let first = usize::from(found.len() > 1);
            for (group, rule) in (first..found.len()).zip(&self.rules) {
                if let Some(span) = found.get(group).map(|m| m.range()).filter(|span| !span.is_empty())
                    && places.last().is_none_or(|(last, _)| last.end <= span.start)
                {
                    places.push((span, rule));
                }
            }
        }
        places
    }
}

/// Whether the expression has an empty group.
fn has_empty_group(pattern: &str) -> bool {
    let bytes = pattern.as_bytes();
    let (mut at, mut in_class) = (0, false);
    while let Some(b) = bytes.get(at) {
        at += 1;
        match b {
            b'\\' => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'(' if !in_class => {
                let rest = &pattern[at..];
                let named = rest.strip_prefix("?P<").or_else(|| rest.strip_prefix("?<"));
                let inner = named.and_then(|named| named.split_once('>')).map_or(rest, |(_, inner)| inner);
                if inner.starts_with(')') {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}
