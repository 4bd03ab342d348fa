//! Whether the libc functions of this crate are the ones that std calls, found out by trying.

use crate::{Context, WallClock};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whether contexts work in this executable: `SystemTime::now()` shows the clock of the context, on
/// the thread that entered it and on one that it starts.
///
/// False on systems without interposition, and where the executable was linked so that libc's own
/// functions are called. Tried once a process, remembered.
pub fn self_test() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        let probe = Context::new(0, WallClock::frozen(PROBE.as_nanos() as u64));
        let entered = probe.enter();
        let works = shows_probe() && thread::Builder::new().spawn(shows_probe).is_ok_and(is_true);
        drop(entered);
        probe.release();
        works
    })
}

/// Any instant that no real clock shows.
const PROBE: Duration = Duration::new(1_000_000_007, 123_456_789);

fn shows_probe() -> bool {
    SystemTime::now() == UNIX_EPOCH + PROBE
}

fn is_true(thread: thread::JoinHandle<bool>) -> bool {
    thread.join().is_ok_and(|shown| shown)
}
