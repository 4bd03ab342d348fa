//! The headers that cassette knows: those that clients read and whose values may look random, such as checksums, ids
//! and cursors, and those that belong to one connection.
//!
//! Must not know: rules, values.

use crate::redact::rules::names::matches;

/// Headers whose values are kept as they are, apart from named secrets, tokens with a pattern, and the credentials in
/// URLs. A `*` at the end stands for any suffix.
///
/// A header that is not on this list is kept as well. But then a part of its value that looks like a credential is
/// replaced, see [`credentials`](crate::redact::values::credentials). So this list needs the headers whose innocent
/// values look random.
const KNOWN: &[&str] = &[
    "a-im",
    "accept",
    "accept-*",
    "access-control-*",
    "access-control-allow-credentials",
    "allow",
    "anthropic-*",
    "audit-id",
    "azure-asyncoperation",
    "cache-control",
    "client-request-id",
    "content-crc32c",
    "content-digest",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-signature",
    "content-type",
    "continuation-token",
    "correlation-id",
    "cross-origin-*",
    "cursor",
    "delta-base",
    "deprecation",
    "digest",
    "docker-*",
    "etag",
    "expires",
    "grpc-*",
    "idempotency-key",
    "if-*",
    "im",
    "last-event-id",
    "last-modified",
    "link",
    "location",
    "lock-token",
    "next-cursor",
    "next-page-token",
    "npm-notice",
    "oc-checksum",
    "oc-etag",
    "oc-fileid",
    "odata-*",
    "openai-*",
    "operation-id",
    "operation-location",
    "original-request",
    "page-token",
    "permissions-policy",
    "prefer",
    "preference-applied",
    "prev-cursor",
    "proxy-authenticate",
    "range",
    "ratelimit",
    "ratelimit-*",
    "referer",
    "refresh",
    "repr-digest",
    "request-id",
    "retry-after",
    "server",
    "soapaction",
    "strict-transport-security",
    "sunset",
    "surrogate-key",
    "sync-token",
    "trailer",
    "tus-*",
    "twilio-request-id",
    "upload-*",
    "vary",
    "want-*",
    "warning",
    "www-authenticate",
    "x-amz-abort-rule-id",
    "x-amz-bucket-region",
    "x-amz-checksum-*",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-copy-source-version-id",
    "x-amz-crc32",
    "x-amz-expiration",
    "x-amz-id-2",
    "x-amz-request-id",
    "x-amz-restore",
    "x-amz-rid",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-server-side-encryption-context",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-server-side-encryption-customer-key-md5",
    "x-amz-sha256-tree-hash",
    "x-amz-target",
    "x-amz-version-id",
    "x-amzn-errormessage",
    "x-amzn-errortype",
    "x-amzn-requestid",
    "x-apple-jingle-correlation-key",
    "x-archive-*",
    "x-bz-content-sha1",
    "x-bz-file-id",
    "x-bz-file-name",
    "x-bz-info-*",
    "x-checksum-*",
    "x-consistency-token",
    "x-consul-*",
    "x-content-type-options",
    "x-continuation-token",
    "x-correlation-id",
    "x-couch-request-id",
    "x-cursor",
    "x-delta-token",
    "x-discourse-*",
    "x-dropbox-request-id",
    "x-elastic-product",
    "x-etcd-*",
    "x-fb-request-id",
    "x-file-id",
    "x-frame-options",
    "x-github-*",
    "x-gitlab-meta",
    "x-goog-component-count",
    "x-goog-generation",
    "x-goog-hash",
    "x-goog-metageneration",
    "x-goog-request-id",
    "x-goog-request-params",
    "x-goog-stored-content-*",
    "x-goog-upload-*",
    "x-has-more",
    "x-http-method-override",
    "x-idempotency-key",
    "x-kubernetes-*",
    "x-linked-etag",
    "x-message-id",
    "x-ms-activity-id",
    "x-ms-blob-*",
    "x-ms-client-request-id",
    "x-ms-content-crc64",
    "x-ms-continuation",
    "x-ms-continuation-*",
    "x-ms-copy-id",
    "x-ms-copy-source",
    "x-ms-correlation-request-id",
    "x-ms-documentdb-*",
    "x-ms-encryption-key-sha256",
    "x-ms-lease-id",
    "x-ms-proposed-lease-id",
    "x-ms-rename-source",
    "x-ms-request-id",
    "x-ms-routing-request-id",
    "x-ms-session-token",
    "x-ms-source-if-*",
    "x-next-cursor",
    "x-next-page",
    "x-next-page-token",
    "x-next-token",
    "x-notion-request-id",
    "x-object-manifest",
    "x-openstack-request-id",
    "x-operation-id",
    "x-page",
    "x-page-*",
    "x-pagination",
    "x-pagination-*",
    "x-per-page",
    "x-prev-page",
    "x-previous-cursor",
    "x-pypi-last-serial",
    "x-rate-limit-*",
    "x-ratelimit-*",
    "x-repo-commit",
    "x-request-id",
    "x-requestid",
    "x-resume-token",
    "x-shopify-*",
    "x-slack-req-id",
    "x-snapshot-id",
    "x-sync-token",
    "x-timestamp",
    "x-total",
    "x-total-*",
    "x-trans-id",
    "x-transaction-id",
    "x-upload-id",
    "x-vault-index",
    "x-version-id",
    "x-xet-hash",
];

/// How the names of further known headers end: ids of requests, checksums, positions in a list.
const KNOWN_ENDINGS: &[&str] = &[
    "-checksum",
    "-consistency-token",
    "-continuation-token",
    "-crc32c",
    "-cursor",
    "-digest",
    "-etag",
    "-md5",
    "-operation-id",
    "-page-token",
    "-partition-key",
    "-public-key",
    "-request-id",
    "-requestid",
    "-resume-token",
    "-routing-key",
    "-sequence-token",
    "-sha1",
    "-sha256",
    "-sha512",
    "-sort-key",
    "-sync-token",
    "-upload-id",
    "-version-id",
];

/// Headers that belong to one connection (RFC 9110 §7.6.1), or to the transfer of one message. A replay makes its own.
const OF_CONNECTION: &[&str] = &[
    "connection",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Whether the list has the whole name of this header.
pub(crate) fn is_known_by_name(name: &str) -> bool {
    KNOWN.binary_search(&name).is_ok()
}

/// Whether the end of the name says that the header carries no credential.
pub(crate) fn is_known_by_ending(name: &str) -> bool {
    KNOWN_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether a pattern of the list fits the name of this header. The name may still end like that of a credential.
pub(crate) fn is_known_by_beginning(name: &str) -> bool {
    KNOWN.iter().any(|known| known.ends_with('*') && matches(known, name))
}

/// Whether the header belongs to one connection.
pub(crate) fn is_of_connection(name: &str) -> bool {
    OF_CONNECTION.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::rules::names::{URL_HEADERS, normalised};
    use crate::redact::{DefaultRule, Redactor, RuleKind, Rules, Side, default_rules};

    #[test]
    fn lists_are_lower_case_and_without_overlap() {
        assert!(KNOWN.is_sorted() && OF_CONNECTION.is_sorted());
        for name in KNOWN.iter().chain(URL_HEADERS).chain(OF_CONNECTION) {
            assert_eq!(*name, name.to_lowercase());
        }
        for rule in default_rules() {
            let same = |name: &&&str| normalised(name) == normalised(rule.what);
            match rule.kind {
                RuleKind::Header | RuleKind::Field => {
                    assert_eq!(KNOWN.iter().find(same), None, "{rule} is the name of a header too");
                    assert!(!OF_CONNECTION.iter().any(|name| name == &rule.what), "{rule}");
                }
                RuleKind::Noise => assert!(!is_known_by_name(rule.what), "{rule} would be kept"),
                _ => {}
            }
        }
    }

    /// A pattern of the list must not show a header that a rule redacts by its whole name.
    #[test]
    fn no_pattern_shows_a_credential() {
        let of_header = |rule: &&DefaultRule| rule.kind == RuleKind::Header && !rule.what.contains('*');
        let redactor = Redactor::new(Rules::default()).unwrap();
        for rule in default_rules().iter().filter(of_header) {
            let mut headers = http::HeaderMap::new();
            headers.insert(rule.what, http::HeaderValue::from_static("a=plain-value"));
            for side in [Side::Request, Side::Response] {
                let shown = format!("{:?}", redactor.headers(&headers, side));
                assert!(!shown.contains("plain-value"), "{rule}: {shown}");
            }
        }
    }

    #[test]
    fn known() {
        for name in ["etag", "x-amz-id-2", "lock-token"] {
            assert!(is_known_by_name(name), "{name}");
        }
        for name in ["x-amz-checksum-crc32", "grpc-status", "if-match"] {
            assert!(!is_known_by_name(name) && is_known_by_beginning(name), "{name}");
        }
        for name in ["x-acme-request-id", "x-acme-page-token"] {
            assert!(!is_known_by_name(name) && is_known_by_ending(name), "{name}");
        }
        for name in ["x-acme", "x-amz-meta-owner", "x-acme-token", "x-ms-meta-a"] {
            assert!(!is_known_by_name(name) && !is_known_by_ending(name), "{name}");
            assert!(!is_known_by_beginning(name), "{name}");
        }
        assert!(is_of_connection("transfer-encoding") && !is_of_connection("trailer"));
    }
}
