//! HTTP/2 without TLS by prior knowledge (RFC 9113 §3.3), and streams in both directions.

use bytes::Bytes;
use cassette::{Body, Session};
use http::{HeaderMap, Request, Version};
use http_body::Frame;
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tower_service::Service as _;

use crate::api::{Api, HOST, Seen, Speaks, data, frames, see, see_any};
use crate::project::{Project, response};

type ClientBody = BoxBody<Bytes, std::io::Error>;

/// A client that knows that the server speaks HTTP/2.
async fn connect(stream: TcpStream) -> SendRequest<ClientBody> {
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn connect_to_proxy(session: &Session) -> SendRequest<ClientBody> {
    let url = session.proxy_url().unwrap().to_string();
    let proxy = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    connect(TcpStream::connect(proxy).await.unwrap()).await
}

/// A server that says which version of HTTP it was asked with, and sends trailers as gRPC does.
fn versions() -> Api {
    Api::streaming(Speaks::Http1, async |request| {
        let version = format!("{:?}", request.version());
        request.into_body().collect().await.unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        frames(200, &[("content-type", "application/grpc")], [data(version), Ok(Frame::trailers(trailers))])
    })
}

fn get(body: ClientBody) -> Request<ClientBody> {
    Request::post(format!("http://{HOST}/a.B/C")).body(body).unwrap()
}

fn whole(text: &'static str) -> ClientBody {
    http_body_util::Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {}).boxed()
}

/// Records and replays a client that speaks HTTP/2 without TLS.
#[track_caller]
fn is_http2(client: impl AsyncFn(Session) -> Seen + Sync) {
    let (project, seen) = Project::both(versions(), client);
    assert_eq!((seen.status, &seen.body[..]), (200, &b"HTTP/2.0"[..]));
    assert_eq!(seen.trailers.unwrap()["grpc-status"], "0");
    let recorded = project.interactions();
    assert_eq!(recorded.len(), 1);
    assert_eq!(response(&recorded[0]).version, Version::HTTP_2);
    assert_eq!(project.requests(), [format!("POST http://{HOST}/a.B/C")]);
}

#[test]
fn by_proxy() {
    is_http2(async |session| {
        let mut client = connect_to_proxy(&session).await;
        see_any(client.send_request(get(whole("hello"))).await.unwrap()).await
    });
    is_http2(async |session| {
        let client = session.client_builder().unwrap().http2_prior_knowledge().build().unwrap();
        let request = client.post(format!("http://{HOST}/a.B/C")).body("hello");
        see(request.send().await.unwrap()).await
    });
}

#[cfg(all(any(target_os = "linux", target_os = "macos"), target_pointer_width = "64"))]
#[test]
fn by_interception() {
    is_http2(async |_| {
        let mut client = connect(TcpStream::connect((HOST, 80)).await.unwrap()).await;
        see_any(client.send_request(get(whole("hello"))).await.unwrap()).await
    });
}

#[test]
fn by_base_url() {
    is_http2(async |session| {
        let url = session.base_url(&format!("http://{HOST}/")).unwrap().to_string();
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let mut client = connect(TcpStream::connect(&address).await.unwrap()).await;
        let mut request = get(whole("hello"));
        *request.uri_mut() = format!("http://{address}/a.B/C").parse().unwrap();
        see_any(client.send_request(request).await.unwrap()).await
    });
}

#[test]
fn in_process() {
    is_http2(async |session| {
        let mut request = get(whole("hello")).map(Body::new);
        *request.version_mut() = Version::HTTP_2;
        see_any(session.service().call(request).await.unwrap()).await
    });
}
