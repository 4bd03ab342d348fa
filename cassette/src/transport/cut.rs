//! If a response breaks off, the client must see it break off at the same byte. So the connection is cut only after
//! everything before the failure has been sent.
//!
//! When a body fails, hyper drops the data that it still holds: the write buffer of an HTTP/1 connection, the queued
//! frames of an HTTP/2 stream. A failing body therefore waits at the connection's [`Gate`] until a whole poll of the
//! connection has left nothing unsent. On HTTP/2, data is still lost if the client's flow-control window is full.
//!
//! Must not know: TLS, proxies.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, Response, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::body::{Body, BoxError};
use crate::poison::unpoisoned;

/// The failing bodies of one connection wait here.
#[derive(Default)]
pub(super) struct Gate {
    /// True while there are written bytes that have not been flushed.
    unsent: AtomicBool,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    connection: Option<Waker>,
    bodies: Vec<Waker>,
    /// The number of failing bodies so far.
    arrived: u64,
    /// The number of failing bodies that may go on.
    passed: u64,
}

impl Gate {
    /// Runs the connection that this gate belongs to.
    pub(super) async fn drive<C: Future>(&self, connection: C) -> C::Output {
        let mut connection = pin!(connection);
        poll_fn(|cx| {
            // Only the bodies that failed before this poll may go on after it. A body that fails during this poll may
            // have left data that only the next poll sends.
            let arrived = self.enter(cx.waker());
            let polled = connection.as_mut().poll(cx);
            if polled.is_pending() && !self.unsent.load(Ordering::Acquire) {
                self.open(arrived);
            }
            polled
        })
        .await
    }

    /// Wraps the connection's stream, to see whether there are unsent bytes.
    pub(super) fn watch<T>(self: &Arc<Self>, inner: T) -> Watched<T> {
        Watched { inner, gate: self.clone() }
    }

    /// Wraps the response to a request with this method. Its body fails only after everything before the failure has
    /// been sent.
    pub(super) fn guard(self: &Arc<Self>, method: &Method, response: Response<Body>) -> Response<Guarded> {
        let has_length = response.headers().contains_key(CONTENT_LENGTH);
        let status = response.status();
        // For an HTTP/1 body that is known to be empty, hyper sets the header `content-length` to 0. That would replace
        // the length in a 304, which is the length of the full response (RFC 9110 §15.4.5). It would also add a length
        // to responses for which the server has sent none. So this body claims not to be empty.
        let looks_full = response.version() < Version::HTTP_2
            && if has_length { status == StatusCode::NOT_MODIFIED } else { may_have_a_body(method, status) };
        let gate = self.clone();
        response.map(|inner| Guarded { inner, gate, has_length, looks_full, failed: None, done: false })
    }

    fn enter(&self, waker: &Waker) -> u64 {
        let mut queue = self.queue();
        match &mut queue.connection {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        queue.arrived
    }

    fn open(&self, arrived: u64) {
        let mut queue = self.queue();
        if queue.passed < arrived {
            queue.passed = arrived;
            queue.bodies.drain(..).for_each(Waker::wake);
        }
    }

    /// Registers a failing body and returns its number.
    fn arrive(&self) -> u64 {
        let mut queue = self.queue();
        queue.arrived += 1;
        if let Some(connection) = &queue.connection {
            connection.wake_by_ref();
        }
        queue.arrived
    }

    fn poll_passed(&self, number: u64, cx: &Context<'_>) -> Poll<()> {
        let mut queue = self.queue();
        if number <= queue.passed {
            return Poll::Ready(());
        }
        queue.bodies.push(cx.waker().clone());
        Poll::Pending
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        unpoisoned(self.queue.lock())
    }
}

/// Whether a response with this status may have a body, if the request has this method (RFC 9110 §6.4.1).
fn may_have_a_body(method: &Method, status: StatusCode) -> bool {
    let bodiless = status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || *method == Method::HEAD
        || (*method == Method::CONNECT && status.is_success());
    !bodiless
}

/// See [`Gate::guard`].
pub(super) struct Guarded {
    inner: Body,
    gate: Arc<Gate>,
    has_length: bool,
    looks_full: bool,
    failed: Option<(u64, BoxError)>,
    done: bool,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.done {
            return Poll::Ready(None);
        }
        if self.failed.is_none() {
            match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Err(e)) => self.failed = Some((self.gate.arrive(), e)),
                other => return Poll::Ready(other),
            }
        }
        let Some((number, _)) = &self.failed else { return Poll::Ready(None) };
        ready!(self.gate.poll_passed(*number, cx));
        self.done = true;
        Poll::Ready(self.failed.take().map(|(_, e)| Err(e)))
    }

    fn is_end_stream(&self) -> bool {
        self.done || (self.failed.is_none() && !self.looks_full && self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        // The header holds the length that the server promised. A cut body is shorter, and hyper would send its length
        // instead.
        if self.has_length { SizeHint::default() } else { self.inner.size_hint() }
    }
}

/// See [`Gate::watch`].
pub(super) struct Watched<T> {
    inner: T,
    gate: Arc<Gate>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.gate.unsent.store(true, Ordering::Release);
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.gate.unsent.store(true, Ordering::Release);
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.gate.unsent.store(false, Ordering::Release);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
