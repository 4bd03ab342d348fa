//! Whether something belongs to a request or to a response.

/// Request or response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Sent by the client.
    Request,
    /// Sent by the server, including the trailers.
    Response,
}
