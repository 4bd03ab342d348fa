//! Settings and modes because of which a session, or one of its requests, cannot continue. Each of these reports has
//! one hint.
//!
//! Must not know: how the obstacle was found.

use std::time::Duration;

use super::page::Page;
use super::text::{VALUE, clean, count, quoted, short};
use crate::mode::Mode;

/// A setting or a mode because of which the session, or one of its requests, cannot continue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Obstacle {
    /// An environment variable whose name begins with `CASSETTE_`, but that cassette does not know.
    UnknownVariable {
        /// The name of the variable.
        name: String,
        /// The variable that the user probably meant.
        nearest: &'static str,
    },
    /// Unmodified code in this executable reads the real time.
    RealTime {
        /// The reason.
        reason: String,
    },
    /// cassette cannot intercept connections in this executable.
    NotIntercepted,
    /// The session waited for its turn, but the open sessions did not end.
    NoTurn {
        /// The cassettes of the sessions that are open.
        open: Vec<String>,
        /// How long the session waited.
        waited: Duration,
    },
    /// Mode `learn` must run the test twice, but this test can run only once.
    LearnsOnce,
    /// Mode `learn` found a request body that differs as a whole between the two passes.
    VariesWhole {
        /// The method of the first request with such a body.
        method: http::Method,
        /// The URI of that request, redacted.
        uri: String,
        /// The number of further requests with such a body.
        more: usize,
        /// The host and the path to which the suggested option is limited.
        scope: String,
    },
    /// A request body that is too long to be held in memory.
    LongBody {
        /// The method.
        method: http::Method,
        /// The URI, redacted.
        uri: String,
        /// The limit, in MiB.
        most: usize,
        /// The mode of the session. In this mode, the body must be held in memory.
        mode: Mode,
    },
    /// A request that the proxy in front of the real servers did not pass on.
    UpstreamProxy {
        /// The method.
        method: http::Method,
        /// The URI, redacted.
        uri: String,
        /// The message of the transport.
        message: String,
    },
    /// A request whose client waits for the response before it ends the request.
    OpenBody {
        /// The method.
        method: http::Method,
        /// The URI, redacted.
        uri: String,
        /// The mode that must have the whole request.
        mode: Mode,
    },
    /// A request that cannot be sent, because a secret in it has no value.
    MissingValue {
        /// The method.
        method: http::Method,
        /// The URI, redacted.
        uri: String,
        /// The secret's name.
        name: String,
    },
}

impl Obstacle {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        let (headline, hint) = self.headline_and_hint();
        page.error(clean(&headline));
        page.fact("hint", short(&hint, 4 * VALUE));
    }

    fn headline_and_hint(&self) -> (String, String) {
        match self {
            Obstacle::UnknownVariable { name, nearest } => (
                format!("the variable `{name}` is unknown; did you mean `{nearest}`?"),
                format!("unset {name}"),
            ),
            Obstacle::RealTime { reason } => (
                format!("cassette can't show a frozen time to unmodified code: {reason}"),
                "call `Config::explicit_clock()`, and read the time through `session.clock().now()`".to_owned(),
            ),
            Obstacle::NotIntercepted => (
                "cassette can't intercept the connections of unmodified clients: this executable is linked in a way \
                 that bypasses it"
                    .to_owned(),
                "use the session's own clients, and call `Config::explicit_clients()`".to_owned(),
            ),
            Obstacle::NoTurn { open, waited } => (
                format!(
                    "the session waited {} for its turn to record, and the session of {} did not end",
                    count(waited.as_secs() as usize / 60, "minute"),
                    quoted(open)
                ),
                "sessions of one process take turns if one of them records. If the tests share no client and no \
                 runtime, let them record at the same time: Config::record_in_parallel()"
                    .to_owned(),
            ),
            Obstacle::LearnsOnce => (
                "mode `learn` runs a test twice, but this test can run only once".to_owned(),
                "use `#[cassette_test]`, or call `SessionBuilder::learn` before `SessionBuilder::run`".to_owned(),
            ),
            Obstacle::VariesWhole { method, uri, more, scope } => {
                let more = match more {
                    0 => String::new(),
                    n => format!(" (and {n} more)"),
                };
                (
                    format!(
                        "the whole body of {method} {uri}{more} differs between the two passes, and `learn` does not ignore \
                         a whole body"
                    ),
                    format!(
                        "if the body does not matter, let the test's `Config` ignore it: \
                         .matching_for({scope:?}, |m| m.ignore_body())"
                    ),
                )
            }
            Obstacle::LongBody { method, uri, most, mode } => (
                format!("the body of {method} {uri} is longer than {most} MiB"),
                format!("mode `{mode}` holds a request body in memory until it is matched: use mode `record`"),
            ),
            Obstacle::UpstreamProxy { method, uri, message } => (
                format!("{method} {uri} did not reach its server, so nothing is recorded: {message}"),
                "to record without the proxy: Config::upstream_no_proxy(\"*\"), or NO_PROXY='*'".to_owned(),
            ),
            Obstacle::OpenBody { method, uri, mode } => (
                format!("the client waits for the response to {method} {uri} before it ends the request"),
                format!("mode `{mode}` needs the whole request before it sends it: use mode `record`"),
            ),
            Obstacle::MissingValue { method, uri, name } => (
                format!("{method} {uri} can't be sent: the secret {name} has no value here"),
                format!("set the variable, the file or the `Config` that {name} takes its value from"),
            ),
        }
    }
}
