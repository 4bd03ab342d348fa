//! Suggests settings for requests that got no answer. With these settings the requests would probably have matched.
//!
//! Must not know: the text of a suggestion.

use crate::matcher::{Difference, PartDifference, without_numbers};
use crate::placeholder::ANY;
use crate::report::{Reason, Repeat, RequestPlace, Suggestions, UnmatchedRequest};

/// The greatest number of differences that can be noise. A request with more differences is probably a different
/// request, and it would be wrong to ignore all differences.
const NOISE: usize = 3;

/// Returns suggestions for the requests without an answer.
pub(crate) fn of(requests: &[UnmatchedRequest]) -> Suggestions {
    Suggestions {
        redact: to_redact(requests),
        ignore: to_ignore(requests),
        repeat: to_repeat(requests),
        any_order: requests.iter().any(|r| matches!(r.reason, Reason::OutOfOrder { .. })),
    }
}

/// Returns the places in which requests differ from recordings, and probably will differ in every run.
fn to_ignore(requests: &[UnmatchedRequest]) -> Vec<RequestPlace> {
    let mut places: Vec<RequestPlace> = Vec::new();
    // If a request differs because the value of a secret is missing, the test needs the value, and a setting would not
    // help. For a request with a placeholder, `to_redact` makes a suggestion.
    let differs = |r: &&UnmatchedRequest| {
        matches!(r.reason, Reason::Differs) && r.valueless.is_empty() && redacted(r).next().is_none()
    };
    for request in requests.iter().filter(differs) {
        let Some(closest) = request.near.first() else { continue };
        let noise: Option<Vec<RequestPlace>> = closest.mismatch.differences().iter().map(ignorable).collect();
        for place in noise.filter(|noise| noise.len() <= NOISE).into_iter().flatten() {
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    if places.len() <= NOISE { places } else { Vec::new() }
}

/// Returns the places that are redacted in a request but not in the recording.
fn to_redact(requests: &[UnmatchedRequest]) -> Vec<RequestPlace> {
    let differs = |r: &&UnmatchedRequest| matches!(r.reason, Reason::Differs);
    let mut places: Vec<RequestPlace> = Vec::new();
    for place in requests.iter().filter(differs).flat_map(redacted).filter_map(redactable) {
        if places.len() < NOISE && !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// Returns the recording that could have answered again.
fn to_repeat(requests: &[UnmatchedRequest]) -> Option<Repeat> {
    let used = |r: &&UnmatchedRequest| matches!(r.reason, Reason::AllUsed { .. });
    let request = requests.iter().find(used)?;
    Some(Repeat { recording: request.near.first().map(|last| last.index) })
}

/// Returns the differences between a request and the most similar recording in which only the request has a
/// placeholder.
fn redacted(request: &UnmatchedRequest) -> impl Iterator<Item = &Difference> {
    let differences = request.near.first().map(|closest| closest.mismatch.differences()).unwrap_or_default();
    let has = |text: &str| text.contains(ANY) || text.contains(ANY_ENCODED);
    let here_only = move |actual: &str, recorded: &str| has(actual) && !has(recorded);
    differences.iter().filter(move |difference| match difference {
        Difference::Path { actual, recorded } => here_only(actual, recorded),
        Difference::Query { actual, recorded, .. } | Difference::Form { actual, recorded, .. } => {
            here_only(&actual.join("\n"), &recorded.join("\n"))
        }
        Difference::Header { actual: Some(actual), recorded: Some(recorded), .. }
        | Difference::Json { actual: Some(actual), recorded: Some(recorded), .. } => {
            here_only(actual, recorded)
        }
        _ => false,
    })
}

/// [`ANY`] in a path, where brackets are percent-encoded.
const ANY_ENCODED: &str = "%5B*%5D";

/// Returns the place that the project must redact so that this difference disappears.
fn redactable(difference: &Difference) -> Option<RequestPlace> {
    match difference {
        Difference::Path { actual, recorded } => {
            Some(RequestPlace::Path { recorded: recorded.clone(), pattern: path_rule(actual, recorded)? })
        }
        Difference::Query { key, .. } => Some(RequestPlace::Query(key.clone())),
        Difference::Form { key, .. } => Some(RequestPlace::Form(key.clone())),
        Difference::Header { name, .. } => Some(RequestPlace::Header(name.clone())),
        Difference::Json { pointer, .. } if !pointer.is_empty() => {
            Some(RequestPlace::Json(any_index(pointer)))
        }
        _ => None,
    }
}

/// Returns the place that matching must ignore so that this difference disappears.
pub(crate) fn ignorable(difference: &Difference) -> Option<RequestPlace> {
    match difference {
        Difference::Path { actual, recorded } => {
            Some(RequestPlace::Path { recorded: recorded.clone(), pattern: path_pattern(actual, recorded)? })
        }
        Difference::Query { key, .. } => Some(RequestPlace::Query(key.clone())),
        Difference::Header { name, .. } => Some(RequestPlace::Header(name.clone())),
        Difference::Json { pointer, .. } if !pointer.is_empty() => {
            Some(RequestPlace::Json(any_index(pointer)))
        }
        Difference::Xml { path, .. } if path.matches('/').count() > 1 => {
            Some(RequestPlace::Xml(without_numbers(path)))
        }
        Difference::Form { key, .. } => Some(RequestPlace::Form(key.clone())),
        Difference::Multipart { difference: PartDifference::Body(inner), .. }
            if matches!(**inner, Difference::Json { .. } | Difference::Xml { .. }) =>
        {
            ignorable(inner)
        }
        Difference::Multipart { part, .. } if !part.contains('#') => Some(RequestPlace::Form(part.clone())),
        Difference::Multipart { .. }
        | Difference::Json { .. }
        | Difference::Xml { .. }
        | Difference::Bytes { .. } => Some(RequestPlace::Body),
        _ => None,
    }
}

/// Replaces every index in the pointer by `*`. If a value varies in one element of an array, it probably varies in all
/// elements.
fn any_index(pointer: &str) -> String {
    let is_index = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let segments: Vec<_> = pointer.split('/').map(|s| if is_index(s) { "*" } else { s }).collect();
    segments.join("/")
}

/// Returns a regular expression for the only segment in which two paths differ. Returns `None` if the segment does not
/// look like an id or a date.
fn path_pattern(actual: &str, recorded: &str) -> Option<String> {
    let (before, a, r) = one_segment(actual, recorded)?;
    let varies = |segment: &str| segment.bytes().any(|b| b.is_ascii_digit());
    (varies(a) && varies(r)).then(|| format!("^{before}/([^/]+)"))
}

/// Returns a regular expression that finds in a URL the only segment in which two paths differ. The group of the
/// expression has the name of the segment before it.
fn path_rule(actual: &str, recorded: &str) -> Option<String> {
    let (before, ..) = one_segment(actual, recorded)?;
    let last = before.rsplit('/').next().unwrap_or_default();
    let is_name = last.starts_with(|c: char| c.is_ascii_alphabetic())
        && last.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let name = if is_name { last } else { "value" };
    Some(format!("{before}/(?<{name}>[^/?#]+)"))
}

/// Returns a regular expression for the path before the only segment in which two paths differ, and this segment in the
/// actual path and in the recorded path.
fn one_segment<'p>(actual: &'p str, recorded: &'p str) -> Option<(String, &'p str, &'p str)> {
    let (a, r): (Vec<_>, Vec<_>) = (actual.split('/').collect(), recorded.split('/').collect());
    let differing: Vec<_> = (0..a.len()).filter(|i| r.get(*i) != Some(&a[*i])).collect();
    let [at] = differing[..] else { return None };
    let literal = |c: char| if r".+*?()|[]{}^$\".contains(c) { format!("\\{c}") } else { c.to_string() };
    let before = r[..at].join("/").chars().map(literal).collect();
    (a.len() == r.len()).then(|| (before, a[at], r[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(actual: &str, recorded: &str, expected: Option<&str>) {
        assert_eq!(path_pattern(actual, recorded).as_deref(), expected);
    }

    #[test]
    fn path_patterns() {
        check("/v1/orders/17/lines", "/v1/orders/4", None);
        check("/v1/orders/17/lines", "/v1/orders/4/lines", Some("^/v1/orders/([^/]+)"));
        check("/v1.0/2026-11-25", "/v1.0/2026-11-24", Some(r"^/v1\.0/([^/]+)"));
        check("/orders", "/items", None);
        check("/1/2", "/3/4", None);
    }

    #[test]
    fn path_rules() {
        let rule = |actual, recorded| path_rule(actual, recorded);
        assert_eq!(
            rule("/v1.0/app/%5B*%5D/x", "/v1.0/app/a1/x").as_deref(),
            Some(r"/v1\.0/app/(?<app>[^/?#]+)")
        );
        assert_eq!(rule("/%5B*%5D", "/a1").as_deref(), Some("/(?<value>[^/?#]+)"));
        assert_eq!(rule("/a/%5B*%5D", "/b/a1"), None);
    }
}
