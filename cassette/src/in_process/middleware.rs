//! The engine as a middleware of `reqwest-middleware`.
//!
//! Must not know: modes, sockets, files.

use std::pin::Pin;

use http::{Extensions, Request};
use http_body_util::BodyExt as _;
use reqwest::ResponseBuilderExt as _;
use reqwest_middleware::{Error, Middleware, Next, Result};

use super::{Settled, begin};
use crate::body::Body;
use crate::engine::Engine;
use crate::failure;

/// Records and replays the requests of a `reqwest-middleware` client.
/// [`Session::middleware`](crate::Session::middleware) returns it.
///
/// # Errors
///
/// If a request failed while recording, it fails on replay with an [`Error::Middleware`] that holds a
/// [`TransportError`](crate::tape::TransportError) of the same kind. The error cannot be a `reqwest::Error`, because
/// only reqwest can make such errors.
#[derive(Clone, Debug)]
pub struct CassetteMiddleware(Engine);

impl CassetteMiddleware {
    pub(crate) fn new(engine: Engine) -> CassetteMiddleware {
        CassetteMiddleware(engine)
    }

    async fn exchange(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<reqwest::Response> {
        let url = request.url().clone();
        let timeout = request.timeout().copied();
        // A copy of the original request is sent if its body is in memory. The body that the recorder wraps is a
        // stream, and reqwest cannot send a stream again after a redirect or for a middleware that retries.
        let whole = request.try_clone();
        let request: Request<reqwest::Body> = request.try_into()?;
        let (head, begun) = match begin(&self.0, request) {
            Ok(begun) => begun,
            Err(refusal) => return Ok(response(refusal.response(), url)),
        };
        match begun.settled().await {
            Settled::Here(answer) => match answer.await {
                Ok(answer) => Ok(response(answer, url)),
                Err(e) => Err(Error::middleware(e)),
            },
            Settled::Live(teed, pending) => {
                let request = match whole {
                    Some(request) => {
                        // The body is in memory, so the recorder can read it at once.
                        let mut body = teed.into_body();
                        while let Some(Ok(_)) = body.frame().await {}
                        if let Some(instead) = pending.refused() {
                            return Ok(response(instead.map_err(Error::middleware)?, url));
                        }
                        request
                    }
                    None => {
                        let body = reqwest::Body::wrap(teed.into_body());
                        let mut request: reqwest::Request = Request::from_parts(head, body).try_into()?;
                        *request.timeout_mut() = timeout;
                        request
                    }
                };
                match next.run(request, extensions).await {
                    Ok(answer) => {
                        let url = answer.url().clone();
                        let answer = http::Response::from(answer).map(Body::new);
                        match pending.answered(answer).await {
                            Ok(answer) => Ok(response(answer, url)),
                            Err(e) => Err(Error::middleware(e)),
                        }
                    }
                    Err(e) => {
                        let failure = match &e {
                            Error::Reqwest(e) => failure::of(e),
                            Error::Middleware(e) => failure::of(&**e),
                        };
                        match pending.failed(&failure).await {
                            Some(Ok(answer)) => Ok(response(answer, url)),
                            Some(Err(e)) => Err(Error::middleware(e)),
                            None => Err(e),
                        }
                    }
                }
            }
        }
    }
}

/// `#[async_trait]` would generate this signature. It is written by hand to save the dependency.
impl Middleware for CassetteMiddleware {
    fn handle<'me, 'extensions, 'next, 'future>(
        &'me self,
        request: reqwest::Request,
        extensions: &'extensions mut Extensions,
        next: Next<'next>,
    ) -> Pin<Box<dyn Future<Output = Result<reqwest::Response>> + Send + 'future>>
    where
        'me: 'future,
        'extensions: 'future,
        'next: 'future,
        Self: 'future,
    {
        Box::pin(self.exchange(request, extensions, next))
    }
}

fn response(answer: http::Response<Body>, url: reqwest::Url) -> reqwest::Response {
    let (mut head, body) = answer.into_parts();
    if let Ok(with_url) = http::Response::builder().url(url).body(()) {
        head.extensions.extend(with_url.into_parts().0.extensions);
    }
    http::Response::from_parts(head, reqwest::Body::wrap(body)).into()
}
