//! Builds the responses of the API: status, headers, body.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full};
use serde::Serialize;

use super::export::Export;

/// A body in memory, or a body that is generated while the server sends it.
pub(super) type Body = Either<Full<Bytes>, Export>;

/// A response. It is boxed, because `Reply` is also the error type of every check, and an unboxed response would make
/// each `Result` large.
pub(super) struct Reply(Box<Response<Body>>);

impl Reply {
    pub(super) fn new(status: StatusCode, content_type: &'static str, body: Body) -> Self {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        Self(Box::new(response)).header("content-type", content_type)
    }

    pub(super) fn status(&self) -> StatusCode {
        self.0.status()
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("the server makes valid header values");
        self.0.headers_mut().insert(HeaderName::from_static(name), value);
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        *self.0
    }
}

/// A response with status 200 and compact JSON.
pub(super) fn json(value: &impl Serialize) -> Reply {
    bytes(StatusCode::OK, to_json(value))
}

/// An error response in the format of the API.
pub(super) fn refusal(status: StatusCode, code: &str, message: &str) -> Reply {
    bytes(status, to_json(&serde_json::json!({"error": {"code": code, "message": message}})))
}

/// An error response in the format of RFC 6749 section 5.2.
pub(super) fn oauth_refusal(status: StatusCode, code: &str, description: &str) -> Reply {
    let value = serde_json::json!({"error": code, "error_description": description});
    bytes(status, to_json(&value)).header("cache-control", "no-store")
}

pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("response bodies are plain structs")
}

pub(super) fn bytes(status: StatusCode, body: Vec<u8>) -> Reply {
    Reply::new(status, "application/json; charset=utf-8", Either::Left(Full::from(body)))
}

/// The entity tag of a body: its FNV-1a hash.
pub(super) fn etag(body: &[u8]) -> String {
    let hash = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("\"{hash:016x}\"")
}
