//! The transport for clients that can be given only a base URL. Each server gets a port on loopback, which answers as
//! the server would.
//!
//! In headers, the URLs of servers and the domains of cookies are rewritten to these ports, so that the client stays in
//! the session. The engine sees real URLs only.
//!
//! Must not know: what the engine does, and what bodies contain. URLs in bodies are not rewritten.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Mutex;

use http::header::{ALT_SVC, CONTENT_LOCATION, LINK, LOCATION, ORIGIN, REFERER, SET_COOKIE};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::poison::unpoisoned;
use crate::target;

/// A server: scheme, host and port, normalised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Site {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
}

/// The ports that stand for servers.
#[derive(Default)]
pub(super) struct Bases(Mutex<HashMap<Site, SocketAddr>>);

/// The port of one server.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) site: Site,
    pub(super) at: SocketAddr,
}

impl Site {
    /// Splits an absolute URL into its site, the part before `@`, and everything after the authority.
    pub(crate) fn split(url: &str) -> Option<(Site, &str, &str)> {
        let (scheme, after) = url.split_once("://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::HTTP,
            "https" => Scheme::HTTPS,
            _ => return None,
        };
        Site::of(scheme, after)
    }

    /// Splits `after`, the part of a URL after `//`, which begins with the authority.
    fn of(scheme: Scheme, after: &str) -> Option<(Site, &str, &str)> {
        let (authority, rest) = after.split_at(after.find(['/', '?', '#', '\\']).unwrap_or(after.len()));
        let user = authority.rfind('@').map_or("", |at| &authority[..=at]);
        let authority: Authority = authority[user.len()..].parse().ok()?;
        if authority.host().is_empty() {
            return None;
        }
        let authority = target::canonical(&authority, &scheme).ok()?;
        Some((Site { scheme, authority }, user, rest))
    }

    /// Whether the server is on this machine. Clients connect to such a server directly. An example is the callback of
    /// a login.
    fn is_local(&self) -> bool {
        let host = self.authority.host().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|a| a.is_loopback())
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl Bases {
    /// The port of `site`. If it has no port yet, `open` opens one.
    pub(super) fn port<E>(
        &self,
        site: &Site,
        open: impl FnOnce() -> Result<SocketAddr, E>,
    ) -> Result<SocketAddr, E> {
        let mut known = unpoisoned(self.0.lock());
        if let Some(at) = known.get(site) {
            return Ok(*at);
        }
        let at = open()?;
        known.insert(site.clone(), at);
        Ok(at)
    }

    /// The port of `site`, if there is one.
    pub(super) fn known(&self, site: &Site) -> Option<SocketAddr> {
        unpoisoned(self.0.lock()).get(site).copied()
    }
}

impl Base {
    /// Rewrites the request's headers: the address of the port becomes the server's URL.
    pub(super) fn forth(&self, headers: &mut HeaderMap) {
        for name in [ORIGIN, REFERER, HeaderName::from_static("destination")] {
            rewrite(headers, &name, |text| {
                let (site, _, rest) = Site::split(text)?;
                (target::is_listener(&site.authority, self.at)).then(|| format!("{}{rest}", self.site))
            });
        }
    }

    /// Rewrites the response's headers: the URLs of servers become the addresses of their ports.
    ///
    /// `known` returns the port of a server that has one already. `open` opens a port for the target of a redirect,
    /// because the client follows redirects. No port is opened for the target of a `link` header, which may be a mere
    /// identifier (`rel="profile"`).
    pub(super) fn back(
        &self,
        headers: &mut HeaderMap,
        known: impl Fn(&Site) -> Option<SocketAddr>,
        open: impl Fn(&Site) -> Option<SocketAddr>,
    ) {
        rewrite(headers, &LOCATION, |text| {
            self.redirected(text, |site| {
                known(site).or_else(|| if site.is_local() { None } else { open(site) })
            })
        });
        rewrite(headers, &CONTENT_LOCATION, |text| self.redirected(text, &known));
        rewrite(headers, &LINK, |text| links(text, |target| self.redirected(target, &known)));
        rewrite(headers, &SET_COOKIE, |text| self.cookie(text));
        // A client that used an alternative service would bypass the session (RFC 7838 §3).
        headers.remove(ALT_SVC);
    }

    /// A reference (RFC 3986 §4.2) rewritten to a port. `None` if the reference stays as it is.
    fn redirected(&self, reference: &str, port: impl Fn(&Site) -> Option<SocketAddr>) -> Option<String> {
        let (site, _, rest) = match reference.strip_prefix("//") {
            Some(after) => Site::of(self.site.scheme.clone(), after)?,
            None => Site::split(reference)?,
        };
        Some(format!("http://{}{rest}", port(&site)?))
    }

    /// A cookie of this server rewritten for the port: without `Domain` and `Secure`, because the port has another host
    /// and no TLS.
    fn cookie(&self, text: &str) -> Option<String> {
        let host = self.site.authority.host();
        let kept = |part: &&str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = name.trim();
            // Compares domains as RFC 6265 §5.2.3 and §5.1.3 say. A cookie for a foreign domain keeps its domain, so
            // the client refuses the cookie.
            let domain = value.trim().trim_start_matches('.').to_ascii_lowercase();
            let ours = host == domain || host.strip_suffix(domain.as_str()).is_some_and(|h| h.ends_with('.'));
            let secure = name.eq_ignore_ascii_case("secure") && self.site.scheme == Scheme::HTTPS;
            !(secure || name.eq_ignore_ascii_case("domain") && ours)
        };
        let (pair, attributes) = text.split_once(';')?;
        let kept: Vec<&str> = std::iter::once(pair).chain(attributes.split(';').filter(kept)).collect();
        Some(kept.join(";"))
    }
}

/// Replaces every value of the header for which `change` returns a new one.
fn rewrite(headers: &mut HeaderMap, name: &HeaderName, change: impl Fn(&str) -> Option<String>) {
    let http::header::Entry::Occupied(mut entry) = headers.entry(name) else { return };
    for value in entry.iter_mut() {
        let changed = std::str::from_utf8(value.as_bytes()).ok().and_then(&change);
        if let Some(changed) = changed.and_then(|text| HeaderValue::from_bytes(text.as_bytes()).ok()) {
            *value = changed;
        }
    }
}

/// Rewrites the targets of a `link` header (RFC 8288 §3): the text in `<…>` outside of quotes.
fn links(text: &str, change: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut changed) = (text, false);
    while let Some(at) = rest.find(['<', '"']) {
        let close = if rest[at..].starts_with('<') { '>' } else { '"' };
        let mut escaped = false;
        let length = rest[at + 1..].find(|c| {
            let ends = c == close && !escaped;
            escaped = c == '\\' && !escaped && close == '"';
            ends
        });
        let Some(length) = length else { break };
        let inside = &rest[at + 1..at + 1 + length];
        let new = if close == '>' { change(inside) } else { None };
        changed |= new.is_some();
        out.push_str(&rest[..=at]);
        out.push_str(new.as_deref().unwrap_or(inside));
        out.push(close);
        rest = &rest[at + length + 2..];
    }
    out.push_str(rest);
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Base {
        let (site, _, _) = Site::split("https://api.example.test").unwrap();
        Base { site, at: ([127, 0, 0, 1], 4001).into() }
    }

    #[track_caller]
    fn check_split(url: &str, expected: Option<(&str, &str, &str)>) {
        let found = Site::split(url).map(|(site, user, rest)| (site.to_string(), user, rest));
        assert_eq!(found.as_ref().map(|(s, u, r)| (s.as_str(), *u, *r)), expected);
    }

    #[test]
    fn sites_of_urls() {
        check_split(
            "https://API.example.test:443/v1/?q#f",
            Some(("https://api.example.test", "", "/v1/?q#f")),
        );
        check_split("HTTP://api.test:8080", Some(("http://api.test:8080", "", "")));
        check_split("http://user:p%40@api.test/x", Some(("http://api.test", "user:p%40@", "/x")));
        check_split("https://[::1]:8443?x", Some(("https://[::1]:8443", "", "?x")));
        for none in
            ["ftp://a.test/", "/x", "//a.test/x", "https://", "https:///x", "api.test", "https://a b/"]
        {
            check_split(none, None);
        }
    }

    /// In this check, `api.example.test` has port 4001 and `auth.example.test` has port 4002. If a port is opened for
    /// another server, it is 4003.
    #[track_caller]
    fn check(name: HeaderName, said: &str, expected: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(&name, HeaderValue::from_bytes(said.as_bytes()).unwrap());
        let port = |n: u16| Some(SocketAddr::from(([127, 0, 0, 1], n)));
        let known = |site: &Site| match site.to_string().as_str() {
            "https://api.example.test" => port(4001),
            "https://auth.example.test" => port(4002),
            _ => None,
        };
        base().back(&mut headers, known, |_| port(4003));
        let left = headers.get(&name).map_or("", |v| std::str::from_utf8(v.as_bytes()).unwrap());
        assert_eq!(left, expected, "of {said}");
    }

    #[test]
    fn redirects_lead_to_ports() {
        check(LOCATION, "https://api.example.test/x?y=1#z", "http://127.0.0.1:4001/x?y=1#z");
        check(LOCATION, "https://API.example.test:443", "http://127.0.0.1:4001");
        check(LOCATION, "//auth.example.test/x", "http://127.0.0.1:4002/x");
        check(LOCATION, "http://api.example.test/é", "http://127.0.0.1:4003/é");
        for kept in
            ["/x", "x?u=https://api.example.test/", "http://localhost:3000/cb", "http://[::1]/", "mailto:x"]
        {
            check(LOCATION, kept, kept);
        }
    }

    #[test]
    fn what_is_only_named_opens_nothing() {
        check(CONTENT_LOCATION, "https://api.example.test/1", "http://127.0.0.1:4001/1");
        check(CONTENT_LOCATION, "https://other.test/1", "https://other.test/1");
        check(
            LINK,
            "<https://api.example.test/?page=2>; rel=\"next\", <https://schema.test/a>; rel=profile",
            "<http://127.0.0.1:4001/?page=2>; rel=\"next\", <https://schema.test/a>; rel=profile",
        );
        let quoted = r#"</1>; title="a \" <https://api.example.test/>", <https://api.example.test/2"#;
        check(LINK, quoted, quoted);
        check(ALT_SVC, "h3=\":443\"", "");
    }

    #[test]
    fn cookies_are_the_ports() {
        check(SET_COOKIE, "a=1", "a=1");
        check(SET_COOKIE, "a=domain=x; Path=/; HttpOnly", "a=domain=x; Path=/; HttpOnly");
        check(SET_COOKIE, "a=1; Domain=.Example.test; Secure; Path=/x", "a=1; Path=/x");
        check(SET_COOKIE, "a=1;domain=api.example.test;secure", "a=1");
        check(SET_COOKIE, "a=1; Domain=ample.test", "a=1; Domain=ample.test");
        check(SET_COOKIE, "a=1; Domain=other.test", "a=1; Domain=other.test");
    }

    #[test]
    fn what_the_client_says_of_the_port_is_said_of_the_server() {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static("http://127.0.0.1:4001"));
        headers.insert(REFERER, HeaderValue::from_static("http://localhost:4001/a?b"));
        headers.insert("destination", HeaderValue::from_static("http://127.0.0.1:4002/a"));
        base().forth(&mut headers);
        assert_eq!(headers[ORIGIN], "https://api.example.test");
        assert_eq!(headers[REFERER], "https://api.example.test/a?b");
        assert_eq!(headers["destination"], "http://127.0.0.1:4002/a");
    }
}
