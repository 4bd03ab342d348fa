//! An implementation detail of `cassette-vcr`: the session that a thread belongs to, and the time that the thread sees.
//!
//! A test enters a [`Context`], which is a session's number and a clock. Every thread that the test starts from then on
//! is in the same context, and so are the threads that those start. In the context, `SystemTime::now()`, chrono, jiff,
//! time and C code read the context's clock; `Instant` and timers run on. Another test in the same process sees its own
//! clock or the real one.
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
//! On 64-bit Linux and macOS the crate defines some of libc's functions in the executable, and the linker prefers them
//! to libc's own. This changes **every executable that links this crate**, so link it into tests only. On other systems
//! and under Miri everything compiles, [`self_test()`] returns false, and a context covers only the thread that entered
//! it.
//!
//! On the same systems the time zone of the process is pinned to `UTC` before `main`, because chrono and jiff read it
//! once and keep it. The variable `CASSETTE_TZ` names another zone. It is the only variable of cassette that this crate
//! reads, because nothing else runs early enough. See [`time_zone`].
//!
//! The following stay in real time: file modification times, raw system calls, `timespec_get`; on macOS also shared
//! libraries and C's `time` and `gettimeofday`. With a static libc, C's waits until an absolute time are not
//! translated.

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
