//! The comparison of names: `accessToken` equals `access_token`.
//!
//! Must not know: rules.

/// Headers whose values are URLs.
pub(crate) const URL_HEADERS: &[&str] = &[
    "azure-asyncoperation",
    "content-location",
    "destination",
    "location",
    "operation-location",
    "referer",
    "x-amz-copy-source",
    "x-ms-copy-source",
    "x-ms-rename-source",
];

/// The name in lower case, without separators and without a `#` at its beginning: `accessToken`, `access_token`,
/// `Access-Token` and `#access_token` become the same. Whole names are compared: `code` is not `country_code`.
pub(crate) fn normalised(name: &str) -> String {
    name.strip_prefix('#')
        .unwrap_or(name)
        .chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// The innermost name in the name of a nested form field: `password` in `user[password]` and `User.Password`, `token`
/// in `token[]` and `user[token][0]`. `None` if the field is not nested.
pub(crate) fn innermost(name: &str) -> Option<&str> {
    let bracketed = name.strip_suffix(']').filter(|inner| inner.contains('[')).and_then(|inner| {
        let mut parts = inner.rsplit('[').map(|part| part.strip_suffix(']').unwrap_or(part));
        parts.find(|part| !part.bytes().all(|b| b.is_ascii_digit()))
    });
    let dotted = bracketed.unwrap_or(name).rsplit_once('.').map(|(_, last)| last);
    dotted.filter(|last| !last.is_empty()).or(bracketed)
}

/// Whether `name`, in lower case, matches `pattern`, which may end in `*`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{DefaultRule, RuleKind, default_rules};
    use crate::selecting_headers::is_selecting;

    #[test]
    fn encodings() {
        for name in ["access_token", "accessToken", "Access-Token", "ACCESSTOKEN", "#access_token"] {
            assert_eq!(normalised(name), "accesstoken", "{name}");
        }
        assert_ne!(normalised("country_code"), normalised("code"));
    }

    #[test]
    fn bracketed() {
        for (name, expected) in [
            ("user[password]", Some("password")),
            ("token[]", Some("token")),
            ("user[token][0]", Some("token")),
            ("a[items][][pin]", Some("pin")),
            ("[pin]", Some("pin")),
            ("User.Password", Some("Password")),
            ("users[0].password", Some("password")),
            ("user.token[0]", Some("token")),
            ("token.", None),
            ("[0][]", None),
            ("token", None),
            ("token[", None),
            ("token]", None),
            ("]", None),
        ] {
            assert_eq!(innermost(name), expected, "{name}");
        }
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
        for name in URL_HEADERS {
            assert_eq!(*name, name.to_lowercase());
        }
        let redacted = |rule: &&DefaultRule| matches!(rule.kind, RuleKind::Header | RuleKind::Field);
        for rule in default_rules().iter().filter(redacted) {
            assert!(!is_selecting(&rule.what.replace('_', "-")), "{rule} would be compared");
        }
    }
}
