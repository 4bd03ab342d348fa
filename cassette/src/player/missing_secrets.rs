//! Finds secrets whose missing value prevents a match. The recording has the placeholder of the secret, but the request
//! has another text in this place: the session does not know the value, so it cannot redact the value.
//!
//! Must not know: the text of a failure.

use super::Player;
use crate::matcher::{Difference, PartDifference};
use crate::placeholder;
use crate::redact::Label;
use crate::report::{Closest, Reason, Valueless};
use crate::syntax::uri::fragment;
use crate::tape::{Content, Request};

impl Player {
    /// Returns the secrets that have a placeholder in the most similar recording and no value in this session, in the
    /// order of the differences.
    pub(super) fn missing_secrets(
        &self,
        request: &Request,
        reason: &Reason,
        nearest: Option<&Closest>,
    ) -> Vec<Valueless> {
        let (Some(sources), Some(nearest)) = (&self.sources, nearest) else { return Vec::new() };
        let differences = nearest.mismatch.differences().iter().filter(|difference| match reason {
            Reason::Differs => true,
            // If the recording has another path or host, its query and body have nothing to do with this request.
            Reason::NothingSimilar | Reason::NoneForHost { .. } => matches!(
                difference,
                Difference::Uri { .. } | Difference::Host { .. } | Difference::Path { .. }
            ),
            _ => false,
        });
        let mut found: Vec<Valueless> = Vec::new();
        for name in differences.flat_map(|difference| missing_names(difference, request, &nearest.request)) {
            let name = self.full_name(name);
            let has_value = self.redactor.secret(&name).is_some() && !sources.has_dummy(&name);
            if !has_value && found.iter().all(|known| known.name != name) {
                let refused = self.redactor.unusable(&name).map(|secret| secret.why.to_string());
                let from = sources.of(&name);
                let number = is_number(&placeholder::of_secret(&name), &body(&nearest.request));
                found.push(Valueless { name, from, number, refused });
            }
        }
        found
    }

    /// Returns the full name of a secret. A placeholder contains the name without `#`, and the metadata of the cassette
    /// lists the full name.
    fn full_name(&self, name: String) -> String {
        let known = self.redaction().iter().find_map(|rule| match Label::parse(rule) {
            Label::Secret(known) if placeholder::is_same_secret(&known, &name) => Some(known.to_string()),
            _ => None,
        });
        known.unwrap_or(name)
    }
}

/// Returns the names of secrets whose placeholder is in the recording at the place of this difference, and is not in
/// the request there.
fn missing_names(difference: &Difference, request: &Request, recording: &Request) -> Vec<String> {
    let (mut actual, mut recorded) = (String::new(), String::new());
    texts(difference, request, recording, &mut |a, r| {
        actual += a;
        recorded += r;
    });
    let is_missing = |name: &&str| !actual.contains(&placeholder::of_secret(name));
    placeholder::secrets_in(&recorded).filter(is_missing).map(str::to_owned).collect()
}

/// Calls `add` with the texts of the request and the recording at the place of this difference.
fn texts(difference: &Difference, request: &Request, recording: &Request, add: &mut dyn FnMut(&str, &str)) {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    match difference {
        // The hosts in the difference are in lower case, so the names of secrets in them are wrong. So the hosts are
        // taken from the URIs.
        Difference::Host { .. } => add(authority(&request.uri), authority(&recording.uri)),
        Difference::Uri { actual, recorded } | Difference::Path { actual, recorded } => add(actual, recorded),
        Difference::Query { actual, recorded, .. } | Difference::Form { actual, recorded, .. } => {
            add(&actual.join("\n"), &recorded.join("\n"));
        }
        Difference::Header { actual, recorded, .. }
        | Difference::Json { actual, recorded, .. }
        | Difference::Xml { actual, recorded, .. } => add(&text(actual), &text(recorded)),
        Difference::Bytes { .. } => add(&body(request), &body(recording)),
        Difference::Multipart { difference, .. } => match difference {
            PartDifference::Header { actual, recorded, .. } => add(&text(actual), &text(recorded)),
            PartDifference::Body(difference) => texts(difference, request, recording, add),
            _ => {}
        },
        _ => {}
    }
}

fn authority(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    rest[..fragment(rest)].split(['/', '?']).next().unwrap_or_default()
}

fn body(request: &Request) -> std::borrow::Cow<'_, str> {
    match &request.body.content {
        Content::Inline(bytes) => String::from_utf8_lossy(bytes),
        Content::File(_) => "".into(),
    }
}

/// Whether a placeholder stands in the place of a JSON number, without quotes.
fn is_number(placeholder: &str, body: &str) -> bool {
    // A body with such a placeholder is not valid JSON.
    let is_json = || serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok();
    body.trim_start().starts_with(['{', '[']) && !is_json() && {
        body.match_indices(placeholder).any(|(at, _)| {
            let (before, after) = (&body[..at], &body[at + placeholder.len()..]);
            before.trim_end().ends_with([':', ',', '[']) && after.trim_start().starts_with([',', '}', ']'])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::Matching;
    use crate::tape::Body;

    fn request(uri: &str, content_type: &'static str, body: &str) -> Request {
        let headers = [(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type))];
        let body = if body.is_empty() { Body::default() } else { Body::inline(body.to_owned()) };
        Request {
            method: http::Method::POST,
            uri: uri.to_owned(),
            headers: headers.into_iter().collect(),
            body,
        }
    }

    #[test]
    fn numbers() {
        let is = |body: &str| is_number("{{secret.PIN}}", body);
        assert!(is("{\"a\": {{secret.PIN}}}") && is("[1, {{secret.PIN}}, 2]"));
        assert!(
            !is("{\"a\": \"{{secret.PIN}}\"}")
                && !is("{\"a\": \"b: {{secret.PIN}}, c\"}")
                && !is("a={{secret.PIN}}")
        );
    }

    #[track_caller]
    fn check(actual: &Request, recorded: &Request, expected: &[&str]) {
        let mismatch = Matching::default().compare(actual, recorded);
        let differences = mismatch.differences().iter();
        let names: Vec<String> = differences.flat_map(|d| missing_names(d, actual, recorded)).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn in_urls() {
        let check = |actual, recorded, expected: &[&str]| {
            check(&request(actual, "text/plain", ""), &request(recorded, "text/plain", ""), expected);
        };
        check("https://h/a?k=1", "https://h/a?k={{secret.K}}", &["K"]);
        check("https://h/a?k=1&n={{secret.N}}", "https://h/a?k=x{{secret.K}}y&n={{secret.N}}", &["K"]);
        check("https://h/a?k={{secret.K}}", "https://h/a?k={{secret.K}}&n=1", &[]);
        check("https://h/a?k={{secret.K}}x", "https://h/a?k={{secret.K}}", &[]);
        check("https://h/a/b", "https://h/{{secret.A-b_c.d}}/%7B%7Bsecret.E%7D%7D", &["A-b_c.d", "E"]);
        check("https://acme.h/a", "https://{{secret.TENANT}}.h/a", &["TENANT"]);
        check("https://h/a", "https://h/{{secret.}}/{{secret.a b}}/{{secret.K", &[]);
    }

    #[test]
    fn in_bodies() {
        let check = |content_type, actual, recorded, expected: &[&str]| {
            check(
                &request("https://h/", content_type, actual),
                &request("https://h/", content_type, recorded),
                expected,
            );
        };
        check("application/json", r#"{"a":["x"],"b":1}"#, r#"{"a":["{{secret.A}}"],"b":2}"#, &["A"]);
        check("application/json", "{}", r#"{"a":{"b":"{{secret.A}} {{secret.B}}"}}"#, &["A", "B"]);
        check("application/x-www-form-urlencoded", "a=1&b=2", "a={{secret.A}}&b=2", &["A"]);
        check("application/xml", "<a b='1'>x</a>", "<a b='{{secret.A}}'>{{secret.B}}</a>", &["A", "B"]);
        check("text/plain", "one two", "one {{secret.A}}", &["A"]);
        let part =
            |text| format!("--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n{text}\r\n--b--\r\n");
        check("multipart/form-data; boundary=b", &part("1"), &part("{{secret.A}}"), &["A"]);
    }
}
