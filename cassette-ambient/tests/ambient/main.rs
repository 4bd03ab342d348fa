//! Tests of the time that a test and its threads see. They read the time as unmodified code does.
//!
//! The frozen times are in 2001 and in 2100, so that they differ from the real time.
#![cfg(interposed)]

mod adoption;
mod c;
mod contexts;
mod libraries;
mod network;
mod one_test_a_process;
mod overlap;

use cassette_ambient::{Context, WallClock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 2001-01-01T00:00:00Z, in seconds since 1970.
const PAST: u64 = 978_307_200;
/// 2100-01-01T00:00:00Z.
const FUTURE: u64 = 4_102_444_800;

/// A context of the session with this number. Its clock shows this second.
fn frozen(session: u64, second: u64) -> Context {
    Context::new(session, WallClock::frozen(second * 1_000_000_000))
}

/// The time that unmodified code sees.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

#[track_caller]
fn sees(second: u64) {
    assert_eq!(now(), Duration::from_secs(second));
}

#[track_caller]
fn sees_real_time() {
    is_real(now().as_secs());
}

#[track_caller]
fn is_real(second: u64) {
    const YEAR: u64 = 31_556_952;
    assert!(PAST + 20 * YEAR < second && second < FUTURE, "{second} is not the real time");
}

/// Runs `f` on a thread of its own. A panic of `f` fails the caller.
#[track_caller]
fn on_a_thread<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    std::thread::spawn(f).join().expect("the thread should not panic")
}
