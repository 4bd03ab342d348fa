//! Which recording answers a request: equality by meaning, and, where nothing is equal, what differs.
//!
//! A request is brought into one canonical form. [`Matching::key`] hashes it for the index,
//! [`Matching::compare`] explains two forms part by part; since both read the same form, they cannot disagree.
//!
//! Must not know: files, sockets, which recordings are used up, how a failure is worded.

mod body;
mod custom;
mod form;
mod graphql;
mod json;
mod key;
mod mismatch;
mod multipart;
mod options;
mod pairs;
mod path_pattern;
mod scope;
mod sketch;
mod uri;
mod xml;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub use crate::syntax::pointer::{InvalidPointer, Pointer};
pub use custom::Matcher;
pub use key::Key;
pub use mismatch::{BodyKind, Difference, Mismatch, PartDifference};

pub(crate) use scope::{is_scope, scope_of};

use crate::tape::Request;
use custom::Custom;
use form::{Body, Form, Head};
use options::{Counts, InForce, Options};
use path_pattern::PathPattern;
use scope::Scope;
pub(crate) use sketch::Sketch;
use uri::Target;
pub(crate) use xml::without_numbers;

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
///   - GraphQL, in JSON or as `application/graphql`, by its query without the white space, commas and comments
///     that its grammar ignores, by its variables and its operation's name; in the query string of a GET, too;
///   - `application/x-www-form-urlencoded` as a multiset of decoded pairs;
///   - `multipart/*` whatever its boundary, each part by its headers and, in turn, by the meaning of its body.
///     Parts of `multipart/form-data` may come in any order, those of one name in theirs;
///   - XML by what it says, whatever its prefixes, the order of its attributes and the white space between its
///     elements;
///   - anything else byte by byte. So is a body above the inline limit, whatever it holds: only its SHA-256
///     and size are at hand.
///
/// A URI that cannot be taken apart is compared as text. Headers count on request.
///
/// The options are plain data. Names of query keys and form fields may have `*` in them, which stands for any
/// characters; those of headers may end in it. Of several options about one thing the last holds, so that one can say `ignore_query("*")` and then
/// `require_query("page")`. Options may be limited to a host and a path ([`within`](Matching::within)).
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
    everywhere: Options,
    scopes: Vec<(Scope, Options)>,
}

impl Matching {
    /// Leaves a query key out, with all its values. The key is written decoded.
    #[must_use]
    pub fn ignore_query(mut self, key: impl Into<String>) -> Self {
        self.everywhere.query.push((key.into(), Counts::No));
        self
    }

    /// Lets a query key count that an option before it left out.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let only_the_page = Matching::default().ignore_query("*").require_query("page");
    /// ```
    #[must_use]
    pub fn require_query(mut self, key: impl Into<String>) -> Self {
        self.everywhere.query.push((key.into(), Counts::Yes));
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
        self.ignore_json_at(parsed(pointer))
    }

    /// Like [`ignore_json`](Self::ignore_json), with a pointer that is parsed already.
    #[must_use]
    pub fn ignore_json_at(mut self, pointer: Pointer) -> Self {
        self.everywhere.json.push((pointer, Counts::No));
        self
    }

    /// Lets a place of JSON bodies count although the one around it is left out.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let only_the_order = Matching::default().ignore_json("").require_json("/order");
    /// ```
    ///
    /// # Panics
    ///
    /// As [`ignore_json`](Self::ignore_json).
    #[must_use]
    #[track_caller]
    pub fn require_json(mut self, pointer: &str) -> Self {
        self.everywhere.json.push((parsed(pointer), Counts::Yes));
        self
    }

    /// Leaves an element of XML bodies out, or an attribute: the names of the elements that lead there, without
    /// namespaces, in which `*` stands for any. All elements of a name are meant.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().ignore_xml("/Envelope/Header/*").ignore_xml("/Envelope/Body/Order/@id");
    /// ```
    ///
    /// # Panics
    ///
    /// If it doesn't begin with `/`.
    #[must_use]
    #[track_caller]
    pub fn ignore_xml(mut self, path: &str) -> Self {
        self.everywhere.xml.push(parsed(path));
        self
    }

    /// Leaves a field of forms out, with all its values: of URL-encoded ones and of `multipart/form-data`.
    #[must_use]
    pub fn ignore_form(mut self, field: impl Into<String>) -> Self {
        self.everywhere.form.push((field.into(), Counts::No));
        self
    }

    /// Lets a field of forms count that an option before it left out.
    #[must_use]
    pub fn require_form(mut self, field: impl Into<String>) -> Self {
        self.everywhere.form.push((field.into(), Counts::Yes));
        self
    }

    /// Leaves bodies out.
    #[must_use]
    pub fn ignore_body(mut self) -> Self {
        self.everywhere.body = Some(Counts::No);
        self
    }

    /// Lets bodies count that an option before it left out.
    #[must_use]
    pub fn require_body(mut self) -> Self {
        self.everywhere.body = Some(Counts::Yes);
        self
    }

    /// Leaves parts of paths out: those in the groups of a regular expression, or all that it matches where it has
    /// none. It is searched for in the normalised path, which begins with `/`.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().ignore_path(r"/orders/(\d+)").ignore_path(r"\d{4}-\d\d-\d\d");
    /// ```
    ///
    /// # Panics
    ///
    /// If it is not a regular expression, in the syntax of the crate regex.
    #[must_use]
    #[track_caller]
    pub fn ignore_path(mut self, pattern: &str) -> Self {
        match PathPattern::new(pattern) {
            Ok(pattern) => self.everywhere.path.push(pattern),
            Err(e) => panic!("{pattern:?} is not a regular expression: {e}"),
        }
        self
    }

    /// Compares a header too, which is absent from both requests or has the same value in both. Repeated
    /// fields count as one with their values joined (RFC 9110 §5.3).
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().require_header("Accept").require_header("x-acme-*");
    /// ```
    ///
    /// # Panics
    ///
    /// If it cannot be a header's name.
    #[must_use]
    #[track_caller]
    pub fn require_header(mut self, name: &str) -> Self {
        self.everywhere.headers.push((header(name), Counts::Yes));
        self
    }

    /// Leaves a header out that an option before it required.
    ///
    /// # Panics
    ///
    /// If it cannot be a header's name.
    #[must_use]
    #[track_caller]
    pub fn ignore_header(mut self, name: &str) -> Self {
        self.everywhere.headers.push((header(name), Counts::No));
        self
    }

    /// Asks a matcher too, a closure or a value of one's own. `name` is what failures call it. See [`Matcher`] for
    /// what it costs.
    #[must_use]
    pub fn matcher(mut self, name: &str, matcher: impl Matcher) -> Self {
        self.everywhere.custom.push(Custom { name: name.to_owned(), matcher: Arc::new(matcher) });
        self
    }

    /// Options for one part of the internet only: a host, in which `*` stands for any characters, with its port unless
    /// that is the scheme's own, and a path, in which `*` stands for any characters of a segment and `**` for any
    /// segments. Without a path, all of the host. They come after the options for everything, and after those of scopes
    /// that were named before.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default()
    ///     .ignore_query("nonce")
    ///     .within("telemetry.example.com", |m| m.ignore_body())
    ///     .within("*.example.com/v2/orders/**", |m| m.require_header("idempotency-key"));
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no host in it.
    #[must_use]
    #[track_caller]
    pub fn within(mut self, scope: &str, options: impl FnOnce(Matching) -> Matching) -> Self {
        let Some(parsed) = Scope::parse(scope) else {
            panic!("{scope:?} is not a host with a path: `api.example.com/v1/**` is one");
        };
        let Matching { everywhere, scopes } = options(Matching::default());
        self.scopes.push((parsed, everywhere));
        self.scopes.extend(scopes);
        self
    }

    /// Every name of a header that some option requires, with its wildcards.
    pub(crate) fn required_headers(&self) -> impl Iterator<Item = &str> {
        let scoped = self.scopes.iter().map(|(_, options)| options);
        let all = std::iter::once(&self.everywhere).chain(scoped).flat_map(|options| &options.headers);
        all.filter(|(_, counts)| *counts == Counts::Yes).map(|(name, _)| name.as_str())
    }

    /// Does code decide, besides keys?
    pub(crate) fn has_matchers(&self) -> bool {
        !self.everywhere.custom.is_empty() || self.scopes.iter().any(|(_, o)| !o.custom.is_empty())
    }

    /// The first matcher that refuses.
    fn refusing(&self, actual: &Request, recorded: &Request) -> Option<&Custom> {
        if !self.has_matchers() {
            return None;
        }
        let options = self.in_force(&Target::new(&actual.uri));
        options.custom().find(|custom| !custom.matcher.matches(actual, recorded))
    }

    /// What matchers make of a request before it is compared.
    fn canonical<'r>(&self, request: &'r Request) -> Cow<'r, Request> {
        let mut canonical = Cow::Borrowed(request);
        if self.has_matchers() {
            let options = self.in_force(&Target::new(&request.uri));
            for custom in options.custom() {
                canonical = match canonical {
                    Cow::Borrowed(request) => custom.matcher.canonical(request),
                    Cow::Owned(request) => Cow::Owned(custom.matcher.canonical(&request).into_owned()),
                };
            }
        }
        canonical
    }

    fn in_force(&self, target: &Target<'_>) -> InForce<'_> {
        let scoped = self.scopes.iter().filter(|(scope, _)| scope.takes(target)).map(|(_, options)| options);
        InForce(std::iter::once(&self.everywhere).chain(scoped).collect())
    }

    /// One value for all requests that are the same. Takes time in the size of the request.
    pub fn key(&self, request: &Request) -> Key {
        key::of(&Form::new(self, &self.canonical(request)))
    }

    /// What differs between two requests. Empty exactly if their keys are equal and every [`Matcher`] agrees; those
    /// are asked only where nothing else differs.
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
        let (a, r) = (self.canonical(actual), self.canonical(recorded));
        let mut mismatch = Mismatch::between(&Form::new(self, &a), &Form::new(self, &r));
        if mismatch.is_match()
            && let Some(custom) = self.refusing(actual, recorded)
        {
            mismatch.add_refusal(&custom.name);
        }
        mismatch
    }

    /// Does nothing of a request's body count?
    pub(crate) fn hollows(&self, request: &Request) -> bool {
        Form::new(self, &self.canonical(request)).body.is_hollow()
    }

    /// The key of a request, and what of it is kept to find near misses.
    pub(crate) fn key_and_sketch(&self, request: &Request) -> (Key, Sketch) {
        let request = self.canonical(request);
        let form = Form::new(self, &request);
        (key::of(&form), Sketch::of(&form))
    }

    /// Do the matchers agree, for requests with one key?
    pub(crate) fn agree(&self, actual: &Request, recorded: &Request) -> bool {
        self.refusing(actual, recorded).is_none()
    }

    /// The recordings nearest to `actual` by [`Mismatch::distance`], of equal ones the first, with the labels that
    /// came with them and what differs; `most` of them.
    ///
    /// Bodies are looked at only while they can still decide.
    pub fn nearest<'r, T>(
        &self,
        actual: &Request,
        recorded: impl IntoIterator<Item = (T, &'r Request)>,
        most: usize,
    ) -> Vec<(T, Mismatch)> {
        let canonical = self.canonical(actual);
        let form = Form::new(self, &canonical);
        let mut best: Vec<(T, Mismatch)> = Vec::new();
        for (label, request) in recorded {
            let limit =
                best.get(most.saturating_sub(1)).map_or(u32::MAX, |(_, mismatch)| mismatch.distance());
            let other = self.canonical(request);
            let (head, options) = Head::new(self, &other);
            let mut mismatch = Mismatch::of_heads(&form.head, &head);
            if mismatch.distance() >= limit {
                continue;
            }
            mismatch.add_bodies(&form.body, &Body::new(&options, &head, &other));
            if mismatch.is_match()
                && let Some(custom) = self.refusing(actual, request)
            {
                mismatch.add_refusal(&custom.name);
            }
            let distance = mismatch.distance();
            let at = best.partition_point(|(_, other)| other.distance() <= distance);
            best.insert(at, (label, mismatch));
            best.truncate(most);
        }
        best
    }
}

/// What differs from the default, one clause a scope; empty where nothing does.
///
/// ```
/// use cassette::matcher::Matching;
///
/// let matching = Matching::default()
///     .ignore_query("nonce")
///     .require_header("accept")
///     .within("telemetry.example.com", |m| m.ignore_body());
/// assert_eq!(
///     matching.to_string(),
///     "ignores the query key `nonce`; requires the header `accept`; within telemetry.example.com ignores the body",
/// );
/// ```
impl fmt::Display for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scoped = self.scopes.iter().map(|(scope, options)| (format!("within {scope} "), options));
        let all = std::iter::once((String::new(), &self.everywhere)).chain(scoped);
        let all =
            all.map(|(scope, options)| (scope, options.to_string())).filter(|(_, text)| !text.is_empty());
        let clauses: Vec<_> = all.map(|(scope, text)| scope + &text).collect();
        f.write_str(&clauses.join("; "))
    }
}

#[track_caller]
fn parsed(pointer: &str) -> Pointer {
    pointer.parse().unwrap_or_else(|e| panic!("{e}"))
}

/// In lower case. A `*` could be part of a header's name (RFC 9110 §5.1) but never is: at the end it is a wildcard.
#[track_caller]
fn header(name: &str) -> String {
    match http::HeaderName::from_bytes(name.as_bytes()) {
        Ok(name) if !name.as_str().trim_end_matches('*').contains('*') => name.as_str().to_owned(),
        _ => panic!("{name:?} cannot be the name of a header"),
    }
}

#[cfg(test)]
mod tests;
