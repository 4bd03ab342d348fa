//! The marks of a request. Recordings with the same key may differ in their marks. Then the marks choose the recording
//! that answers, but they never prevent a match.
//!
//! A mark is a header that matching does not compare, or the numbers of the request's placeholders. Must not know:
//! which recordings there are.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::keys::unnumbered;
use crate::matcher::Matching;
use crate::redact::Redactor;
use crate::tape::Request;

/// One mark. The name and the value are hashes. If two hashes are equal by chance, the wrong recording may answer. This
/// is improbable, and a choice without marks would do the same harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    pub(super) name: Name,
    pub(super) value: u64,
}

/// The name of a mark. Names are ordered by reliability, the most reliable first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name(Kind, u64);

/// The kind of a mark. The kinds are ordered by reliability, the most reliable first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    /// A header of content negotiation (RFC 9110 §12.5), which code sets on purpose.
    Negotiation,
    /// Any other header, without the numbers of its placeholders.
    Header,
    /// The numbers of placeholders. If a response gave the value first, the number of its placeholder is the same in
    /// each run. If a request had the value first, the number depends on the order of the requests.
    Numbers,
}

impl Name {
    /// Whether the mark is a header.
    pub(super) fn is_header(self) -> bool {
        self.0 != Kind::Numbers
    }
}

/// The marks of a request.
pub(super) fn of(request: &Request, matching: &Matching, redactor: &Redactor) -> Vec<Mark> {
    let is_numbered = matches!(unnumbered(request, redactor), Cow::Owned(_));
    of_numbered(request, is_numbered, matching, redactor)
}

/// Does the same as [`of`], for a caller that knows whether the request has numbered placeholders.
pub(super) fn of_numbered(
    request: &Request,
    is_numbered: bool,
    matching: &Matching,
    redactor: &Redactor,
) -> Vec<Mark> {
    let mut marks = Vec::new();
    for (name, value) in headers(request, matching) {
        let kind = if name.starts_with("accept") { Kind::Negotiation } else { Kind::Header };
        let other = redactor.anonymous(&value);
        marks.push(Mark { name: Name(kind, hash(name)), value: hash(&other) });
        if let Cow::Owned(_) = other {
            marks.push(Mark { name: Name(Kind::Numbers, hash(name)), value: hash(&value) });
        }
    }
    if is_numbered {
        marks.push(Mark { name: Name(Kind::Numbers, 0), value: hash(&matching.key(request)) });
    }
    marks
}

/// Returns a hash that is the same for requests with the same marks. The order of the headers makes no difference.
pub(super) fn fingerprint(marks: &[Mark]) -> u64 {
    marks.iter().fold(0, |sum: u64, mark| sum.wrapping_add(hash(mark)))
}

/// Returns the headers that choose among recordings. These are the headers that matching does not compare, that no
/// option ignores, and that are not [volatile](is_volatile).
pub(super) fn headers<'r>(
    request: &'r Request,
    matching: &Matching,
) -> impl Iterator<Item = (&'r str, Cow<'r, [u8]>)> {
    matching.other_headers(request).into_iter().filter(|(name, _)| !is_volatile(name))
}

/// Whether the header may change from run to run or with the version of a library, or depends on the body.
fn is_volatile(name: &str) -> bool {
    VOLATILE.binary_search(&name).is_ok() || VOLATILE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Dates, ids of requests, traces, signatures, libraries, and the transfer of the body. Sorted.
const VOLATILE: &[&str] = &[
    "accept-encoding",
    "b3",
    "baggage",
    "connection",
    "content-digest",
    "content-length",
    "content-md5",
    "correlation-id",
    "date",
    "digest",
    "dpop",
    "elastic-apm-traceparent",
    "expect",
    "grpc-timeout",
    "host",
    "idempotency-key",
    "keep-alive",
    "newrelic",
    "repr-digest",
    "request-id",
    "sentry-trace",
    "signature",
    "signature-input",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "uber-trace-id",
    "user-agent",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-user-agent",
    "x-amzn-trace-id",
    "x-client-request-id",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-goog-api-client",
    "x-goog-gcs-idempotency-token",
    "x-idempotency-key",
    "x-ms-client-request-id",
    "x-ms-date",
    "x-ms-useragent",
    "x-nonce",
    "x-request-id",
    "x-signature",
    "x-timestamp",
    "x-trace-id",
];

const VOLATILE_PREFIXES: &[&str] =
    &["amz-sdk-", "sec-", "x-amz-checksum-", "x-b3-", "x-datadog-", "x-stainless-", "x-trace-"];

fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volatile_headers() {
        assert!(VOLATILE.is_sorted());
        for name in ["user-agent", "date", "traceparent", "x-request-id", "amz-sdk-request"] {
            assert!(is_volatile(name), "{name}");
        }
        for name in ["accept", "authorization", "x-flavor", "if-none-match", "accept-language"] {
            assert!(!is_volatile(name), "{name}");
        }
    }
}
