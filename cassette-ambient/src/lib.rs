//! An implementation detail of `cassette-vcr`: what a thread belongs to, and the time it is shown.
//!
//! A test enters a [`Context`], which is a session's number and a clock. Every thread that the test
//! starts from there on is in the same context, and so are the threads which those start. Within it
//! `SystemTime::now()`, chrono, jiff, time and C code read the context's clock; `Instant` and
//! timers run on. Another test in the same process sees its own clock, or the real one.
//!
//! ```
//! use cassette_ambient::{Context, WallClock, self_test};
//! use std::time::{Duration, SystemTime, UNIX_EPOCH};
//!
//! let context = Context::new(1, WallClock::frozen(1_000_000_000_000_000_000));
//! let entered = context.enter();
//! if self_test() {
//!     let seen = std::thread::spawn(SystemTime::now).join().unwrap();
//!     assert_eq!(seen, UNIX_EPOCH + Duration::from_secs(1_000_000_000));
//! }
//! drop(entered);
//! context.release();
//! ```
//!
//! It works on 64-bit Linux and macOS by defining some of libc's functions in the executable, which
//! the linker then prefers to libc's own. That changes **every executable that links this crate**,
//! so link it into tests only. Elsewhere, and under Miri, everything compiles, [`self_test()`] is
//! false, and a context reaches no further than the thread that entered it.
//!
//! On the same systems the time zone of the process is pinned to `UTC` before `main`, because chrono
//! and jiff read it once and keep it. The variable `CASSETTE_TZ` names another; it is the one
//! variable of cassette's that is read here, since nothing else runs early enough. See
//! [`time_zone`].
//!
//! What still sees real time: file modification times, raw system calls, `timespec_get`, and on
//! macOS shared libraries and C's `time` and `gettimeofday`. With a static libc, C's waits until an
//! absolute time are not translated.

mod at_exit;
#[cfg_attr(not(intercepted), allow(dead_code, reason = "nobody asks for the network"))]
mod context;
#[cfg(interposed)]
mod interpose;
mod network;
#[cfg_attr(not(intercepted), allow(dead_code, reason = "nobody asks where connections go"))]
mod routing;
mod self_test;
mod zone;

pub use at_exit::at_exit;
pub use context::{Context, CurrentSession, Guard, WallClock, current, current_session, outside};
pub use network::{ChildVariable, Network, RefusalReason, RefusedConnection};
pub use routing::{Destination, intercepted};
pub use self_test::{intercepts, self_test};
pub use zone::time_zone;
