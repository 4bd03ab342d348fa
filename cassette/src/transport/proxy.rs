//! A session's listener on loopback: a proxy for clients that know of it, and the server itself for those
//! that were led here.
//!
//! Must not know: what the engine does; that sessions exist.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::accept::{self, Shared, Stop};
use super::ca::{Ca, Hosts};
use super::{Engine, io};
use crate::{Error, Result};

/// The listener and its connections, until it is stopped or dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    stop: watch::Sender<bool>,
}

impl Proxy {
    /// Starts to listen on a free port of 127.0.0.1 and hands every request to `engine`. Certificates are made
    /// for the instant that `clock` shows when a host is first asked for.
    ///
    /// The engine is called on the I/O threads, which belong to no session.
    ///
    /// # Errors
    ///
    /// The system refuses the threads or the socket.
    pub(crate) fn start<S: Engine>(
        engine: S,
        clock: impl Fn() -> SystemTime + Send + Sync + 'static,
    ) -> Result<Proxy> {
        let handle = io::handle()?;
        let _io = handle.enter();
        let listener = bind().map_err(|e| Error::with_source("could not listen on 127.0.0.1", e))?;
        let address =
            listener.local_addr().map_err(|e| Error::with_source("could not listen on 127.0.0.1", e))?;
        let (stop, stopped) = watch::channel(false);
        let stopped = Stop(stopped);
        let shared = Arc::new(Shared {
            engine,
            hosts: Hosts::new(Ca::get()),
            clock: Box::new(clock),
            address,
            stop: stopped.clone(),
        });
        stopped.spawn(accept(listener, shared));
        Ok(Proxy { address, stop })
    }

    /// Where it listens: 127.0.0.1 and a port.
    #[cfg(test)]
    pub(crate) fn addr(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, as a client's proxy setting takes it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes the listener and every connection, now and without waiting. Does nothing the second time.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Stops, and waits until the last connection has let go of the engine.
    #[cfg(test)]
    pub(crate) async fn stopped(&self) {
        self.stop();
        self.stop.closed().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}

fn bind() -> std::io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn accept<S: Engine>(listener: TcpListener, shared: Arc<Shared<S>>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small writes are answers that somebody waits for.
                let _ = stream.set_nodelay(true);
                shared.stop.spawn(accept::serve(shared.clone(), stream));
            }
            // The process is out of files, or the client has gone already. The first needs a moment.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
