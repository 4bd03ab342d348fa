//! What differs between two requests, as a value. `report` words it.
//!
//! Must not know: how requests are compared.

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

    pub(super) fn add(&mut self, difference: Difference) {
        self.differences.push(difference);
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
