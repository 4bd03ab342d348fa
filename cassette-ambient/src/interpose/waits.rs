//! Waits until an absolute wall-clock time. The caller computes the deadline from the clock that it sees, and the
//! kernel compares it with the real clock; so the deadline is translated from the clock that the caller sees to the
//! real clock.
//!
//! std, tokio and parking_lot do not wait this way on Linux; C and C++ do (`std::condition_variable`). A static libc
//! has no second name for all of the functions, so waits are not translated there.

use super::real::{self, looked_up};
use crate::context;
use libc::{c_int, c_void, timespec};
use std::mem;

#[used]
static LINK: unsafe extern "C-unwind" fn(*mut c_void, *const timespec) -> c_int = sem_timedwait;

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn pthread_cond_timedwait(
    condition: *mut c_void,
    mutex: *mut c_void,
    deadline: *const timespec,
) -> c_int {
    // SAFETY: libc has a function of this name, and POSIX fixes its type.
    let wait: unsafe extern "C-unwind" fn(*mut c_void, *mut c_void, *const timespec) -> c_int =
        unsafe { mem::transmute(looked_up::COND_TIMEDWAIT.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    let moved = unsafe { on_the_real_clock(deadline, Waits::OnSomeClock) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    unsafe { wait(condition, mutex, moved.as_ref().map_or(deadline, |t| t)) }
}

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn sem_timedwait(semaphore: *mut c_void, deadline: *const timespec) -> c_int {
    // SAFETY: libc has a function of this name, and POSIX fixes its type.
    let wait: unsafe extern "C-unwind" fn(*mut c_void, *const timespec) -> c_int =
        unsafe { mem::transmute(looked_up::SEM_TIMEDWAIT.address()) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    let moved = unsafe { on_the_real_clock(deadline, Waits::OnTheWallClock) };
    // SAFETY: the caller keeps this function's contract, which covers this call.
    unsafe { wait(semaphore, moved.as_ref().map_or(deadline, |t| t)) }
}

#[derive(PartialEq)]
enum Waits {
    OnTheWallClock,
    /// A condition variable may use `CLOCK_MONOTONIC` instead, and offers no way to ask.
    OnSomeClock,
}

/// Translates the deadline to the real clock. Returns `None` if the deadline needs no translation: it is in real time,
/// on another clock, or invalid, which libc reports.
///
/// # Safety
/// `deadline` is null or may be read.
unsafe fn on_the_real_clock(deadline: *const timespec, waits: Waits) -> Option<timespec> {
    let shown = i64::try_from(context::shown_ns()?).ok()?;
    // SAFETY: the caller keeps this function's contract.
    let deadline = unsafe { deadline.as_ref() }?;
    if !(0..SECOND).contains(&deadline.tv_nsec) {
        return None;
    }
    let at = deadline.tv_sec.saturating_mul(SECOND).saturating_add(deadline.tv_nsec);
    // The deadline belongs to the clock that it is nearer to: the machine has not been up for as many years as lie
    // between 1970 and any time that a test is likely to freeze.
    let monotonic = || real::clock_ns(libc::CLOCK_MONOTONIC);
    if waits == Waits::OnSomeClock && at.abs_diff(monotonic()) < at.abs_diff(shown) {
        return None;
    }
    let left = at.saturating_sub(shown);
    let real = real::clock_ns(libc::CLOCK_REALTIME).saturating_add(left).max(0);
    Some(timespec { tv_sec: real / SECOND, tv_nsec: real % SECOND })
}

const SECOND: i64 = 1_000_000_000;
