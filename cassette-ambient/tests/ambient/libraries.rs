//! Tests that each library that reads the time shows the frozen time.

use crate::{FUTURE, PAST, frozen, now, on_a_thread, sees, sees_real_time};
use cassette_ambient::{Context, WallClock, self_test, time_zone};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[test]
fn the_self_test_passes_here() {
    assert!(self_test());
    sees_real_time();
}

#[test]
fn all_libraries_read_the_frozen_instant() {
    // Milliseconds, microseconds and nanoseconds differ, so that the test finds a value that is cut or mixed up.
    let ns = PAST * 1_000_000_000 + 123_456_789;
    let _entered = Context::new(1, WallClock::frozen(ns)).enter();
    assert_eq!(now(), Duration::from_nanos(ns));
    assert_eq!(chrono::Utc::now().timestamp_nanos_opt(), Some(ns as i64));
    assert_eq!(jiff::Timestamp::now().as_nanosecond(), i128::from(ns));
    assert_eq!(time::OffsetDateTime::now_utc().unix_timestamp_nanos(), i128::from(ns));
}

#[test]
fn the_far_future_can_be_frozen_as_well() {
    let _entered = frozen(1, FUTURE).enter();
    assert_eq!(chrono::Utc::now().to_rfc3339(), "2100-01-01T00:00:00+00:00");
    assert_eq!(jiff::Timestamp::now().to_string(), "2100-01-01T00:00:00Z");
}

#[test]
fn local_time_is_utc_whatever_the_machine() {
    // The test expects UTC. Tests with other zones are in `one_test_a_process`, which starts this binary again.
    assert_eq!(time_zone(), Some("UTC"));
    let _entered = frozen(1, PAST).enter();
    assert_eq!(chrono::Local::now().to_rfc3339(), "2001-01-01T00:00:00+00:00");
    assert_eq!(jiff::Zoned::now().to_string(), "2001-01-01T00:00:00+00:00[UTC]");
}

#[test]
fn whoever_holds_the_clock_moves_it_for_all_threads() {
    let instant = Arc::new(AtomicU64::new(PAST * 1_000_000_000));
    let context = Context::new(1, WallClock::Frozen(instant.clone()));
    let _entered = context.enter();
    let (go, moved) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let before = now();
        moved.recv().unwrap();
        (before, now())
    });
    instant.fetch_add(1_500_000_000, Ordering::Relaxed);
    assert_eq!(now(), Duration::from_millis(PAST * 1000 + 1500));
    assert_eq!(context.frozen_ns(), Some(PAST * 1_000_000_000 + 1_500_000_000));
    go.send(()).unwrap();
    assert_eq!(thread.join().unwrap().1, Duration::from_millis(PAST * 1000 + 1500));
}

#[test]
fn a_context_may_have_the_real_clock() {
    let _frozen = frozen(1, PAST).enter();
    let real = Context::new(2, WallClock::Real);
    let _entered = real.enter();
    sees_real_time();
    on_a_thread(sees_real_time);
    assert_eq!(real.frozen_ns(), None);
}

#[test]
fn instants_and_timers_run_on() {
    let _entered = frozen(1, PAST).enter();
    let asked = Duration::from_millis(5);

    let start = Instant::now();
    std::thread::sleep(asked);
    assert!(start.elapsed() >= asked);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let start = Instant::now();
    runtime.block_on(async {
        tokio::time::sleep(asked).await;
        let timed_out = tokio::time::timeout(asked, std::future::pending::<()>()).await;
        assert!(timed_out.is_err());
    });
    assert!(start.elapsed() >= 2 * asked);
    sees(PAST);
}

#[test]
fn a_thread_locals_destructor_reads_the_frozen_time() {
    struct Last(std::sync::mpsc::Sender<Duration>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.send(now()).unwrap();
        }
    }
    thread_local!(static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) });

    let _entered = frozen(1, PAST).enter();
    let (send, seen) = std::sync::mpsc::channel();
    on_a_thread(move || LAST.set(Some(Last(send))));
    assert_eq!(seen.recv().unwrap(), Duration::from_secs(PAST));
}

#[test]
fn a_panic_in_a_frozen_thread_is_caught_as_ever() {
    let _entered = frozen(1, PAST).enter();
    let thread = std::thread::spawn(|| std::panic::resume_unwind(Box::new("on purpose")));
    assert_eq!(thread.join().unwrap_err().downcast_ref(), Some(&"on purpose"));
    on_a_thread(|| sees(PAST));
}
