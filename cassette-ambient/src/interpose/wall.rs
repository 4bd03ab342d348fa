//! Replaces the three C functions that read the wall clock. They do not change `CLOCK_MONOTONIC` and other clocks.

use super::real;
use crate::context;
use libc::{c_int, clockid_t, timespec};
#[cfg(target_os = "linux")]
use libc::{c_void, timeval};

#[used]
static LINK: unsafe extern "C" fn(clockid_t, *mut timespec) -> c_int = clock_gettime;

/// The function that std and nearly all other code calls.
///
/// # Safety
/// The caller must keep the contract of this function in POSIX: `to` is null or may be written to.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(id: clockid_t, to: *mut timespec) -> c_int {
    if is_wall_clock(id)
        && !to.is_null()
        && let Some(ns) = context::shown_ns()
    {
        // SAFETY: the pointer is not null, so by this function's contract it may be written to.
        unsafe { to.write(timespec { tv_sec: (ns / SECOND) as _, tv_nsec: (ns % SECOND) as _ }) };
        return 0;
    }
    // SAFETY: the caller keeps this function's contract, which covers this call.
    unsafe { real::clock_gettime(id, to) }
}

// The next two functions are replaced on Linux only. On macOS std does not call them, and `gettimeofday` must return
// the real time there, because parking_lot computes absolute deadlines from it.

/// # Safety
/// The caller must keep the contract of this function in POSIX: each argument is null or may be written to.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
unsafe extern "C" fn gettimeofday(to: *mut timeval, zone: *mut c_void) -> c_int {
    let ns = wall_ns();
    if !to.is_null() {
        // SAFETY: the pointer is not null, so by this function's contract it may be written to.
        unsafe { to.write(timeval { tv_sec: (ns / SECOND) as _, tv_usec: (ns % SECOND / 1000) as _ }) };
    }
    if !zone.is_null() {
        // The time zone argument is obsolete and all zero on Linux.
        // SAFETY: the pointer is not null, so by this function's contract it is a `struct timezone`, which is two ints.
        unsafe { zone.cast::<[c_int; 2]>().write([0, 0]) };
    }
    0
}

/// # Safety
/// The caller must keep the contract of this function in POSIX: `to` is null or may be written to. The type
/// `time_t` is an `i64` on every 64-bit Linux.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
unsafe extern "C" fn time(to: *mut i64) -> i64 {
    let seconds = (wall_ns() / SECOND) as i64;
    if !to.is_null() {
        // SAFETY: the pointer is not null, so by this function's contract it may be written to.
        unsafe { to.write(seconds) };
    }
    seconds
}

const SECOND: u64 = 1_000_000_000;

#[cfg(target_os = "linux")]
fn wall_ns() -> u64 {
    context::shown_ns().unwrap_or_else(|| real::clock_ns(libc::CLOCK_REALTIME).unsigned_abs())
}

#[cfg(target_os = "linux")]
fn is_wall_clock(id: clockid_t) -> bool {
    id == libc::CLOCK_REALTIME || id == libc::CLOCK_REALTIME_COARSE
}

#[cfg(not(target_os = "linux"))]
fn is_wall_clock(id: clockid_t) -> bool {
    id == libc::CLOCK_REALTIME
}
