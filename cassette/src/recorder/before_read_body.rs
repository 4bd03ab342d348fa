//! Redacts an answer before the code under test reads it, for `redact_before_read`.
//!
//! The redaction runs upstream of the recorder, so the code under test and the cassette have the same bytes.

use std::io::{self, Write};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, response};
use http_body::{Body as _, Frame};

use super::exchange::Exchange;
use crate::body::{Body, BoxError};
use crate::capture;
use crate::decode::{self, Decoder};
use crate::poison::unpoisoned;
use crate::redact::{BodyRedactor, Objection, Redactor, Side};
use crate::tape::{TransportError, TransportErrorKind};

impl Exchange {
    /// The answer for the code under test. It is unchanged unless the project uses `redact_before_read`.
    ///
    /// # Errors
    ///
    /// The answer's encoding cannot be decoded, so the answer cannot be redacted.
    pub(crate) fn before_read(
        &self,
        mut head: response::Parts,
        body: Body,
    ) -> Result<(response::Parts, Body), Objection> {
        let Some(redactor) = self.outbox().redactor().before_read().cloned() else {
            return Ok((head, body));
        };
        let encoding = capture::content_encoding(&head.headers);
        let content_type = capture::content_type(&head.headers).map(str::to_owned);
        head.headers = redactor.headers(&head.headers, Side::Response);
        let head_only = self.parts().as_ref().is_some_and(|parts| parts.method == http::Method::HEAD);
        if head_only || head.status == StatusCode::NOT_MODIFIED || body.is_end_stream() {
            return Ok((head, body));
        }
        let out = Shared::default();
        let redacted = redactor.body(content_type.as_deref(), out.clone());
        let Ok(pipeline) = decode::decoder(encoding.as_deref(), redacted) else {
            return Err(Objection::Encoding(encoding.unwrap_or_default()));
        };
        // Redaction changes the length and the digests of the body. cassette knows the new ones only at the end of the
        // body, after it has passed on the head.
        let gone = [header::CONTENT_ENCODING.as_str(), header::CONTENT_LENGTH.as_str()];
        gone.iter().chain(capture::DIGESTS.iter()).for_each(|name| _ = head.headers.remove(*name));
        let body = BeforeReadBody {
            inner: Some((body, Box::new(pipeline))),
            out,
            then: None,
            redactor,
            exchange: self.clone(),
        };
        Ok((head, Body::new(body)))
    }
}

/// A buffer between the pipeline, which writes to it, and the body, which takes its frames from it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self) -> Option<Bytes> {
        let bytes = mem::take(&mut *unpoisoned(self.0.lock()));
        (!bytes.is_empty()).then(|| bytes.into())
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unpoisoned(self.0.lock()).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Pipeline = Decoder<BodyRedactor<Shared>>;

struct BeforeReadBody {
    /// `None` after the end of the body.
    inner: Option<(Body, Box<Pipeline>)>,
    out: Shared,
    /// Trailers or an error to pass on after the last bytes.
    then: Option<Result<Frame<Bytes>, BoxError>>,
    redactor: Redactor,
    exchange: Exchange,
}

impl BeforeReadBody {
    /// Ends the body: it passes on the bytes that the pipeline has held back, and after them `then`.
    fn end(&mut self, then: Option<Result<Frame<Bytes>, BoxError>>) {
        let Some((_, pipeline)) = self.inner.take() else { return };
        let finished = match &then {
            Some(Err(_)) => pipeline.abandon().finish().map(drop),
            _ => pipeline.finish().and_then(BodyRedactor::finish).map(drop),
        };
        self.then = match finished {
            Ok(()) => then,
            Err(e) => Some(Err(self.broken(e))),
        };
    }

    fn broken(&self, e: io::Error) -> BoxError {
        let message = format!("the answer can't be decoded: {e}");
        self.exchange.unreadable(e);
        TransportError { kind: TransportErrorKind::Protocol, message }.into()
    }

    fn trailers(&self, trailers: HeaderMap) -> Frame<Bytes> {
        Frame::trailers(self.redactor.headers(&trailers, Side::Response))
    }
}

impl http_body::Body for BeforeReadBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let me = &mut *self;
        while let Some((body, pipeline)) = &mut me.inner {
            match ready!(Pin::new(body).poll_frame(cx)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(chunk))) => {
                    if let Err(e) = pipeline.write_all(&chunk) {
                        me.inner = None;
                        me.then = Some(Err(me.broken(e)));
                    }
                }
                Some(Ok(Err(frame))) => {
                    let trailers = frame.into_trailers().map(|trailers| me.trailers(trailers));
                    me.end(trailers.ok().map(Ok));
                }
                Some(Err(e)) => me.end(Some(Err(e))),
                None => me.end(None),
            }
            if let Some(bytes) = me.out.take() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
        Poll::Ready(me.then.take())
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_none() && self.then.is_none()
    }
}
