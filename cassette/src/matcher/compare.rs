//! Compares two canonical requests part by part, and reports every difference.
//!
//! Must not know: how a canonical request is made, the options.

use std::collections::BTreeSet;

use super::body::{CanonicalBody, Part, Raw};
use super::canonical::{CanonicalHead, CanonicalRequest};
use super::mismatch::{BodyKind, Difference, Mismatch, PartDifference};
use super::pairs;
use super::summaries;
use super::uri::Target;

/// The differences between two requests.
pub(super) fn requests(actual: &CanonicalRequest<'_>, recorded: &CanonicalRequest<'_>) -> Mismatch {
    let mut mismatch = heads(&actual.head, &recorded.head);
    bodies(&actual.body, &recorded.body, &mut |found| mismatch.add(found));
    mismatch
}

/// Returns the differences in everything except the bodies. These differences are cheap to find.
pub(super) fn heads(actual: &CanonicalHead<'_>, recorded: &CanonicalHead<'_>) -> Mismatch {
    let mut mismatch = Mismatch::default();
    let mut found = |difference| mismatch.add(difference);
    if actual.method != recorded.method {
        let (actual, recorded) = (actual.method.to_owned(), recorded.method.to_owned());
        found(Difference::Method { actual, recorded });
    }
    targets(&actual.target, &recorded.target, &mut found);
    if actual.headers != recorded.headers {
        let both = [&actual.headers, &recorded.headers];
        let names: BTreeSet<&str> = both.into_iter().flatten().map(|(name, _)| *name).collect();
        for name in names {
            let [actual, recorded] = both.map(|h| h.iter().find(|(n, _)| *n == name).map(|(_, v)| v));
            if actual != recorded {
                let [actual, recorded] = [actual, recorded].map(|value| value.map(|v| pairs::text(v)));
                found(Difference::Header { name: name.to_owned(), actual, recorded });
            }
        }
    }
    mismatch
}

fn targets(actual: &Target<'_>, recorded: &Target<'_>, found: &mut dyn FnMut(Difference)) {
    let (a, r) = match (actual, recorded) {
        (Target::Parts(a), Target::Parts(r)) => (a, r),
        (Target::Text(a), Target::Text(r)) if a == r => return,
        (a, r) => return found(Difference::Uri { actual: text(a), recorded: text(r) }),
    };
    if a.scheme != r.scheme {
        found(Difference::Scheme { actual: a.scheme.clone(), recorded: r.scheme.clone() });
    }
    if a.host != r.host {
        found(Difference::Host { actual: a.host.clone(), recorded: r.host.clone() });
    }
    if a.path != r.path {
        found(Difference::Path { actual: a.path.to_string(), recorded: r.path.to_string() });
    }
    pairs::differing(&a.query, &r.query, |key, actual, recorded| {
        found(Difference::Query { key, actual, recorded });
    });
}

/// Reports everything that differs between two bodies.
pub(super) fn bodies(
    actual: &CanonicalBody<'_>,
    recorded: &CanonicalBody<'_>,
    found: &mut dyn FnMut(Difference),
) {
    match (actual, recorded) {
        (CanonicalBody::Nothing, CanonicalBody::Nothing) => {}
        (CanonicalBody::Json(a), CanonicalBody::Json(r)) => {
            a.compare(r, &mut String::new(), &mut |d| found(d))
        }
        (CanonicalBody::Form(a), CanonicalBody::Form(r)) => {
            pairs::differing(a, r, |key, actual, recorded| {
                found(Difference::Form { key, actual, recorded });
            })
        }
        (CanonicalBody::Multipart(a), CanonicalBody::Multipart(r)) => parts(a, r, found),
        (CanonicalBody::Xml(a), CanonicalBody::Xml(r)) => {
            a.compare(r, &mut format!("/{}", r.label()), &mut |path, actual, recorded| {
                found(Difference::Xml { path, actual, recorded })
            })
        }
        (CanonicalBody::Bytes(a), CanonicalBody::Bytes(r)) => {
            if (a.size, &a.sha256) != (r.size, &r.sha256) {
                let offset = first_difference(a, r);
                found(Difference::Bytes { offset, actual: a.size, recorded: r.size, part: None });
            }
        }
        (CanonicalBody::Long(kind, a), CanonicalBody::Long(other, r)) if kind == other => {
            summaries::compare(*kind, a, r, found);
        }
        (a, r) if a.kind() == r.kind() => {
            let text = |body: &CanonicalBody<'_>| match body {
                CanonicalBody::Long(..) => "(too long to be kept)".to_owned(),
                _ => "(short)".to_owned(),
            };
            let (actual, recorded) = (text(a), text(r));
            found(match a.kind() {
                BodyKind::Form => summaries::whole_form(actual, recorded),
                _ => summaries::whole_json(actual, recorded),
            });
        }
        (a, r) => found(Difference::Body { actual: a.kind(), recorded: r.kind() }),
    }
}

/// Reports every part that differs.
fn parts(actual: &[Part<'_>], recorded: &[Part<'_>], found: &mut dyn FnMut(Difference)) {
    let (mut a, mut r) = (actual.iter().peekable(), recorded.iter().peekable());
    let mut place = 0;
    let mut last = None;
    loop {
        let name = match (a.peek(), r.peek()) {
            (Some(a), Some(r)) => a.name.as_str().min(r.name.as_str()),
            (Some(part), None) | (None, Some(part)) => part.name.as_str(),
            (None, None) => return,
        };
        place = if last == Some(name) { place + 1 } else { 1 };
        last = Some(name);
        let label = match (name, place) {
            ("", place) => format!("#{place}"),
            (name, 1) => name.to_owned(),
            (name, place) => format!("{name} #{place}"),
        };
        let mut report = |difference| found(Difference::Multipart { part: label.clone(), difference });
        match (a.next_if(|p| p.name == name), r.next_if(|p| p.name == name)) {
            (Some(actual), Some(recorded)) => part(actual, recorded, &mut report),
            (Some(_), None) => report(PartDifference::OnlyActual),
            _ => report(PartDifference::OnlyRecorded),
        }
    }
}

fn part(actual: &Part<'_>, recorded: &Part<'_>, found: &mut dyn FnMut(PartDifference)) {
    if actual.headers != recorded.headers {
        let names = actual.headers.iter().chain(&recorded.headers).map(|(name, _)| name);
        let names: std::collections::BTreeSet<&String> = names.collect();
        for name in names {
            let (of_actual, of_recorded) = (actual.header(name), recorded.header(name));
            if of_actual != of_recorded {
                found(PartDifference::Header {
                    name: name.clone(),
                    actual: of_actual,
                    recorded: of_recorded,
                });
            }
        }
    }
    bodies(&actual.body, &recorded.body, &mut |mut difference| {
        if let Difference::Bytes { part, .. } = &mut difference {
            *part = short(&actual.body).zip(short(&recorded.body)).map(|(a, r)| [a, r]);
        }
        found(PartDifference::Body(Box::new(difference)));
    });
}

/// The bytes of a part, if they are few enough to be kept for a report.
fn short(body: &CanonicalBody<'_>) -> Option<Vec<u8>> {
    let CanonicalBody::Bytes(Raw { bytes: Some(bytes), .. }) = body else { return None };
    (bytes.len() <= 4096).then(|| bytes.to_vec())
}

fn first_difference(actual: &Raw<'_>, recorded: &Raw<'_>) -> Option<u64> {
    let (a, r) = (actual.bytes?, recorded.bytes?);
    let same = a.iter().zip(r).take_while(|(a, r)| a == r).count();
    Some(same as u64)
}

fn text(target: &Target<'_>) -> String {
    match target {
        Target::Text(text) => (*text).to_owned(),
        // The other URI cannot be parsed, which explains the difference. So the text leaves out the query.
        Target::Parts(p) => format!("{}://{}{}", p.scheme, p.host, p.path),
    }
}
