//! An implementation detail of `cassette-vcr`. It knows to which session each thread belongs, and sets the time that
//! the thread sees.
//!
//! A test enters a [`Context`], which has the number of a session, and a clock. Every thread that the test starts after
//! that is in the same context. The threads that these threads start are in it, too. In the context,
//! `SystemTime::now()`, chrono, jiff, time and C code read the context's clock. `Instant` and timers are not changed.
//! Another test in the same process sees its own clock, or the real clock.
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
//! to libc's own. This changes **every executable that links this crate**, so link it into tests only. The crate also
//! compiles on other systems and under Miri, but there [`self_test()`] returns false, and a context applies only to the
//! thread that entered it.
//!
//! On 64-bit Linux and macOS the crate also sets the time zone of the process before `main`, to `UTC` or to the zone
//! that the variable `CASSETTE_TZ` names. It must do so before `main`, because chrono and jiff read the zone only once.
//! `CASSETTE_TZ` is the only variable of cassette that this crate reads, because no other part of cassette runs early
//! enough. See [`time_zone`].
//!
//! The following show the real time: file modification times, raw system calls, and `timespec_get`; on macOS also
//! shared libraries, and C's `time` and `gettimeofday`. With a static libc, a C function that waits until an absolute
//! time uses the real clock.

mod at_exit;
#[cfg_attr(not(intercepted), allow(dead_code, reason = "nobody asks for the network"))]
mod context;
#[cfg(interposed)]
mod interpose;
#[cfg_attr(not(intercepted), allow(dead_code, reason = "nobody asks for the machine"))]
pub mod machine;
#[cfg_attr(not(intercepted), allow(dead_code, reason = "nobody reads a variable or connects"))]
mod network;
#[cfg_attr(not(interposed), allow(dead_code, reason = "no thread takes over an origin"))]
mod origin;
#[cfg_attr(not(intercepted), allow(dead_code, reason = "nobody asks where connections go"))]
mod routing;
mod self_test;
mod zone;

pub use at_exit::at_exit;
pub use context::{
    Context, CurrentSession, Guard, WallClock, current, current_session, inherited_session, outside,
};
pub use network::{
    ChildVariable, DefaultValue, Network, Override, RefusalReason, RefusedConnection, ShownVariable,
};
pub use routing::{Destination, intercepted};
pub use self_test::{intercepts, self_test};
pub use zone::time_zone;
