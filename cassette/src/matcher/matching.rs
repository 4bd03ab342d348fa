//! The options of matching that a project or a test sets.
//!
//! Must not know: how requests are compared, keys.

use std::fmt;
use std::sync::Arc;

use super::custom::{Custom, Matcher};
use super::options::{Counts, InForce, Options};
use super::path_pattern::PathPattern;
use super::scope::Scope;
use super::uri::Target;
use crate::syntax::pointer::Pointer;

/// The rules by which two requests are equal.
///
/// By default matching compares
///
/// * the method;
/// * scheme, host and port. The default port of the scheme equals no port (RFC 3986 §6.2.3). User information is
///   ignored, because clients send it as a header;
/// * the path, with percent-encoding and dot segments normalised (RFC 3986 §6.2.2);
/// * the query as a multiset of decoded pairs. `?a` equals `?a=`;
/// * the body, by its meaning:
/// - JSON by value. White space, the order of members and the notation of numbers make no difference. The order of
///   array elements, and of members with the same name, makes a difference. A body is JSON if it can be parsed as JSON,
///   and if its content type is JSON or the body begins like an object or an array;
///   - GraphQL, in JSON or as `application/graphql`, by its query, its variables and the name of its operation. White
///     space, commas and comments that the grammar ignores make no difference. A GET request with the query in its
///     query string is compared in the same way;
///   - `application/x-www-form-urlencoded` as a multiset of decoded pairs;
///   - `multipart/*` part by part: the headers of a part, and its body by meaning. The boundary makes no difference.
///     Parts of `multipart/form-data` may come in any order, but parts with the same name keep their order;
///   - XML by content. Prefixes, the order of attributes, and white space between elements make no difference;
/// - any other body byte by byte. Above the inline limit, JSON, forms and multipart bodies are compared by the hash of
///   their meaning, and all other bodies by their SHA-256 and size.
///
/// * the headers that select what a request asks for, such as `range` and `x-amz-target`. `cargo cassette rules` lists
///   these headers. Either both requests must have the same value, or neither may have the header.
///
/// A URI that cannot be parsed is compared as text. Other headers are compared only if an option requires them. If
/// several recordings match a request, the other headers decide which recording answers.
///
/// The options are plain data. In the name of a query key or a form field, `*` stands for any characters. In the name
/// of a header, `*` may only be the last character. If several options concern the same name, the last one applies: a
/// test can call `ignore_query("*")` and then `require_query("page")`. [`within`](Matching::within) limits options to a
/// host and a path.
///
/// ```
/// # use cassette::__support::key;
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
/// assert_ne!(key(&Matching::default(), &actual), key(&Matching::default(), &recorded));
/// let matching = Matching::default().ignore_query("nonce");
/// assert_eq!(key(&matching, &actual), key(&matching, &recorded));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    everywhere: Options,
    scopes: Vec<(Scope, Options)>,
}

impl Matching {
    /// Ignores a query key, with all its values. Write the key decoded, without percent-encoding.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().ignore_query("nonce").ignore_query("utm_*");
    /// ```
    #[must_use]
    pub fn ignore_query(mut self, key: impl Into<String>) -> Self {
        self.everywhere.query.push((key.into(), Counts::No));
        self
    }

    /// Includes a query key again that an earlier [`ignore_query`](Self::ignore_query) excluded.
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

    /// Ignores a place of JSON bodies: a JSON pointer (RFC 6901) in which a segment `*` stands for every name or index.
    /// An ignored element of an array keeps its place, so matching still compares the length of the array.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().ignore_json("/requested_at").ignore_json("/items/*/id");
    /// ```
    ///
    /// # Panics
    ///
    /// If the text is not a pointer.
    #[must_use]
    #[track_caller]
    pub fn ignore_json(self, pointer: &str) -> Self {
        self.ignore_json_at(parsed(pointer))
    }

    /// Does the same as [`ignore_json`](Self::ignore_json), with a parsed pointer.
    #[must_use]
    pub(crate) fn ignore_json_at(mut self, pointer: Pointer) -> Self {
        self.everywhere.json.push((pointer, Counts::No));
        self
    }

    /// Includes a place of JSON bodies again. An earlier [`ignore_json`](Self::ignore_json) has excluded a larger place
    /// that contains it, such as the whole document.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let only_the_order = Matching::default().ignore_json("").require_json("/order");
    /// ```
    ///
    /// # Panics
    ///
    /// If the text is not a pointer.
    #[must_use]
    #[track_caller]
    pub fn require_json(mut self, pointer: &str) -> Self {
        self.everywhere.json.push((parsed(pointer), Counts::Yes));
        self
    }

    /// Ignores elements or attributes of XML bodies. The path lists the names of the elements from the root, without
    /// namespaces. `*` stands for any name, and `@` comes before the name of an attribute. If several elements have
    /// this path, all of them are ignored.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().ignore_xml("/Envelope/Header/*").ignore_xml("/Envelope/Body/Order/@id");
    /// ```
    ///
    /// # Panics
    ///
    /// If the path does not begin with `/`.
    #[must_use]
    #[track_caller]
    pub fn ignore_xml(mut self, path: &str) -> Self {
        self.everywhere.xml.push(parsed(path));
        self
    }

    /// Ignores a field of forms, with all its values, in URL-encoded and multipart bodies.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().ignore_form("nonce");
    /// ```
    #[must_use]
    pub fn ignore_form(mut self, field: impl Into<String>) -> Self {
        self.everywhere.form.push((field.into(), Counts::No));
        self
    }

    /// Includes a field of forms again that an earlier [`ignore_form`](Self::ignore_form) excluded.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let only_the_file = Matching::default().ignore_form("*").require_form("file");
    /// ```
    #[must_use]
    pub fn require_form(mut self, field: impl Into<String>) -> Self {
        self.everywhere.form.push((field.into(), Counts::Yes));
        self
    }

    /// Ignores bodies.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().ignore_body();
    /// ```
    #[must_use]
    pub fn ignore_body(mut self) -> Self {
        self.everywhere.body = Some(Counts::No);
        self
    }

    /// Includes bodies again that an earlier [`ignore_body`](Self::ignore_body) excluded.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().ignore_body().within("api.example.com", |m| m.require_body());
    /// ```
    #[must_use]
    pub fn require_body(mut self) -> Self {
        self.everywhere.body = Some(Counts::Yes);
        self
    }

    /// Ignores parts of paths: the groups of a regular expression, or the whole match if the expression has no group.
    /// Matching searches the normalised path, which begins with `/`, for the expression.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().ignore_path(r"/orders/(\d+)").ignore_path(r"\d{4}-\d\d-\d\d");
    /// ```
    ///
    /// # Panics
    ///
    /// If the text is not a regular expression in the syntax of the crate regex.
    #[must_use]
    #[track_caller]
    pub fn ignore_path(mut self, pattern: &str) -> Self {
        match PathPattern::new(pattern) {
            Ok(pattern) => self.everywhere.path.push(pattern),
            Err(e) => panic!("{pattern:?} is not a regular expression: {e}"),
        }
        self
    }

    /// Compares a header. Either both requests must have the same value, or neither may have the header. Repeated
    /// fields are joined to one value (RFC 9110 §5.3).
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().require_header("Accept").require_header("x-acme-*");
    /// ```
    ///
    /// # Panics
    ///
    /// If the text cannot be the name of a header.
    #[must_use]
    #[track_caller]
    pub fn require_header(mut self, name: &str) -> Self {
        self.everywhere.headers.push((header(name), Counts::Yes));
        self
    }

    /// Excludes a header that matching compares by default, or that an earlier [`require_header`](Self::require_header)
    /// included. If several recordings match a request, an ignored header also does not decide which recording answers.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    ///
    /// let matching = Matching::default().require_header("x-acme-*").ignore_header("x-acme-trace");
    /// let matching = matching.ignore_header("anthropic-version");
    /// ```
    ///
    /// # Panics
    ///
    /// If the text cannot be the name of a header.
    #[must_use]
    #[track_caller]
    pub fn ignore_header(mut self, name: &str) -> Self {
        self.everywhere.headers.push((header(name), Counts::No));
        self
    }

    /// Adds a matcher: a closure, or a value of a type that implements [`Matcher`]. Reports call the matcher `name`.
    /// The documentation of [`Matcher`] says how much time matchers cost.
    ///
    /// ```
    /// use cassette::matcher::Matching;
    /// use cassette::tape::Request;
    ///
    /// let same_end = |actual: &Request, recorded: &Request| actual.uri.ends_with('/') == recorded.uri.ends_with('/');
    /// let matching = Matching::default().matcher("a slash at the end", same_end);
    /// ```
    #[must_use]
    pub fn matcher(mut self, name: &str, matcher: impl Matcher) -> Self {
        self.everywhere.custom.push(Custom { name: name.to_owned(), matcher: Arc::new(matcher) });
        self
    }

    /// Sets options for one scope: a host and, optionally, a path. In the host, `*` stands for any characters. The
    /// scope must name the port if it is not the default port of the scheme. In the path, `*` stands for any characters
    /// of one segment, and `**` for any number of segments. Without a path the scope is the whole host. Options of a
    /// scope override general options and the options of scopes that were set earlier.
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
    /// If the scope has no host.
    #[must_use]
    #[track_caller]
    pub fn within(mut self, scope: &str, options: impl FnOnce(Matching) -> Matching) -> Self {
        let Some(parsed) = Scope::parse(scope) else {
            panic!("{scope:?} is not a scope: write a host and, optionally, a path: `api.example.com/v1/**`");
        };
        let Matching { everywhere, scopes } = options(Matching::default());
        self.scopes.push((parsed, everywhere));
        self.scopes.extend(scopes);
        self
    }

    /// Returns the names of all headers that an option requires. A name may end in `*`.
    pub(crate) fn required_headers(&self) -> impl Iterator<Item = &str> {
        let scoped = self.scopes.iter().map(|(_, options)| options);
        let all = std::iter::once(&self.everywhere).chain(scoped).flat_map(|options| &options.headers);
        all.filter(|(_, counts)| *counts == Counts::Yes).map(|(name, _)| name.as_str())
    }

    /// Whether the project has added matchers. A recording then matches a request only if the keys are equal and each
    /// matcher accepts the recording.
    pub(crate) fn has_matchers(&self) -> bool {
        !self.everywhere.custom.is_empty() || self.scopes.iter().any(|(_, o)| !o.custom.is_empty())
    }

    /// Returns the options in force for requests with this URI. The function parses the URI only if there are scopes.
    pub(super) fn in_force_at(&self, uri: &str) -> InForce<'_> {
        if self.scopes.is_empty() {
            InForce(vec![&self.everywhere])
        } else {
            self.in_force(&Target::new(uri))
        }
    }

    /// Returns the options in force for one request: the general options, and then the options of each scope that
    /// contains the request.
    pub(super) fn in_force(&self, target: &Target<'_>) -> InForce<'_> {
        let scoped =
            self.scopes.iter().filter(|(scope, _)| scope.matches(target)).map(|(_, options)| options);
        InForce(std::iter::once(&self.everywhere).chain(scoped).collect())
    }
}

/// Lists the options that differ from the default, with one clause for each scope. The text is empty if no option
/// differs.
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

/// Checks the place of [`Matching::ignore_json`] or [`Matching::ignore_xml`].
pub(crate) fn check_place(pointer: &str) -> Result<(), String> {
    pointer.parse::<Pointer>().map(drop).map_err(|e| e.to_string())
}

/// Checks the expression of [`Matching::ignore_path`].
pub(crate) fn check_path(pattern: &str) -> Result<(), String> {
    PathPattern::new(pattern).map(drop).map_err(|e| format!("{pattern:?} is not a regular expression: {e}"))
}

/// Checks the name of [`Matching::require_header`].
pub(crate) fn check_header(name: &str) -> Result<(), String> {
    header_name(name).map(drop).ok_or_else(|| format!("{name:?} cannot be the name of a header"))
}

#[track_caller]
fn parsed(pointer: &str) -> Pointer {
    pointer.parse().unwrap_or_else(|e| panic!("{e}"))
}

/// Returns the name in lower case. RFC 9110 §5.1 allows `*` in the name of a header, but real headers have no `*` in
/// their names. So a `*` at the end is a wildcard.
fn header_name(name: &str) -> Option<String> {
    let name = http::HeaderName::from_bytes(name.as_bytes()).ok()?;
    (!name.as_str().trim_end_matches('*').contains('*')).then(|| name.as_str().to_owned())
}

#[track_caller]
fn header(name: &str) -> String {
    header_name(name).unwrap_or_else(|| panic!("{name:?} cannot be the name of a header"))
}
