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
                format!("unmodified code can't be shown a frozen time: {reason}"),
                "read the time through `session.clock().now()`, and freeze nothing else".to_owned(),
            ),
            Obstacle::NotIntercepted => (
                "connections of unmodified clients can't be led to the session: this executable is linked so \
                 that they go past cassette"
                    .to_owned(),
                "use the session's own clients, and say so with `Config::explicit_clients()`".to_owned(),
            ),
            Obstacle::LearnsOnce => (
                "mode `learn` runs a test twice, and this one can run only once".to_owned(),
                "use `#[cassette_test]`, or `SessionBuilder::learn` before the session is run".to_owned(),
            ),
            Obstacle::VariesWhole { method, uri, more, scope } => {
                let more = match more {
                    0 => String::new(),
                    n => format!(" (and {n} more)"),
                };
                (
                    format!(
                        "the whole body of {method} {uri}{more} varies by itself, which is not learned"
                    ),
                    format!(
                        "if it does not count, let the test's `Config` say so: \
                         .matching_for({scope:?}, |m| m.ignore_body())"
                    ),
                )
            }
            Obstacle::LongBody { method, uri, most, mode } => (
                format!("the body of {method} {uri} is longer than {most} MiB"),
                format!("mode `{mode}` has to hold it until it is matched: use `record`"),
            ),
            Obstacle::MissingValue { method, uri, name } => (
                format!("{method} {uri} can't be sent: the secret {name} has no value here"),
                format!("set what gives the secret {name} its value"),
            ),
        }
    }
}
