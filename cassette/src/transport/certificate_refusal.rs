//! Detects that a client refused the session's certificate, by the TLS alert that the client sends.
//!
//! Must not know: how the refusal is worded.

use std::io;

use rustls::AlertDescription;

/// A certificate that a client refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateRefusal {
    /// The host that the certificate was issued for.
    pub(crate) host: String,
    /// The client's reason, which is the name of its alert (RFC 8446 §6.2). `None` if the client closed the connection
    /// without an alert. Some clients do that because they do not trust the certificate, and some because of a
    /// time-out.
    pub(crate) alert: Option<&'static str>,
}

impl CertificateRefusal {
    /// The refusal that made a handshake fail with a client that asked for `host`. `None` if the certificate was not
    /// the cause.
    pub(super) fn by(host: &str, error: &io::Error) -> Option<CertificateRefusal> {
        let alert = alert(error);
        if alert.is_none() && !is_an_end(error) {
            return None;
        }
        Some(CertificateRefusal { host: host.trim_end_matches('.').to_ascii_lowercase(), alert })
    }
}

/// The name of the alert that the client sent, if the alert is about the certificate.
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

/// Whether the client closed the connection. ureq does that without an alert: it queues the alert, but does not send
/// it.
fn is_an_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}
