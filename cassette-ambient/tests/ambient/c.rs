//! The time that C code sees: tests that call libc's functions directly, as C code does.
#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "libc's functions are unsafe to call")]

use crate::{PAST, frozen, is_real, now, sees_real_time};
use cassette_ambient::{Context, WallClock};
use libc::{c_int, c_void, timespec};
use std::mem::zeroed;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI64, Ordering};

/// Reads a clock with `clock_gettime`. Returns seconds and nanoseconds, or the error.
fn clock(id: c_int) -> Result<(i64, i64), std::io::Error> {
    let mut t = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` may be written to.
    match unsafe { libc::clock_gettime(id, &mut t) } {
        0 => Ok((t.tv_sec, t.tv_nsec)),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[test]
fn the_wall_clocks_stand_and_the_others_run() {
    let _entered = Context::new(1, WallClock::frozen(PAST * 1_000_000_000 + 123_456_789)).enter();
    let second = PAST as i64;
    assert_eq!(clock(libc::CLOCK_REALTIME).unwrap(), (second, 123_456_789));
    assert_eq!(clock(libc::CLOCK_REALTIME_COARSE).unwrap(), (second, 123_456_789));
    for id in [libc::CLOCK_MONOTONIC, libc::CLOCK_BOOTTIME, libc::CLOCK_PROCESS_CPUTIME_ID] {
        assert_ne!(clock(id).unwrap().0, second, "clock {id}");
    }
    assert_eq!(clock(12_345).unwrap_err().raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn the_older_functions_show_the_frozen_instant() {
    let _entered = Context::new(1, WallClock::frozen(PAST * 1_000_000_000 + 123_456_789)).enter();
    let second = PAST as i64;
    // SAFETY: each pointer is null or may be written to. A time zone consists of two ints.
    unsafe {
        let (mut tv, mut zone, mut t) = (zeroed::<libc::timeval>(), [1, 1], 0);
        assert_eq!(libc::gettimeofday(&mut tv, (&raw mut zone).cast()), 0);
        assert_eq!((tv.tv_sec, tv.tv_usec, zone), (second, 123_456, [0, 0]));
        assert_eq!((libc::time(&mut t), t), (second, second));
        assert_eq!(libc::time(null_mut()), second);
    }
}

#[test]
fn without_a_context_they_show_the_real_time() {
    sees_real_time();
    // SAFETY: as above.
    unsafe {
        let mut tv = zeroed::<libc::timeval>();
        assert_eq!(libc::gettimeofday(&mut tv, null_mut()), 0);
        for second in [tv.tv_sec, libc::time(null_mut()), clock(libc::CLOCK_REALTIME_COARSE).unwrap().0] {
            is_real(second.unsigned_abs());
        }
    }
}

#[test]
fn a_signal_handler_reads_the_frozen_time() {
    static SEEN: AtomicI64 = AtomicI64::new(0);
    extern "C" fn handler(_: c_int) {
        // SAFETY: POSIX allows `time` in signal handlers, and our `time` must be safe there, too.
        SEEN.store(unsafe { libc::time(null_mut()) }, Ordering::Relaxed);
    }
    let _entered = frozen(1, PAST).enter();
    // SAFETY: the handler does only what is allowed in a signal handler. A signal that a thread sends to itself arrives
    // before the call returns.
    unsafe {
        libc::signal(libc::SIGUSR2, handler as *const () as usize);
        libc::pthread_kill(libc::pthread_self(), libc::SIGUSR2);
    }
    assert_eq!(SEEN.load(Ordering::Relaxed), PAST as i64);
}

type Start = extern "C-unwind" fn(*mut c_void) -> *mut c_void;

unsafe extern "C-unwind" {
    fn pthread_create(t: *mut libc::pthread_t, a: *const c_void, f: Start, x: *mut c_void) -> c_int;
    fn pthread_exit(value: *mut c_void) -> !;
    fn pthread_cancel(thread: libc::pthread_t) -> c_int;
    fn pause() -> c_int;
}

/// Starts a C thread in a frozen context, runs `then` with it, and returns the thread's result.
fn c_thread(start: Start, then: impl FnOnce(libc::pthread_t)) -> usize {
    let _entered = frozen(1, PAST).enter();
    let mut left = null_mut();
    // SAFETY: the thread gets no argument, and is joined below. A `pthread_t` may have
    // any bit pattern, so zeroed memory is a valid `pthread_t`.
    unsafe {
        let mut thread: libc::pthread_t = zeroed();
        assert_eq!(pthread_create(&mut thread, null(), start, null_mut()), 0);
        then(thread);
        assert_eq!(libc::pthread_join(thread, &mut left), 0);
    }
    left as usize
}

#[test]
fn a_c_thread_inherits_and_its_result_is_passed_on() {
    extern "C-unwind" fn returns_time(_: *mut c_void) -> *mut c_void {
        now().as_secs() as *mut c_void
    }
    assert_eq!(c_thread(returns_time, |_| ()), PAST as usize);
}

// When a thread exits or is cancelled, glibc unwinds its stack, through the frame of our start function. musl does not
// unwind.
#[test]
fn a_thread_may_exit() {
    extern "C-unwind" fn exits(_: *mut c_void) -> *mut c_void {
        // SAFETY: no frame of this thread has anything to drop.
        unsafe { pthread_exit(7 as *mut c_void) }
    }
    assert_eq!(c_thread(exits, |_| ()), 7);
}

#[test]
fn a_thread_may_be_cancelled() {
    extern "C-unwind" fn waits(_: *mut c_void) -> *mut c_void {
        // SAFETY: `pause` is a cancellation point. No frame of this thread has anything to drop.
        unsafe { pause() };
        null_mut()
    }
    // SAFETY: the thread is alive until it is joined.
    let left = c_thread(waits, |thread| assert_eq!(unsafe { pthread_cancel(thread) }, 0));
    assert_eq!(left, usize::MAX, "PTHREAD_CANCELED");
}

/// With a static libc the deadlines are not translated.
#[cfg(not(target_feature = "crt-static"))]
mod waits {
    use super::*;
    use crate::FUTURE;
    use std::time::{Duration, Instant};

    /// Calls `wait` with a deadline that is `ASKED` later than the reading of the clock `id`. Checks that the wait
    /// takes as long as `ASKED`, under several frozen times. Without a translation of the deadline, the wait would
    /// return at once if the frozen time is in the past, and never if it is in the future.
    #[track_caller]
    fn waits_as_asked(id: c_int, wait: impl Fn(&timespec) -> c_int) {
        const ASKED: Duration = Duration::from_millis(20);
        for context in [frozen(1, PAST), frozen(2, FUTURE), frozen(3, 0), Context::new(4, WallClock::Real)] {
            let _entered = context.enter();
            let start = Instant::now();
            let (seconds, ns) = clock(id).unwrap();
            let at = seconds * 1_000_000_000 + ns + ASKED.as_nanos() as i64;
            let deadline = timespec { tv_sec: at / 1_000_000_000, tv_nsec: at % 1_000_000_000 };
            assert_eq!(wait(&deadline), libc::ETIMEDOUT, "{context:?}");
            assert!(start.elapsed() >= ASKED, "{context:?}: {:?}", start.elapsed());
        }
    }

    fn wait_for_condition(on: c_int, deadline: &timespec) -> c_int {
        // SAFETY: everything is initialised before it is used, and outlives its use.
        unsafe {
            let mut mutex = libc::PTHREAD_MUTEX_INITIALIZER;
            let (mut condition, mut attribute) = (zeroed(), zeroed());
            libc::pthread_condattr_init(&mut attribute);
            libc::pthread_condattr_setclock(&mut attribute, on);
            libc::pthread_cond_init(&mut condition, &attribute);
            libc::pthread_mutex_lock(&mut mutex);
            // A condition variable may wake up for no reason.
            let result =
                std::iter::repeat_with(|| libc::pthread_cond_timedwait(&mut condition, &mut mutex, deadline))
                    .find(|result| *result != 0);
            libc::pthread_mutex_unlock(&mut mutex);
            result.unwrap()
        }
    }

    fn wait_for_semaphore(deadline: &timespec) -> c_int {
        // SAFETY: the semaphore is initialised before it is used, and outlives its use.
        unsafe {
            let mut semaphore = zeroed();
            libc::sem_init(&mut semaphore, 0, 0);
            while libc::sem_timedwait(&mut semaphore, deadline) != 0 {
                let error = *libc::__errno_location();
                if error != libc::EINTR {
                    return error;
                }
            }
            0
        }
    }

    #[test]
    fn waiting_for_a_condition_lasts_as_long_as_asked() {
        waits_as_asked(libc::CLOCK_REALTIME, |at| wait_for_condition(libc::CLOCK_REALTIME, at));
    }

    #[test]
    fn waiting_for_a_condition_on_the_monotonic_clock_lasts_as_long_as_asked() {
        waits_as_asked(libc::CLOCK_MONOTONIC, |at| wait_for_condition(libc::CLOCK_MONOTONIC, at));
    }

    #[test]
    fn waiting_for_a_semaphore_lasts_as_long_as_asked() {
        waits_as_asked(libc::CLOCK_REALTIME, wait_for_semaphore);
    }

    #[test]
    fn deadlines_that_are_none_are_refused_as_ever() {
        let _entered = frozen(1, PAST).enter();
        let bad = timespec { tv_sec: PAST as i64 + 1, tv_nsec: 1_000_000_000 };
        assert_eq!(wait_for_condition(libc::CLOCK_REALTIME, &bad), libc::EINVAL);
        assert_eq!(wait_for_semaphore(&bad), libc::EINVAL);
    }
}
