//! The transports without a socket: the engine as a `tower` service, as a layer around another service, and as a
//! middleware of `reqwest-middleware`.
//!
//! These transports run on the caller's tasks, and pass on the chunks of bodies without a copy. Must not know: sockets,
//! files.

#[cfg(feature = "reqwest-middleware")]
mod middleware;

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

#[cfg(feature = "reqwest-middleware")]
pub use self::middleware::CassetteMiddleware;
use crate::body::{Body, BoxError};
use crate::engine::{Begun, Engine, Pending, Settled};
use crate::failure;
use crate::target::{self, Origin, Refusal};
#[cfg(feature = "proxy")]
use crate::transport::ClientConnection;

/// A `tower` layer that records and replays the requests to the service that it wraps.
/// [`Session::layer`](crate::Session::layer) returns it.
#[derive(Clone, Debug)]
pub struct CassetteLayer(Engine);

/// A service whose exchanges a session records or replays. [`CassetteLayer`] makes it.
///
/// A replay does not call the inner service, except for [pass-through](crate::Config::pass_through) hosts.
///
/// # Errors
///
/// While recording, the caller gets the error of the inner service unchanged. If a request failed while recording, it
/// fails on replay with a [`TransportError`](crate::tape::TransportError) of the same kind.
#[derive(Clone, Debug)]
pub struct CassetteService<S> {
    engine: Engine,
    inner: S,
}

/// A `tower` service that sends requests to real servers while recording, and opens no socket on replay.
/// [`Session::service`](crate::Session::service) returns it.
#[cfg(feature = "proxy")]
#[derive(Clone)]
pub struct SessionService {
    engine: Engine,
    /// The clones of a service are one client.
    client: ClientConnection,
}

type AnswerFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

impl CassetteLayer {
    pub(crate) fn new(engine: Engine) -> CassetteLayer {
        CassetteLayer(engine)
    }
}

#[cfg(feature = "proxy")]
impl SessionService {
    pub(crate) fn new(engine: Engine) -> SessionService {
        SessionService { engine, client: ClientConnection::default() }
    }
}

impl<S> Layer<S> for CassetteLayer {
    type Service = CassetteService<S>;

    fn layer(&self, inner: S) -> CassetteService<S> {
        CassetteService { engine: self.0.clone(), inner }
    }
}

impl<S, B, R> Service<Request<B>> for CassetteService<S>
where
    S: Service<Request<Body>, Response = Response<R>, Error: Into<BoxError>, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = AnswerFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.engine.is_live() {
            self.inner.poll_ready(cx).map_err(Into::into)
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn call(&mut self, request: Request<B>) -> AnswerFuture {
        let (head, begun) = match begin(&self.engine, request) {
            Ok(begun) => begun,
            Err(refusal) => return ready(refusal),
        };
        let later = match begun {
            Begun::Here(answer) => return Box::pin(async move { Ok(answer.await?) }),
            Begun::Live(request, pending) => {
                // The server gets the caller's head, not the copy that the engine normalised for matching.
                let answer = self.inner.call(Request::from_parts(head, request.into_body()));
                return Box::pin(finish(answer, pending));
            }
            Begun::Later(_) => begun,
        };
        // `poll_ready` prepared the service in `self`, so this call must use that service and not its clone. The clone
        // stays in `self` for the next call.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            match later.settled().await {
                Settled::Here(answer) => Ok(answer.await?),
                Settled::Live(request, pending) => {
                    let mut head = head;
                    let (sent, body) = request.into_parts();
                    // The engine may have replaced placeholders in a body that it read first, which changes the length.
                    if let (Some(length), Some(now)) =
                        (head.headers.get_mut(CONTENT_LENGTH), sent.headers.get(CONTENT_LENGTH))
                    {
                        length.clone_from(now);
                    }
                    let answer = inner.call(Request::from_parts(head, body));
                    finish(answer, pending).await
                }
            }
        })
    }
}

/// Waits for the answer of the inner service, and passes it through the engine.
async fn finish<R, E: Into<BoxError>>(
    answer: impl Future<Output = Result<Response<R>, E>>,
    pending: Pending,
) -> Result<Response<Body>, BoxError>
where
    R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    match answer.await.map_err(Into::into) {
        Ok(response) => Ok(pending.answered(response.map(Body::new)).await?),
        Err(e) => {
            let failure = failure::of(&*e);
            match pending.failed(&failure).await {
                Some(instead) => Ok(instead?),
                None => Err(e),
            }
        }
    }
}

#[cfg(feature = "proxy")]
impl<B> Service<Request<B>> for SessionService
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = AnswerFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> AnswerFuture {
        match target::forward(request.map(Body::new), &Origin::Front, None) {
            Ok(mut request) => {
                request.extensions_mut().insert(self.client.clone());
                let answer = self.engine.call(request);
                Box::pin(async move { Ok(answer.await?) })
            }
            Err(refusal) => ready(refusal),
        }
    }
}

#[cfg(feature = "proxy")]
impl std::fmt::Debug for SessionService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SessionService").field(&self.engine).finish()
    }
}

/// Normalises a request as all transports do, and passes it to the engine. Also returns the original head.
fn begin<B>(engine: &Engine, request: Request<B>) -> Result<(http::request::Parts, Begun), Refusal>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let (head, body) = request.into_parts();
    let mut copy = Request::new(Body::new(body));
    *copy.method_mut() = head.method.clone();
    *copy.uri_mut() = head.uri.clone();
    *copy.version_mut() = head.version;
    *copy.headers_mut() = head.headers.clone();
    let begun = engine.begin(target::forward(copy, &Origin::Front, None)?);
    Ok((head, begun))
}

fn ready(refusal: Refusal) -> AnswerFuture {
    Box::pin(std::future::ready(Ok(refusal.response())))
}
