//! Which recording answers a request: equality by meaning, and, where nothing is equal, what differs.
//!
//! A request is brought into one canonical form. [`Matching::key`] hashes it for the index,
//! [`Matching::compare`] explains two forms part by part; since both read the same form, they cannot disagree.
//!
//! Must not know: files, sockets, which recordings are used up, how a failure is worded.

mod body;
mod form;
mod json;
mod key;
mod mismatch;
mod multipart;
mod pairs;
mod parameters;
mod pointer;
mod uri;

use http::HeaderName;

pub use key::Key;
pub use mismatch::{BodyKind, Difference, Mismatch, PartDifference};
pub use pointer::{InvalidPointer, Pointer};

use crate::tape::Request;
use form::{Body, Form, Head};

/// What makes two requests the same.
///
/// By default all of
///
/// * the method;
/// * scheme, host and port, with the scheme's default port (RFC 3986 §6.2.3). User information is left out:
///   clients send it as a header;
/// * the path, with percent-encoding and dot segments normalised (RFC 3986 §6.2.2);
/// * the query as a multiset of decoded pairs. `?a` is `?a=`;
/// * the body by its meaning:
///   - JSON by value: whitespace, the order of members and the spelling of numbers don't count; the order of
///     arrays does. Duplicate names are kept, in their order. A body is JSON if its content type says so or
///     if it is an object or array, and only if it parses.
///   - `application/x-www-form-urlencoded` as a multiset of decoded pairs;
///   - `multipart/*` whatever its boundary, each part by its headers and, in turn, by the meaning of its body.
///     Parts of `multipart/form-data` may come in any order, those of one name in theirs;
///   - anything else byte by byte. So is a body above the inline limit, whatever it holds: only its SHA-256
///     and size are at hand.
///
/// A URI that cannot be taken apart is compared as text. Headers count on request. The options are plain data.
///
/// ```
/// use cassette::matcher::Matching;
/// use cassette::tape::{Body, Request};
///
/// let request = |uri: &str| Request {
///     method: http::Method::GET,
///     uri: uri.to_owned(),
///     headers: http::HeaderMap::new(),
///     body: Body::default(),
/// };
/// let recorded = request("https://api.example.com/v1/items?page=2&size=10&nonce=1");
/// let actual = request("HTTPS://API.example.com:443/v1/./items?size=10&page=2&nonce=2");
///
/// assert_ne!(Matching::default().key(&actual), Matching::default().key(&recorded));
/// let matching = Matching::default().ignore_query("nonce");
/// assert_eq!(matching.key(&actual), matching.key(&recorded));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    ignored_query: Vec<String>,
    ignored_json: Vec<Pointer>,
    ignored_body: bool,
    headers: Vec<HeaderName>,
}

impl Matching {
    /// Leaves a query key out, with all its values. The key is written decoded.
    #[must_use]
    pub fn ignore_query(mut self, key: impl Into<String>) -> Self {
        self.ignored_query.push(key.into());
        self
    }

    /// Leaves a place of JSON bodies out: a JSON pointer (RFC 6901) in which a segment `*` stands for every
    /// name or index. In an array the element's place stays and only its value is left out.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().ignore_json("/requested_at").ignore_json("/items/*/id");
    /// ```
    ///
    /// # Panics
    ///
    /// If it is not a pointer; [`Pointer`] can be parsed without panicking.
    #[must_use]
    #[track_caller]
    pub fn ignore_json(self, pointer: &str) -> Self {
        match pointer.parse() {
            Ok(pointer) => self.ignore_json_at(pointer),
            Err(e) => panic!("{e}"),
        }
    }

    /// Like [`ignore_json`](Self::ignore_json), with a pointer that is parsed already.
    #[must_use]
    pub fn ignore_json_at(mut self, pointer: Pointer) -> Self {
        self.ignored_json.push(pointer);
        self
    }

    /// Leaves bodies out.
    #[must_use]
    pub fn ignore_body(mut self) -> Self {
        self.ignored_body = true;
        self
    }

    /// Compares a header too, which is absent from both requests or has the same value in both. Repeated
    /// fields count as one with their values joined (RFC 9110 §5.3).
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().require_header("Accept");
    /// ```
    ///
    /// # Panics
    ///
    /// If it cannot be a header's name.
    #[must_use]
    #[track_caller]
    pub fn require_header(mut self, name: &str) -> Self {
        match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => self.headers.push(name),
            Err(_) => panic!("{name:?} cannot be the name of a header"),
        }
        self
    }

    /// One value for all requests that are the same. Takes time in the size of the request.
    pub fn key(&self, request: &Request) -> Key {
        key::of(&Form::new(self, request))
    }

    /// What differs between two requests. Empty exactly if their keys are equal.
    ///
    /// ```
    /// use cassette::matcher::{Difference, Matching};
    /// use cassette::tape::{Body, Request};
    ///
    /// let request = |json: &'static str| Request {
    ///     method: http::Method::POST,
    ///     uri: "https://api.example.com/orders".to_owned(),
    ///     headers: http::HeaderMap::new(),
    ///     body: Body::inline(json),
    /// };
    /// let mismatch = Matching::default()
    ///     .compare(&request(r#"{"n": 2, "item": "tea"}"#), &request(r#"{"item": "tea", "n": 1.0}"#));
    /// let Difference::Json { pointer, actual, recorded } = &mismatch.differences()[0] else { panic!() };
    /// assert_eq!((pointer.as_str(), actual.as_deref(), recorded.as_deref()), ("/n", Some("2"), Some("1.0")));
    /// ```
    pub fn compare(&self, actual: &Request, recorded: &Request) -> Mismatch {
        Mismatch::between(&Form::new(self, actual), &Form::new(self, recorded))
    }

    /// The recording nearest to `actual` by [`Mismatch::distance`], the first of several, with the label that
    /// came with it and what differs.
    ///
    /// Bodies are looked at only while they can still decide, so that a miss stays cheap on a large cassette.
    pub fn closest<'r, T>(
        &self,
        actual: &Request,
        recorded: impl IntoIterator<Item = (T, &'r Request)>,
    ) -> Option<(T, Mismatch)> {
        let actual = Form::new(self, actual);
        let mut best: Option<(T, Mismatch, u32)> = None;
        for (label, request) in recorded {
            let limit = best.as_ref().map_or(u32::MAX, |(_, _, distance)| *distance);
            let head = Head::new(self, request);
            let mut mismatch = Mismatch::of_heads(&actual.head, &head);
            if mismatch.distance() >= limit {
                continue;
            }
            mismatch.add_bodies(&actual.body, &Body::new(self, request));
            let distance = mismatch.distance();
            if distance < limit {
                best = Some((label, mismatch, distance));
            }
            if distance == 0 {
                break;
            }
        }
        best.map(|(label, mismatch, _)| (label, mismatch))
    }
}

#[cfg(test)]
mod tests;
