//! While recording, a client stopped reading a response before its end. On replay, the response is silent after its
//! last recorded byte, until the client stops reading again. If the client still reads after a minute, it gets a
//! failure, so that a changed test does not hang.
//!
//! Must not know: what the client has read so far.

use std::task::{Context, Poll};
use std::time::Duration;

use crate::timer::Wait;

/// The longest time for which a client waits.
const LONGEST: Duration = Duration::from_secs(60);

/// A silence in a response. The client drops this value when it stops reading.
pub(super) struct Silence(Wait);

impl Silence {
    pub(super) fn begin() -> Silence {
        Silence(Wait::begin(LONGEST))
    }

    /// Is ready after the longest time has passed.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}
