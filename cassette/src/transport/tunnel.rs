//! Raw tunnels: the bytes of a client go to the real server and back, untouched, TLS and all.
//!
//! Must not know: which servers get a tunnel; what the bytes mean.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::uri::Authority;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf, copy_bidirectional};

use super::UpstreamOptions;
use super::abort::Abort;
use super::connect::Connector;
use crate::error::Result;

/// The tunnels of a session. By default there are none.
#[derive(Default)]
pub(crate) struct Tunnels(Option<Open>);

struct Open {
    connector: Connector,
    leads: Box<dyn Fn(&Authority) -> bool + Send + Sync>,
}

impl Tunnels {
    /// Opens a tunnel to each server, host and port, for which `leads` returns true.
    ///
    /// # Errors
    ///
    /// The options are wrong.
    pub(crate) fn new(
        options: &UpstreamOptions,
        leads: impl Fn(&Authority) -> bool + Send + Sync + 'static,
    ) -> Result<Tunnels> {
        Ok(Tunnels(Some(Open { connector: Connector::new(options)?, leads: Box::new(leads) })))
    }

    /// Whether there may be tunnels at all.
    pub(super) fn exist(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a connection to this server is a tunnel.
    pub(super) fn leads_to(&self, server: &Authority) -> bool {
        self.0.as_ref().is_some_and(|open| (open.leads)(server))
    }

    /// Carries the bytes between `client` and `server` until both sides have ended. `sent` has the bytes that the client
    /// has sent so far. If there is no connection to the server, the client's connection is reset.
    pub(super) async fn carry<T>(&self, mut client: T, sent: &[u8], server: &Authority, abort: &Abort)
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(open) = &self.0 else { return };
        let carried = async {
            let mut stream = open.connector.clone().tunnel(server).await.map_err(io::Error::other)?;
            stream.write_all(sent).await?;
            copy_bidirectional(&mut client, &mut stream).await
        };
        if carried.await.is_err() {
            abort.set();
        }
    }
}

/// A stream that keeps the bytes that are read from it, until [`forget`](Self::forget) is called.
pub(super) struct Kept<T> {
    inner: T,
    bytes: Option<Vec<u8>>,
}

impl<T> Kept<T> {
    /// Keeps the bytes only if `keeps` is true.
    pub(super) fn new(inner: T, keeps: bool) -> Kept<T> {
        Kept { inner, bytes: keeps.then(Vec::new) }
    }

    pub(super) fn forget(&mut self) {
        self.bytes = None;
    }

    /// The stream, and the bytes that were read.
    pub(super) fn into_parts(self) -> (T, Vec<u8>) {
        (self.inner, self.bytes.unwrap_or_default())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Kept<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Some(bytes) = &mut self.bytes {
            bytes.extend_from_slice(&buf.filled()[before..]);
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Kept<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
