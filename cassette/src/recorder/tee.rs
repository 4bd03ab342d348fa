//! Passes a body through unchanged, frame by frame, and gives each frame to the exchange.
//!
//! Must not know: what the exchange does with the frames.

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
    /// Wraps the request's body. The exchange records the body while the server reads it.
    pub(crate) fn tee_request(&self, body: Body) -> Body {
        tee(self.clone(), Direction::Request, body)
    }

    /// Notes the response's head, and wraps its body. The exchange records the body while the client reads it.
    pub(crate) fn tee_response(&self, head: &http::response::Parts, body: Body) -> Body {
        self.respond(head);
        tee(self.clone(), Direction::Response, body)
    }
}

fn tee(exchange: Exchange, direction: Direction, inner: Body) -> Body {
    let mut tee = Tee { inner: Some(inner), exchange: Some(exchange), direction, unread: false };
    // Some clients and servers never poll an empty body, so its end is noted here. The redaction does not object to an
    // empty body, so the result is ignored.
    _ = tee.note_end();
    Body::new(tee)
}

/// A body that passes each frame through, and gives it to the exchange.
struct Tee {
    inner: Option<Body>,
    /// `None` after the exchange got the end of the body.
    exchange: Option<Exchange>,
    direction: Direction,
    /// Whether the receiver has dropped the body, and only the recording still reads it.
    unread: bool,
}

impl Tee {
    fn note_end(&mut self) -> Result<(), TransportError> {
        match self.exchange.take_if(|_| self.inner.as_ref().is_none_or(|b| b.is_end_stream())) {
            Some(exchange) => exchange.end(self.direction, HeaderMap::new()),
            None => Ok(()),
        }
    }

    /// Gives a frame to the exchange.
    ///
    /// # Errors
    ///
    /// The redaction objects to the request, so the frame must not pass, and the body ends.
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

/// The receiver dropped the body: the client no longer reads the answer, or the server no longer reads the request. A
/// background task reads the rest of the body, so that the cassette does not depend on timing. A request is recorded
/// whole. The module `rest` decides how much of a response is recorded.
impl Drop for Tee {
    fn drop(&mut self) {
        let Some(exchange) = self.exchange.take() else { return };
        if self.direction == Direction::Response {
            let rest = RestOfResponse { body: self.inner.take(), exchange: Some(exchange) };
            return rest.begin();
        }
        match (self.inner.take(), tokio::runtime::Handle::try_current()) {
            // If `unread` is set, the background task itself dropped the body: the runtime has ended, and nobody can
            // read the rest.
            (inner @ Some(_), Ok(runtime)) if !self.unread => {
                let rest = Tee { inner, exchange: Some(exchange), direction: self.direction, unread: true };
                runtime.spawn(drain(rest));
            }
            _ => exchange.cut(
                self.direction,
                TransportError {
                    kind: TransportErrorKind::Reset,
                    // This text is on cassettes, so it must not change.
                    message: "nobody read on from here".into(),
                },
            ),
        }
    }
}

/// The rest of a response that only the recording still reads. If this value is dropped before the end of the body, the
/// response is recorded as cut.
struct RestOfResponse {
    body: Option<Body>,
    /// `None` after the exchange got the end of the body.
    exchange: Option<Exchange>,
}

impl RestOfResponse {
    fn begin(self) {
        let reads_on = self.exchange.as_ref().is_some_and(Exchange::left);
        if let (true, Ok(runtime)) = (reads_on, tokio::runtime::Handle::try_current()) {
            runtime.spawn(self.read());
        }
    }

    async fn read(mut self) {
        while let Some(body) = &mut self.body {
            let frame = body.frame().await.map(|frame| frame.map(Frame::into_data));
            let Some(exchange) = &self.exchange else { return };
            match frame {
                Some(Ok(Ok(chunk))) => {
                    if exchange.rest(chunk) {
                        continue;
                    }
                }
                Some(Ok(Err(frame))) => exchange.end_rest(frame.into_trailers().unwrap_or_default()),
                Some(Err(e)) => exchange.break_rest(broken(&*e)),
                None => exchange.end_rest(HeaderMap::new()),
            }
            self.exchange = None;
            self.body = None;
        }
    }
}

impl Drop for RestOfResponse {
    fn drop(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            exchange.cut_rest();
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
