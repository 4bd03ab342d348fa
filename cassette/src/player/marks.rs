//! The marks of a request: what tells apart recordings with the same key. Marks choose among such recordings, and never
//! prevent a match.
//!
//! A mark is a header that matching does not compare, or the numbers of the placeholders. Must not know: which
//! recordings there are.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::keys::unnumbered;
use crate::matcher::Matching;
use crate::redact::Redactor;
use crate::tape::Request;

/// One mark. Names and values are hashes. A wrong decision in case of a collision is improbable and does no more harm
/// than no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    pub(super) name: Name,
    pub(super) value: u64,
}

/// The name of a mark. The order is that of reliability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name(Kind, u64);

/// The kind of a mark. The most reliable kind comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    /// A header of content negotiation (RFC 9110 §12.5), which code sets on purpose.
    Negotiation,
    /// Another header, without the numbers of its placeholders.
    Header,
    /// Numbers of placeholders. A response that gave out the value fixes the number. If the number comes from a request,
    /// it depends on the order of the requests.
    Numbers,
}

impl Name {
    /// Whether the mark consists of a header.
    pub(super) fn is_header(self) -> bool {
        self.0 != Kind::Numbers
    }
}

/// The marks of a request.
pub(super) fn of(request: &Request, matching: &Matching, redactor: &Redactor) -> Vec<Mark> {
    let is_numbered = matches!(unnumbered(request, redactor), Cow::Owned(_));
    of_numbered(request, is_numbered, matching, redactor)
}

/// The same as [`of`], for a caller that knows whether the request has numbers of placeholders.
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

/// A number that requests with the same marks share, in whatever order their headers come.
pub(super) fn fingerprint(marks: &[Mark]) -> u64 {
    marks.iter().fold(0, |sum: u64, mark| sum.wrapping_add(hash(mark)))
}

/// The headers that decide: those that matching neither compares nor was told to ignore, and that do not vary by
/// themselves.
pub(super) fn headers<'r>(
    request: &'r Request,
    matching: &Matching,
) -> impl Iterator<Item = (&'r str, Cow<'r, [u8]>)> {
    matching.other_headers(request).into_iter().filter(|(name, _)| !is_volatile(name))
}

/// Whether a header differs from run to run or from one version of a library to the next, or follows from the body.
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
