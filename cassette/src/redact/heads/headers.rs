//! Redaction of headers: cassette keeps a header, keeps its name and replaces its value, or drops the header.
//!
//! Must not know: bodies, which rules are defaults.

use std::io::Write as _;
use std::ops::Range;

use http::header::{COOKIE, LINK, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::placeholder;
use crate::redact::redactor::Redactor;
use crate::redact::rules::rule::Rule;
use crate::redact::rules::set::Headers;
use crate::redact::rules::{known_headers, names};
use crate::redact::side::Side;
use crate::redact::values::credentials;
use crate::selecting_headers::is_selecting;

impl Redactor {
    /// Returns the headers that cassette stores and matches.
    ///
    /// * Headers whose name says that they carry credentials (`authorization`, `x-api-key`, `x-acme-token`, …) keep
    ///   their names, so that a reviewer sees that the client sent a credential. The value becomes a placeholder, such
    ///   as `Bearer [authorization:1]` or the placeholder of a named secret.
    /// * In `cookie` and `set-cookie`, the names and attributes of cookies stay. The values become `[cookie:1]` and so
    ///   on.
    /// * Headers that concern only one connection are dropped. Headers that are noise are dropped, too, and the account
    ///   notes their names.
    /// * All other headers are kept, with secrets replaced as in any text. URLs in `location`, `link` and the like are
    ///   redacted like [`uri`](Redactor::uri). If a header is on no list, a part of its value that looks like a
    ///   credential becomes a placeholder, too.
    pub fn headers(&self, headers: &HeaderMap, side: Side) -> HeaderMap {
        let redactor = match side {
            Side::Request => self.clone(),
            Side::Response => self.for_responses(),
        };
        let mut out = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            match redactor.header(name, value.as_bytes(), side) {
                Some(value) => _ = out.append(name, valid(value)),
                None => self.leave_out(side, name.as_str()),
            }
        }
        out
    }

    /// Notes that a header is not stored. Headers that concern only one connection are not noted, because a replay
    /// makes new ones.
    pub(crate) fn leave_out(&self, side: Side, name: &str) {
        if !known_headers::is_of_connection(name) {
            self.account().left_out.add(side, name);
        }
    }

    /// Redacts the secrets in a reason phrase.
    pub(crate) fn reason(&self, reason: HeaderValue) -> HeaderValue {
        valid(self.bytes(reason.as_bytes()))
    }

    /// Returns the value that cassette stores, or `None` if the header is dropped.
    fn header(&self, header: &HeaderName, value: &[u8], side: Side) -> Option<Vec<u8>> {
        let name = header.as_str();
        let Headers { kept, redacted, kept_fields, dropped, others_kept, defaults } = &self.rules().headers;
        if kept.contains(name) {
            if self.rules().keeps_field(name) {
                self.excuse(value);
            }
            return Some(self.shown(header, value));
        }
        if dropped.contains(name) || defaults.is_some() && known_headers::is_of_connection(name) {
            return None;
        }
        if *header == COOKIE {
            return (side == Side::Request).then(|| self.cookies(value));
        }
        if *header == SET_COOKIE {
            return (side == Side::Response).then(|| self.set_cookie(value));
        }
        if let Some(rule) = redacted.get(name) {
            return Some(self.credentials(rule, value));
        }
        let is_selecting = is_selecting(name);
        let is_noise = !*others_kept
            && !is_selecting
            && defaults.as_ref().is_some_and(|rules| rules.is_noise(name, side));
        let is_known = is_selecting || known_headers::is_known_by_name(name);
        if is_known && !is_noise {
            return Some(self.shown(header, value));
        }
        if let Some(rule) = self.rules().field_rule(name) {
            return Some(self.credentials(&rule, value));
        }
        let ending = defaults.as_ref().and_then(|rules| rules.ending(name));
        let is_no_credential = || {
            is_known
                || known_headers::is_known_by_ending(name)
                || kept_fields.contains(&names::normalised(name))
        };
        if let Some(rule) = ending.filter(|_| !is_no_credential()) {
            return Some(self.credentials(&rule.of_header(name), value));
        }
        if self.rules().keeps_field(name) {
            self.excuse(value);
        }
        if kept.iter().any(|pattern| names::matches(pattern, name)) {
            return Some(self.shown(header, value));
        }
        if is_noise {
            return None;
        }
        let unknown = defaults.as_ref().and_then(|rules| rules.unknown.as_ref());
        let is_known =
            || known_headers::is_known_by_beginning(name) || known_headers::is_known_by_ending(name);
        Some(match unknown {
            Some(rule) if !is_known() => self.judged(&rule.of_header(name), header, value),
            _ => self.shown(header, value),
        })
    }

    fn shown(&self, name: &HeaderName, value: &[u8]) -> Vec<u8> {
        let is_url = |text: &str| {
            names::URL_HEADERS.contains(&name.as_str())
                || text.starts_with("https://")
                || text.starts_with("http://")
        };
        match std::str::from_utf8(value) {
            Ok(text) if *name == LINK => self.links(text).into_bytes(),
            Ok(text) if is_url(text) => self.uri(text).into_bytes(),
            _ => self.bytes(value),
        }
    }

    /// Redacts the value of a header that is on no list. The value is redacted like a text body: links and JSON in it
    /// are redacted by name. After that, the parts that look like credentials are redacted.
    fn judged(&self, rule: &Rule, name: &HeaderName, value: &[u8]) -> Vec<u8> {
        if is_scheme(value) {
            return self.credentials(rule, value);
        }
        let is_structured = value.iter().any(|b| b"{[<=?".contains(b));
        let shown = match is_structured && !value.starts_with(b"http") {
            true => self.as_body(value),
            false => self.shown(name, value),
        };
        let taken = placeholder::spans(&String::from_utf8_lossy(&shown));
        let is_free = |range: &Range<usize>| {
            taken.iter().all(|taken| range.end <= taken.start || range.start >= taken.end)
        };
        let (mut out, mut done) = (Vec::with_capacity(shown.len()), 0);
        for range in credentials::credentials_in(&shown).into_iter().filter(is_free) {
            out.extend_from_slice(&shown[done..range.start]);
            out.extend_from_slice(self.found(rule, &shown[range.clone()]).as_bytes());
            done = range.end;
        }
        out.extend_from_slice(&shown[done..]);
        out
    }

    #[expect(clippy::expect_used, reason = "a Vec takes every write")]
    fn as_body(&self, value: &[u8]) -> Vec<u8> {
        let mut body = self.body(Some("text/plain"), Vec::new());
        body.write_all(value).and_then(|()| body.finish()).expect("writing to memory")
    }

    /// Redacts the URLs in a `link` header. They are in angle brackets (RFC 8288 §3).
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

    /// Redacts a value with credentials. The authentication scheme stays (RFC 9110 §11.4). If the rest of the value is
    /// exactly a named secret, it becomes the placeholder of this secret.
    fn credentials(&self, rule: &Rule, value: &[u8]) -> Vec<u8> {
        let value = value.trim_ascii();
        if value.is_empty() {
            return Vec::new();
        }
        let is_token = |s: &[u8]| s.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
        let (scheme, credentials) = match memchr::memchr(b' ', value).map(|at| value.split_at(at + 1)) {
            Some((scheme, rest)) if is_token(scheme.trim_ascii_end()) => (scheme, rest.trim_ascii()),
            _ => (&value[..0], value),
        };
        [self.bytes(scheme), self.found(rule, credentials).into_bytes()].concat()
    }
}

/// Whether the value begins with an authentication scheme for secrets.
fn is_scheme(value: &[u8]) -> bool {
    let scheme = value.split(|b| *b == b' ').next().filter(|scheme| scheme.len() < value.len());
    let is = |name: &str| scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(name.as_bytes()));
    ["basic", "bearer", "dpop", "token"].into_iter().any(is)
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
        Redactor::new(rules.keep_field("x_auth_token").keep_field("page_key").field("x-tenant-pin")).unwrap()
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
        check(Request, "page-key", "2", "2");
        check(Request, "x-auth-token", "shown on purpose", "shown on purpose");
        check(Request, "cookie", "a=1; b=2=3", "a=[cookie:1]; b=[cookie:2]");
        check(Request, "set-cookie", "a=1", "");
        check(Request, "user-agent", "reqwest/0.13", "");
        check(Request, "x-acme-region", "eu s3cr3t-key", "eu {{secret.KEY}}");
        check(Request, "x-free-speech", "é", "é");
        check(Request, "x-amz-target", "DynamoDB_20120810.GetItem", "DynamoDB_20120810.GetItem");
        check(Request, "x-acme-tenant-id", "t-1 s3cr3t-key", "t-1 {{secret.KEY}}");
        check(Request, "destination", "https://h/b?token=abc", "https://h/b?token=[token:1]");
        check(Request, "x-unknown", "1", "1");
        check(Request, "x-unknown", "s3cr3t-key", "{{secret.KEY}}");
        check(Request, "x-unknown", "q8JxZt0Wm3RbV6yNcKp2", "[header.x-unknown:1]");
        check(Request, "x-unknown", "basic dXNlcg==", "basic [header.x-unknown:1]");
        check(Request, "x-unknown-token", "short", "[header.x-unknown-token:1]");
        check(Request, "x-unknown-page-token", "q8JxZt0Wm3RbV6yNcKp2", "q8JxZt0Wm3RbV6yNcKp2");
        check(
            Request,
            "x-shopify-storefront-access-token",
            "short",
            "[header.x-shopify-storefront-access-token:1]",
        );
        check(Request, "x-free-key", "short", "[header.x-free-key:1]");
        check(Request, "x-request-id", "1", "");
        check(Request, "referer", "https://h/?token=a", "https://h/?token=[token:1]");
        check(Request, "connection", "close", "");
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
        check(Response, "server", "nginx", "nginx");
        check(Response, "x-request-id", "1", "1");
        check(Response, "x-b3-sampled", "1", "");
        check(Response, "transfer-encoding", "chunked", "");
        check(Response, "x-link", "https://h/?token=a", "https://h/?token=[token:1]");
        check(Response, "x-link", "see https://h/?token=a", "see https://h/?token=[token:1]");
        check(Response, "x-result", r#"{"token":"a","n":1.0}"#, r#"{"token":"[token:1]","n":1.0}"#);
        check(Response, "x-range", "[header.x-range:1]", "[header.x-range:1]");
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
    fn a_rule_that_is_switched_off_leaves_the_header() {
        let rules = Rules::default().without_rule("CAS0241").unwrap().without_rule("CAS0240").unwrap();
        let user_agent =
            crate::redact::default_rules().iter().find(|rule| rule.what == "user-agent").unwrap();
        let redactor = Redactor::new(rules.without_rule(user_agent.id).unwrap()).unwrap();
        let headers = [("user-agent", "q8JxZt0Wm3RbV6yNcKp2"), ("x-a-token", "a"), ("cf-ray", "1")];
        let headers = headers.map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)));
        let kept = redactor.headers(&headers.into_iter().collect(), Side::Request);
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["user-agent", "x-a-token"]);
        assert_eq!(
            (&kept["user-agent"], &kept["x-a-token"]),
            (&HeaderValue::from_static("q8JxZt0Wm3RbV6yNcKp2"), &HeaderValue::from_static("a"),)
        );
        assert_eq!(redactor.left_out(), (vec!["cf-ray".to_owned()], vec![]));
    }

    /// A server gives a value in a header that is on no list. When the client sends the value back, it becomes the same
    /// placeholder.
    #[test]
    fn identity() {
        let redactor = redactor();
        let header = |name, value| {
            HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
        };
        let given = redactor.headers(&header("x-acme-state", "q8JxZt0Wm3RbV6yNcKp2"), Side::Response);
        assert_eq!(given["x-acme-state"], "[header.x-acme-state:1]");
        let sent = redactor.headers(&header("x-state", "q8JxZt0Wm3RbV6yNcKp2"), Side::Request);
        assert_eq!(sent["x-state"], "[header.x-acme-state:1]");
        assert_eq!(redactor.uri("https://h/?s=q8JxZt0Wm3RbV6yNcKp2"), "https://h/?s=[header.x-acme-state:1]");
        assert_eq!(
            redactor.uri("https://h/?s=%5Bheader.x-acme-state%3A1%5D"),
            "https://h/?s=[header.x-acme-state:1]"
        );
        assert_eq!(redactor.anonymous(b"[header.x-acme-state:7]"), &b"[*]"[..]);
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
