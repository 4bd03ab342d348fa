//! The order of the messages of a request and of its response, if the response began before the request had ended.
//!
//! Must not know: what a message is.

/// A turn of an exchange in which both sides send: first the client, and then the server.
///
/// A cassette has the key `turns` only if the response began before the request had ended. The key has two numbers for
/// each turn. What comes after the last turn came after the end of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Turn {
    /// How many messages of the request came.
    pub request: u64,
    /// How many parts of the response then came. Its head is a part, each message, and its end.
    pub response: u64,
}

impl Turn {
    /// The greatest number of turns of an interaction. A replay does not wait for the client after so many.
    pub(crate) const MOST: usize = 10_000;

    pub(crate) fn new(request: u64, response: u64) -> Turn {
        Turn { request, response }
    }
}
