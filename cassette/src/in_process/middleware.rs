//! The engine as a middleware of `reqwest-middleware`.

use std::pin::Pin;

use http::{Extensions, Request};
use http_body_util::BodyExt as _;
use reqwest::ResponseBuilderExt as _;
use reqwest_middleware::{Error, Middleware, Next, Result};

use super::{Settled, begin};
use crate::body::Body;
use crate::engine::Engine;
use crate::failure;

/// Records and replays what goes through a client of `reqwest-middleware`. From
/// [`Session::middleware`](crate::Session::middleware).
///
/// What failed while recording is on replay an [`Error::Middleware`] that holds a
/// [`TransportError`](crate::tape::TransportError) of the same kind: nobody but reqwest can make an error of its own.
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
        // Bytes can be sent again, after a redirect or by a layer that retries, as long as reqwest knows them.
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
                        // It is complete: it goes to the tape at once.
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

/// What `#[async_trait]` makes of the trait's method, written out: it is not worth a procedural macro.
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
