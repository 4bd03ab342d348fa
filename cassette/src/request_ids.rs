//! Headers that identify a request. The server or the client makes a new value for each request.
//!
//! Must not know: what cassette does with such a header.

/// Whether a header of this name, in lower case, identifies a request.
pub(crate) fn is_request_id(name: &str) -> bool {
    const ENDINGS: [&str; 5] = ["request-id", "requestid", "correlation-id", "trans-id", "req-id"];
    name == "x-amz-id-2" || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids() {
        for name in ["x-request-id", "request-id", "x-amzn-requestid", "x-amz-id-2", "x-ms-request-id"] {
            assert!(is_request_id(name), "{name}");
        }
        for name in ["x-ms-lease-id", "x-operation-id", "etag", "x-request-ids"] {
            assert!(!is_request_id(name), "{name}");
        }
    }
}
