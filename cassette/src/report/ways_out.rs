//! The ways out of a request without an answer: options, ready to be copied, that would have made it match.

use super::UnmatchedRequest;
use super::page::Page;
use super::palette::paint;
use super::text::clean;
use super::unmatched::Reason;
use crate::matcher::{Difference, PartDifference, without_numbers};
use crate::placeholder::ANY;

/// With more differences than this, a request is another one, and ignoring them is no way out.
const NOISE: usize = 3;

/// What to do, and the code that does it.
type Way = (String, String);

/// All ways out under what they presume, numbered through.
pub(super) fn write(page: &mut Page<'_>, requests: &[UnmatchedRequest]) {
    let groups = [
        (
            "if an answer gave what is redacted here, redact it at this place, too, and record again",
            redacting(requests),
        ),
        ("if that differs in every run, let the test's `Config` ignore it", ignoring(requests)),
        ("if the test may ask more often than it did while recording", asking_again(requests)),
        ("if the order is of no importance", in_any_order(requests)),
    ];
    let mut number = 0;
    for (title, ways) in groups.iter().filter(|(_, ways)| !ways.is_empty()) {
        page.gap();
        page.line(2, title);
        for (what, code) in ways {
            number += 1;
            let code = paint(page.palette.emphasis, clean(code));
            page.line(4, format_args!("{number}. {}: {code}", clean(what)));
        }
    }
}

/// Options that would have made requests match, if what differs may well be different in every run.
fn ignoring(requests: &[UnmatchedRequest]) -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    // What would match with the value of a secret is not to be ignored.
    let differs = |r: &&UnmatchedRequest| {
        matches!(r.reason, Reason::Differs) && r.valueless.is_empty() && redacted(r).next().is_none()
    };
    for request in requests.iter().filter(differs) {
        let Some(closest) = request.near.first() else { continue };
        let noise: Option<Vec<Way>> = closest.mismatch.differences().iter().map(option).collect();
        for way in noise.filter(|noise| noise.len() <= NOISE).into_iter().flatten() {
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
    }
    if ways.len() <= NOISE { ways } else { Vec::new() }
}

/// Rules that would have redacted in the recording what is redacted in the request.
fn redacting(requests: &[UnmatchedRequest]) -> Vec<Way> {
    let differs = |r: &&UnmatchedRequest| matches!(r.reason, Reason::Differs);
    let mut ways: Vec<Way> = Vec::new();
    for way in requests.iter().filter(differs).flat_map(redacted).filter_map(rule) {
        if ways.len() < NOISE && !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways
}

/// Where a request has a placeholder and the recording nearest to it has none.
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

/// [`ANY`] in a path.
const ANY_ENCODED: &str = "%5B*%5D";

/// What to redact, and the call on `Config` that does.
fn rule(difference: &Difference) -> Option<Way> {
    match difference {
        Difference::Path { actual, recorded } => {
            let pattern = path_rule(actual, recorded)?;
            Some((format!("a part of the path {recorded}"), format!(".redact_url(r\"{pattern}\")")))
        }
        Difference::Query { key, .. } => {
            Some((format!("the query key `{key}`"), format!(".redact_field({key:?})")))
        }
        Difference::Form { key, .. } => {
            Some((format!("the form field `{key}`"), format!(".redact_field({key:?})")))
        }
        Difference::Header { name, .. } => {
            Some((format!("the header `{name}`"), format!(".redact_header({name:?})")))
        }
        Difference::Json { pointer, .. } if !pointer.is_empty() => {
            let pointer = any_index(pointer);
            Some((format!("the JSON at {pointer}"), format!(".redact_pointer({pointer:?})")))
        }
        _ => None,
    }
}

fn asking_again(requests: &[UnmatchedRequest]) -> Vec<Way> {
    let used = |r: &&UnmatchedRequest| matches!(r.reason, Reason::AllUsed { .. });
    let Some(request) = requests.iter().find(used) else { return Vec::new() };
    let mut ways = Vec::new();
    if let Some(last) = request.near.first() {
        ways.push((
            format!("in recording {} of the cassette", last.index + 1),
            "\"repeat\": true".to_owned(),
        ));
    }
    ways.push(("or let every last answer repeat".to_owned(), ".exhausted(Exhausted::RepeatLast)".to_owned()));
    ways
}

fn in_any_order(requests: &[UnmatchedRequest]) -> Vec<Way> {
    let out = requests.iter().any(|r| matches!(r.reason, Reason::OutOfOrder { .. }));
    out.then(|| ("leave this out of the test's `Config`".to_owned(), ".ordered()".to_owned()))
        .into_iter()
        .collect()
}

/// What to ignore, and the call on `Config` that does.
fn option(difference: &Difference) -> Option<Way> {
    match difference {
        Difference::Path { actual, recorded } => {
            let pattern = path_pattern(actual, recorded)?;
            Some((format!("a part of the path {recorded}"), format!(".ignore_path(r\"{pattern}\")")))
        }
        Difference::Query { key, .. } => {
            Some((format!("the query key `{key}`"), format!(".ignore_query({key:?})")))
        }
        Difference::Header { name, .. } => {
            Some((format!("the header `{name}`"), format!(".ignore_header({name:?})")))
        }
        Difference::Json { pointer, .. } if !pointer.is_empty() => {
            let pointer = any_index(pointer);
            Some((format!("the JSON at {pointer}"), format!(".ignore_json({pointer:?})")))
        }
        Difference::Xml { path, .. } if path.matches('/').count() > 1 => {
            let path = without_numbers(path);
            Some((format!("the XML at {path}"), format!(".ignore_xml({path:?})")))
        }
        Difference::Form { key, .. } => {
            Some((format!("the form field `{key}`"), format!(".ignore_form({key:?})")))
        }
        Difference::Multipart { difference: PartDifference::Body(inner), .. }
            if matches!(**inner, Difference::Json { .. } | Difference::Xml { .. }) =>
        {
            option(inner)
        }
        Difference::Multipart { part, .. } if !part.contains('#') => {
            Some((format!("the form field `{part}`"), format!(".ignore_form({part:?})")))
        }
        Difference::Multipart { .. } => Some(("the body".to_owned(), ".ignore_body()".to_owned())),
        Difference::Json { .. } | Difference::Xml { .. } | Difference::Bytes { .. } => {
            Some(("the body".to_owned(), ".ignore_body()".to_owned()))
        }
        _ => None,
    }
}

/// What varies in one element of an array varies in all of them.
fn any_index(pointer: &str) -> String {
    let is_index = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let segments: Vec<_> = pointer.split('/').map(|s| if is_index(s) { "*" } else { s }).collect();
    segments.join("/")
}

/// A regular expression for the one segment that two paths differ in, if it looks like an id or a date.
fn path_pattern(actual: &str, recorded: &str) -> Option<String> {
    let (before, a, r) = one_segment(actual, recorded)?;
    let varies = |segment: &str| segment.bytes().any(|b| b.is_ascii_digit());
    (varies(a) && varies(r)).then(|| format!("^{before}/([^/]+)"))
}

/// One for the same that finds it in a URL, and names it after what comes before it.
fn path_rule(actual: &str, recorded: &str) -> Option<String> {
    let (before, ..) = one_segment(actual, recorded)?;
    let last = before.rsplit('/').next().unwrap_or_default();
    let is_name = last.starts_with(|c: char| c.is_ascii_alphabetic())
        && last.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let name = if is_name { last } else { "value" };
    Some(format!("{before}/(?<{name}>[^/?#]+)"))
}

/// The one segment that two paths differ in, as it is in both, with a regular expression for what comes before it.
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
