//! What can go wrong in a run. No message may hold a secret: answers of the API pass through `Api::mask` first.

use std::io;
use std::path::{Path, PathBuf};

/// Short for a result with the component's [`Error`].
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
        /// What the system said.
        source: io::Error,
    },
    /// The state of the last run is not what this component writes.
    #[error("{} is not a state of this component", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The request got no answer, or not a whole one.
    #[error("{request} got no answer")]
    NoAnswer {
        /// Method and path.
        request: String,
        /// What happened; without the URL.
        source: reqwest::Error,
    },
    /// The API said no.
    #[error("{request} was refused with {status}: {message}")]
    Refused {
        /// Method and path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// What the API said, shortened, secrets masked.
        message: String,
    },
    /// The API said something that the component does not understand.
    #[error("{request} has an unexpected answer: {reason}")]
    Unexpected {
        /// Method and path.
        request: String,
        /// What was expected.
        reason: String,
    },
}

impl Error {
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.to_owned(), source }
    }
}
