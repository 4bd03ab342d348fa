//! Replaces `pthread_create`, so that a new thread takes over the context of the thread that starts it.

use super::real::{self, PthreadCreate, StartFn};
use crate::context::{self, Context};
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
    let Some(context) = context::inheritance() else {
        // SAFETY: the caller keeps this function's contract, which covers this call.
        return unsafe { create(thread, attributes, start, argument) };
    };
    let heir = Box::into_raw(Box::new(Heir { start, argument, context }));
    // SAFETY: the caller keeps this function's contract. `inherit` expects a pointer to an `Heir`, and gets one.
    let result = unsafe { create(thread, attributes, inherit, heir.cast()) };
    if result != 0 {
        // SAFETY: `heir` came from a box. No thread has started, so `inherit` has not taken it back.
        drop(unsafe { Box::from_raw(heir) });
    }
    result
}

/// What `inherit` needs in a new thread: the caller's start function with its argument, and the context.
struct Heir {
    start: StartFn,
    argument: *mut c_void,
    context: Context,
}

/// The first function that a new thread runs. While `start` runs, this function must hold no value with a destructor,
/// because `pthread_exit` and `pthread_cancel` unwind through its frame.
extern "C-unwind" fn inherit(heir: *mut c_void) -> *mut c_void {
    // SAFETY: `pthread_create` above made this pointer from a box, and passed it to this thread only.
    let Heir { start, argument, context } = *unsafe { Box::from_raw(heir.cast::<Heir>()) };
    context.take_over();
    start(argument)
}
