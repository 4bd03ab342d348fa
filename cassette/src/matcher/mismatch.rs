//! What differs between two requests, as a value. `report` words it.

use std::collections::BTreeSet;

use super::body::{Body, Raw};
use super::form::{Form, Head};
use super::multipart;
use super::pairs;
use super::uri::Target;

/// Every difference between a request and a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    differences: Vec<Difference>,
}

/// One difference: what this request has, and what the recording has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// One of the URIs at least cannot be taken apart, and their texts differ.
    Uri {
        /// As requested.
        actual: String,
        /// As recorded.
        recorded: String,
    },
    /// The method.
    Method {
        /// As requested.
        actual: String,
        /// As recorded.
        recorded: String,
    },
    /// The scheme, in lower case.
    Scheme {
        /// As requested.
        actual: String,
        /// As recorded.
        recorded: String,
    },
    /// The host in lower case, with the port unless it is the scheme's own.
    Host {
        /// As requested.
        actual: String,
        /// As recorded.
        recorded: String,
    },
    /// The path, normalised.
    Path {
        /// As requested.
        actual: String,
        /// As recorded.
        recorded: String,
    },
    /// The values of one query key, decoded and sorted; none where the key is absent.
    Query {
        /// Decoded.
        key: String,
        /// As requested.
        actual: Vec<String>,
        /// As recorded.
        recorded: Vec<String>,
    },
    /// A header that counts. `None` where it is absent.
    Header {
        /// In lower case.
        name: String,
        /// As requested.
        actual: Option<String>,
        /// As recorded.
        recorded: Option<String>,
    },
    /// The bodies are of different kinds.
    Body {
        /// As requested.
        actual: BodyKind,
        /// As recorded.
        recorded: BodyKind,
    },
    /// A value in a JSON body. `None` where there is nothing at that place.
    Json {
        /// RFC 6901; empty for the whole document.
        pointer: String,
        /// As requested: JSON.
        actual: Option<String>,
        /// As recorded: JSON.
        recorded: Option<String>,
    },
    /// The values of one key of a form, decoded and sorted; none where the key is absent.
    Form {
        /// Decoded.
        key: String,
        /// As requested.
        actual: Vec<String>,
        /// As recorded.
        recorded: Vec<String>,
    },
    /// Something about one part of a multipart body.
    Multipart {
        /// The part's name in a form, `#1`, `#2`, … elsewhere. A repeated name has ` #2`, … behind it.
        part: String,
        /// What it is.
        difference: PartDifference,
    },
    /// A place in an XML body. `None` where there is nothing at that place.
    Xml {
        /// The names of the elements that lead there, `[2]` behind a repeated one, `@` before an attribute; without
        /// namespaces: `/Envelope/Body/Item[2]/@id`.
        path: String,
        /// As requested: XML or text.
        actual: Option<String>,
        /// As recorded: XML or text.
        recorded: Option<String>,
    },
    /// Equal in everything else, but a [`Matcher`](super::Matcher) refuses.
    Custom {
        /// What the matcher is called.
        matcher: String,
    },
    /// Bodies that are compared byte by byte.
    Bytes {
        /// From 0. `None` where one of the bodies is in a file and only its hash is at hand.
        offset: Option<u64>,
        /// Bytes requested.
        actual: u64,
        /// Bytes recorded.
        recorded: u64,
    },
}

/// What differs about one part of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartDifference {
    /// The recording has no such part.
    OnlyActual,
    /// This request has no such part.
    OnlyRecorded,
    /// A header of the part. `None` where it is absent.
    Header {
        /// In lower case.
        name: String,
        /// As requested.
        actual: Option<String>,
        /// As recorded.
        recorded: Option<String>,
    },
    /// The part's body.
    Body(Box<Difference>),
}

/// What a body was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyKind {
    /// No body.
    Empty,
    /// JSON.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/*`.
    Multipart,
    /// XML.
    Xml,
    /// Anything else.
    Bytes,
}

impl Mismatch {
    /// In the order of a request: method, URI, headers, body.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// Whether nothing differs.
    pub fn is_match(&self) -> bool {
        self.differences.is_empty()
    }

    /// How far apart the two are, 0 where nothing differs: for ranking, without a unit. Another host is
    /// farther than another path, that is farther than another method, and that than any query or body.
    pub fn distance(&self) -> u32 {
        let (mut query, mut body, mut rest) = (0u32, 0u32, 0u32);
        for difference in &self.differences {
            match difference {
                Difference::Uri { .. } => rest += 1000,
                Difference::Host { .. } => rest += 600,
                Difference::Scheme { .. } => rest += 60,
                Difference::Path { actual, recorded } => {
                    rest += 250 + (30 * segments(actual, recorded)).min(300)
                }
                Difference::Method { .. } => rest += 220,
                Difference::Query { .. } => query += 15,
                Difference::Header { .. } => rest += 10,
                Difference::Body { .. } => body += 60,
                Difference::Custom { .. } => rest += 3,
                Difference::Json { .. } | Difference::Xml { .. } => body += 4,
                Difference::Form { .. } | Difference::Multipart { .. } => body += 8,
                Difference::Bytes { .. } => body += 50,
            }
        }
        rest + query.min(100) + body.min(100)
    }

    pub(super) fn between(actual: &Form<'_>, recorded: &Form<'_>) -> Self {
        let mut mismatch = Mismatch::of_heads(&actual.head, &recorded.head);
        mismatch.add_bodies(&actual.body, &recorded.body);
        mismatch
    }

    pub(super) fn of_heads(actual: &Head<'_>, recorded: &Head<'_>) -> Self {
        let mut found = Vec::new();
        if actual.method != recorded.method {
            let (actual, recorded) = (actual.method.to_owned(), recorded.method.to_owned());
            found.push(Difference::Method { actual, recorded });
        }
        targets(&actual.target, &recorded.target, &mut found);
        if actual.headers != recorded.headers {
            let both = [&actual.headers, &recorded.headers];
            let names: BTreeSet<&str> = both.into_iter().flatten().map(|(name, _)| *name).collect();
            for name in names {
                let [actual, recorded] = both.map(|h| h.iter().find(|(n, _)| *n == name).map(|(_, v)| v));
                if actual != recorded {
                    let [actual, recorded] = [actual, recorded].map(|value| value.map(|v| pairs::text(v)));
                    found.push(Difference::Header { name: name.to_owned(), actual, recorded });
                }
            }
        }
        Mismatch { differences: found }
    }

    pub(super) fn add_refusal(&mut self, matcher: &str) {
        self.differences.push(Difference::Custom { matcher: matcher.to_owned() });
    }

    pub(super) fn add_bodies(&mut self, actual: &Body<'_>, recorded: &Body<'_>) {
        body_differences(actual, recorded, &mut |difference| self.differences.push(difference));
    }
}

fn targets(actual: &Target<'_>, recorded: &Target<'_>, found: &mut Vec<Difference>) {
    let (a, r) = match (actual, recorded) {
        (Target::Parts(a), Target::Parts(r)) => (a, r),
        (Target::Text(a), Target::Text(r)) if a == r => return,
        (a, r) => return found.push(Difference::Uri { actual: a.text(), recorded: r.text() }),
    };
    if a.scheme != r.scheme {
        found.push(Difference::Scheme { actual: a.scheme.clone(), recorded: r.scheme.clone() });
    }
    if a.host != r.host {
        found.push(Difference::Host { actual: a.host.clone(), recorded: r.host.clone() });
    }
    if a.path != r.path {
        found.push(Difference::Path { actual: a.path.to_string(), recorded: r.path.to_string() });
    }
    pairs::differing(&a.query, &r.query, |key, actual, recorded| {
        found.push(Difference::Query { key, actual, recorded });
    });
}

pub(super) fn body_differences(actual: &Body<'_>, recorded: &Body<'_>, found: &mut dyn FnMut(Difference)) {
    match (actual, recorded) {
        (Body::Nothing, Body::Nothing) => {}
        (Body::Json(a), Body::Json(r)) => a.compare(r, &mut String::new(), &mut |d| found(d)),
        (Body::Form(a), Body::Form(r)) => pairs::differing(a, r, |key, actual, recorded| {
            found(Difference::Form { key, actual, recorded });
        }),
        (Body::Multipart(a), Body::Multipart(r)) => multipart::compare(a, r, found),
        (Body::Xml(a), Body::Xml(r)) => {
            a.compare(r, &mut format!("/{}", r.label()), &mut |path, actual, recorded| {
                found(Difference::Xml { path, actual, recorded })
            })
        }
        (Body::Bytes(a), Body::Bytes(r)) => {
            if (a.size, &a.sha256) != (r.size, &r.sha256) {
                found(Difference::Bytes { offset: a.first_difference(r), actual: a.size, recorded: r.size });
            }
        }
        (a, r) => found(Difference::Body { actual: a.kind(), recorded: r.kind() }),
    }
}

impl Raw<'_> {
    fn first_difference(&self, recorded: &Raw<'_>) -> Option<u64> {
        let (a, r) = (self.bytes?, recorded.bytes?);
        let same = a.iter().zip(r).take_while(|(a, r)| a == r).count();
        Some(same as u64)
    }
}

impl Target<'_> {
    fn text(&self) -> String {
        match self {
            Target::Text(text) => (*text).to_owned(),
            // The query is told by the other URI's being text at all.
            Target::Parts(p) => format!("{}://{}{}", p.scheme, p.host, p.path),
        }
    }
}

/// How many segments of two paths differ.
fn segments(actual: &str, recorded: &str) -> u32 {
    let (mut a, mut r) = (actual.split('/'), recorded.split('/'));
    let mut differing = 0;
    loop {
        match (a.next(), r.next()) {
            (None, None) => return differing,
            (a, r) if a == r => {}
            _ => differing = (differing + 1).min(1000),
        }
    }
}
