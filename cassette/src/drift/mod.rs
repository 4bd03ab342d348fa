//! Compares a live answer with the recorded answer, to detect that an API has changed.
//!
//! By default it compares only the schema: statuses, names of headers, and names and types in JSON. Values change every
//! day, and a different value does not mean that the API has changed. Must not know: files, sockets, the text of a
//! difference.

mod schema;

use std::collections::BTreeSet;

use http::{HeaderMap, header};

use crate::json;
use crate::request_ids::is_request_id;
use crate::tape::{Outcome, Response};
pub(crate) use schema::{MOST_CHANGES, Schema};

/// One difference between the live answer of an API and the recorded answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) struct AnswerChange {
    /// The place that differs.
    pub(crate) place: AnswerPlace,
    /// The type or value in the recorded answer. `None` if the recorded answer does not have this place.
    pub(crate) recorded: Option<String>,
    /// The type or value in the live answer. `None` if the live answer does not have this place.
    pub(crate) live: Option<String>,
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub(crate) enum AnswerPlace {
    /// The answer as a whole: only one of the two answers is a response, or both are failures of different kinds.
    Answer,
    /// The status code.
    Status,
    /// A header, by its name in lower case.
    Header(String),
    /// The body as a whole.
    Body,
    /// A place in a JSON body: a JSON pointer (RFC 6901), in which `*` stands for any index of an array.
    Json(String),
}

/// An answer, with its body if the body is not too long.
pub(crate) struct ComparedAnswer<'a> {
    pub(crate) outcome: &'a Outcome,
    /// `None` if the body is too long for memory. Then its length and hash are compared.
    pub(crate) body: Option<&'a [u8]>,
}

/// The parts of a response that are compared in addition to the schema.
#[derive(Clone, Copy)]
pub(crate) struct Compared {
    /// The values of headers and bodies.
    pub(crate) values: bool,
    /// Headers that only the live answer has. A cassette of an older version does not have all headers of the recorded
    /// answer.
    pub(crate) more_headers: bool,
}

/// All differences between two answers.
pub(crate) fn compare(
    recorded: &ComparedAnswer<'_>,
    live: &ComparedAnswer<'_>,
    compared: Compared,
) -> Vec<AnswerChange> {
    let values = compared.values;
    let change = |place, recorded: &str, live: &str| {
        vec![AnswerChange { place, recorded: Some(recorded.to_owned()), live: Some(live.to_owned()) }]
    };
    match (recorded.outcome, live.outcome) {
        (Outcome::Response(before), Outcome::Response(now)) => {
            let mut changes = Vec::new();
            if before.status != now.status {
                changes.extend(change(
                    AnswerPlace::Status,
                    &before.status.to_string(),
                    &now.status.to_string(),
                ));
            }
            headers(&before.headers, &now.headers, compared, &mut changes);
            bodies((before, recorded.body), (now, live.body), values, &mut changes);
            changes
        }
        (Outcome::Error(before), Outcome::Error(now)) if before.kind == now.kind => Vec::new(),
        (before, now) => change(AnswerPlace::Answer, &described(before), &described(now)),
    }
}

fn described(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Response(response) => response.status.to_string(),
        Outcome::Error(e) => e.to_string(),
    }
}

/// Headers about the length, the transfer or the time of an answer. They change with every answer and are ignored.
const IGNORED_HEADERS: [http::HeaderName; 6] = [
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::TRANSFER_ENCODING,
    header::DATE,
    header::AGE,
    header::EXPIRES,
];

fn headers(before: &HeaderMap, now: &HeaderMap, compared: Compared, changes: &mut Vec<AnswerChange>) {
    let names: BTreeSet<&str> = before.keys().chain(now.keys()).map(http::HeaderName::as_str).collect();
    for name in names.into_iter().filter(|name| IGNORED_HEADERS.iter().all(|other| other != name)) {
        let text = |map: &HeaderMap| {
            let all = map.get_all(name).iter();
            let all: Vec<_> = all.map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()).collect();
            (!all.is_empty()).then(|| all.join(", "))
        };
        let (recorded, live) = (text(before), text(now));
        if recorded.is_none() && !compared.more_headers {
            continue;
        }
        // The content type is a part of the schema. Ids of requests differ in each answer.
        let counts = compared.values && !is_request_id(name) || name == header::CONTENT_TYPE;
        if recorded.is_some() != live.is_some() || (counts && recorded != live) {
            changes.push(AnswerChange { place: AnswerPlace::Header(name.to_owned()), recorded, live });
        }
    }
}

/// A response, and its body if the body is not too long.
type ResponseAndBody<'a> = (&'a Response, Option<&'a [u8]>);

fn bodies(
    recorded: ResponseAndBody<'_>,
    live: ResponseAndBody<'_>,
    values: bool,
    changes: &mut Vec<AnswerChange>,
) {
    let size = |(response, _): ResponseAndBody<'_>| format!("{} bytes", response.body.size());
    let whole = |before: String, now: String| AnswerChange {
        place: AnswerPlace::Body,
        recorded: Some(before),
        live: Some(now),
    };
    let empty = |(response, _): ResponseAndBody<'_>| response.body.size() == 0;
    if empty(recorded) != empty(live) {
        return changes.push(whole(size(recorded), size(live)));
    }
    let (Some(before), Some(now)) = (recorded.1, live.1) else {
        if values && recorded.0.body.content != live.0.body.content {
            changes.push(whole(size(recorded), size(live)));
        }
        return;
    };
    match (json::parse(before), json::parse(now)) {
        (Ok(before), Ok(now)) => {
            let (before, now) = (Schema::of(&before, values), Schema::of(&now, values));
            before.compare(&now, changes);
        }
        (Ok(_), Err(_)) if !empty(recorded) => changes.push(whole("JSON".into(), "no JSON".into())),
        (Err(_), Ok(_)) if !empty(live) => changes.push(whole("no JSON".into(), "JSON".into())),
        _ if values && before != now => changes.push(whole(size(recorded), size(live))),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::{Body, TransportError, TransportErrorKind};

    fn response(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Outcome {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        });
        Outcome::Response(Response {
            status,
            reason: None,
            version: http::Version::HTTP_11,
            headers: headers.collect(),
            body: Body::inline(body),
            trailers: HeaderMap::new(),
            cut: None,
        })
    }

    fn body(outcome: &Outcome) -> Option<&[u8]> {
        match outcome {
            Outcome::Response(Response {
                body: Body { content: crate::tape::Content::Inline(b), .. },
                ..
            }) => Some(b),
            _ => None,
        }
    }

    #[track_caller]
    fn check(recorded: &Outcome, live: &Outcome, values: bool, expected: &[(AnswerPlace, &str, &str)]) {
        let found = compare(
            &ComparedAnswer { outcome: recorded, body: body(recorded) },
            &ComparedAnswer { outcome: live, body: body(live) },
            Compared { values, more_headers: true },
        );
        let text = |side: &Option<String>| side.clone().unwrap_or_default();
        let found: Vec<_> =
            found.iter().map(|c| (c.place.clone(), text(&c.recorded), text(&c.live))).collect();
        let expected: Vec<_> =
            expected.iter().map(|(p, a, b)| (p.clone(), (*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(found, expected);
    }

    fn json(pointer: &str) -> AnswerPlace {
        AnswerPlace::Json(pointer.to_owned())
    }

    #[test]
    fn schemas() {
        let old =
            response(200, &[("content-type", "application/json")], r#"{"id":1,"at":"x","rows":[{"n":1}]}"#);
        check(&old, &old, true, &[]);
        let day = response(
            200,
            &[("content-type", "application/json")],
            r#"{"rows":[{"n":2},{"n":3}],"id":9,"at":"y"}"#,
        );
        check(&old, &day, false, &[]);
        check(
            &old,
            &day,
            true,
            &[(json("/at"), "\"x\"", "\"y\""), (json("/id"), "1", "9"), (json("/rows"), "1 item", "2 items")],
        );
        let renamed = response(
            404,
            &[("content-type", "text/json"), ("etag", "1")],
            r#"{"uid":"1","id":"1","at":null,"rows":[{"n":1.5},{"m":[]}]}"#,
        );
        check(
            &old,
            &renamed,
            false,
            &[
                (AnswerPlace::Status, "200", "404"),
                (AnswerPlace::Header("content-type".into()), "application/json", "text/json"),
                (AnswerPlace::Header("etag".into()), "", "1"),
                (json("/at"), "string", "null"),
                (json("/id"), "number", "string"),
                (json("/rows/*/m"), "", "array"),
                (json("/uid"), "", "string"),
            ],
        );
    }

    #[test]
    fn headers() {
        let old = response(200, &[("etag", "1"), ("x-request-id", "a")], "");
        let new = response(200, &[("x-request-id", "b"), ("x-total", "2")], "");
        let header = |name: &str| AnswerPlace::Header(name.to_owned());
        check(&old, &new, true, &[(header("etag"), "1", ""), (header("x-total"), "", "2")]);
        let answer = |outcome| ComparedAnswer { outcome, body: None };
        let compared = Compared { values: true, more_headers: false };
        let found = compare(&answer(&old), &answer(&new), compared);
        assert_eq!(found.iter().map(|change| change.place.clone()).collect::<Vec<_>>(), [header("etag")]);
    }

    #[test]
    fn bodies_that_are_no_json() {
        let (text, other) = (response(200, &[], "a,b\n1,2\n"), response(200, &[], "a,b\n1,3\n"));
        check(&text, &other, false, &[]);
        check(&text, &other, true, &[(AnswerPlace::Body, "8 bytes", "8 bytes")]);
        check(&text, &response(200, &[], ""), false, &[(AnswerPlace::Body, "8 bytes", "0 bytes")]);
        check(&text, &response(200, &[], "[]"), false, &[(AnswerPlace::Body, "no JSON", "JSON")]);
        check(&response(200, &[], ""), &response(200, &[], ""), true, &[]);
    }

    #[test]
    fn answers_and_failures() {
        let failed = |kind| Outcome::Error(TransportError { kind, message: "no".into() });
        let (dns, reset) = (failed(TransportErrorKind::Dns), failed(TransportErrorKind::Reset));
        check(&dns, &dns, true, &[]);
        check(&dns, &reset, false, &[(AnswerPlace::Answer, "dns: no", "reset: no")]);
        check(&response(204, &[], ""), &dns, false, &[(AnswerPlace::Answer, "204", "dns: no")]);
    }
}
