//! Requests that no cassette can hold, on their way to a pass-through host: an upgrade to another protocol, and a request
//! for the whole server (`*`). Each gets a connection of its own.
//!
//! Must not know: why a request may pass.

use http::header::{CONNECTION, HOST, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::accept::MAX_HEADERS;
use super::connect::Connector;
use crate::body::Body;
use crate::failure;
use crate::target::{self, Unrecordable};
use crate::transport_error::TransportError;

/// Sends the request on a connection of its own. If the server changes the protocol, the extensions of the response
/// hold the connection.
pub(super) async fn send(
    connector: Connector,
    mut request: Request<Body>,
    unrecordable: Unrecordable,
) -> Result<Response<Body>, TransportError> {
    let uri = request.uri().clone();
    let proxy = connector.reading_proxy(&uri);
    let stream = connector.http1(&uri).await?;
    let mut builder = http1::Builder::new();
    let (mut sender, connection) = builder
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|e| failure::of(&e))?;
    tokio::spawn(connection.with_upgrades());
    *request.version_mut() = Version::HTTP_11;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let headers = request.headers_mut();
    if let (false, Ok(host)) = (headers.contains_key(HOST), HeaderValue::from_str(authority)) {
        headers.insert(HOST, host);
    }
    if let Unrecordable::Upgrade(protocol) = &unrecordable {
        mark(headers, protocol);
    }
    match &proxy {
        Some(proxy) => proxy.authorize(headers),
        None => {
            let path = match unrecordable {
                Unrecordable::WholeServer => "*",
                Unrecordable::Upgrade(_) => uri.path_and_query().map_or("/", |path| path.as_str()),
            };
            *request.uri_mut() = path.parse::<Uri>().unwrap_or_default();
        }
    }
    let mut response = sender.send_request(request).await.map_err(|e| failure::of(&e))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        target::strip(response.headers_mut());
    }
    Ok(response.map(|body| Body::new(body.map_err(|e| failure::of(&e)))))
}

/// Names the protocol in the headers of a request or a response.
pub(super) fn mark(headers: &mut http::HeaderMap, protocol: &str) {
    if let Ok(protocol) = HeaderValue::from_str(protocol) {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
}

/// The connection to the server, and the name of the protocol, if the response changes the protocol.
pub(super) fn of(response: &mut Response<Body>) -> Option<(OnUpgrade, String)> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return None;
    }
    let protocol = response.headers().get(UPGRADE)?.to_str().ok()?.to_owned();
    Some((response.extensions_mut().remove::<OnUpgrade>()?, protocol))
}

/// Carries the bytes between the client and the server, in the protocol that they have agreed on.
pub(super) async fn join(client: OnUpgrade, server: OnUpgrade) {
    let (Ok(client), Ok(server)) = (client.await, server.await) else { return };
    let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
    // An error means that one side has left, and both connections are closed.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
