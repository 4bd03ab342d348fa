//! The interface that an exchange has to the recorder: it gets captures from the recorder, and reports problems and the
//! finished interaction to it.
//!
//! Must not know: other exchanges, where recordings are stored.

use http::HeaderMap;

use super::Lost;
use super::rest::DrainLimits;
use crate::capture::Capture;
use crate::error::Error;
use crate::redact::{Objection, Redactor, Side};
use crate::report::{DroppedBytes, UpstreamFailure};
use crate::tape::Interaction;

/// An objection of the redaction to a request or its answer. The report names the method and the URI.
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

/// Receives the results of an exchange.
pub(super) trait Outbox: Send + Sync {
    fn redactor(&self) -> &Redactor;

    /// Makes the capture of a body. Returns `None` if the recording is closed.
    fn capture(&self, side: Side, uri: &str, headers: &HeaderMap) -> Option<Capture>;

    /// Notes a problem because of which the recording must not be installed.
    fn problem(&self, problem: Error);

    /// Notes an objection as a problem, so the recording must not be installed.
    fn object(&self, objected: &Objected) {
        self.problem(objected.into());
    }

    /// Notes that a request got no answer.
    fn upstream_failure(&self, failure: UpstreamFailure);

    /// How long the recording reads the rest of a response after the client stopped reading.
    fn drain(&self) -> DrainLimits;

    /// Notes that a response was recorded as cut because its client stopped reading.
    fn note_cut(&self);

    /// Notes that there were bytes after the end of a compressed body. They are not recorded.
    fn dropped(&self, dropped: DroppedBytes);

    /// Ends the exchange in this place. `interaction` is `None` if the exchange could not be recorded; the exchange has
    /// already noted the error then.
    fn over(&self, place: u64, interaction: Option<Interaction>, lost: Lost);
}
