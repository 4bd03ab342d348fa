//! What a client gets: an answer, a failure of the transport, or the report of a problem in place of an answer.
//!
//! Must not know: modes, where an answer comes from.

use std::pin::Pin;

use http::{HeaderValue, StatusCode, header};

use crate::body::Body;
use crate::report::{FailureReport, Palette, Problem, TestSite};
use crate::tape::{TransportError, TransportErrorKind};

/// The status of the answer to a request that is not on the cassette. Not assigned to anything else
/// (RFC 9110 §16.2.1), and of the 4xx class: clients repeat a request that failed with 5xx, and the test
/// would wait for their back-off to end.
const UNMATCHED_STATUS: u16 = 470;

/// A response, or why there is none.
pub(crate) type Answered = Result<http::Response<Body>, TransportError>;

/// One that is still to come.
pub(crate) type AnswerFuture = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// What the code under test gets instead of an answer: the report itself, so that its own error shows it.
pub(super) fn refusal(site: &TestSite, problem: Problem) -> http::Response<Body> {
    let failure = FailureReport { site: site.clone(), problems: vec![problem], notes: Vec::new() };
    let text = failure.render(&Palette::plain());
    let mut response = http::Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(UNMATCHED_STATUS).unwrap_or(StatusCode::NOT_FOUND);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert("x-cassette", HeaderValue::from_static("unmatched"));
    response
}

/// The session that was asked has ended.
pub(super) fn ended(uri: &http::Uri) -> TransportError {
    no_connection(format!("the session that {} was asked in has ended", uri.host().unwrap_or_default()))
}

pub(super) fn no_connection(message: String) -> TransportError {
    TransportError { kind: TransportErrorKind::Connect, message }
}
