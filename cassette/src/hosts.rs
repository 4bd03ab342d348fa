//! The patterns of ignored and pass-through hosts, and the check whether a host is on this machine.
//!
//! This module does not resolve names, because a DNS query would leave the machine. Must not know: what happens to a
//! request.

use std::net::{IpAddr, SocketAddr};

use crate::ambient;

/// The ignored hosts and the pass-through hosts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    ignored: Vec<Pattern>,
    passed: Vec<Pattern>,
}

/// A host, or all subdomains of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// The name in lower case, without `*.` at its beginning.
    name: String,
    subdomains: bool,
    port: Option<u16>,
}

impl Hosts {
    pub(crate) fn ignore(&mut self, pattern: &str) -> Result<(), String> {
        self.ignored.push(Pattern::parse(pattern)?);
        Ok(())
    }

    pub(crate) fn pass(&mut self, pattern: &str) -> Result<(), String> {
        self.passed.push(Pattern::parse(pattern)?);
        Ok(())
    }

    pub(crate) fn ignores(&self, uri: &http::Uri) -> bool {
        self.ignored.iter().any(|pattern| pattern.matches(uri))
    }

    pub(crate) fn passes(&self, uri: &http::Uri) -> bool {
        self.passed.iter().any(|pattern| pattern.matches(uri))
    }

    /// Whether this host and port is a pass-through host, whatever the protocol.
    #[cfg_attr(
        not(feature = "proxy"),
        allow(dead_code, reason = "only transports with sockets open tunnels")
    )]
    pub(crate) fn passes_server(&self, server: &http::uri::Authority) -> bool {
        uri_of(server).is_some_and(|uri| self.passes(&uri))
    }

    /// Whether there are pass-through hosts.
    pub(crate) fn pass_any(&self) -> bool {
        !self.passed.is_empty()
    }
}

/// Whether the host of this URI is known to be on this machine. The function asks no resolver: it knows loopback
/// addresses, `localhost`, the name and the addresses of the machine, and the addresses in `resolve`, which the project
/// gave to [`Config::resolve`](crate::Config::resolve).
pub(crate) fn is_this_machine(uri: &http::Uri, resolve: &[(String, SocketAddr)]) -> bool {
    match resolved(uri, resolve) {
        Some(address) => is_local(address.ip()),
        None => {
            let host = host(uri);
            is_local_name(&host) || host.parse().is_ok_and(is_local)
        }
    }
}

/// The address that [`Config::resolve`](crate::Config::resolve) gives to the host of this URI.
pub(crate) fn resolved(uri: &http::Uri, resolve: &[(String, SocketAddr)]) -> Option<SocketAddr> {
    let found = resolve.iter().find(|(host, _)| Pattern::parse(host).is_ok_and(|p| p.matches(uri)));
    found.map(|(_, address)| *address)
}

fn is_local(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || ambient::is_own_address(address)
}

/// `host` is in lower case.
fn is_local_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host == "localhost" || host.ends_with(".localhost") || ambient::is_own_name(host)
}

/// A URI with this host and port. Without a port, the port is that of HTTP.
pub(crate) fn uri_of(server: &http::uri::Authority) -> Option<http::Uri> {
    http::Uri::builder().scheme("http").authority(server.clone()).path_and_query("/").build().ok()
}

/// Returns the host in lower case, without the brackets of an IPv6 address.
fn host(uri: &http::Uri) -> String {
    uri.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase()
}

impl Pattern {
    fn parse(text: &str) -> Result<Pattern, String> {
        let wrong = || format!("`{text}` is not a host: write `name`, `name:port` or `*.name`");
        let (subdomains, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        // An IPv6 address without brackets contains colons, but no port. So addresses are recognised before ports.
        let address: Option<IpAddr> = rest.parse().ok();
        let (name, port) = match address {
            Some(_) => (rest.to_owned(), None),
            None => {
                let authority: http::uri::Authority = rest.parse().map_err(|_| wrong())?;
                if authority.as_str().contains('@') {
                    return Err(wrong());
                }
                (authority.host().trim_matches(['[', ']']).to_owned(), authority.port_u16())
            }
        };
        if name.is_empty() || name.contains('*') || (address.is_some() && subdomains) {
            return Err(wrong());
        }
        Ok(Pattern { name: name.to_ascii_lowercase(), subdomains, port })
    }

    fn matches(&self, uri: &http::Uri) -> bool {
        let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        if self.port.is_some_and(|port| port != uri.port_u16().unwrap_or(usual)) {
            return false;
        }
        let host = host(uri);
        match self.subdomains {
            true => host.strip_suffix(&self.name).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.')),
            false => host == self.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, uri: &str, expected: bool) {
        let mut hosts = Hosts::default();
        hosts.ignore(pattern).unwrap();
        assert_eq!(hosts.ignores(&uri.parse().unwrap()), expected, "{pattern} {uri}");
    }

    #[test]
    fn patterns() {
        check("localhost", "http://localhost/x", true);
        check("LocalHost", "http://LOCALHOST:8080/x", true);
        check("localhost:8080", "http://localhost:8080/", true);
        check("localhost:80", "http://localhost/", true);
        check("localhost:80", "https://localhost/", false);
        check("*.internal.example", "https://a.b.internal.example/", true);
        check("*.internal.example", "https://internal.example/", false);
        check("*.internal.example", "https://notinternal.example/", false);
        check("*.internal.example:443", "https://a.internal.example/", true);
        check("127.0.0.1", "http://127.0.0.1:4321/", true);
        check("::1", "http://[::1]:4321/", true);
        check("[::1]:4321", "http://[::1]:4321/", true);
        check("[::1]:4321", "http://[::1]/", false);
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for wrong in
            ["", "*", "*.", "a b", "https://a.example", "a.example/x", "a.*.example", "*.127.0.0.1", "u@h"]
        {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hosts_on_this_machine() {
        let resolve = [
            ("db.test".to_owned(), ([127, 0, 0, 1], 1).into()),
            ("far.test:80".into(), ([10, 0, 0, 1], 1).into()),
        ];
        for (uri, expected) in [
            ("http://127.0.0.1/", true),
            ("http://127.9.9.9:1/", true),
            ("http://[::1]/", true),
            ("http://[::ffff:127.0.0.1]/", true),
            ("http://localhost:9200/", true),
            ("http://db.localhost/", true),
            ("http://db.test/", true),
            ("http://far.test/", false),
            ("http://localhost.example/", false),
            ("http://10.0.0.1/", false),
            ("http://0.0.0.0/", false),
        ] {
            assert_eq!(is_this_machine(&uri.parse().unwrap(), &resolve), expected, "{uri}");
        }
        for own in ambient::own_hosts().iter().filter(|own| !own.contains(':')) {
            assert!(is_this_machine(&format!("http://{own}:9200/").parse().unwrap(), &resolve), "{own}");
        }
    }
}
