//! The narrow interface through which an exchange reaches the recorder: captures, problems, and the finished
//! interaction.
//!
//! Must not know: which exchanges there are, where recordings are stored.

use http::HeaderMap;

use super::Lost;
use super::rest::DrainLimits;
use crate::capture::Capture;
use crate::error::Error;
use crate::redact::{Objection, Redactor, Side};
use crate::report::{DroppedBytes, UpstreamFailure};
use crate::tape::Interaction;

/// An objection to a request or its answer, with the method and URI for the report.
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

/// The receiver of an exchange's results.
pub(super) trait Outbox: Send + Sync {
    fn redactor(&self) -> &Redactor;

    /// A capture for a body; `None` if the recording is closed.
    fn capture(&self, side: Side, uri: &str, headers: &HeaderMap) -> Option<Capture>;

    /// Notes a problem because of which the recording must not be installed.
    fn problem(&self, problem: Error);

    /// Notes an objection. The recording must not be installed then, either.
    fn object(&self, objected: &Objected) {
        self.problem(objected.into());
    }

    /// Notes that a request got no answer.
    fn upstream_failure(&self, failure: UpstreamFailure);

    /// How long the recording reads on after a client left.
    fn drain(&self) -> DrainLimits;

    /// Notes that a response was cut where its client left.
    fn note_cut(&self);

    /// Notes bytes after the end of a compressed body, which are not recorded.
    fn dropped(&self, dropped: DroppedBytes);

    /// Ends the exchange in this place. `interaction` is `None` if the exchange could not be recorded; then the error
    /// is already noted.
    fn over(&self, place: u64, interaction: Option<Interaction>, lost: Lost);
}
