//! Matching by matchers, which are code of the project.
//!
//! Must not know: the options.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::mismatch::Difference;
use crate::tape::Request;

/// A rule of matching that no option can express. Every closure `Fn(&Request, &Request) -> bool` is a matcher.
///
/// A matcher gets both requests as they are on a cassette: redacted, and with decoded bodies. Of a body above the
/// inline limit it gets only the hash and the size. A matcher supplements [`Matching`](super::Matching):
/// [`matches`](Matcher::matches) can make matching stricter, and [`canonical`](Matcher::canonical) can make it laxer.
///
/// # Costs
///
/// cassette looks recordings up by a hash of their canonical form, so the time of a lookup does not depend on the
/// number of recordings. cassette calls `canonical` for every recording when a session begins, and for every request.
///
/// cassette calls `matches` only for recordings that are equal to the request in everything else. It calls `matches`
/// for one of them after the other until `matches` returns `true`, and reads each of them from disk. Options that
/// ignore what a matcher compares, such as `ignore_body`, make more recordings equal: with 1,000 recordings of one URL,
/// one request may read them all.
///
/// ```
/// use cassette::Config;
/// use cassette::tape::{Content, Request};
///
/// /// The first line of telemetry in a format of our own. Matching shall ignore the other lines.
/// fn first_line(request: &Request) -> &[u8] {
///     match &request.body.content {
///         Content::Inline(bytes) => bytes.split(|b| *b == b'\n').next().unwrap_or_default(),
///         Content::File(_) => b"",
///     }
/// }
///
/// let config = Config::new().matching_for("telemetry.example.com", |m| {
///     m.ignore_body().matcher("first line", |actual: &Request, recorded: &Request| {
///         first_line(actual) == first_line(recorded)
///     })
/// });
/// ```
pub trait Matcher: Send + Sync + 'static {
    /// Whether a recording answers a request. cassette calls this method only if the two requests are equal in
    /// everything else.
    fn matches(&self, actual: &Request, recorded: &Request) -> bool;

    /// Rewrites a request before matching compares it. cassette rewrites recordings and requests in this way. Matching
    /// then compares the rewritten requests. By default this method returns the request unchanged.
    ///
    /// ```
    /// use std::borrow::Cow;
    ///
    /// # use cassette::__support::key;
    /// use cassette::matcher::{Matcher, Matching};
    /// use cassette::tape::{Body, Request};
    ///
    /// /// Several hosts serve the same API.
    /// struct AnyMirror;
    ///
    /// impl Matcher for AnyMirror {
    ///     fn matches(&self, _: &Request, _: &Request) -> bool {
    ///         true
    ///     }
    ///
    ///     fn canonical<'r>(&self, request: &'r Request) -> Cow<'r, Request> {
    ///         let uri = request.uri.replacen("//mirror-2.", "//mirror-1.", 1);
    ///         Cow::Owned(Request { uri, ..request.clone() })
    ///     }
    /// }
    ///
    /// let get = |uri: &str| Request {
    ///     method: http::Method::GET,
    ///     uri: uri.to_owned(),
    ///     headers: http::HeaderMap::new(),
    ///     body: Body::default(),
    /// };
    /// let matching = Matching::default().matcher("any mirror", AnyMirror);
    /// let (one, two) = (get("https://mirror-1.example.com/a"), get("https://mirror-2.example.com/a"));
    /// assert_eq!(key(&matching, &one), key(&matching, &two));
    /// ```
    fn canonical<'r>(&self, request: &'r Request) -> Cow<'r, Request> {
        Cow::Borrowed(request)
    }
}

impl<F> Matcher for F
where
    F: Fn(&Request, &Request) -> bool + Send + Sync + 'static,
{
    fn matches(&self, actual: &Request, recorded: &Request) -> bool {
        self(actual, recorded)
    }
}

/// A matcher, and the name by which reports call it.
#[derive(Clone)]
pub(super) struct Custom {
    pub(super) name: String,
    pub(super) matcher: Arc<dyn Matcher>,
}

impl Custom {
    /// Makes the difference for the report if this matcher does not accept a recording.
    pub(super) fn refusal(&self) -> Difference {
        Difference::Custom { matcher: self.name.clone() }
    }
}

impl PartialEq for Custom {
    /// Code cannot be compared, so two matchers are equal only if they are the same value.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.matcher, &other.matcher)
    }
}

impl Eq for Custom {}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Matcher").field(&self.name).finish()
    }
}
