//! The HTTP proxies between this machine and the real servers: which requests go through which proxy, and how a tunnel
//! through a proxy begins.
//!
//! Must not know: how the connection to a proxy is made.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Uri, header};
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::error::{Error, Result};
use crate::hosts;
use crate::transport_error::TransportError;

/// The proxies of a recording.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpstreamProxies {
    http: Option<Arc<UpstreamProxy>>,
    https: Option<Arc<UpstreamProxy>>,
    exempt: Exemptions,
    /// Whether requests to this machine go through a proxy, too.
    local: bool,
    /// Whether the configuration has a part in this.
    configured: bool,
}

/// One proxy.
pub(crate) struct UpstreamProxy {
    /// The URL without path and credentials.
    pub(super) uri: Uri,
    /// The URL as it was given.
    #[cfg_attr(not(feature = "client"), allow(dead_code, reason = "only the clients of reqwest need it"))]
    pub(super) given: String,
    authorization: Option<HeaderValue>,
    /// The password as the URL has it, and decoded.
    secrets: Vec<String>,
    /// The setting that names the proxy: `HTTPS_PROXY`.
    named_by: String,
}

/// The longest response of a proxy to CONNECT.
const LONGEST_HEAD: usize = 16 << 10;

impl UpstreamProxies {
    /// The proxy of [`Config::upstream_proxy`](crate::Config::upstream_proxy), otherwise those that the environment
    /// names. `exempt` replaces `NO_PROXY`.
    ///
    /// # Errors
    ///
    /// The URL of a proxy is malformed, or has a scheme that is not supported.
    pub(crate) fn new(
        configured: Option<&str>,
        exempt: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<UpstreamProxies> {
        let first = |names: &[&str]| {
            names.iter().find_map(|&name| variable(name).map(|value| (name.to_owned(), value)))
        };
        let inherited = || first(&["no_proxy", "NO_PROXY"]).map(|(_, list)| list);
        if let Some(url) = configured {
            let proxy = Some(Arc::new(UpstreamProxy::parse(url, "Config::upstream_proxy")?));
            let exempt = Exemptions::parse(exempt.unwrap_or_default());
            return Ok(UpstreamProxies {
                http: proxy.clone(),
                https: proxy,
                exempt,
                local: true,
                configured: true,
            });
        }
        let configured = exempt.is_some();
        let exempt = Exemptions::parse(&exempt.map(str::to_owned).or_else(inherited).unwrap_or_default());
        if exempt.all {
            return Ok(UpstreamProxies { configured, ..UpstreamProxies::default() });
        }
        // A web server passes the header `Proxy` of a request to its CGI programs as `HTTP_PROXY`.
        let http: &[&str] = match variable("REQUEST_METHOD") {
            Some(_) => &["http_proxy"],
            None => &["http_proxy", "HTTP_PROXY"],
        };
        let proxy = |names: &[&str]| {
            let named = first(names).or_else(|| first(&["all_proxy", "ALL_PROXY"]));
            // An empty variable means that there is no proxy.
            let Some((name, url)) = named.filter(|(_, url)| !url.trim().is_empty()) else { return Ok(None) };
            UpstreamProxy::parse(&url, &name).map(|proxy| Some(Arc::new(proxy)))
        };
        Ok(UpstreamProxies {
            http: proxy(http)?,
            https: proxy(&["https_proxy", "HTTPS_PROXY"])?,
            exempt,
            local: false,
            configured,
        })
    }

    /// The proxy for a request to this URI.
    pub(super) fn of(&self, uri: &Uri) -> Option<&Arc<UpstreamProxy>> {
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let proxy = if secure { &self.https } else { &self.http }.as_ref()?;
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let exempt = self.exempt.has(uri.host().unwrap_or_default(), port)
            || !self.local && hosts::is_this_machine(uri, &[]);
        (!exempt).then_some(proxy)
    }

    /// Whether the configuration has a part in this, and not the environment alone.
    #[cfg_attr(not(feature = "client"), allow(dead_code, reason = "only the clients of reqwest need it"))]
    pub(super) fn are_configured(&self) -> bool {
        self.configured
    }

    /// The passwords of the proxies.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let proxies = self.http.iter().chain(&self.https);
        proxies.flat_map(|proxy| proxy.secrets.iter().map(String::as_str))
    }
}

impl UpstreamProxy {
    fn parse(url: &str, named_by: &str) -> Result<UpstreamProxy> {
        let url = url.trim();
        // The URL may contain a password, so the error does not quote it.
        let bad = |why: &str| {
            Error::new(format!("the proxy that `{named_by}` names cannot be used: {why}"))
                .hint("write `http://proxy.example.com:3128`; to record without it: `Config::upstream_no_proxy(\"*\")`")
        };
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let scheme = scheme.to_ascii_lowercase();
        let port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            socks if socks.starts_with("socks") => return Err(bad("SOCKS proxies are not supported")),
            other => return Err(bad(&format!("`{other}` is not the scheme of an HTTP proxy"))),
        };
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, host) = match rest.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, rest),
        };
        let authority: Authority = host.parse().map_err(|_| bad("its host is malformed"))?;
        let port = authority.port_u16().unwrap_or(port);
        let uri = format!("{scheme}://{}:{port}/", authority.host());
        let uri: Uri = uri.parse().map_err(|_| bad("its host is malformed"))?;
        let (mut authorization, mut secrets) = (None, Vec::new());
        if let Some(user) = user {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
            let credentials = [decoded(name), decoded(password)].join(&b':');
            let value = format!("Basic {}", STANDARD.encode(&credentials));
            let mut value = HeaderValue::try_from(value).map_err(|_| bad("its credentials are malformed"))?;
            value.set_sensitive(true);
            authorization = Some(value);
            // Some proxies take a key as the user, without a password.
            let secret = if password.is_empty() { name } else { password };
            secrets.push(secret.to_owned());
            secrets.extend(String::from_utf8(decoded(secret)).ok().filter(|other| other != secret));
            secrets.retain(|secret| !secret.is_empty());
        }
        let given = format!("{scheme}://{rest}");
        Ok(UpstreamProxy { uri, given, authorization, secrets, named_by: named_by.to_owned() })
    }

    /// Adds the credentials of the proxy, for a request that the proxy itself reads.
    pub(super) fn authorize(&self, headers: &mut HeaderMap) {
        if let Some(value) = &self.authorization {
            headers.insert(header::PROXY_AUTHORIZATION, value.clone());
        }
    }

    /// The error for a request that failed at the proxy.
    pub(super) fn failed(&self, why: impl fmt::Display) -> TransportError {
        let address = self.uri.authority().map_or("", Authority::as_str);
        TransportError::at_proxy(&format!("{address} (`{}`): {why}", self.named_by))
    }

    /// The error for a response of the proxy itself with this status.
    pub(super) fn refused(&self, status: u16) -> TransportError {
        match (status, &self.authorization) {
            (407, None) => self.failed("it demands a user name and a password: `http://user:password@…`"),
            (407, Some(_)) => self.failed("it does not accept the user name and the password"),
            _ => self.failed(format_args!("it answered CONNECT with status {status}")),
        }
    }

    /// Asks the proxy for a tunnel to `server`, host and port (RFC 9110 §9.3.6).
    pub(super) async fn connect<S>(&self, stream: &mut S, server: &str) -> Result<(), TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut head = format!("CONNECT {server} HTTP/1.1\r\nhost: {server}\r\n").into_bytes();
        if let Some(value) = &self.authorization {
            head.extend([b"proxy-authorization: ", value.as_bytes(), b"\r\n"].concat());
        }
        head.extend(b"\r\n");
        stream.write_all(&head).await.map_err(|e| self.failed(e))?;
        // Byte by byte, because the first byte after the head belongs to the server.
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() == LONGEST_HEAD {
                return Err(self.failed("its answer to CONNECT is too long"));
            }
            answer.push(stream.read_u8().await.map_err(|e| self.failed(e))?);
        }
        let status = answer.starts_with(b"HTTP/1.").then(|| answer.get(9..12)).flatten();
        match status.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()) {
            Some(200..=299) => Ok(()),
            Some(status) => Err(self.refused(status)),
            None => Err(self.failed("its answer to CONNECT is not HTTP")),
        }
    }
}

impl fmt::Debug for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamProxy").field("uri", &self.uri).finish_non_exhaustive()
    }
}

/// The hosts that are reached directly, as in `NO_PROXY`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Exemptions {
    all: bool,
    entries: Vec<(Exempt, Option<u16>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Exempt {
    /// A host and its subdomains, in lower case.
    Domain(String),
    /// The addresses whose first bits are those of this address.
    Network(IpAddr, u8),
}

impl Exemptions {
    fn parse(list: &str) -> Exemptions {
        let mut all = Exemptions::default();
        for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            if entry == "*" {
                all.all = true;
            }
            all.entries.extend(Exempt::parse(entry));
        }
        all
    }

    fn has(&self, host: &str, port: u16) -> bool {
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        self.all
            || self.entries.iter().any(|(exempt, of)| {
                of.is_none_or(|of| of == port)
                    && match (exempt, address) {
                        (Exempt::Network(network, bits), Some(address)) => is_in(address, *network, *bits),
                        (Exempt::Domain(domain), None) => host
                            .strip_suffix(domain.as_str())
                            .is_some_and(|before| before.is_empty() || before.ends_with('.')),
                        _ => false,
                    }
            })
    }
}

impl Exempt {
    fn parse(entry: &str) -> Option<(Exempt, Option<u16>)> {
        let network = |text: &str| {
            let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
            let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
            let longest = if address.is_ipv4() { 32 } else { 128 };
            let bits =
                bits.map_or(Some(longest), |bits| bits.parse().ok().filter(|bits| *bits <= longest))?;
            Some(Exempt::Network(address, bits))
        };
        if let Some(network) = network(entry) {
            return Some((network, None));
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        let domain = host.trim_start_matches('*').trim_matches('.').to_ascii_lowercase();
        let exempt = network(host).or_else(|| (!domain.is_empty()).then_some(Exempt::Domain(domain)))?;
        Some((exempt, port))
    }
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let bits = u32::from(bits);
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            (a.to_bits() ^ n.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            (a.to_bits() ^ n.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)], uri: &str) -> Option<String> {
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let proxies = UpstreamProxies::new(None, None, variable).unwrap();
        proxies.of(&uri.parse().unwrap()).map(|proxy| proxy.uri.to_string())
    }

    #[test]
    fn variables() {
        let (http, https) = (Some("http://a:80/".to_owned()), Some("http://b:3128/".to_owned()));
        let both = [("HTTP_PROXY", "a"), ("HTTPS_PROXY", "http://b:3128/x"), ("http_proxy", "")];
        assert_eq!(of(&both, "http://api.test/"), None);
        assert_eq!(of(&both[..2], "http://api.test/"), http);
        assert_eq!(of(&both, "https://api.test/"), https);
        assert_eq!(of(&[("HTTP_PROXY", "a"), ("REQUEST_METHOD", "GET")], "http://api.test/"), None);
        let all =
            [("ALL_PROXY", "HTTPS://a"), ("https_proxy", "http://b:3128"), ("HTTPS_PROXY", "socks5://c")];
        assert_eq!(of(&all, "http://api.test/"), Some("https://a:443/".to_owned()));
        assert_eq!(of(&all, "https://api.test/"), https);
        for local in ["http://localhost:1/", "http://127.0.0.1/", "http://[::1]/", "http://db.localhost/"] {
            assert_eq!(of(&both[..1], local), None, "{local}");
        }
        assert_eq!(of(&[("HTTP_PROXY", "socks5://a"), ("NO_PROXY", "*")], "http://api.test/"), None);
    }

    #[test]
    fn the_configuration_comes_first() {
        let inherited =
            |name: &str| ["HTTPS_PROXY", "NO_PROXY"].contains(&name).then(|| "api.test".to_owned());
        let of = |configured, exempt, uri: &str| {
            let proxies = UpstreamProxies::new(configured, exempt, inherited).unwrap();
            proxies.of(&uri.parse().unwrap()).map(|proxy| proxy.uri.to_string())
        };
        let own = Some("http://own:8080/".to_owned());
        assert_eq!(of(Some("own:8080"), None, "https://api.test/"), own);
        assert_eq!(of(Some("own:8080"), None, "http://127.0.0.1/"), own);
        assert_eq!(of(Some("own:8080"), Some("127.0.0.1"), "http://127.0.0.1/"), None);
        assert_eq!(of(None, None, "https://api.test/"), None);
        assert_eq!(of(None, Some(""), "https://api.test/"), Some("http://api.test:80/".to_owned()));
        assert_eq!(of(None, Some("*"), "https://other.test/"), None);
    }

    #[track_caller]
    fn exempt(list: &str, host: &str, port: u16, expected: bool) {
        assert_eq!(Exemptions::parse(list).has(host, port), expected, "{list:?} {host}:{port}");
    }

    #[test]
    fn exemptions() {
        exempt("", "a.test", 80, false);
        exempt("*", "a.test", 80, true);
        for list in ["example.test", ".example.test", "*.example.test", " x, Example.TEST ,"] {
            exempt(list, "example.test", 80, true);
            exempt(list, "api.EXAMPLE.test.", 80, true);
            exempt(list, "notexample.test", 80, false);
            exempt(list, "example.test.other", 80, false);
        }
        exempt("a.test:8080", "a.test", 8080, true);
        exempt("a.test:8080", "a.test", 80, false);
        exempt("10.0.0.0/8", "10.9.8.7", 80, true);
        exempt("10.0.0.0/8", "11.0.0.1", 80, false);
        exempt("0.0.0.0/0", "11.0.0.1", 80, true);
        exempt("10.0.0.7", "10.0.0.7", 80, true);
        exempt("10.0.0.7", "10.0.0.70", 80, false);
        exempt("10.0.0.7:81", "10.0.0.7", 81, true);
        exempt("fd00::/8", "[fd12::1]", 80, true);
        exempt("::1", "[::1]", 80, true);
        exempt("[::1]:81", "[::1]", 80, false);
        exempt("10.0.0.0/99, a:b", "10.0.0.1", 80, false);
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let proxy = UpstreamProxy::parse("http://us%40er:p%3Aw%2Fd@proxy.test:3128/", "HTTP_PROXY").unwrap();
        let mut headers = HeaderMap::new();
        proxy.authorize(&mut headers);
        assert_eq!(headers["proxy-authorization"], format!("Basic {}", STANDARD.encode("us@er:p:w/d")));
        assert_eq!(proxy.secrets, ["p%3Aw%2Fd", "p:w/d"]);
        assert_eq!(proxy.uri, "http://proxy.test:3128/");
        let shown = format!("{proxy:?} {}", proxy.refused(407).message);
        assert!(!shown.contains("p%3A") && !shown.contains("p:w"), "{shown}");
        for wrong in ["http://user:hunter22@a b", "ftp://user:hunter22@a", "socks5h://user:hunter22@a", ""] {
            let e = UpstreamProxy::parse(wrong, "ALL_PROXY").unwrap_err();
            let text = format!("{e:?}");
            assert!(text.starts_with("the proxy that `ALL_PROXY` names cannot be used: "), "{text}");
            assert!(!text.contains("hunter22"), "{text}");
        }
    }
}
