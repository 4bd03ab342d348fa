//! The differences between two requests, as values. The module `report` writes the text of a difference.
//!
//! Must not know: how requests are compared.

/// Every difference between a request and a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mismatch {
    differences: Vec<Difference>,
}

/// One difference between a request (`actual`) and a recording (`recorded`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Difference {
    /// At least one of the URIs cannot be parsed, and their texts differ.
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
    /// The host in lower case. The port is included if it is not the default port of the scheme.
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
    /// The values of one query key, decoded and sorted. The list is empty if the key is absent.
    Query {
        /// Decoded.
        key: String,
        /// As requested.
        actual: Vec<String>,
        /// As recorded.
        recorded: Vec<String>,
    },
    /// A header that matching compares. The value is `None` if the header is absent.
    Header {
        /// In lower case.
        name: String,
        /// As requested.
        actual: Option<String>,
        /// As recorded.
        recorded: Option<String>,
    },
    /// The bodies have different formats.
    Body {
        /// As requested.
        actual: BodyKind,
        /// As recorded.
        recorded: BodyKind,
    },
    /// A value in a JSON body. It is `None` if there is nothing at this place.
    Json {
        /// A JSON pointer (RFC 6901). It is empty for the whole document.
        pointer: String,
        /// As requested: JSON.
        actual: Option<String>,
        /// As recorded: JSON.
        recorded: Option<String>,
    },
    /// The values of one field of a URL-encoded form, decoded and sorted. The list is empty if the field is absent.
    Form {
        /// Decoded.
        key: String,
        /// As requested.
        actual: Vec<String>,
        /// As recorded.
        recorded: Vec<String>,
    },
    /// One part of a multipart body.
    Multipart {
        /// The name of the part, if the multipart is a form. Otherwise the place of the part: `#1`, `#2`, … If a name
        /// is repeated, ` #2`, … follows it.
        part: String,
        /// The difference in this part.
        difference: PartDifference,
    },
    /// An element, an attribute or a text in an XML body. It is `None` if there is nothing at this place.
    Xml {
        /// The names of the elements from the root, without namespaces: `/Envelope/Body/Item[2]/@id`. A repeated name
        /// is followed by its number, and `@` comes before the name of an attribute.
        path: String,
        /// As requested: XML or text.
        actual: Option<String>,
        /// As recorded: XML or text.
        recorded: Option<String>,
    },
    /// The requests are equal in everything else, but a [`Matcher`](super::Matcher) does not accept the recording.
    Custom {
        /// The matcher's name.
        matcher: String,
    },
    /// The bodies were compared byte by byte, and differ.
    Bytes {
        /// The offset of the first byte that differs, from 0. It is `None` if one of the bodies is in a file, because
        /// then only the hashes are compared.
        offset: Option<u64>,
        /// The length of the requested body in bytes.
        actual: u64,
        /// The length of the recorded body in bytes.
        recorded: u64,
        /// The requested and the recorded bytes of a part of a multipart body, if both are short.
        part: Option<[Vec<u8>; 2]>,
    },
}

/// A difference in one part of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum PartDifference {
    /// The recording has no such part.
    OnlyActual,
    /// This request has no such part.
    OnlyRecorded,
    /// A header of the part. The value is `None` if the header is absent.
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

/// The format that matching detected in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum BodyKind {
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
    /// The differences, in the order of a request: method, URI, headers, body.
    pub(crate) fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// Whether nothing differs.
    pub(crate) fn is_match(&self) -> bool {
        self.differences.is_empty()
    }

    /// How much the two requests differ; 0 if nothing differs. The number has no unit and serves only to rank
    /// recordings. A different host weighs more than a different path. A different path weighs more than a different
    /// method. A different method weighs more than any difference in the query or the body.
    pub(crate) fn distance(&self) -> u32 {
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

/// The number of segments in which two paths differ.
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
