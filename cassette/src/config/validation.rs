//! Checks the names that users pass to options: names of headers, fields, cookies, domains and parameters. Without the
//! checks, an option with an impossible name would silently have no effect.
//!
//! Must not know: what an option does with a valid name.

use http::HeaderName;

use crate::error::{Error, Result};

fn mistake(option: &str, given: &str, why: &str) -> Result<()> {
    Err(Error::new(format!("`{option}({given:?})`: {why}")))
}

/// Checks the complete name of a header (RFC 9110 §5.1).
pub(super) fn header(option: &str, name: &str) -> Result<()> {
    if name.contains('*') {
        return mistake(option, name, "only `allow_header` accepts a `*` in a name");
    }
    headers(option, name)
}

/// Checks the name of a header. The name may end in `*`, which stands for any characters.
pub(super) fn headers(option: &str, name: &str) -> Result<()> {
    let fixed = name.strip_suffix('*').unwrap_or(name);
    if fixed.contains('*') {
        return mistake(option, name, "`*` is a wildcard only at the end of a name");
    }
    let is_name = HeaderName::from_bytes(fixed.as_bytes()).is_ok() || (fixed.is_empty() && name == "*");
    if is_name { Ok(()) } else { mistake(option, name, "this can't be the name of a header") }
}

pub(super) fn field(option: &str, name: &str) -> Result<()> {
    match name.trim_matches(['-', '_', '#', ' ']).is_empty() {
        true => mistake(option, name, "this name has no letters or digits"),
        false if name.starts_with('/') => {
            mistake(option, name, "this is a JSON pointer, not a name: use `redact_pointer`")
        }
        false if name.contains('*') && name.contains('/') => mistake(
            option,
            name,
            &format!("this is a JSON pointer, not a name: use `redact_pointer({:?})`", rooted(name)),
        ),
        false if name.contains('*') => mistake(option, name, "`*` is not a wildcard here: name each field"),
        false => Ok(()),
    }
}

/// Checks the name of a field, or a JSON pointer, which begins with `/`.
pub(super) fn field_or_place(option: &str, what: &str) -> Result<()> {
    match what.strip_prefix('/') {
        Some(_) => Ok(()),
        None if what.contains('/') => mistake(
            option,
            what,
            &format!("a JSON pointer begins with `/`: did you mean {:?}?", rooted(what)),
        ),
        None => field(option, what),
    }
}

fn rooted(place: &str) -> String {
    format!("/{place}")
}

/// Checks the name of a cookie. RFC 6265 §4.1.1 allows fewer characters, but servers use more.
pub(super) fn cookie(option: &str, name: &str) -> Result<()> {
    let impossible = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ';' | ',' | '=');
    match name.is_empty() || name.contains(impossible) {
        true => mistake(option, name, "this can't be the name of a cookie"),
        false => Ok(()),
    }
}

/// Checks a domain, and the names of parameters in links to it.
pub(super) fn links(domain: &str, parameters: &[&str]) -> Result<()> {
    let option = "redact_links";
    if !is_domain(domain.strip_prefix("*.").unwrap_or(domain)) {
        let rest = domain.split_once("//").map_or(domain, |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default().trim_matches(['*', '.', ' ']);
        let meant = match host.contains('.') && is_domain(host) {
            true => format!("this is not a domain: did you mean {host:?}?"),
            false => "this is not a domain, such as \"cdn.example.com\"".to_owned(),
        };
        return mistake(option, domain, &meant);
    }
    match parameters.iter().find(|name| name.trim().is_empty()) {
        Some(name) => {
            mistake(option, name, "the name of a parameter is empty; an empty list stands for all parameters")
        }
        None => Ok(()),
    }
}

fn is_domain(text: &str) -> bool {
    text.split('.').all(|label| !label.is_empty())
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_message(result: Result<()>, expected: &str) {
        assert_eq!(result.unwrap_err().to_string(), expected);
    }

    #[test]
    fn names_of_headers() {
        for name in ["x-acme", "X-Acme-Id", "etag"] {
            assert!(header("redact_header", name).is_ok() && headers("allow_header", name).is_ok(), "{name}");
        }
        assert!(headers("allow_header", "x-acme-*").is_ok() && headers("allow_header", "*").is_ok());
        check_message(
            header("redact_header", "a b"),
            "`redact_header(\"a b\")`: this can't be the name of a header",
        );
        check_message(
            header("drop_header", "x-*"),
            "`drop_header(\"x-*\")`: only `allow_header` accepts a `*` in a name",
        );
        check_message(
            headers("allow_header", "x-*-id"),
            "`allow_header(\"x-*-id\")`: `*` is a wildcard only at the end of a name",
        );
        check_message(
            headers("allow_header", ""),
            "`allow_header(\"\")`: this can't be the name of a header",
        );
    }

    #[test]
    fn other_names() {
        for name in ["pin", "customer pin", "é", "#a", "_a"] {
            assert!(field("redact_field", name).is_ok(), "{name}");
        }
        check_message(field("redact_field", ""), "`redact_field(\"\")`: this name has no letters or digits");
        check_message(
            field("redact_field", "/a/b"),
            "`redact_field(\"/a/b\")`: this is a JSON pointer, not a name: use `redact_pointer`",
        );
        check_message(
            field("redact_field", "*_token"),
            "`redact_field(\"*_token\")`: `*` is not a wildcard here: name each field",
        );
        check_message(
            field("redact_field", "users/*/x"),
            "`redact_field(\"users/*/x\")`: this is a JSON pointer, not a name: use `redact_pointer(\"/users/*/x\")`",
        );
        assert!(field("redact_field", "example.com/name").is_ok());
        let option = "redact_before_read";
        assert!(field_or_place(option, "/users/*/x").is_ok() && field_or_place(option, "email").is_ok());
        check_message(
            field_or_place(option, "users/*/x"),
            "`redact_before_read(\"users/*/x\")`: a JSON pointer begins with `/`: did you mean \"/users/*/x\"?",
        );
        assert!(field_or_place(option, "*").is_err());
        assert!(cookie("keep_cookie", "__Host-id").is_ok());
        check_message(
            cookie("keep_cookie", "a=b"),
            "`keep_cookie(\"a=b\")`: this can't be the name of a cookie",
        );
        check_message(
            cookie("redact_cookie", ""),
            "`redact_cookie(\"\")`: this can't be the name of a cookie",
        );
    }

    #[test]
    fn domains() {
        for domain in ["cdn.example.com", "*.example.com", "localhost", "10.0.0.1", "bücher.example"] {
            assert!(links(domain, &["sig"]).is_ok(), "{domain}");
        }
        let wanted = "this is not a domain: did you mean \"cdn.example.com\"?";
        for given in [
            "https://cdn.example.com/",
            "cdn.example.com/a",
            "cdn.example.com:8080",
            "https://u@cdn.example.com?a",
        ] {
            check_message(links(given, &[]), &format!("`redact_links({given:?})`: {wanted}"));
        }
        check_message(
            links("", &[]),
            "`redact_links(\"\")`: this is not a domain, such as \"cdn.example.com\"",
        );
        assert!(links("cdn.*.com", &[]).is_err() && links("cdn..com", &[]).is_err());
        check_message(
            links("cdn.example.com", &["a", ""]),
            "`redact_links(\"\")`: the name of a parameter is empty; an empty list stands for all parameters",
        );
    }
}
