//! The keys by which the player looks up a request.
//!
//! cassette numbers the placeholders of found values in the order in which it finds them, and a replay may find them in
//! another order. So the first key leaves the numbers out. The second key includes them, to choose among recordings
//! that are equal without them.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderValue;

use crate::matcher::{Key, Matching, Sketch};
use crate::redact::Redactor;
use crate::tape::{Content, Request};

/// The keys of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    /// The key without the numbers of placeholders.
    pub(super) any: Key,
    /// The key with the numbers, if the request has any.
    pub(super) exact: Option<Key>,
    /// Finds similar recordings if nothing matches.
    pub(super) sketch: Sketch,
}

impl Keys {
    pub(super) fn of(request: &Request, matching: &Matching, redactor: &Redactor) -> Keys {
        let other = unnumbered(request, redactor);
        let (any, sketch) = matching.key_and_sketch(&other);
        let exact = matches!(other, Cow::Owned(_)).then(|| matching.key(request));
        Keys { any, exact, sketch }
    }
}

/// The request without the numbers of its placeholders. A body in a file stays as it is, because only its hash is
/// known.
pub(crate) fn unnumbered<'r>(request: &'r Request, redactor: &Redactor) -> Cow<'r, Request> {
    let uri = redactor.anonymous(request.uri.as_bytes());
    let body = match &request.body.content {
        Content::Inline(bytes) => redactor.anonymous(bytes),
        Content::File(_) => Cow::Borrowed(&b""[..]),
    };
    let header = |value: &HeaderValue| match redactor.anonymous(value.as_bytes()) {
        Cow::Owned(bytes) => HeaderValue::from_bytes(&bytes).ok(),
        Cow::Borrowed(_) => None,
    };
    let headers = request.headers.values().any(|value| header(value).is_some());
    if let (Cow::Borrowed(_), Cow::Borrowed(_), false) = (&uri, &body, headers) {
        return Cow::Borrowed(request);
    }
    let mut out = request.clone();
    if let Cow::Owned(uri) = uri {
        out.uri = String::from_utf8_lossy(&uri).into_owned();
    }
    if let Cow::Owned(body) = body {
        out.body.content = Content::Inline(Bytes::from(body));
    }
    for value in out.headers.values_mut() {
        if let Some(other) = header(value) {
            *value = other;
        }
    }
    Cow::Owned(out)
}
