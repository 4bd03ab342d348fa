//! The results that a client can get: a response, a failure of the transport, or a refusal with the report of a
//! problem.
//!
//! Must not know: modes, where a response comes from.

use std::pin::Pin;

use http::{HeaderValue, StatusCode, header};

use crate::body::Body;
use crate::report::{FailureReport, Palette, Problem, TestSite};
use crate::tape::{TransportError, TransportErrorKind};

/// The status of a refusal, such as the response to a request that is not on the cassette. The registry of status codes
/// (RFC 9110 §16.2.1) gives 470 no meaning. It is a 4xx status because clients send a request again after a 5xx, and
/// the test would have to wait for these attempts.
const UNMATCHED_STATUS: u16 = 470;

/// The result of a request: a response or a transport error.
pub(crate) type Answered = Result<http::Response<Body>, TransportError>;

/// A future that yields an [`Answered`].
pub(crate) type AnswerFuture = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// Makes the response that refuses a request of the code under test. The body is the report of the problem, so that the
/// report appears wherever the code under test prints the body of a failed response.
pub(super) fn refusal(site: &TestSite, problem: Problem) -> http::Response<Body> {
    let failure =
        FailureReport { site: site.clone(), problems: vec![problem], notes: Vec::new(), panic: None };
    let text = failure.render(&Palette::plain());
    let mut response = http::Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(UNMATCHED_STATUS).unwrap_or(StatusCode::NOT_FOUND);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert("x-cassette", HeaderValue::from_static("unmatched"));
    response
}

/// Makes the error for a request that the client sent after its session had ended.
pub(super) fn ended(uri: &http::Uri) -> TransportError {
    let host = uri.host().unwrap_or_default();
    no_connection(format!("the session of this request to {host} has ended"))
}

pub(super) fn no_connection(message: String) -> TransportError {
    TransportError { kind: TransportErrorKind::Connect, message }
}
