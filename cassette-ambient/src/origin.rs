//! The origin of a thread. The main thread starts some threads directly, and each of them begins an origin. All threads
//! that such a thread starts, directly or indirectly, have the same origin. Test harnesses run each test on a thread
//! that the main thread starts. So threads of one origin belong to one test, even if they are in no context.
//!
//! This module has no unsafe code. The code that reads an origin takes no lock and allocates nothing, for the reason
//! that [`context`](crate::context) gives.
//!
//! Must not know: libc, contexts, and what a session is.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The origin of a thread. It is kept until the process ends.
#[derive(Clone, Copy)]
pub(crate) struct Origin(&'static Inner);

struct Inner {
    /// Whether the first thread of this origin has ended. Then other threads of this origin have outlived their test.
    ended: AtomicBool,
}

thread_local! {
    // This thread-local is usable during the whole life of its thread, for the same reasons as `CURRENT` in `context`.
    static CURRENT: Cell<Option<&'static Inner>> = const { Cell::new(None) };
    /// Whether the main thread started this thread.
    static IS_FIRST: Cell<bool> = const { Cell::new(false) };
}

/// The origin of the calling thread. `None` for the main thread.
pub(crate) fn current() -> Option<Origin> {
    CURRENT.get().map(Origin)
}

/// Whether the main thread started the calling thread.
pub(crate) fn is_first() -> bool {
    IS_FIRST.get()
}

impl Origin {
    pub(crate) fn has_ended(self) -> bool {
        self.0.ended.load(Relaxed)
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Origin) -> bool {
        ptr::eq(self.0, other.0)
    }
}

/// The origin of a thread that the calling thread starts.
#[cfg(interposed)]
pub(crate) enum Inheritance {
    /// The main thread starts the new thread, which is the first thread of this origin.
    First(Origin),
    Same(Origin),
}

/// Chooses the origin of a thread that the calling thread is about to start.
#[cfg(interposed)]
pub(crate) fn inheritance() -> Inheritance {
    match current() {
        Some(origin) => Inheritance::Same(origin),
        None => Inheritance::First(Origin(Box::leak(Box::new(Inner { ended: AtomicBool::new(false) })))),
    }
}

#[cfg(interposed)]
impl Inheritance {
    /// Gives this origin to the calling thread, which has just started.
    pub(crate) fn take_over(&self) {
        let (Inheritance::First(origin) | Inheritance::Same(origin)) = self;
        CURRENT.set(Some(origin.0));
        IS_FIRST.set(matches!(self, Inheritance::First(_)));
    }

    /// Notes that the calling thread ends.
    pub(crate) fn end(&self) {
        if let Inheritance::First(origin) = self {
            origin.0.ended.store(true, Relaxed);
        }
    }
}
