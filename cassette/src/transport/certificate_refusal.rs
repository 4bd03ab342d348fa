//! Clients that refused the session's certificate: this side of the connection sees their TLS alert.
//!
//! Must not know: how the refusal is worded.

use std::io;

use rustls::AlertDescription;

/// A certificate that a client refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateRefusal {
    /// The host that the certificate was issued for.
    pub(crate) host: String,
    /// The client's reason, by the name of its alert (RFC 8446 §6.2). `None` if the client closed the connection
    /// without an alert. Some clients do that because they do not trust the certificate, others because they ran out of
    /// time.
    pub(crate) alert: Option<&'static str>,
}

impl CertificateRefusal {
    /// The refusal behind a failed handshake with the client of `host`; `None` if the certificate was not the cause.
    pub(super) fn by(host: &str, error: &io::Error) -> Option<CertificateRefusal> {
        let alert = alert(error);
        if alert.is_none() && !is_an_end(error) {
            return None;
        }
        Some(CertificateRefusal { host: host.trim_end_matches('.').to_ascii_lowercase(), alert })
    }
}

/// The name of an alert about a certificate.
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

/// Whether the client closed the connection. ureq intends to send its alert, but sends only the data queued before it.
fn is_an_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}
