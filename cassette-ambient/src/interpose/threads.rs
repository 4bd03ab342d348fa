//! Replaces `pthread_create`, so that a new thread takes over the context and the origin of the thread that starts it.

use super::real::{self, PthreadCreate, StartFn};
use crate::context::{self, Context};
use crate::origin::{self, Inheritance};
use libc::{c_int, c_void, pthread_attr_t, pthread_t};

#[used]
static LINK: PthreadCreate = pthread_create;

/// # Safety
/// The caller must keep the contract of this function in POSIX.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: StartFn,
    argument: *mut c_void,
) -> c_int {
    let create = real::pthread_create();
    let (context, origin) = (context::inheritance(), origin::inheritance());
    let heir = Box::into_raw(Box::new(Heir { start, argument, context, origin }));
    // SAFETY: the caller keeps this function's contract. `inherit` expects a pointer to an `Heir`, and gets one.
    let result = unsafe { create(thread, attributes, inherit, heir.cast()) };
    if result != 0 {
        // SAFETY: `heir` came from a box. No thread has started, so `inherit` has not taken it back.
        drop(unsafe { Box::from_raw(heir) });
    }
    result
}

/// What `inherit` needs in a new thread: the caller's start function with its argument, the context and the origin.
struct Heir {
    start: StartFn,
    argument: *mut c_void,
    context: Option<Context>,
    origin: Inheritance,
}

/// The first function that a new thread runs. While `start` runs, this function must hold no value with a destructor,
/// because `pthread_exit` and `pthread_cancel` unwind through its frame. If a thread ends in this way, `inherit` does
/// not note that its origin has ended.
extern "C-unwind" fn inherit(heir: *mut c_void) -> *mut c_void {
    // SAFETY: `pthread_create` above made this pointer from a box, and passed it to this thread only.
    let Heir { start, argument, context, origin } = *unsafe { Box::from_raw(heir.cast::<Heir>()) };
    origin.take_over();
    if let Some(context) = context {
        context.take_over();
    }
    let result = start(argument);
    origin.end();
    result
}
