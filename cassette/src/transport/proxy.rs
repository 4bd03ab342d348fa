//! A session's listener on loopback. For clients that know the listener it is a proxy. For intercepted connections it
//! takes the place of the server.
//!
//! Must not know: what the engine does, and that sessions exist.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::accept::{self, Shared, Stop};
use super::ca::{Ca, HostCertificates};
use super::certificate_refusal::CertificateRefusal;
use super::foreign::{Foreign, Foreigners};
use super::incidents::Seen;
use super::reverse::{Base, Bases, Site};
use super::tunnel::Tunnels;
use super::{Destination, HttpService, io};
use crate::error::{Error, Result};

/// The listener and its connections, until it is stopped or dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    /// Opens the port that stands for a server. The function must not hold a strong reference to the engine.
    base: Opener,
    refused: Arc<Seen<CertificateRefusal>>,
    foreign: Arc<Foreigners>,
}

/// How long [`Proxy::refused`] and [`Proxy::foreign`] wait for undecided connections before they return the events so
/// far.
const UNDECIDED: Duration = Duration::from_secs(1);

type Opener = Box<dyn Fn(&Site) -> Result<SocketAddr> + Send + Sync>;

impl Proxy {
    /// Listens on a free port of 127.0.0.1 and passes every request to `engine`. Certificates are issued for the
    /// instant that `clock` shows when a host is first requested.
    ///
    /// `intercepted` takes the address of a client. If the client's connection was intercepted, it returns the server
    /// that the client wanted to reach.
    ///
    /// A connection to a server of `tunnels` does not reach the engine.
    ///
    /// The engine is called on the I/O threads, which belong to no session.
    ///
    /// # Errors
    ///
    /// The system refuses the threads or the socket.
    pub(crate) fn start<S: HttpService>(
        engine: S,
        clock: impl Fn() -> SystemTime + Send + Sync + 'static,
        intercepted: impl Fn(SocketAddr) -> Option<Destination> + Send + Sync + 'static,
        tunnels: Tunnels,
    ) -> Result<Proxy> {
        let handle = io::handle()?;
        let _io = handle.enter();
        let (listener, address) = bind()?;
        let (stop, stopped) = watch::channel(false);
        let (refused, foreign) = (Arc::<Seen<CertificateRefusal>>::default(), Arc::<Foreigners>::default());
        let stopped = Stop(stopped);
        let shared = Arc::new(Shared {
            engine,
            hosts: HostCertificates::new(Ca::get()),
            clock: Box::new(clock),
            address,
            intercepted: Box::new(intercepted),
            tunnels,
            bases: Bases::default(),
            refused: refused.clone(),
            foreign: foreign.clone(),
            stop: stopped.clone(),
        });
        let (weak, io) = (Arc::downgrade(&shared), handle.clone());
        let base = move |site: &Site| {
            let _io = io.enter();
            let shared = weak.upgrade().ok_or_else(|| Error::new("the session has ended"))?;
            base(&shared, site)
        };
        stopped.spawn(accept(listener, shared, None));
        Ok(Proxy { address, stop, base: Box::new(base), refused, foreign })
    }

    /// A URL that stands for `url`, for clients that can be given only a base URL. It names a port on loopback in place
    /// of the server, and has the same path.
    ///
    /// # Errors
    ///
    /// `url` is not absolute or not HTTP, or the system refuses the socket.
    pub(crate) fn base_url(&self, url: &str) -> Result<String> {
        let (site, user, rest) = Site::split(url).ok_or_else(|| {
            Error::new(format!("`{url}` is not the URL of a server")).hint(
                "give scheme and host, with port and path where there are: `https://api.example.com/v1`",
            )
        })?;
        Ok(format!("http://{user}{}{rest}", (self.base)(&site)?))
    }

    /// The address of the listener: 127.0.0.1 and a port.
    #[cfg(any(test, feature = "intercept"))]
    pub(crate) fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The address for a client's proxy setting: `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The certificates that clients refused.
    pub(crate) fn refused(&self) -> Vec<CertificateRefusal> {
        self.refused.settled(UNDECIDED)
    }

    /// The connections to servers that do not speak HTTP.
    pub(crate) fn foreign(&self) -> Vec<Foreign> {
        self.foreign.settled(UNDECIDED)
    }

    /// Closes the listener and every connection at once, without waiting. A second call does nothing.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until the last connection is closed after [`stop`](Self::stop), for a second at most.
    pub(crate) fn wait_until_stopped(&self) {
        let (Ok(handle), stop) = (io::handle(), self.stop.clone()) else { return };
        let (closed, waits) = std::sync::mpsc::channel();
        handle.spawn(async move {
            stop.closed().await;
            // Sending fails if the wait below has timed out.
            let _ = closed.send(());
        });
        let _ = waits.recv_timeout(Duration::from_secs(1));
    }

    /// Stops, and waits until the last connection has released the engine.
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

fn bind() -> Result<(TcpListener, SocketAddr)> {
    let bind = || {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((TcpListener::from_std(listener)?, address))
    };
    bind().map_err(|e: std::io::Error| Error::with_source("could not listen on 127.0.0.1", e))
}

/// The port that stands for `site`, opened at the first call. Call this on the I/O threads or in their context.
pub(super) fn base<S: HttpService>(shared: &Arc<Shared<S>>, site: &Site) -> Result<SocketAddr> {
    shared.bases.port(site, || {
        let (listener, at) = bind()?;
        let base = Arc::new(Base { site: site.clone(), at });
        shared.stop.spawn(accept(listener, shared.clone(), Some(base)));
        Ok(at)
    })
}

async fn accept<S: HttpService>(listener: TcpListener, shared: Arc<Shared<S>>, base: Option<Arc<Base>>) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                // Small writes are sent at once, because the client waits for the response.
                let _ = stream.set_nodelay(true);
                shared.stop.spawn(accept::serve(shared.clone(), stream, client, base.clone()));
            }
            // Either the client has gone already, or the process has no file descriptors left. In the second case, an
            // immediate retry would fail again.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
