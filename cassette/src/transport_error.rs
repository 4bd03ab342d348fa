//! The failure of a request that got no response, or only a part of the response. Transports, the recorder and
//! cassettes share this type.
//!
//! Must not know: the errors of transports (`failure` converts them), how a cassette stores the failure.

#[cfg(feature = "proxy")]
use std::sync::LazyLock;

/// The failure of a request that got no response, or only a part of the response.
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
    /// The client got no connection: the server refused the connection, or cannot be reached.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// No answer came in time.
    Timeout,
    /// The connection was closed or reset before the response was complete.
    Reset,
    /// The server reset the HTTP/2 stream or closed the connection with this code. Clients react to some of the codes.
    StreamReset(ResetCode),
    /// Anything else, such as a malformed answer.
    Protocol,
}

/// The error codes of HTTP/2 (RFC 9113 §7), except `INTERNAL_ERROR`. If a stream is reset with `INTERNAL_ERROR`,
/// cassette records [`TransportErrorKind::Reset`], as for a connection that closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetCode {
    /// The server ends the stream or the connection without an error.
    NoError = 0x0,
    /// The client broke the protocol.
    ProtocolError = 0x1,
    /// The client broke the rules of flow control.
    FlowControlError = 0x3,
    /// The client did not acknowledge settings in time.
    SettingsTimeout = 0x4,
    /// A frame came for a closed stream.
    StreamClosed = 0x5,
    /// A frame had a wrong size.
    FrameSizeError = 0x6,
    /// The server has not processed the request. Clients may repeat it.
    RefusedStream = 0x7,
    /// The stream is not needed any more.
    Cancel = 0x8,
    /// The state of header compression is lost.
    CompressionError = 0x9,
    /// A tunnel's connection was reset.
    ConnectError = 0xa,
    /// The client sends too much.
    EnhanceYourCalm = 0xb,
    /// The TLS connection does not meet the server's requirements.
    InadequateSecurity = 0xc,
    /// The server wants HTTP/1.1.
    Http11Required = 0xd,
}

impl TransportErrorKind {
    /// Every kind with its name in a cassette.
    pub const NAMES: [(TransportErrorKind, &'static str); 19] = [
        (TransportErrorKind::Dns, "dns"),
        (TransportErrorKind::Connect, "connect"),
        (TransportErrorKind::Tls, "tls"),
        (TransportErrorKind::Timeout, "timeout"),
        (TransportErrorKind::Reset, "reset"),
        (TransportErrorKind::Protocol, "protocol"),
        (TransportErrorKind::StreamReset(ResetCode::NoError), "NO_ERROR"),
        (TransportErrorKind::StreamReset(ResetCode::ProtocolError), "PROTOCOL_ERROR"),
        (TransportErrorKind::StreamReset(ResetCode::FlowControlError), "FLOW_CONTROL_ERROR"),
        (TransportErrorKind::StreamReset(ResetCode::SettingsTimeout), "SETTINGS_TIMEOUT"),
        (TransportErrorKind::StreamReset(ResetCode::StreamClosed), "STREAM_CLOSED"),
        (TransportErrorKind::StreamReset(ResetCode::FrameSizeError), "FRAME_SIZE_ERROR"),
        (TransportErrorKind::StreamReset(ResetCode::RefusedStream), "REFUSED_STREAM"),
        (TransportErrorKind::StreamReset(ResetCode::Cancel), "CANCEL"),
        (TransportErrorKind::StreamReset(ResetCode::CompressionError), "COMPRESSION_ERROR"),
        (TransportErrorKind::StreamReset(ResetCode::ConnectError), "CONNECT_ERROR"),
        (TransportErrorKind::StreamReset(ResetCode::EnhanceYourCalm), "ENHANCE_YOUR_CALM"),
        (TransportErrorKind::StreamReset(ResetCode::InadequateSecurity), "INADEQUATE_SECURITY"),
        (TransportErrorKind::StreamReset(ResetCode::Http11Required), "HTTP_1_1_REQUIRED"),
    ];

    /// The name in a cassette.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(k, _)| *k == self).map_or("protocol", |(_, n)| n)
    }
}

/// The beginning of the message if a proxy failed. No other message begins with it.
const AT_PROXY: &str = "upstream proxy ";

impl TransportError {
    /// The failure of an exchange whose client gave up before the answer came.
    pub(crate) fn gave_up() -> TransportError {
        TransportError {
            kind: TransportErrorKind::Timeout,
            // This text is on cassettes, and a replay recognises it, so it must not change.
            message: "the client gave up before the answer came".into(),
        }
    }

    /// The failure of a proxy between this machine and the real servers. `what` names the proxy and the reason.
    #[cfg(feature = "proxy")]
    pub(crate) fn at_proxy(what: &str) -> TransportError {
        TransportError { kind: TransportErrorKind::Connect, message: format!("{AT_PROXY}{what}") }
    }

    /// Whether a proxy failed, and not the real server.
    pub(crate) fn is_at_proxy(&self) -> bool {
        self.message.starts_with(AT_PROXY)
    }

    /// The end of a body whose client stopped reading before the body was complete. On replay, the body is silent from
    /// there on, until the client stops reading again.
    pub(crate) fn left() -> TransportError {
        TransportError {
            kind: TransportErrorKind::Timeout,
            // This text is on cassettes, and a replay recognises it, so it must not change.
            message: "the client stopped reading here".into(),
        }
    }
}

impl std::fmt::Display for TransportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for TransportError {
    /// Returns the error of the `h2` crate with the HTTP/2 code, if there is a code. hyper finds the code here and
    /// resets the client's stream with it. Clients of an in-process transport also find the code here.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        #[cfg(feature = "proxy")]
        if let TransportErrorKind::StreamReset(code) = self.kind {
            static ERRORS: LazyLock<Vec<h2::Error>> = LazyLock::new(|| {
                (0..=ResetCode::Http11Required as u32).map(|n| h2::Reason::from(n).into()).collect()
            });
            return ERRORS.get(code as usize).map(|e| e as _);
        }
        None
    }
}

#[cfg(feature = "proxy")]
impl ResetCode {
    /// Returns the code of a reset. Returns `None` for `INTERNAL_ERROR`, and for codes that are not in RFC 9113.
    pub(crate) fn of(reason: h2::Reason) -> Option<ResetCode> {
        let codes = TransportErrorKind::NAMES.into_iter().filter_map(|(kind, _)| match kind {
            TransportErrorKind::StreamReset(code) => Some(code),
            _ => None,
        });
        codes.into_iter().find(|code| *code as u32 == u32::from(reason))
    }
}
