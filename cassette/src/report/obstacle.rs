//! What keeps a session, or one of its requests, from going on, where a setting or a mode is the cause.
//!
//! Must not know: how it was found.

use super::page::Page;
use super::text::{VALUE, clean, short};
use crate::mode::Mode;

/// A cause with a hint of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// A variable that begins with `CASSETTE_` and that cassette does not have.
    UnknownVariable {
        /// Its name.
        name: String,
        /// The one that was probably meant.
        nearest: &'static str,
    },
    /// Unmodified code of this executable reads the real time.
    RealTime {
        /// Why.
        reason: String,
    },
    /// Connections of unmodified clients of this executable cannot be intercepted.
    NotIntercepted,
    /// Mode `learn` where a test runs only once.
    LearnsOnce,
    /// What mode `learn` found to vary is a whole body.
    VariesWhole {
        /// The method of the first such request.
        method: http::Method,
        /// Its URI, redacted.
        uri: String,
        /// How many more there are.
        more: usize,
        /// What an option for it would be limited to.
        scope: String,
    },
    /// A request body that has to be held, and is too long for that.
    LongBody {
        /// The method.
        method: http::Method,
        /// The URI, redacted.
        uri: String,
        /// What can be held, in MiB.
        most: usize,
        /// Why it has to be held.
        mode: Mode,
    },
    /// A request that needs the value of a secret to be sent.
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
        let (headline, hint) = self.worded();
        page.error(clean(&headline));
        page.fact("hint", short(&hint, 4 * VALUE));
    }

    fn worded(&self) -> (String, String) {
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
            Obstacle::MissingValue { method, uri, name } => (
                format!("{method} {uri} can't be sent: the secret {name} has no value here"),
                format!("set the variable, the file or the `Config` that {name} takes its value from"),
            ),
        }
    }
}
