//! What an exchange hands on while it passes, and when it is over. The recorder takes it.
//!
//! Must not know: which exchanges there are, where recordings lie.

use http::HeaderMap;

use crate::capture::Capture;
use crate::error::Error;
use crate::redact::{Objection, Redactor, Side};
use crate::report::UpstreamFailure;
use crate::tape::Interaction;

/// An objection to a request or its answer, with what is to be told of the request.
#[derive(Clone, Debug)]
pub(crate) struct Objected {
    pub(super) method: http::Method,
    pub(super) uri: String,
    pub(super) objection: Objection,
}

impl From<&Objected> for Error {
    fn from(objected: &Objected) -> Error {
        objected.objection.about(&objected.method, &objected.uri)
    }
}

/// Where an exchange hands on what it has.
pub(super) trait Outbox: Send + Sync {
    fn redactor(&self) -> &Redactor;

    /// The way of a body to the tape; `None` if the recording is closed.
    fn capture(&self, side: Side, uri: &str, headers: &HeaderMap) -> Option<Capture>;

    /// Something that makes the recording unfit to be installed.
    fn problem(&self, problem: Error);

    /// An objection, which is such a problem.
    fn object(&self, objected: &Objected) {
        self.problem(objected.into());
    }

    /// A request got no answer.
    fn upstream_failure(&self, failure: UpstreamFailure);

    /// The exchange in this place is over. Without an interaction it could not be recorded, and that has been told.
    fn over(&self, place: u64, interaction: Option<Interaction>);
}
