//! Clients that refused the session's certificates, remembered until the session ends.
//!
//! The client fails with an error of its own, in the middle of the code under test, and that error can't say what to
//! do about it. On this side of the connection there is its TLS alert.
//!
//! Must not know: what is said about it.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::AlertDescription;

/// A certificate that a client refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The host that it was for.
    pub(crate) host: String,
    /// The client's reason, by the name that the alert has (RFC 8446 §6.2). `None`: it went away without one, as some
    /// do that don't trust, and others that have no time.
    pub(crate) alert: Option<&'static str>,
}

/// What clients of one session refused, each once.
#[derive(Default)]
pub(super) struct Refusals {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    all: Vec<Refused>,
    handshakes: usize,
}

/// A handshake that is under way.
pub(super) struct Handshake<'r>(&'r Refusals);

impl Refusals {
    /// To be called before the certificate is sent.
    pub(super) fn begin(&self) -> Handshake<'_> {
        self.state().handshakes += 1;
        Handshake(self)
    }

    /// All of them, once no handshake is under way or `limit` has passed: a client knows of its failure a little
    /// earlier than this side does.
    pub(super) fn settled(&self, limit: Duration) -> Vec<Refused> {
        let waited = self.changed.wait_timeout_while(self.state(), limit, |state| state.handshakes > 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.all.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handshake<'_> {
    /// It failed with the client of `host`, which is remembered if that was for the certificate.
    pub(super) fn failed(self, host: &str, error: &io::Error) {
        let alert = alert(error);
        if alert.is_none() && !is_an_end(error) {
            return;
        }
        let refused = Refused { host: host.trim_end_matches('.').to_ascii_lowercase(), alert };
        let mut state = self.0.state();
        if !state.all.contains(&refused) {
            state.all.push(refused);
        }
    }
}

impl Drop for Handshake<'_> {
    fn drop(&mut self) {
        self.0.state().handshakes -= 1;
        self.0.changed.notify_all();
    }
}

/// The alerts that are about a certificate.
fn alert(error: &io::Error) -> Option<&'static str> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => match alert {
            AlertDescription::BadCertificate => Some("bad_certificate"),
            AlertDescription::UnsupportedCertificate => Some("unsupported_certificate"),
            AlertDescription::CertificateRevoked => Some("certificate_revoked"),
            AlertDescription::CertificateExpired => Some("certificate_expired"),
            AlertDescription::CertificateUnknown => Some("certificate_unknown"),
            AlertDescription::UnknownCA => Some("unknown_ca"),
            _ => None,
        },
        _ => None,
    }
}

/// The client closed the connection. ureq means to send its alert, and sends what it has queued before it.
fn is_an_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}
