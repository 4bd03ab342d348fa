//! What a process does last.
#![expect(unsafe_code, reason = "`atexit` is libc's, and its interface is C")]

use std::panic::catch_unwind;
use std::process;
use std::sync::OnceLock;

/// The process that asked for it, and what it is.
static WORK: OnceLock<(u32, fn())> = OnceLock::new();

/// Has `work` done when this process ends, by `exit` or by the return of `main`; not where it is killed, nor in a
/// process that was forked from it. False if it was not taken on, as there has been another before, or there is no
/// way to.
///
/// Other threads may still run then, and hold any lock: `work` must not wait for one. What it panics with is lost.
pub fn at_exit(work: fn()) -> bool {
    // Miri has no `atexit`.
    if cfg!(miri) || WORK.set((process::id(), work)).is_err() {
        return false;
    }
    // SAFETY: `run` lives as long as the executable, and never unwinds.
    unsafe { libc::atexit(run) == 0 }
}

extern "C" fn run() {
    if let Some((asked, work)) = WORK.get()
        && *asked == process::id()
    {
        let _ = catch_unwind(work);
    }
}
