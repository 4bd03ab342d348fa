//! Redaction of headers: each one is kept, kept by name only, or dropped.
//!
//! Must not know: bodies, which rules are defaults.

use crate::placeholder;
use http::header::{COOKIE, LINK, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::redact::redactor::Redactor;
use crate::redact::rules::names;
use crate::redact::rules::rule::Rule;
use crate::redact::rules::set::Headers;
use crate::redact::side::Side;
use crate::selecting_headers::is_selecting;

impl Redactor {
    /// The headers as they are stored and matched.
    ///
    /// * Headers on the safe-list, and those that select what a request asks for, are kept, with secrets replaced by value. URLs in `location`, `link` and the like are
    ///   redacted like [`uri`](Redactor::uri).
    /// * Headers that carry credentials (`authorization`, `x-api-key`, …) are kept by name, so that a reviewer sees
    ///   that the client sent one: `Bearer [authorization:1]`, or the placeholder of a named secret.
    /// * `cookie` and `set-cookie` keep names and attributes; values become `[cookie:1]` and so on.
    /// * All others are dropped. Unknown headers may identify somebody, and the usual ones (`date`, `server`,
    ///   `user-agent`, request ids) would only make every recording differ.
    pub fn headers(&self, headers: &HeaderMap, side: Side) -> HeaderMap {
        let redactor = match side {
            Side::Request => self.clone(),
            Side::Response => self.for_responses(),
        };
        let mut out = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            if let Some(value) = redactor.header(name, value, side) {
                out.append(name, value);
            }
        }
        out
    }

    fn header(&self, name: &HeaderName, value: &HeaderValue, side: Side) -> Option<HeaderValue> {
        let text = value.as_bytes();
        let Headers { kept, redacted, dropped, others_kept } = &self.rules().headers;
        if kept.contains(name.as_str()) {
            return Some(self.shown(name, text));
        }
        if dropped.contains(name.as_str()) {
            return None;
        }
        if *name == COOKIE {
            return (side == Side::Request).then(|| valid(self.cookies(text)));
        }
        if *name == SET_COOKIE {
            return (side == Side::Response).then(|| valid(self.set_cookie(text)));
        }
        if let Some(rule) =
            redacted.get(name.as_str()).cloned().or_else(|| self.rules().field_rule(name.as_str()))
        {
            return Some(valid(self.credentials(&rule, text)));
        }
        let is_kept = *others_kept
            || is_selecting(name.as_str())
            || kept.iter().any(|pattern| names::matches(pattern, name.as_str()));
        is_kept.then(|| self.shown(name, text))
    }

    fn shown(&self, name: &HeaderName, value: &[u8]) -> HeaderValue {
        let text = std::str::from_utf8(value);
        valid(match text {
            Ok(text) if names::URL_HEADERS.contains(&name.as_str()) => self.uri(text).into_bytes(),
            Ok(text) if *name == LINK => self.links(text).into_bytes(),
            _ => self.bytes(value),
        })
    }

    /// Redacts the targets of a `link` header, which stand in angle brackets (RFC 8288 §3), like URLs.
    fn links(&self, value: &str) -> String {
        let mut out = String::with_capacity(value.len());
        let mut rest = value;
        while let Some((before, (target, after))) =
            rest.split_once('<').and_then(|(before, rest)| Some((before, rest.split_once('>')?)))
        {
            out.push_str(&self.text(before));
            out.push_str(&format!("<{}>", self.uri(target)));
            rest = after;
        }
        out + &self.text(rest)
    }

    /// Redacts a value with credentials. The scheme stays (RFC 9110 §11.4). A named secret gets its own placeholder if
    /// it is the whole rest of the value.
    fn credentials(&self, rule: &Rule, value: &[u8]) -> Vec<u8> {
        let value = value.trim_ascii();
        if value.is_empty() {
            return Vec::new();
        }
        let is_scheme = |s: &[u8]| s.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
        let (scheme, credentials) = match memchr::memchr(b' ', value).map(|at| value.split_at(at + 1)) {
            Some((scheme, rest)) if is_scheme(scheme.trim_ascii_end()) => (scheme, rest.trim_ascii()),
            _ => (&value[..0], value),
        };
        [self.bytes(scheme), self.found(rule, credentials).into_bytes()].concat()
    }
}

fn valid(value: Vec<u8>) -> HeaderValue {
    HeaderValue::from_bytes(&value).unwrap_or(HeaderValue::from_static(placeholder::REDACTED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Rules;

    fn redactor() -> Redactor {
        let rules = Rules::default().secret("KEY", "s3cr3t-key").unwrap();
        let rules = rules.allow_header("X-Acme-Region").allow_header("x-free-*").allow_header("x-auth-token");
        Redactor::new(rules.keep_field("x_auth_token").field("x-tenant-pin")).unwrap()
    }

    /// `expected` is empty for a header that is dropped.
    #[track_caller]
    fn check(side: Side, name: &'static str, value: &str, expected: &str) {
        let mut headers = HeaderMap::new();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        let redacted = redactor().headers(&headers, side);
        let shown = redacted.get(name).map_or("", |v| std::str::from_utf8(v.as_bytes()).unwrap());
        assert_eq!(shown, expected, "{name}");
        assert_eq!(redactor().headers(&redacted, side), redacted, "redacting again changes nothing");
    }

    #[test]
    fn requests() {
        use Side::Request;
        check(Request, "accept", "*/*", "*/*");
        check(Request, "accept-language", "de", "de");
        check(Request, "authorization", "Bearer s3cr3t-key", "Bearer {{secret.KEY}}");
        check(Request, "authorization", "Bearer other", "Bearer [authorization:1]");
        check(Request, "authorization", "Basic dXNlcjpzM2NyM3Qta2V5", "Basic [authorization:1]");
        check(Request, "authorization", "s3cr3t-key", "{{secret.KEY}}");
        check(Request, "authorization", "other", "[authorization:1]");
        check(Request, "x-api-key", "other", "[x_api_key:1]");
        check(Request, "x-tenant-pin", "1234", "[x-tenant-pin:1]");
        check(Request, "x-auth-token", "shown on purpose", "shown on purpose");
        check(Request, "cookie", "a=1; b=2=3", "a=[cookie:1]; b=[cookie:2]");
        check(Request, "set-cookie", "a=1", "");
        check(Request, "user-agent", "reqwest/0.13", "");
        check(Request, "x-acme-region", "eu s3cr3t-key", "eu {{secret.KEY}}");
        check(Request, "x-free-speech", "é", "é");
        check(Request, "x-unknown", "1", "");
        check(Request, "x-amz-target", "DynamoDB_20120810.GetItem", "DynamoDB_20120810.GetItem");
        check(Request, "x-acme-tenant-id", "t-1 s3cr3t-key", "t-1 {{secret.KEY}}");
        check(Request, "destination", "https://h/b?token=abc", "https://h/b?token=[token:1]");
        check(Request, "referer", "https://h/", "");
    }

    #[test]
    fn responses() {
        use Side::Response;
        check(Response, "content-type", "application/json", "application/json");
        check(Response, "location", "/next?token=abc&page=2", "/next?token=[token:1]&page=2");
        check(
            Response,
            "link",
            "<https://h/?page=2&access_token=a>; rel=\"next\", <https://h/s3cr3t-key>; rel=last",
            "<https://h/?page=2&access_token=[access_token:1]>; rel=\"next\", <https://h/{{secret.KEY}}>; rel=last",
        );
        check(Response, "set-cookie", "sid=abc; Path=/; HttpOnly", "sid=[cookie:1]; Path=/; HttpOnly");
        check(Response, "set-cookie", "sid=; Max-Age=0", "sid=; Max-Age=0");
        check(Response, "retry-after", "2", "2");
        check(Response, "x-ratelimit-remaining", "9", "9");
        check(Response, "date", "Sun, 06 Nov 1994 08:49:37 GMT", "");
        check(Response, "server", "nginx", "");
    }

    #[test]
    fn other_headers_kept_by_default() {
        let rules = Rules::default().secret("KEY", "s3cr3t-key").unwrap().keep_other_headers();
        let redactor = Redactor::new(rules.drop_header("Accept").redact_header("X-Tenant")).unwrap();
        let headers = [
            ("accept", "*/*"),
            ("authorization", "Bearer x"),
            ("cookie", "a=1"),
            ("user-agent", "me s3cr3t-key"),
            ("x-tenant", "acme"),
        ];
        let headers = headers.map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)));
        let kept = redactor.headers(&headers.into_iter().collect(), Side::Request);
        let shown: Vec<_> = kept.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        assert_eq!(
            shown,
            [
                "authorization: Bearer [authorization:1]",
                "cookie: a=[cookie:1]",
                "user-agent: me {{secret.KEY}}",
                "x-tenant: [x-tenant:1]",
            ]
        );
    }

    #[test]
    fn repeated_headers_keep_their_order() {
        let mut headers = HeaderMap::new();
        headers.append("set-cookie", HeaderValue::from_static("b=1"));
        headers.append("set-cookie", HeaderValue::from_static("a=2"));
        let redactor = redactor();
        let redacted = redactor.headers(&headers, Side::Response);
        assert_eq!(
            redacted.get_all("set-cookie").iter().collect::<Vec<_>>(),
            ["b=[cookie:1]", "a=[cookie:2]"]
        );
        assert_eq!(redactor.counts()["CAS0003 header set-cookie"], 2);
    }
}
