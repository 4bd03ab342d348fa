//! Redaction of cookies: names and attributes stay, and values are replaced. By default all values are replaced,
//! because any cookie may hold the login. If a project disables the rules for all cookies, the rules for the names of
//! cookies decide.
//!
//! Must not know: other headers.

use std::sync::Arc;

use crate::redact::redactor::Redactor;
use crate::redact::rules::rule::Rule;

/// The id of the rule for all cookies of requests.
const COOKIE: &str = "CAS0002";
const SET_COOKIE: &str = "CAS0003";

impl Redactor {
    /// Redacts the value of a `cookie` header: `a=1; b=2` (RFC 6265 §4.2.1).
    pub(crate) fn cookies(&self, value: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(value.len());
        for (n, part) in value.split(|b| *b == b';').enumerate() {
            if n > 0 {
                out.push(b';');
            }
            self.cookie(part, COOKIE, &mut out);
        }
        out
    }

    /// Redacts the value of a `set-cookie` header: `a=1; Path=/; HttpOnly` (RFC 6265 §4.1.1).
    pub(crate) fn set_cookie(&self, value: &[u8]) -> Vec<u8> {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let (pair, attributes) = value.split_at(end);
        let mut out = Vec::with_capacity(value.len());
        self.cookie(pair, SET_COOKIE, &mut out);
        out.extend(self.bytes(attributes));
        out
    }

    /// Redacts one pair of a name and a value. An empty value stays, because a server deletes a cookie with an empty
    /// value. A pair without an equals sign is a value without a name (RFC 6265bis §5.6). `all` is the id of the rule
    /// for all cookies.
    fn cookie(&self, pair: &[u8], all: &str, out: &mut Vec<u8>) {
        let (name, value) = match memchr::memchr(b'=', pair) {
            Some(at) => pair.split_at(at + 1),
            None => pair.split_at(pair.len() - pair.trim_ascii_start().len()),
        };
        let decoded_name = String::from_utf8_lossy(name.strip_suffix(b"=").unwrap_or(name).trim_ascii());
        let kept = self.rules().kept_cookies.contains(&*decoded_name);
        if kept {
            self.excuse(value);
        }
        let rule = self.rules().default_rule(all).cloned().or_else(|| self.cookie_rule(name));
        let value = match rule.filter(|_| !kept) {
            Some(rule) if !value.trim_ascii().is_empty() => self.found(&rule, value).into_bytes(),
            Some(_) => value.to_vec(),
            None => self.bytes(value),
        };
        out.extend(self.bytes(name));
        out.extend(value);
    }

    /// Returns the rule for the name of a cookie. `name` may end in `=`. The prefixes `__Host-` and `__Secure-` only
    /// say how a cookie was set (RFC 6265bis §4.1.3), so the rules match the name without its prefix.
    fn cookie_rule(&self, name: &[u8]) -> Option<Arc<Rule>> {
        let name = String::from_utf8_lossy(name);
        let name = name.trim().trim_end_matches('=');
        let short = name.strip_prefix("__Host-").or_else(|| name.strip_prefix("__Secure-")).unwrap_or(name);
        self.rules().cookies.get(short).or_else(|| self.rules().field_rule(short))
    }
}

#[cfg(test)]
mod tests {
    use crate::redact::{Redactor, Rules};

    #[track_caller]
    fn check(rules: Rules, cookies: &str, expected: &str) {
        let redactor = Redactor::new(rules).unwrap();
        assert_eq!(String::from_utf8(redactor.cookies(cookies.as_bytes())).unwrap(), expected);
        let again = redactor.cookies(expected.as_bytes());
        assert_eq!(String::from_utf8(again).unwrap(), expected, "redacting again changes nothing");
        // A single cookie is redacted in the same way in the `set-cookie` of a response and in the `cookie` of a
        // request.
        let redactor = Redactor::new(redactor.rules().as_ref().clone()).unwrap();
        if !cookies.contains(';') {
            let set = redactor.set_cookie(format!("{cookies}; Path=/; HttpOnly").as_bytes());
            assert_eq!(String::from_utf8(set).unwrap(), format!("{expected}; Path=/; HttpOnly"));
        }
    }

    #[test]
    fn all_by_default() {
        check(Rules::default(), "lang=de", "lang=[cookie:1]");
        check(Rules::default(), "a=1; b=2=3;c=", "a=[cookie:1]; b=[cookie:2];c=");
        check(Rules::default(), "abc", "[cookie:1]");
        check(Rules::default(), "", "");
    }

    #[test]
    fn kept_by_name() {
        let rules = Rules::default().keep_cookie("lang").secret("KEY", "s3cr3t-key").unwrap();
        check(rules.clone(), "lang=de; a=1", "lang=de; a=[cookie:1]");
        check(rules, "lang=s3cr3t-key", "lang={{secret.KEY}}");
    }

    #[test]
    fn by_name() {
        let rules = Rules::default().without_rule("CAS0002").unwrap().without_rule("CAS0003").unwrap();
        let rules = rules.secret("KEY", "s3cr3t-key").unwrap().field("tenant_pin").cookie("seen");
        check(rules.clone(), "lang=de; PHPSESSID=x; a", "lang=de; PHPSESSID=[phpsessid:1]; a");
        check(rules.clone(), "__Host-sid=x", "__Host-sid=[sid:1]");
        check(rules.clone(), "TenantPin=x", "TenantPin=[tenant_pin:1]");
        check(rules.clone(), "note=s3cr3t-key", "note={{secret.KEY}}");
        check(rules.clone(), "Seen=1", "Seen=[seen:1]");
        check(rules, "sidebar=1", "sidebar=1");
    }
}
