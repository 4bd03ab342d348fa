//! How requests reach a session. In the module `session`, only this folder and two functions of `problems` depend on
//! the features of the build.
//!
//! Must not know: how a connection is served, or how a session ends.

#[cfg(feature = "proxy")]
mod built_in;
#[cfg(feature = "proxy")]
mod children;
#[cfg(feature = "proxy")]
mod held_clock;
#[cfg(feature = "intercept")]
mod interception;
#[cfg(not(feature = "proxy"))]
mod left_out;
#[cfg(feature = "intercept")]
mod parallel;
#[cfg(feature = "proxy")]
mod transports;
mod turns;

#[cfg(feature = "proxy")]
pub(super) use self::built_in::{Network, live, with_secrets};
#[cfg(feature = "proxy")]
pub(super) use self::held_clock::HeldClock;
#[cfg(not(feature = "proxy"))]
pub(super) use self::left_out::{HeldClock, Network, live, with_secrets};
pub(super) use self::turns::{Sharing, Turn};
use crate::config::Config;
use crate::mode::Mode;

/// How a session shares the process with other sessions. Only sessions that intercept connections take turns. Without
/// interception, each client belongs to the session that made it.
pub(super) fn sharing(asked: Mode, exists: bool, config: &Config) -> Sharing {
    if intercepts(config) { Sharing::of(asked, exists, config) } else { Sharing::Apart }
}

#[cfg(feature = "intercept")]
fn intercepts(config: &Config) -> bool {
    !config.explicit_clients && crate::ambient::check_interception() == Some(true)
}

#[cfg(not(feature = "intercept"))]
fn intercepts(_: &Config) -> bool {
    false
}
