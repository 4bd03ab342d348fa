//! Replaces functions that wait until an absolute wall-clock time. The caller computes the deadline from the clock that
//! it sees, but the kernel compares the deadline with the real clock. So the functions here translate the deadline into
//! real time.
//!
//! std, tokio and parking_lot do not call these functions on Linux, but C and C++ code does
//! (`std::condition_variable`). In a static libc some of the real functions have no internal name to call, so this file
//! is not compiled there.

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
    /// The deadline is on the wall clock or on `CLOCK_MONOTONIC`. A condition variable may use either clock, and no
    /// function returns which clock it uses.
    OnSomeClock,
}

/// Translates a deadline to the real clock. Returns `None` if the deadline must not be translated: the thread sees the
/// real time, the deadline is on another clock, or the deadline is invalid. libc reports an invalid deadline.
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
    // If a deadline may be on either clock, it is on the clock whose reading is nearer. `CLOCK_MONOTONIC` shows the
    // time since the machine started, usually some days. A frozen wall clock shows the time since 1970, usually some
    // decades.
    let monotonic = || real::clock_ns(libc::CLOCK_MONOTONIC);
    if waits == Waits::OnSomeClock && at.abs_diff(monotonic()) < at.abs_diff(shown) {
        return None;
    }
    let left = at.saturating_sub(shown);
    let real = real::clock_ns(libc::CLOCK_REALTIME).saturating_add(left).max(0);
    Some(timespec { tv_sec: real / SECOND, tv_nsec: real % SECOND })
}

const SECOND: i64 = 1_000_000_000;
