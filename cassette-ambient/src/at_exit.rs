//! Runs a function when the process ends.
#![expect(unsafe_code, reason = "`atexit` is libc's, and its interface is C")]

use std::panic::catch_unwind;
use std::process;
use std::sync::OnceLock;

/// The function to run at the end of the process. It returns the new exit code, or `None` if the exit code stays.
type Work = fn() -> Option<i32>;

/// The function to run, and the id of the process that registered it.
static WORK: OnceLock<(u32, Work)> = OnceLock::new();

/// Runs `work` when this process calls `exit` or when `main` returns. `work` does not run if the process is killed, and
/// does not run in a process that is forked from this one. Returns false if `work` could not be registered, because
/// another function is already registered, or because the system does not support it.
///
/// If `work` returns a number, the process ends at once with this number as its exit code. Then functions that other
/// code registered earlier do not run.
///
/// Other threads may still run and hold any lock, so `work` must not wait for a lock. A panic of `work` is ignored.
pub fn at_exit(work: fn() -> Option<i32>) -> bool {
    // Miri has no `atexit`.
    if cfg!(miri) || WORK.set((process::id(), work)).is_err() {
        return false;
    }
    // SAFETY: `run` exists as long as the executable, and never unwinds.
    unsafe { libc::atexit(run) == 0 }
}

extern "C" fn run() {
    if let Some((asked, work)) = WORK.get()
        && *asked == process::id()
        && let Ok(Some(code)) = catch_unwind(work)
    {
        // SAFETY: the function has no preconditions.
        unsafe { libc::_exit(code) }
    }
}
