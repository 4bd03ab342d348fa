//! The failure of a response that did not come, or broke off. Transports, the recorder and cassettes share this type.
//!
//! Must not know: how a transport fails (`failure` reads its errors), how a cassette stores the failure.

/// A failure to get a response, or to get the whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// The kind of the failure.
    pub kind: TransportErrorKind,
    /// The message of the layer that failed.
    pub message: String,
}

/// The kinds of [`TransportError`], as far as clients can distinguish them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The host's name did not resolve.
    Dns,
    /// There was no connection: the server refused it, or cannot be reached.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// Nothing came in time.
    Timeout,
    /// The connection closed or was reset in the middle.
    Reset,
    /// Anything else, such as a malformed answer.
    Protocol,
}

impl TransportErrorKind {
    /// Every kind with its name in a cassette.
    pub const NAMES: [(TransportErrorKind, &'static str); 6] = [
        (TransportErrorKind::Dns, "dns"),
        (TransportErrorKind::Connect, "connect"),
        (TransportErrorKind::Tls, "tls"),
        (TransportErrorKind::Timeout, "timeout"),
        (TransportErrorKind::Reset, "reset"),
        (TransportErrorKind::Protocol, "protocol"),
    ];

    /// The name in a cassette.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(k, _)| *k == self).map_or("protocol", |(_, n)| n)
    }
}

impl TransportError {
    /// The failure for an exchange that the client ended by its own time-out.
    pub(crate) fn gave_up() -> TransportError {
        TransportError {
            kind: TransportErrorKind::Timeout,
            // Cassettes hold this text, and a replay recognises it: it must not change.
            message: "the client gave up before the answer came".into(),
        }
    }
}

impl std::fmt::Display for TransportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for TransportError {}
