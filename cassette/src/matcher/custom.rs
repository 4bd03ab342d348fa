//! Matching by somebody's own code.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::mismatch::Difference;
use crate::tape::Request;

/// A rule that no option can say. Every closure `Fn(&Request, &Request) -> bool` is one.
///
/// Both requests are in the form that cassettes have: redacted, bodies decoded, those above the inline limit known by
/// their hash only. A matcher comes on top of [`Matching`](super::Matching) and can make it stricter
/// ([`matches`](Matcher::matches)) or laxer ([`canonical`](Matcher::canonical)).
///
/// What it costs: recordings are found by a hash of their canonical form. `canonical` is called once for every
/// recording when a session begins and once for every request; after that a lookup takes the same time however many
/// recordings there are. `matches` is asked about one recording after the other of those that are equal otherwise,
/// each of which is read from the cassette for it, until it agrees. To leave out what is compared by hand (with
/// `ignore_body`, say) makes them more: with 1,000 recordings of one URL a request may read them all.
///
/// ```
/// use cassette::Config;
/// use cassette::tape::{Content, Request};
///
/// /// Telemetry in a format of our own, of which only the first line counts.
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
    /// Whether a recording answers a request that is equal to it by everything else.
    fn matches(&self, actual: &Request, recorded: &Request) -> bool;

    /// A request as it should be compared: called for recordings and requests alike, before anything else. What this
    /// makes the same, is the same. As it is unless implemented.
    ///
    /// ```
    /// use std::borrow::Cow;
    ///
    /// use cassette::matcher::{Matcher, Matching};
    /// use cassette::tape::{Body, Request};
    ///
    /// /// The API is behind one of several hosts.
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
    /// assert_eq!(matching.key(&one), matching.key(&two));
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

/// A matcher and what failures call it.
#[derive(Clone)]
pub(super) struct Custom {
    pub(super) name: String,
    pub(super) matcher: Arc<dyn Matcher>,
}

impl Custom {
    /// What differs where this matcher refuses.
    pub(super) fn refusal(&self) -> Difference {
        Difference::Custom { matcher: self.name.clone() }
    }
}

impl PartialEq for Custom {
    /// Code has no equality but that of being the same.
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
