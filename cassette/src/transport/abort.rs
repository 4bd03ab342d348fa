//! A connection that can be aborted. The client then sees a reset, which is a socket error, and not an orderly end.
//!
//! The session aborts the connection of a client whose request found no server. It cannot refuse the connection, which
//! it has accepted already. For the client, a reset is most like a refused connection.
//!
//! Must not know: HTTP, TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::activity;

/// Decides how a connection ends: in order, or with a reset.
#[derive(Clone, Default)]
pub(super) struct Abort(Arc<AtomicBool>);

impl Abort {
    /// Lets the connection end with a reset.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn watch(&self, stream: TcpStream) -> Abortable {
        activity::stir();
        Abortable { stream, abort: self.clone() }
    }
}

/// A connection that ends with a reset if its [`Abort`] says so.
pub(super) struct Abortable {
    stream: TcpStream,
    abort: Abort,
}

impl Drop for Abortable {
    fn drop(&mut self) {
        activity::stir();
        if self.abort.0.load(Ordering::Acquire) {
            // Without a linger time, the system resets the connection. If the call fails, the connection ends in order.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Abortable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Abortable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        stirred(Pin::new(&mut self.stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        stirred(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        stirred(Pin::new(&mut self.stream).poll_shutdown(cx))
    }
}

/// The client can see the outcome, unless it is pending.
fn stirred<T>(polled: Poll<T>) -> Poll<T> {
    if polled.is_ready() {
        activity::stir();
    }
    polled
}
