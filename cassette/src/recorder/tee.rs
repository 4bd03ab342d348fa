//! A body passing through: frames as they come, each handed to the exchange on the way.
//!
//! Must not know: what the exchange does with them.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;

use super::exchange::{Direction, Exchange};
use crate::body::{Body, BoxError};
use crate::tape::{TransportError, TransportErrorKind};

impl Exchange {
    /// The request's body, passing through and on to the tape.
    pub(crate) fn tee_request(&self, body: Body) -> Body {
        tee(self.clone(), Direction::Request, body)
    }

    /// The response's body, passing through and on to the tape.
    pub(crate) fn tee_response(&self, head: &http::response::Parts, body: Body) -> Body {
        self.respond(head);
        tee(self.clone(), Direction::Response, body)
    }
}

fn tee(exchange: Exchange, direction: Direction, inner: Body) -> Body {
    let mut tee = Tee { inner: Some(inner), exchange: Some(exchange), direction, unread: false };
    // An empty body is never polled by some who carry it, and there is nothing against it.
    _ = tee.note_end();
    Body::new(tee)
}

/// Passes frames through as they come and hands each to the exchange on the way.
struct Tee {
    inner: Option<Body>,
    /// None once the end has been told.
    exchange: Option<Exchange>,
    direction: Direction,
    /// Nobody but the recording reads it any more.
    unread: bool,
}

impl Tee {
    fn note_end(&mut self) -> Result<(), TransportError> {
        match self.exchange.take_if(|_| self.inner.as_ref().is_none_or(|b| b.is_end_stream())) {
            Some(exchange) => exchange.end(self.direction, HeaderMap::new()),
            None => Ok(()),
        }
    }

    /// What passes is told; what must not pass ends the body.
    fn pass(&mut self, frame: Option<&Result<Frame<Bytes>, BoxError>>) -> Result<(), TransportError> {
        match (frame, &self.exchange) {
            (Some(Ok(frame)), Some(exchange)) => {
                if let Some(chunk) = frame.data_ref() {
                    exchange.data(self.direction, chunk)?;
                    self.note_end()?;
                } else if let Some(trailers) = frame.trailers_ref() {
                    let ended = exchange.end(self.direction, trailers.clone());
                    self.exchange = None;
                    ended?;
                }
            }
            (Some(Err(e)), Some(exchange)) => {
                exchange.cut(self.direction, broken(&**e));
                self.exchange = None;
            }
            (None, _) => {
                self.inner = None;
                self.note_end()?;
            }
            (_, None) => {}
        }
        Ok(())
    }
}

impl http_body::Body for Tee {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let me = &mut *self;
        let Some(inner) = me.inner.as_mut() else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(inner).poll_frame(cx));
        if let Err(e) = me.pass(frame.as_ref()) {
            if let Some(exchange) = me.exchange.take() {
                exchange.cut(me.direction, e.clone());
            }
            me.inner = None;
            return Poll::Ready(Some(Err(e.into())));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(|b| b.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or(SizeHint::with_exact(0), |b| b.size_hint())
    }
}

/// Nobody reads on: the client lost interest in the answer, or the server in the request. The rest is still part
/// of the recording and read in the background, otherwise the cassette would depend on who was faster.
impl Drop for Tee {
    fn drop(&mut self) {
        let Some(exchange) = self.exchange.take() else { return };
        match (self.inner.take(), tokio::runtime::Handle::try_current()) {
            // Dropped for a second time, the runtime itself is ending.
            (inner @ Some(_), Ok(runtime)) if !self.unread => {
                let rest = Tee { inner, exchange: Some(exchange), direction: self.direction, unread: true };
                runtime.spawn(drain(rest));
            }
            _ => exchange.cut(
                self.direction,
                TransportError {
                    kind: TransportErrorKind::Reset,
                    message: "nobody read on from here".into(),
                },
            ),
        }
    }
}

async fn drain(mut rest: Tee) {
    while let Some(Ok(_)) = rest.frame().await {}
}

fn broken(e: &(dyn std::error::Error + 'static)) -> TransportError {
    match e.downcast_ref::<TransportError>() {
        Some(e) => e.clone(),
        None => TransportError { kind: TransportErrorKind::Reset, message: crate::error::chain(e) },
    }
}
