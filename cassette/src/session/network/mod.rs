//! How requests reach a session. Of the session's code, only this folder and two functions of `problems` depend on the
//! features of the build.
//!
//! Must not know: how a connection is served, or how a session ends.

#[cfg(feature = "proxy")]
mod built_in;
#[cfg(feature = "proxy")]
mod children;
#[cfg(feature = "intercept")]
mod interception;
#[cfg(not(feature = "proxy"))]
mod left_out;
#[cfg(feature = "intercept")]
mod parallel;
#[cfg(feature = "proxy")]
mod transports;

#[cfg(feature = "proxy")]
pub(super) use self::built_in::{Network, live};
#[cfg(not(feature = "proxy"))]
pub(super) use self::left_out::{Network, live};
