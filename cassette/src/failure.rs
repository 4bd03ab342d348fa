//! Classifies errors of lower layers into the kinds of failure that clients can distinguish.
//!
//! Must not know: which connection failed.

use std::error::Error;
use std::io;

#[cfg(feature = "proxy")]
use crate::transport_error::ResetCode;
use crate::transport_error::{TransportError, TransportErrorKind as Kind};

/// Returns the kind and the complete message of an error. Both come from the error and its chain of sources.
pub(crate) fn of(error: &(dyn Error + 'static)) -> TransportError {
    let mut kind = None;
    let mut fallback = None;
    let mut message = String::new();
    for level in chain(error) {
        if let Some(known) = level.downcast_ref::<TransportError>() {
            return known.clone();
        }
        kind = kind.or_else(|| classify(level));
        let from_client = client_kind(level);
        fallback = fallback.or(from_client.flatten());
        let text = level.to_string();
        // Many errors already print their source, so a text is not added twice. The message of an HTTP client's own
        // error is left out if it has a source, because it adds nothing or contains the URL.
        if !message.ends_with(&text) && (from_client.is_none() || level.source().is_none()) {
            message += if message.is_empty() { "" } else { ": " };
            message += &text;
        }
    }
    TransportError { kind: kind.or(fallback).unwrap_or(Kind::Protocol), message }
}

/// Returns the kind for the kind of an I/O error.
pub(crate) fn of_io(kind: io::ErrorKind) -> Option<Kind> {
    match kind {
        io::ErrorKind::TimedOut => Some(Kind::Timeout),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => Some(Kind::Reset),
        _ => None,
    }
}

/// Iterates over an error and its sources. `io::Error::source` skips the error that the `io::Error` wraps, so the
/// function adds the wrapped error.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&level| {
        let wrapped = level.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|e| e as &(dyn Error + 'static)).or_else(|| level.source())
    })
}

fn classify(level: &(dyn Error + 'static)) -> Option<Kind> {
    if let Some(e) = level.downcast_ref::<io::Error>() {
        return of_io(e.kind());
    }
    #[cfg(feature = "proxy")]
    if let Some(kind) = of_protocol(level) {
        return Some(kind);
    }
    // The type of a DNS error is private to hyper-util, and its source depends on the resolver. So only the text
    // identifies the error.
    level.to_string().starts_with("dns error").then_some(Kind::Dns)
}

#[cfg(feature = "proxy")]
fn of_protocol(level: &(dyn Error + 'static)) -> Option<Kind> {
    if level.is::<rustls::Error>() {
        return Some(Kind::Tls);
    }
    if let Some(e) = level.downcast_ref::<h2::Error>() {
        return match e.get_io() {
            Some(e) => of_io(e.kind()).or(Some(Kind::Reset)),
            None if e.is_remote() => {
                let code = e.reason().and_then(ResetCode::of);
                Some(code.map_or(Kind::Reset, Kind::StreamReset))
            }
            None => Some(Kind::Protocol),
        };
    }
    let e = level.downcast_ref::<hyper::Error>()?;
    if e.is_timeout() {
        Some(Kind::Timeout)
    } else if e.is_incomplete_message() || e.is_closed() || e.is_canceled() || e.is_body_write_aborted() {
        Some(Kind::Reset)
    } else if e.is_parse() {
        Some(Kind::Protocol)
    } else {
        None
    }
}

/// Returns `Some` if this level of the chain is the error of an HTTP client. The inner value is the kind of this error,
/// if it has one. If a source in the chain has a kind, that kind is used, because it is more precise.
fn client_kind(level: &(dyn Error + 'static)) -> Option<Option<Kind>> {
    #[cfg(feature = "proxy")]
    if let Some(e) = level.downcast_ref::<hyper_util::client::legacy::Error>() {
        return Some(e.is_connect().then_some(Kind::Connect));
    }
    #[cfg(feature = "client")]
    if let Some(e) = level.downcast_ref::<reqwest::Error>() {
        let connect = e.is_connect().then_some(Kind::Connect);
        return Some(if e.is_timeout() { Some(Kind::Timeout) } else { connect });
    }
    let _ = level;
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: impl Into<Box<dyn Error + Send + Sync>>, kind: Kind, message: &str) {
        let wrapped = io::Error::other(error);
        assert_eq!(of(&wrapped), TransportError { kind, message: message.into() });
    }

    #[test]
    fn the_deepest_layers_decide() {
        check(io::Error::from(io::ErrorKind::ConnectionReset), Kind::Reset, "connection reset");
        check(io::Error::from(io::ErrorKind::TimedOut), Kind::Timeout, "timed out");
        check("dns error", Kind::Dns, "dns error");
        check("what is this", Kind::Protocol, "what is this");
        let known = TransportError { kind: Kind::Dns, message: "no such host".into() };
        check(known, Kind::Dns, "no such host");
    }
    #[cfg(feature = "proxy")]
    #[test]
    fn protocols() {
        check(rustls::Error::DecryptError, Kind::Tls, "cannot decrypt peer's message");
        check(
            h2::Error::from(h2::Reason::PROTOCOL_ERROR),
            Kind::Protocol,
            "protocol error: unspecific protocol error detected",
        );
    }
}
