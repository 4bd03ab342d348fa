//! The parts of a response that the code under test got and that are not recorded. If the replay of a recording fails,
//! the missing parts may be the cause.
//!
//! Must not know: why something is left out.

use http::HeaderMap;
use serde::{Deserialize, Serialize};

/// The parts of a response that the code under test got and that the cassette does not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lost {
    /// Method and URI of the request. They identify the interaction. Its place does not, because a new recording may
    /// keep the order of the old cassette.
    pub(crate) request: String,
    /// The names of headers, in lower case.
    pub(crate) headers: Vec<String>,
    /// The number of chunks in which the body came.
    pub(crate) chunks: usize,
}

impl Lost {
    /// The names of the headers that the server sent and that are not recorded.
    pub(super) fn headers(sent: &HeaderMap, recorded: &HeaderMap) -> Vec<String> {
        sent.keys()
            .filter(|name| !recorded.contains_key(*name))
            .map(|name| name.as_str().to_owned())
            .collect()
    }
}
