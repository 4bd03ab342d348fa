//! The canonical form of a URI (RFC 3986 §6.2.2 and §6.2.3).
//!
//! This module does not use `http::Uri`, because `http::Uri` refuses the placeholders of secrets in recorded URIs. The
//! module must also be able to compare URIs that cannot be parsed.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::graphql;
use super::options::InForce;
use super::pairs::{self, Pairs};
use super::path_pattern;
use crate::syntax::uri::fragment;

#[derive(Debug)]
pub(super) enum Target<'a> {
    Parts(Parts<'a>),
    /// The text of a URI that is not absolute or has no host.
    Text(&'a str),
}

#[derive(Debug)]
pub(super) struct Parts<'a> {
    /// Lower case.
    pub(super) scheme: String,
    /// The host in lower case. The port is included if it is not the default port of the scheme.
    pub(super) host: String,
    pub(super) path: Cow<'a, str>,
    pub(super) query: Pairs<'a>,
}

impl<'a> Target<'a> {
    pub(super) fn new(uri: &'a str) -> Self {
        Parts::new(uri).map_or(Target::Text(uri), Target::Parts)
    }

    /// Removes the parts that the options ignore. Returns whether the path is probably the path of a GraphQL server.
    pub(super) fn settle(&mut self, options: &InForce<'_>) -> bool {
        let Target::Parts(parts) = self else { return false };
        let is_graphql = graphql::is_endpoint(&parts.path);
        if is_graphql {
            graphql::in_query(&mut parts.query);
        }
        parts.query.retain(|(key, _)| options.query(key));
        parts.path = path_pattern::without(options.path(), std::mem::take(&mut parts.path));
        is_graphql
    }
}

impl<'a> Parts<'a> {
    fn new(uri: &'a str) -> Option<Self> {
        // A fragment never reaches the server.
        let uri = &uri[..fragment(uri)];
        let (scheme, rest) = uri.split_once("://")?;
        if !is_scheme(scheme) {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let host = host(&scheme, authority)?;
        Some(Parts { scheme, host, path: normal_path(path), query: pairs::parse(query.as_bytes()) })
    }
}

/// Whether the text is a scheme (RFC 3986 §3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn host(scheme: &str, authority: &str) -> Option<String> {
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, after)| after);
    let (host, port) = match host_port.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            let port = if after.is_empty() { "" } else { after.strip_prefix(':')? };
            (format!("[{address}]"), port)
        }
        None => {
            let (host, port) = host_port.rsplit_once(':').unwrap_or((host_port, ""));
            (normal_percent(host).to_ascii_lowercase(), port)
        }
    };
    if host.is_empty() || host.contains('/') {
        return None;
    }
    let port: Option<u16> = if port.is_empty() { None } else { Some(decimal(port)?) };
    let default = match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    };
    Some(match port.filter(|p| Some(*p) != default) {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

fn decimal(text: &str) -> Option<u16> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn normal_path(path: &str) -> Cow<'_, str> {
    if path.is_empty() {
        return Cow::Borrowed("/");
    }
    // Percent-encoding is normalised before dot segments are removed, because an encoded dot is also a dot.
    match normal_percent(path) {
        path if !path.contains("/.") => path,
        path => Cow::Owned(without_dot_segments(&path)),
    }
}

/// Normalises percent-encoding (RFC 3986 §6.2.2.1, §6.2.2.2): unreserved characters are decoded, hex digits are upper
/// case, and characters that a URI may not contain are encoded. Braces stay, so that placeholders are readable.
fn normal_percent(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    if bytes.iter().all(|&b| is_plain(b) || is_reserved(b)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let decoded = if byte == b'%' { hex(bytes.get(at + 1..at + 3)) } else { None };
        at += if decoded.is_some() { 3 } else { 1 };
        match decoded {
            Some(b) if is_plain(b) => out.push(char::from(b)),
            None if is_plain(byte) || is_reserved(byte) => out.push(char::from(byte)),
            other => {
                let b = other.unwrap_or(byte);
                out.push('%');
                out.extend([b >> 4, b & 15].map(|d| char::from(b"0123456789ABCDEF"[usize::from(d)])));
            }
        }
    }
    Cow::Owned(out)
}

/// Whether the byte is unreserved (RFC 3986 §2.3) or a brace.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~{}".contains(&byte)
}

/// Whether the byte is a delimiter. A delimiter would lose its meaning if it were percent-encoded.
fn is_reserved(byte: u8) -> bool {
    b"!$&'()*+,;=:@/".contains(&byte)
}

fn hex(digits: Option<&[u8]>) -> Option<u8> {
    let [high, low] = digits? else { return None };
    let digit = |b: u8| char::from(b).to_digit(16);
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

/// Removes dot segments (RFC 3986 §5.2.4).
fn without_dot_segments(path: &str) -> String {
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let mut kept: Vec<&str> = Vec::with_capacity(segments.len());
    for segment in &segments {
        match *segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    // A path that ends in a dot segment names a folder, so it gets a slash at its end.
    if matches!(segments.last(), Some(&"." | &"..")) {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(uri: &str, canonical: &str) {
        let text = match Target::new(uri) {
            Target::Parts(p) => format!("{}://{}{}", p.scheme, p.host, p.path),
            Target::Text(text) => format!("text {text}"),
        };
        assert_eq!(text, canonical, "{uri}");
    }

    #[test]
    fn rfc_3986_examples() {
        check("eXAMPLE://a/./b/../b/%63/%7bfoo%7d", "example://a/b/c/{foo}");
        check("example://a/b/c/%7Bfoo%7D", "example://a/b/c/{foo}");
        check("HTTP://www.EXAMPLE.com/", "http://www.example.com/");
        check("http://example.com", "http://example.com/");
        check("http://example.com:/", "http://example.com/");
        check("http://example.com:80/", "http://example.com/");
        check("http://e/a/b/c/./../../g", "http://e/a/g");
        check("http://e/a%3ab/%3A", "http://e/a%3Ab/%3A");
    }

    /// Examples from RFC 3986 §5.4. The references are resolved.
    #[test]
    fn dot_segments() {
        check("http://a/b/c/.", "http://a/b/c/");
        check("http://a/b/c/..", "http://a/b/");
        check("http://a/b/c/../..", "http://a/");
        check("http://a/../../../g", "http://a/g");
        check("http://a/b/c/g.", "http://a/b/c/g.");
        check("http://a/b/c/.g", "http://a/b/c/.g");
        check("http://a/b/c/..g", "http://a/b/c/..g");
        check("http://a/b//../c", "http://a/b/c");
        check("http://a/b/%2E%2e/c", "http://a/c");
    }

    #[test]
    fn hosts_and_ports() {
        check("https://h:443/", "https://h/");
        check("https://h:80/", "https://h:80/");
        check("https://h:0443/", "https://h/");
        check("ftp://h:21/", "ftp://h:21/");
        check("https://user:pass@H/", "https://h/");
        check("http://[::0001]:8080/", "http://[::1]:8080/");
        check("http://[2001:DB8::1]/", "http://[2001:db8::1]/");
        check("http://h?q", "http://h/");
        check("http://h#f", "http://h/");
        check("http://h/{{secret.p.#t}}/{{secret.#u}}#f", "http://h/{{secret.p.%23t}}/{{secret.%23u}}");
        check("http://h/{{secret.p#/}}", "http://h/{{secret.p");
        check("https://{{secret.HOST}}/{{secret.ID}}/x", "https://{{secret.host}}/{{secret.ID}}/x");
    }

    #[test]
    fn percent_encoding() {
        check("http://h/%7euser/%41", "http://h/~user/A");
        check("http://h/a b/é", "http://h/a%20b/%C3%A9");
        check("http://h/a%20b/%c3%a9", "http://h/a%20b/%C3%A9");
        check("http://h/a%2fb", "http://h/a%2Fb");
        check("http://h/100%", "http://h/100%25");
        check("http://h/%zz%4", "http://h/%25zz%254");
        check("http://h/%é", "http://h/%25%C3%A9");
    }

    #[test]
    fn text() {
        for uri in [
            "",
            "/relative",
            "http://",
            "http:///x",
            "1ttp://h/",
            "http://h:x/",
            "http://h:99999/",
            "http://[x/",
            "http://h:+80/",
        ] {
            check(uri, &format!("text {uri}"));
        }
    }
}
