//! Tests that run on every system, also on systems on which libc's functions cannot be replaced.

use cassette_ambient::{Context, CurrentSession, WallClock, current_session, outside, self_test, time_zone};

#[test]
fn the_self_test_and_the_zone_say_whether_this_system_can() {
    assert_eq!(self_test(), cfg!(interposed));
    assert_eq!(time_zone().is_some(), cfg!(interposed));
}

#[test]
fn the_thread_that_enters_knows_its_session_and_clock() {
    let context = Context::new(7, WallClock::frozen(5));
    let entered = context.enter();
    assert_eq!(current_session(), CurrentSession::Open(7));
    assert_eq!(context.frozen_ns(), Some(5));
    outside(|| assert_eq!(current_session(), CurrentSession::None));
    context.release();
    assert_eq!(current_session(), CurrentSession::Ended(7));
    drop(entered);
    assert_eq!(current_session(), CurrentSession::None);
}
