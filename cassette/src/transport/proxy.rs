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
use super::ca::{Ca, HostCertificates};
use super::certificate_refusal::CertificateRefusal;
use super::foreign::{Foreign, Foreigners};
use super::incidents::Seen;
use super::reverse::{Base, Bases, Site};
use super::{Destination, HttpService, io};
use crate::error::{Error, Result};

/// The listener and its connections, until it is stopped or dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    /// The port of a server. Holds nothing that would keep the engine.
    base: Opener,
    refused: Arc<Seen<CertificateRefusal>>,
    foreign: Arc<Foreigners>,
}

/// What is left undecided after this never will be.
const UNDECIDED: Duration = Duration::from_secs(1);

type Opener = Box<dyn Fn(&Site) -> Result<SocketAddr> + Send + Sync>;

impl Proxy {
    /// Starts to listen on a free port of 127.0.0.1 and hands every request to `engine`. Certificates are made
    /// for the instant that `clock` shows when a host is first asked for.
    ///
    /// `led` knows, by the address of a client, which server it meant to connect to, if it was led here.
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

    /// A URL that stands for `url` to a client that takes nothing else: the server's own port on loopback, and
    /// the same path.
    ///
    /// # Errors
    ///
    /// It isn't absolute, or not of HTTP; the system refuses the socket.
    pub(crate) fn base_url(&self, url: &str) -> Result<String> {
        let (site, user, rest) = Site::split(url).ok_or_else(|| {
            Error::new(format!("`{url}` is not the URL of a server")).hint(
                "give scheme and host, with port and path where there are: `https://api.example.com/v1`",
            )
        })?;
        Ok(format!("http://{user}{}{rest}", (self.base)(&site)?))
    }

    /// Where it listens: 127.0.0.1 and a port.
    #[cfg(any(test, feature = "intercept"))]
    pub(crate) fn addr(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, as a client's proxy setting takes it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Certificates that clients refused.
    pub(crate) fn refused(&self) -> Vec<CertificateRefusal> {
        self.refused.settled(UNDECIDED)
    }

    /// Connections that were meant for other protocols than HTTP.
    pub(crate) fn foreign(&self) -> Vec<Foreign> {
        self.foreign.seen.settled(UNDECIDED)
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

fn bind() -> Result<(TcpListener, SocketAddr)> {
    let bind = || {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((TcpListener::from_std(listener)?, address))
    };
    bind().map_err(|e: std::io::Error| Error::with_source("could not listen on 127.0.0.1", e))
}

/// The port that stands for `site`, opened if it isn't yet. To be called on the I/O threads, or in their context.
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
                // Small writes are answers that somebody waits for.
                let _ = stream.set_nodelay(true);
                shared.stop.spawn(accept::serve(shared.clone(), stream, client, base.clone()));
            }
            // The process is out of files, or the client has gone already. The first needs a moment.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
