//! The reason why the server could not start.

use std::error::Error as StdError;
use std::{fmt, io};

/// A result whose error is the server's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why the server could not start.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Listen(io::Error),
    Certificate(rcgen::Error),
    Tls(rustls::Error),
}

impl Error {
    pub(super) fn tls(error: rustls::Error) -> Self {
        Self(Kind::Tls(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Listen(_) => "the API server cannot listen on 127.0.0.1",
            Kind::Certificate(_) => "the API server cannot make its certificate",
            Kind::Tls(_) => "the API server cannot use its certificate",
        })
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(match &self.0 {
            Kind::Listen(error) => error,
            Kind::Certificate(error) => error,
            Kind::Tls(error) => error,
        })
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self(Kind::Listen(error))
    }
}

impl From<rcgen::Error> for Error {
    fn from(error: rcgen::Error) -> Self {
        Self(Kind::Certificate(error))
    }
}
