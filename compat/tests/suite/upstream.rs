//! The server from which the suite records. It uses TLS with HTTP/1.1 and HTTP/2, under a name that does not exist, and
//! the same without TLS on the same port. It serves plain texts, AWS's STS and gRPC.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use cassette::Config;
use cassette_compat::grpc::{ECHO, TALK, Word};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tonic_prost::ProstCodec;

pub(crate) const HOST: &str = "api.example.test";
/// The response body for GET requests.
pub(crate) const WORDS: &str = "the words of the server";
/// The ARN in the response of STS.
pub(crate) const ARN: &str = "arn:aws:iam::123456789012:user/compat";
/// The texts of all messages that the two gRPC methods return, in order.
pub(crate) const SPELLED: &str = "hat h a t";

/// The first byte of a TLS connection (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;

/// A running server. It stops when this value is dropped.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    /// The root certificate, in PEM.
    pub(crate) root: String,
    _runtime: Runtime,
}

impl Upstream {
    pub(crate) fn start() -> Upstream {
        let (tls, root) = tls();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tls = tls.clone();
                tokio::spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    let mut first = [0];
                    if stream.peek(&mut first).await.is_ok() && first != [TLS_HANDSHAKE] {
                        let _ = server.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
                    } else if let Ok(stream) = tls.accept(stream).await {
                        let _ = server.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
                    }
                });
            }
        });
        Upstream { address, root, _runtime: runtime }
    }

    /// Settings that make a session connect to this server, and trust its certificate.
    pub(crate) fn config(&self) -> Config {
        Config::new().resolve(HOST, self.address).extra_root(self.root.clone())
    }
}

fn tls() -> (TlsAcceptor, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(vec![HOST.to_owned()]).expect("a name");
    let certificate = certificate.self_signed(&key).expect("a certificate");
    let mut config = rustls::ServerConfig::builder_with_provider(crate::explicit::provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .expect("a configuration");
    config.alpn_protocols = vec!["h2".into(), "http/1.1".into()];
    (TlsAcceptor::from(Arc::new(config)), certificate.pem())
}

type Answer = Response<tonic::body::Body>;

async fn answer(request: Request<Incoming>) -> Result<Answer, Infallible> {
    let is_grpc =
        request.headers().get("content-type").is_some_and(|t| t.as_bytes().starts_with(b"application/grpc"));
    Ok(match request.uri().path() {
        _ if is_grpc => grpc(request).await,
        "/words" => plain("text/plain", WORDS.to_owned()),
        "/" if request.method() == http::Method::POST => sts(request).await,
        path => {
            let mut answer = plain("text/plain", format!("nothing at {path}"));
            *answer.status_mut() = http::StatusCode::NOT_FOUND;
            answer
        }
    })
}

fn plain(kind: &str, text: String) -> Answer {
    let body = tonic::body::Body::new(Full::new(Bytes::from(text)));
    Response::builder().header("content-type", kind).body(body).expect("an answer")
}

async fn sts(request: Request<Incoming>) -> Answer {
    let asked = request.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
    assert!(asked.starts_with(b"Action=GetCallerIdentity"), "{asked:?}");
    let text = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>{ARN}</Arn><UserId>AIDACOMPAT</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    );
    plain("text/xml", text)
}

/// Passes a gRPC call to its method, like the code that tonic's generator writes.
async fn grpc(request: Request<Incoming>) -> Answer {
    let mut server = tonic::server::Grpc::new(ProstCodec::<Word, Word>::default());
    match request.uri().path() {
        ECHO => server.unary(Echo, request).await,
        TALK => server.streaming(Talk, request).await,
        _ => server.server_streaming(Spell, request).await,
    }
}

struct Talk;

impl tonic::server::StreamingService<Word> for Talk {
    type Response = Word;
    type ResponseStream = Replies;
    type Future = std::future::Ready<Result<tonic::Response<Replies>, tonic::Status>>;

    fn call(&mut self, request: tonic::Request<tonic::Streaming<Word>>) -> Self::Future {
        std::future::ready(Ok(tonic::Response::new(Replies(request.into_inner()))))
    }
}

/// The answer to each word of a client.
struct Replies(tonic::Streaming<Word>);

impl futures_core::Stream for Replies {
    type Item = Result<Word, tonic::Status>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let reply = |word: Word| Word { text: format!("you say {}", word.text) };
        std::pin::Pin::new(&mut self.0).poll_next(cx).map(|word| word.map(|word| word.map(reply)))
    }
}

struct Echo;

impl tonic::server::UnaryService<Word> for Echo {
    type Response = Word;
    type Future = std::future::Ready<Result<tonic::Response<Word>, tonic::Status>>;

    fn call(&mut self, request: tonic::Request<Word>) -> Self::Future {
        std::future::ready(Ok(tonic::Response::new(request.into_inner())))
    }
}

struct Spell;

type Letters = std::pin::Pin<Box<dyn futures_core::Stream<Item = Result<Word, tonic::Status>> + Send>>;

impl tonic::server::ServerStreamingService<Word> for Spell {
    type Response = Word;
    type ResponseStream = Letters;
    type Future = std::future::Ready<Result<tonic::Response<Letters>, tonic::Status>>;

    fn call(&mut self, request: tonic::Request<Word>) -> Self::Future {
        let letters: Vec<_> =
            request.into_inner().text.chars().map(|c| Ok(Word { text: c.into() })).collect();
        // tonic ends the stream with the status in trailers.
        let letters: Letters = Box::pin(Spelled(letters.into_iter()));
        std::future::ready(Ok(tonic::Response::new(letters)))
    }
}

struct Spelled(std::vec::IntoIter<Result<Word, tonic::Status>>);

impl futures_core::Stream for Spelled {
    type Item = Result<Word, tonic::Status>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}
