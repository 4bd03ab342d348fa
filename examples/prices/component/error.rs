//! The errors of a run. No message may contain a secret: texts from the API must pass through `Api::mask`.

use std::io;
use std::path::{Path, PathBuf};

/// A result whose error is the component's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be used.
    #[error("config.json: {0}")]
    Config(String),
    /// A file cannot be read or written.
    #[error("{} cannot be read or written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The state of the last run is not in the format that this component writes.
    #[error("{} is not a state of this component", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        source: serde_json::Error,
    },
    /// The request got no response, or an incomplete one.
    #[error("{request} got no response")]
    NoAnswer {
        /// Method and path.
        request: String,
        /// The client's error, without the URL.
        source: reqwest::Error,
    },
    /// The API refused the request.
    #[error("{request} was refused with {status}: {message}")]
    Refused {
        /// Method and path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// The API's message, shortened and without secrets.
        message: String,
    },
    /// The component does not understand the response.
    #[error("{request} has an unexpected response: {reason}")]
    Unexpected {
        /// Method and path.
        request: String,
        /// What is wrong with the response.
        reason: String,
    },
}

impl Error {
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.to_owned(), source }
    }
}
