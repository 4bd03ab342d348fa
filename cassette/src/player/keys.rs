//! The key by which the player looks up a request.
//!
//! cassette numbers the placeholders of found values in the order in which it finds the values. A replay may find the
//! values in another order, so the key does not contain the numbers. The numbers are [marks](super::marks), which
//! choose among recordings with the same key.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderValue;

use super::marks;
use crate::cores;
use crate::error::Result;
use crate::matcher::{Key, Matching, Sketch};
use crate::redact::Redactor;
use crate::tape::{Cassette, Content, Request};

/// The key of a request, and its sketch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    /// The key without the numbers of placeholders.
    pub(super) any: Key,
    /// The sketch, which finds similar recordings if no recording has the key.
    pub(super) sketch: Sketch,
    /// Further keys of a request with a long body.
    pub(super) long: Option<Long>,
}

/// The keys of a request with a long body. The meaning of a recorded one is computed only if a request has the same
/// head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Long {
    /// The key of everything but the body.
    pub(super) head: Key,
    /// The key with the hash of the body's bytes.
    pub(super) bytes: Key,
}

impl Keys {
    pub(super) fn of(request: &Request, matching: &Matching, redactor: &Redactor) -> Keys {
        Keys::of_unnumbered(&unnumbered(request, redactor), matching)
    }

    fn of_unnumbered(request: &Request, matching: &Matching) -> Keys {
        let (any, sketch) = matching.key_and_sketch(request);
        let long = matching.key_without_long_body(request).map(|head| {
            let bytes = if has_meaning(request) { matching.key(&without_meaning(request)) } else { any };
            Long { head, bytes }
        });
        Keys { any, sketch, long }
    }
}

/// The key of a recording, and the [fingerprint](marks::fingerprint) of its marks.
pub(super) type Marked = (Keys, u64);

/// The number of interactions that one thread handles at a time. For fewer interactions a thread does not pay.
pub(super) const SHARE: usize = 400;

impl Keys {
    /// Computes the keys and the fingerprints of the marks of all requests of a cassette, on all cores. The result has
    /// one list for each share of [`SHARE`] requests, in recorded order.
    ///
    /// # Errors
    ///
    /// A request cannot be read or is malformed. If there are several such requests, the error is about the first one.
    pub(super) fn of_all(
        cassette: &Cassette,
        matching: &Matching,
        redactor: &Redactor,
    ) -> Result<Vec<Vec<Marked>>> {
        let shares: Vec<_> =
            (0..cassette.len()).step_by(SHARE).map(|at| at..(at + SHARE).min(cassette.len())).collect();
        cores::try_map(
            &shares,
            cassette.len() / SHARE,
            || (),
            |(), share| {
                let keys = |request: Result<Request>| {
                    let request = request?;
                    let other = unnumbered(&request, redactor);
                    let is_numbered = matches!(other, Cow::Owned(_));
                    let marks = marks::of_numbered(&request, is_numbered, matching, redactor);
                    Ok((Keys::of_unnumbered(&other, matching), marks::fingerprint(&marks)))
                };
                cassette.requests(share.clone()).map(keys).collect::<Result<Vec<Marked>>>()
            },
        )
    }
}

fn has_meaning(request: &Request) -> bool {
    matches!(&request.body.content, Content::File(file) if file.meaning.is_some())
}

/// The request with only the hash of a long body's bytes, as a recorded request is read.
pub(super) fn without_meaning(request: &Request) -> Cow<'_, Request> {
    if !has_meaning(request) {
        return Cow::Borrowed(request);
    }
    let mut request = request.clone();
    if let Content::File(file) = &mut request.body.content {
        file.meaning = None;
    }
    Cow::Owned(request)
}

/// Returns the request without the numbers of its placeholders. A body in a file is not changed, because only its hash
/// is known.
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
