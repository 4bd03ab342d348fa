//! Clients that refused the session's certificates: on this side of the connection there is their TLS alert.
//!
//! Must not know: what is said about it.

use std::io;

use rustls::AlertDescription;

/// A certificate that a client refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateRefusal {
    /// The host that it was for.
    pub(crate) host: String,
    /// The client's reason, by the name that the alert has (RFC 8446 §6.2). `None`: it went away without one, as some
    /// do that don't trust, and others that have no time.
    pub(crate) alert: Option<&'static str>,
}

impl CertificateRefusal {
    /// The handshake failed with the client of `host`; `None` if that wasn't for the certificate.
    pub(super) fn by(host: &str, error: &io::Error) -> Option<CertificateRefusal> {
        let alert = alert(error);
        if alert.is_none() && !is_an_end(error) {
            return None;
        }
        Some(CertificateRefusal { host: host.trim_end_matches('.').to_ascii_lowercase(), alert })
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
