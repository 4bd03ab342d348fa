//! Work at the end of the process.
#![expect(unsafe_code, reason = "`atexit` is libc's, and its interface is C")]

use std::panic::catch_unwind;
use std::process;
use std::sync::OnceLock;

/// The id of the process that registered the work, and the work.
static WORK: OnceLock<(u32, fn())> = OnceLock::new();

/// Runs `work` when this process ends by `exit` or when `main` returns. `work` does not run if the process is killed,
/// nor in a process that is forked from this one. Returns false if `work` could not be registered: other work was
/// registered before, or the system cannot do it.
///
/// Other threads may still run and hold any lock, so `work` must not wait for one. A panic of `work` is dropped.
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
