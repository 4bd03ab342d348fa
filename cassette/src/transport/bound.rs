//! Upstream connections that belong to one client.
//!
//! NTLM and Negotiate (RFC 4559) log a connection in, not a request. From then on the server answers every request on
//! this connection as one of the user. So a client that logs in like this gets upstream connections of its own, and no
//! request of another client is sent on them. They speak HTTP/1.1, because these logins do not work with HTTP/2.
//!
//! Must not know: what a login contains, recordings.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, WWW_AUTHENTICATE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;

use super::accept::MAX_HEADERS;
use super::connect::Connector;
use crate::body::{Body, BoxError};
use crate::failure;
use crate::poison::unpoisoned;
use crate::transport_error::TransportError;

/// One client, as far as logins are concerned: one connection to the session, or one service in the process. The
/// requests of the client have it as an extension.
#[derive(Clone, Default)]
pub(crate) struct ClientConnection(Arc<Shared>);

#[derive(Default)]
struct Shared {
    is_bound: AtomicBool,
    /// The connections that no request uses at present. They are closed when the client has gone.
    idle: Mutex<HashMap<Site, Vec<SendRequest<Body>>>>,
}

type Site = (Option<Scheme>, Option<Authority>);

impl ClientConnection {
    /// Looks at the headers of a request or of a response. From the first sign of a login on, the client is bound.
    pub(super) fn note(&self, headers: &HeaderMap) {
        if concerns_connection(headers) {
            self.0.is_bound.store(true, Ordering::Release);
        }
    }

    /// Whether requests of this client go to upstream connections of its own.
    pub(super) fn is_bound(&self) -> bool {
        self.0.is_bound.load(Ordering::Acquire)
    }

    /// Sends a request on a connection of this client, on the I/O threads.
    pub(super) async fn send(
        self,
        connector: Connector,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, TransportError> {
        let uri = request.uri().clone();
        let site = (uri.scheme().cloned(), uri.authority().cloned());
        let is_for_proxy = connector.reading_proxy(&uri).is_some();
        loop {
            let (mut sender, used) = match self.idle(&site).await {
                Some(sender) => (sender, true),
                None => (connect(connector.clone(), &uri).await?, false),
            };
            match sender.try_send_request(in_http1(request, &uri, is_for_proxy)).await {
                Ok(response) => {
                    let back = Some((sender, self, site));
                    return Ok(response.map(|inner| Body::new(Lent::new(inner, back))));
                }
                // The server closed the connection before the request was sent.
                Err(mut e) => match e.take_message() {
                    Some(unsent) if used => request = unsent,
                    _ => return Err(failure::of(&e.into_error())),
                },
            }
        }
    }

    async fn idle(&self, site: &Site) -> Option<SendRequest<Body>> {
        loop {
            // The last connection first: it is the one on which the client has begun to log in.
            let mut sender = unpoisoned(self.0.idle.lock()).get_mut(site)?.pop()?;
            if sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
    }
}

/// Whether these headers log a connection in, or ask for that.
fn concerns_connection(headers: &HeaderMap) -> bool {
    const NAMES: [http::HeaderName; 4] =
        [AUTHORIZATION, PROXY_AUTHORIZATION, WWW_AUTHENTICATE, PROXY_AUTHENTICATE];
    let logs_in = |value: &HeaderValue| {
        let value = String::from_utf8_lossy(value.as_bytes());
        // One line may have several challenges (RFC 9110 §11.6.1).
        value.split(',').any(|challenge| {
            let scheme = challenge.split_whitespace().next().unwrap_or_default();
            scheme.eq_ignore_ascii_case("ntlm") || scheme.eq_ignore_ascii_case("negotiate")
        })
    };
    headers.contains_key("persistent-auth")
        || NAMES.iter().any(|name| headers.get_all(name).iter().any(logs_in))
}

async fn connect(connector: Connector, uri: &Uri) -> Result<SendRequest<Body>, TransportError> {
    let stream = TokioIo::new(connector.http1(uri).await?);
    let made = Builder::new().max_headers(MAX_HEADERS).handshake(stream).await;
    let (sender, connection) = made.map_err(|e| failure::of(&e))?;
    tokio::spawn(async move {
        // A failing connection also fails its request, which reports the error.
        let _ = connection.await;
    });
    Ok(sender)
}

/// The request as an HTTP/1.1 client sends it to a server: the path as its target, and a `host` header. A proxy that
/// reads the request gets the whole URI.
fn in_http1(mut request: Request<Body>, uri: &Uri, is_for_proxy: bool) -> Request<Body> {
    if let Some(host) = uri.authority().and_then(|a| HeaderValue::from_str(a.as_str()).ok()) {
        request.headers_mut().entry(HOST).or_insert(host);
    }
    if !is_for_proxy {
        *request.uri_mut() = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")).into();
    }
    request
}

/// The body of a response. At its end, the connection goes back to its client.
struct Lent {
    inner: Incoming,
    back: Option<(SendRequest<Body>, ClientConnection, Site)>,
}

impl Lent {
    fn new(inner: Incoming, back: Option<(SendRequest<Body>, ClientConnection, Site)>) -> Lent {
        let mut lent = Lent { inner, back };
        if lent.inner.is_end_stream() {
            lent.give_back();
        }
        lent
    }

    fn give_back(&mut self) {
        if let Some((sender, client, site)) = self.back.take() {
            unpoisoned(client.0.idle.lock()).entry(site).or_default().push(sender);
        }
    }
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Err(_)) => self.back = None,
            Some(Ok(_)) if !self.inner.is_end_stream() => {}
            // The connection is back before the client sees the end, and may send its next request.
            Some(Ok(_)) | None => self.give_back(),
        }
        Poll::Ready(frame.map(|frame| frame.map_err(|e| failure::of(&e).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &'static str, value: &'static str, expected: bool) {
        let client = ClientConnection::default();
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        client.note(&headers);
        assert_eq!(client.is_bound(), expected, "{name}: {value}");
    }

    #[test]
    fn logins_of_connections() {
        check("authorization", "NTLM TlRMTVNTUAAB", true);
        check("authorization", "negotiate YII=", true);
        check("www-authenticate", "Basic realm=\"a\", NTLM", true);
        check("www-authenticate", "Negotiate", true);
        check("proxy-authenticate", "NTLM", true);
        check("persistent-auth", "true", true);
        check("authorization", "Bearer ntlm", false);
        check("authorization", "Basic TlRMTQ==", false);
        check("www-authenticate", "Bearer realm=\"Negotiate\"", false);
    }
}
