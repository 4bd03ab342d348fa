//! Which headers and fields are what, by name: the defaults of [`Rules`](super::Rules).

/// Headers that are kept, values and all (secrets in them are still replaced). A `*` at the end stands for any
/// rest.
///
/// These are what replay needs (what the body is, where to go next, when to come back, which page this is,
/// caching) and what a reviewer wants to see. Headers that only make every recording differ, such as `date`,
/// `age`, `server`, `user-agent` or a request id, are left out like everything unknown: they would fill the
/// diff of a re-recording with noise, and nothing in a test may depend on them.
pub(super) const KEPT_HEADERS: &[&str] = &[
    "accept",
    "accept-*",
    "allow",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "deprecation",
    "etag",
    "expires",
    "grpc-*",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "link",
    "location",
    "operation-location",
    "prefer",
    "preference-applied",
    "proxy-authenticate",
    "range",
    "ratelimit",
    "ratelimit-*",
    "retry-after",
    "soapaction",
    "sunset",
    "trailer",
    "vary",
    "www-authenticate",
    "x-has-more",
    "x-http-method-override",
    "x-next-page",
    "x-page",
    "x-page-*",
    "x-pagination-*",
    "x-per-page",
    "x-prev-page",
    "x-rate-limit-*",
    "x-ratelimit-*",
    "x-total",
    "x-total-*",
];

/// Headers whose values are URLs.
pub(super) const URL_HEADERS: &[&str] = &["content-location", "location", "operation-location", "referer"];

/// Headers that are kept by name, so that a reviewer sees that a credential was sent, but not by value. Those
/// whose name is a field name ([`FIELDS`]), such as `x-api-key`, are treated likewise.
pub(super) const CREDENTIAL_HEADERS: &[&str] = &[
    "authorization",
    "ocp-apim-subscription-key",
    "private-token",
    "proxy-authorization",
    "x-amz-security-token",
    "x-goog-api-key",
    "x-shopify-access-token",
    "x-storageapi-token",
    "x-vault-token",
];

/// Keys of JSON members, form fields and query parameters whose values are credentials. Whole names, compared
/// as [`normalised`] has them.
pub(super) const FIELDS: &[&str] = &[
    "access_token",
    "account_key",
    "api_key",
    "api_secret",
    "api_token",
    "app_secret",
    "auth_token",
    "authorization",
    "aws_secret_access_key",
    "bearer_token",
    "client_assertion",
    "client_secret",
    "code_verifier",
    "consumer_secret",
    "device_code",
    "id_token",
    "jwt",
    "oauth_token",
    "oauth_token_secret",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "private_token",
    "pwd",
    "refresh_token",
    "secret",
    "secret_access_key",
    "secret_key",
    "security_token",
    "session_key",
    "session_token",
    "sig",
    "subscription_key",
    "token",
    "x_amz_credential",
    "x_amz_security_token",
    "x_amz_signature",
    "x_api_key",
    "x_auth_token",
    "x_goog_credential",
    "x_goog_signature",
];

/// One form for all spellings of a name: `accessToken`, `access_token`, `Access-Token` and `#access_token` are
/// the same. Nothing is cut off: `code` is not `country_code`.
pub(super) fn normalised(name: &str) -> String {
    name.strip_prefix('#')
        .unwrap_or(name)
        .chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether `name`, in lower case, is `pattern`, which may end in `*`.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for name in ["access_token", "accessToken", "Access-Token", "ACCESSTOKEN", "#access_token"] {
            assert_eq!(normalised(name), "accesstoken", "{name}");
        }
        assert_ne!(normalised("country_code"), normalised("code"));
    }

    #[test]
    fn patterns() {
        assert!(matches("accept-*", "accept-language"));
        assert!(!matches("accept-*", "accept"));
        assert!(matches("link", "link"));
        assert!(!matches("link", "links"));
    }

    #[test]
    fn lists_are_lower_case_and_without_overlap() {
        for name in KEPT_HEADERS.iter().chain(CREDENTIAL_HEADERS).chain(URL_HEADERS) {
            assert_eq!(*name, name.to_lowercase());
        }
        for name in CREDENTIAL_HEADERS {
            assert!(!KEPT_HEADERS.iter().any(|kept| matches(kept, name)), "{name} would be shown");
        }
        for name in KEPT_HEADERS {
            assert!(!FIELDS.iter().any(|f| normalised(f) == normalised(name)), "{name} is a field name too");
        }
    }
}
