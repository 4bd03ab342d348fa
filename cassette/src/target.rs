//! Converts the requests of all transports to the same representation: the absolute URI of the target, and the headers
//! without the headers that concern only one connection.
//!
//! Must not know: sockets, TLS.

use std::net::SocketAddr;

#[cfg(feature = "proxy")]
use http::Version;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, TE, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri};

use crate::body::Body;

/// How a connection reached the session.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// Plain HTTP on the session's listener. Clients that use it as a proxy send absolute URIs. Other clients send
    /// paths and a `host` header.
    Front,
    /// Plain HTTP inside a CONNECT tunnel.
    #[cfg(feature = "proxy")]
    Tunnel(Authority),
    /// Plain HTTP on an intercepted connection to this server.
    #[cfg(feature = "proxy")]
    Intercepted(Authority),
    /// HTTP inside TLS. `tunnel` is the destination of the CONNECT tunnel around it, if there is one. `name` is the
    /// host that the client asked for.
    #[cfg(feature = "proxy")]
    Tls { tunnel: Option<Authority>, name: String },
    /// Plain HTTP on the port of a base URL, which stands for one server. `at` is the address of this port.
    #[cfg(feature = "proxy")]
    Base { scheme: Scheme, authority: Authority, at: SocketAddr },
}

/// Why no cassette can hold a request: it is no exchange of one request and one response, or has no URI. The request
/// carries this among its extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unrecordable {
    /// The request asks to change to this protocol: `websocket`.
    Upgrade(String),
    /// The request is for the whole server (`OPTIONS *`), and not for a resource.
    WholeServer,
}

/// The answer to a request that cassette refuses before the request reaches the engine.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    status: StatusCode,
    text: &'static str,
}

impl Refusal {
    pub(crate) fn bad_request(text: &'static str) -> Refusal {
        Refusal { status: StatusCode::BAD_REQUEST, text }
    }

    #[cfg(feature = "proxy")]
    pub(crate) fn unsupported(text: &'static str) -> Refusal {
        Refusal { status: StatusCode::NOT_IMPLEMENTED, text }
    }

    pub(crate) fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(format!("cassette: {}\n", self.text)));
        *response.status_mut() = self.status;
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, text);
        response
    }
}

/// Converts a request that arrived by `origin` to the request that the engine takes. `own` is the address of the
/// listener that accepted the request, if there is one.
///
/// The connection decides the destination of a request. In a tunnel the destination is the host of the tunnel, even if
/// the `host` header has another host (RFC 9112 §3.2.2 has this rule for absolute URIs). If the `host` header differs,
/// it is kept for the real server.
///
/// # Errors
///
/// The request cannot be recorded or replayed, or its target is malformed.
pub(crate) fn forward<B>(
    request: Request<B>,
    origin: &Origin,
    own: Option<SocketAddr>,
) -> Result<Request<B>, Refusal> {
    let (mut parts, body) = request.into_parts();
    let whole_server = parts.uri.path() == "*";
    let unrecordable = match upgrade(&parts.headers) {
        Some(protocol) => Some(Unrecordable::Upgrade(protocol)),
        None => whole_server.then_some(Unrecordable::WholeServer),
    };
    if let Some(unrecordable) = unrecordable {
        parts.extensions.insert(unrecordable);
    }
    let scheme = match origin {
        Origin::Front => parts.uri.scheme().cloned().unwrap_or(Scheme::HTTP),
        // An absolute URI means that the client uses the server as a proxy.
        #[cfg(feature = "proxy")]
        Origin::Intercepted(_) => parts.uri.scheme().cloned().unwrap_or(Scheme::HTTP),
        #[cfg(feature = "proxy")]
        Origin::Tunnel(_) => Scheme::HTTP,
        #[cfg(feature = "proxy")]
        Origin::Tls { .. } => Scheme::HTTPS,
        #[cfg(feature = "proxy")]
        Origin::Base { scheme, .. } => scheme.clone(),
    };
    let asked = match parts.uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => host(&parts.headers)?,
    };
    let asked = asked.map(|a| canonical(&a, &scheme)).transpose()?;
    #[cfg(feature = "proxy")]
    let asked = match origin {
        // The client uses the address of this port as the address of the server. So if the `host` header has this
        // address, it does not mean another host.
        Origin::Base { at, .. } => asked.filter(|a| !is_listener(a, *at)),
        _ => asked,
    };
    let destination = match origin {
        #[cfg(feature = "proxy")]
        Origin::Tunnel(tunnel) | Origin::Tls { tunnel: Some(tunnel), .. } => canonical(tunnel, &scheme)?,
        #[cfg(feature = "proxy")]
        Origin::Tls { tunnel: None, name } => match &asked {
            Some(asked) => asked.clone(),
            None => name.parse().map_err(|_| Refusal::bad_request("the host's name is malformed"))?,
        },
        #[cfg(feature = "proxy")]
        Origin::Base { .. } if asked.is_some() && is_for_a_proxy(&parts) => {
            return Err(Refusal::bad_request("this address stands for one server: it is no proxy"));
        }
        #[cfg(feature = "proxy")]
        Origin::Base { authority, .. } => authority.clone(),
        // A client that resolves names itself connects to an address. Then only the request contains the name of the
        // host.
        #[cfg(feature = "proxy")]
        Origin::Intercepted(server) if !(is_for_a_proxy(&parts) || is_address(server) && asked.is_some()) => {
            canonical(server, &scheme)?
        }
        #[cfg(feature = "proxy")]
        Origin::Intercepted(_) => asked.clone().ok_or(Refusal::bad_request("the request names no host"))?,
        Origin::Front => asked.clone().ok_or(Refusal::bad_request(
            "the request names no host, neither in its URI nor in a `host` header",
        ))?,
    };
    if own.is_some_and(|own| is_listener(&destination, own)) {
        return Err(Refusal::bad_request("this is the session's own address: use it as a proxy"));
    }
    parts.headers.remove(HOST);
    if let Some(other) = asked.filter(|a| *a != destination) {
        let other = HeaderValue::from_str(other.as_str());
        parts
            .headers
            .insert(HOST, other.map_err(|_| Refusal::bad_request("the `host` header is malformed"))?);
    }
    strip(&mut parts.headers);
    let path = parts.uri.path_and_query().cloned().filter(|_| !whole_server);
    parts.uri = Uri::builder()
        .scheme(scheme)
        .authority(destination)
        .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
        .build()
        .map_err(|_| Refusal::bad_request("the request's target is malformed"))?;
    Ok(Request::from_parts(parts, body))
}

/// Converts the response of the engine to a response for a client with this version of HTTP.
#[cfg(feature = "proxy")]
pub(crate) fn back<B>(response: &mut Response<B>, version: Version) {
    strip(response.headers_mut());
    response.headers_mut().remove(TE);
    *response.version_mut() = version;
}

/// Removes headers that concern only one connection (RFC 9110 §7.6.1).
pub(crate) fn strip(headers: &mut HeaderMap) {
    const ALWAYS: [HeaderName; 8] = [
        HeaderName::from_static("http2-settings"),
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-authenticate"),
        HeaderName::from_static("proxy-authentication-info"),
        HeaderName::from_static("proxy-authorization"),
        HeaderName::from_static("proxy-connection"),
        http::header::TRANSFER_ENCODING,
        UPGRADE,
    ];
    let trailers = tokens(headers, &TE).any(|t| t.eq_ignore_ascii_case("trailers"));
    let named: Vec<HeaderName> = tokens(headers, &CONNECTION).filter_map(|t| t.parse().ok()).collect();
    for name in named.iter().chain(&ALWAYS).chain(&[CONNECTION, TE]) {
        headers.remove(name);
    }
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// The protocol to which the request asks to change. An offer of HTTP/2 or TLS does not count: a server may ignore it,
/// and the exchange stays the same.
fn upgrade(headers: &HeaderMap) -> Option<String> {
    let is_offer = |t: &&str| {
        let name = t.split('/').next().unwrap_or_default();
        ["h2", "h2c", "http", "tls"].iter().any(|other| name.eq_ignore_ascii_case(other))
    };
    tokens(headers, &UPGRADE).find(|t| !t.is_empty() && !is_offer(t)).map(str::to_owned)
}

fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).into_iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).map(str::trim)
}

fn host(headers: &HeaderMap) -> Result<Option<Authority>, Refusal> {
    let mut all = headers.get_all(HOST).into_iter();
    let Some(first) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(Refusal::bad_request("the request has two `host` headers"));
    }
    match Authority::try_from(first.as_bytes()) {
        Ok(authority) => Ok(Some(authority)),
        Err(_) if first.is_empty() => Ok(None),
        Err(_) => Err(Refusal::bad_request("the `host` header is malformed")),
    }
}

/// Returns the authority in lower case, without user information and without the default port of the scheme (RFC 9110
/// §4.2.3).
pub(crate) fn canonical(authority: &Authority, scheme: &Scheme) -> Result<Authority, Refusal> {
    let usual = if *scheme == Scheme::HTTPS { "443" } else { "80" };
    let host = authority.host().to_ascii_lowercase();
    let text = match authority.port() {
        Some(port) if port.as_str() != usual => format!("{host}:{port}"),
        _ => host,
    };
    text.parse().map_err(|_| Refusal::bad_request("the host's name is malformed"))
}

#[cfg(feature = "proxy")]
fn is_address(authority: &Authority) -> bool {
    authority.host().trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
}

/// Whether the authority is the listener's own address.
pub(crate) fn is_listener(authority: &Authority, own: SocketAddr) -> bool {
    authority.port_u16() == Some(own.port())
        && (authority.host() == "localhost" || authority.host() == own.ip().to_string())
}

/// Whether the target has the absolute form, which HTTP/1 clients send only to proxies (RFC 9112 §3.2.2). HTTP/2 always
/// uses an absolute target, so it does not count.
#[cfg(feature = "proxy")]
fn is_for_a_proxy(head: &http::request::Parts) -> bool {
    head.version < Version::HTTP_2 && head.uri.scheme().is_some()
}

#[cfg(all(test, feature = "proxy"))]
mod tests {
    use super::*;

    fn own() -> SocketAddr {
        ([127, 0, 0, 1], 4000).into()
    }

    fn tls(tunnel: Option<&str>, name: &str) -> Origin {
        Origin::Tls { tunnel: tunnel.map(|t| t.parse().unwrap()), name: name.into() }
    }

    /// `expected` is the URI and the `host` header that the engine gets, or a part of the refusal's text.
    #[track_caller]
    fn check(origin: &Origin, uri: &str, hosts: &[&str], expected: Result<(&str, Option<&str>), &str>) {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        match (forward(request.body(()).unwrap(), origin, Some(own())), expected) {
            (Ok(request), Ok((uri, host))) => {
                assert_eq!(request.uri().to_string(), uri);
                assert_eq!(request.headers().get(HOST).map(|h| h.to_str().unwrap()), host);
            }
            (Err(refusal), Err(part)) => assert!(refusal.text.contains(part), "{}", refusal.text),
            (other, _) => panic!("{other:?}"),
        }
    }

    #[test]
    fn on_the_listener_itself() {
        let front = Origin::Front;
        check(&front, "http://a.test/x?y=1", &["a.test"], Ok(("http://a.test/x?y=1", None)));
        check(&front, "http://A.test:80", &[], Ok(("http://a.test/", None)));
        check(&front, "http://a.test:8080/", &["b.test"], Ok(("http://a.test:8080/", None)));
        check(&front, "http://user:pass@a.test/", &[], Ok(("http://a.test/", None)));
        check(&front, "https://a.test:443/", &[], Ok(("https://a.test/", None)));
        check(&front, "/x", &["a.test:81"], Ok(("http://a.test:81/x", None)));
        check(&front, "/x", &["[::1]:80"], Ok(("http://[::1]/x", None)));
        check(&front, "/x", &[], Err("names no host"));
        check(&front, "/x", &[""], Err("names no host"));
        check(&front, "/x", &["a b"], Err("malformed"));
        check(&front, "/x", &["a", "a"], Err("two `host`"));
        check(&front, "/x", &["127.0.0.1:4000"], Err("own address"));
        check(&front, "http://localhost:4000/x", &[], Err("own address"));
    }

    #[test]
    fn inside_a_tunnel_the_tunnel_decides() {
        let plain = Origin::Tunnel("A.test:80".parse().unwrap());
        check(&plain, "/x", &["a.test"], Ok(("http://a.test/x", None)));
        check(&plain, "/x", &["b.test"], Ok(("http://a.test/x", Some("b.test"))));
        let secure = tls(Some("a.test:443"), "a.test");
        check(&secure, "/x", &["a.test:443"], Ok(("https://a.test/x", None)));
        check(&secure, "/x", &[], Ok(("https://a.test/x", None)));
        check(&secure, "https://b.test/x", &[], Ok(("https://a.test/x", Some("b.test"))));
        check(&tls(Some("[::1]:8443"), "::1"), "/", &["[::1]:8443"], Ok(("https://[::1]:8443/", None)));
    }

    #[test]
    fn an_intercepted_connection_keeps_its_server() {
        let intercepted = |server: &str| Origin::Intercepted(server.parse().unwrap());
        check(&intercepted("A.test:80"), "/x", &["a.test"], Ok(("http://a.test/x", None)));
        check(&intercepted("a.test:8080"), "/x", &["b.test"], Ok(("http://a.test:8080/x", Some("b.test"))));
        check(&intercepted("a.test:8080"), "/x", &[], Ok(("http://a.test:8080/x", None)));
        check(&intercepted("192.0.2.1:80"), "/x", &["192.0.2.1"], Ok(("http://192.0.2.1/x", None)));
        check(&intercepted("192.0.2.1:80"), "/x", &["a.test"], Ok(("http://a.test/x", None)));
        check(&intercepted("[2001:db8::1]:81"), "/x", &[], Ok(("http://[2001:db8::1]:81/x", None)));
        check(&intercepted("proxy.test:3128"), "http://a.test/x", &["a.test"], Ok(("http://a.test/x", None)));
    }

    #[test]
    fn without_a_tunnel_the_client_decides() {
        check(&tls(None, "a.test"), "/x", &["a.test:8443"], Ok(("https://a.test:8443/x", None)));
        check(&tls(None, "a.test"), "/x", &[], Ok(("https://a.test/x", None)));
        check(&tls(None, "a.test"), "https://b.test/x", &[], Ok(("https://b.test/x", None)));
    }

    #[test]
    fn on_the_port_of_a_server() {
        let at = ([127, 0, 0, 1], 4001).into();
        let base = Origin::Base { scheme: Scheme::HTTPS, authority: "a.test:8443".parse().unwrap(), at };
        check(&base, "/x?y=1", &["127.0.0.1:4001"], Ok(("https://a.test:8443/x?y=1", None)));
        check(&base, "/x", &["localhost:4001"], Ok(("https://a.test:8443/x", None)));
        check(&base, "/x", &["a.test:8443"], Ok(("https://a.test:8443/x", None)));
        check(&base, "/x", &["b.test"], Ok(("https://a.test:8443/x", Some("b.test"))));
        check(&base, "http://127.0.0.1:4001/x", &[], Ok(("https://a.test:8443/x", None)));
        check(&base, "http://b.test/x", &[], Err("no proxy"));
    }

    #[track_caller]
    fn stripped(given: &[(&'static str, &'static str)], left: &[(&str, &str)]) {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, HeaderValue::from_static(value));
        }
        strip(&mut headers);
        let found: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
        assert_eq!(found, left);
    }

    #[test]
    fn what_concerns_one_connection_is_removed() {
        stripped(
            &[("connection", "close"), ("keep-alive", "timeout=5"), ("accept", "*/*")],
            &[("accept", "*/*")],
        );
        stripped(&[("connection", "x-a, X-B"), ("x-a", "1"), ("x-b", "2"), ("x-c", "3")], &[("x-c", "3")]);
        stripped(&[("connection", "x-a"), ("connection", "x-b"), ("x-a", "1"), ("x-b", "2")], &[]);
        stripped(&[("proxy-authorization", "Basic eA=="), ("proxy-connection", "keep-alive")], &[]);
        stripped(&[("transfer-encoding", "chunked"), ("trailer", "x-sum")], &[("trailer", "x-sum")]);
        stripped(&[("te", "gzip"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABk")], &[]);
        stripped(&[("te", "gzip, Trailers"), ("connection", "te")], &[("te", "trailers")]);
        stripped(&[("proxy-status", "edge; hit")], &[("proxy-status", "edge; hit")]);
    }

    #[test]
    fn what_no_cassette_can_hold_is_marked() {
        let check = |uri: &str, upgrade: &[&str], expected: Option<Unrecordable>| {
            let mut request = Request::builder().uri(uri).header("host", "a.test");
            for value in upgrade {
                request = request.header("upgrade", *value);
            }
            let request = forward(request.body(()).unwrap(), &Origin::Front, None).unwrap();
            assert_eq!(request.extensions().get(), expected.as_ref());
            assert_eq!(request.uri(), "http://a.test/");
        };
        check("http://a.test/", &["WebSocket"], Some(Unrecordable::Upgrade("WebSocket".into())));
        check("/", &["h2c", "HTTP/2.0, tcp"], Some(Unrecordable::Upgrade("tcp".into())));
        check("*", &[], Some(Unrecordable::WholeServer));
        check("/", &["h2c, TLS/1.0", ""], None);
        check("/", &[], None);
    }
}
