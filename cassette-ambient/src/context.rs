//! The context of a thread: the number of its session, and the clock that the thread sees.
//!
//! This module has no unsafe code. Reading a context takes no lock and allocates nothing, because a signal handler, an
//! allocator or the destructor of a thread-local may call `clock_gettime`.
//!
//! Must not know: libc, and what a session is.

use crate::network::Network;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The number, clock and network of a session. A context applies to the threads that [`enter`](Self::enter) it, and to
/// the threads that they start. A context is a cheap handle that any thread may use.
///
/// The memory behind the handle (some 60 bytes and the network) is kept until the process ends. Therefore a thread that
/// outlives its test never reads freed memory.
#[derive(Clone, Copy)]
pub struct Context(&'static Inner);

/// The wall clock that the threads of a [`Context`] see.
#[derive(Clone, Debug)]
pub enum WallClock {
    /// The system's clock.
    Real,
    /// The clock shows this many nanoseconds since 1970-01-01T00:00:00Z, until another number is stored. To set the
    /// clock later, keep a clone of the atomic.
    Frozen(Arc<AtomicU64>),
}

impl WallClock {
    /// A clock that shows `ns` nanoseconds since 1970-01-01T00:00:00Z.
    pub fn frozen(ns: u64) -> Self {
        WallClock::Frozen(Arc::new(AtomicU64::new(ns)))
    }
}

impl Context {
    /// A context without threads. `session` is an opaque number, which [`current_session`] returns.
    pub fn new(session: u64, clock: WallClock) -> Self {
        Context(keep(Inner::new(session, clock, None)))
    }

    /// A context in which the session intercepts the connections of the threads. If the feature `intercept` is off, or
    /// if interception is impossible on this system, the connections go to the real servers; see
    /// [`intercepts`](crate::intercepts).
    pub fn with_network(session: u64, clock: WallClock, network: Network) -> Self {
        Context(keep(Inner::new(session, clock, Some(network))))
    }

    /// The number of the session, as given to [`new`](Self::new).
    pub fn session(self) -> u64 {
        self.0.session
    }

    /// Puts the calling thread into this context until the guard is dropped. Threads that the calling thread starts
    /// before that inherit the context, and stay in it after the guard has been dropped.
    ///
    /// Enter the context before you build a runtime or a pool: its threads inherit the context when they are started,
    /// not when they get work.
    pub fn enter(self) -> Guard {
        Guard { before: CURRENT.replace(Some(self.0)).map(Context), _of_this_thread: PhantomData }
    }

    /// Enters the context for the body of a test. nextest runs each test in a process of its own, and sets a variable
    /// that says so. Then the context also applies to threads that have no context (such as the threads of a global
    /// pool, or threads that were started before `main`), until it is [released](Self::release).
    pub fn enter_root(self) -> Guard {
        if process_per_test() {
            self.0.root.store(true, Relaxed);
            ONE_TEST.store(true, Relaxed);
        }
        self.enter()
    }

    /// Ends the context. This cannot be undone. Threads that are still in the context see the real time from now on,
    /// and for them [`current_session`] returns that the session has ended.
    pub fn release(self) {
        self.0.ended.store(true, Relaxed);
    }

    /// The time that the threads of this context see, in nanoseconds since 1970-01-01T00:00:00Z. `None` means the real
    /// time.
    pub fn frozen_ns(self) -> Option<u64> {
        self.0.frozen_ns()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { session, clock, ended, .. } = self.0;
        f.debug_struct("Context")
            .field("session", session)
            .field("clock", clock)
            .field("ended", ended)
            .finish()
    }
}

/// Keeps the calling thread in a context. Dropping the guard restores the previous context. If a thread has several
/// guards, drop the last one first.
#[must_use = "the thread leaves the context as soon as this is dropped"]
#[derive(Debug)]
pub struct Guard {
    before: Option<Context>,
    _of_this_thread: PhantomData<*const ()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        CURRENT.set(self.before.map(|c| c.0));
    }
}

/// The session to which the calling thread belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrentSession {
    /// The thread belongs to no session, and never belonged to one.
    None,
    /// The session with this number.
    Open(u64),
    /// The session with this number has ended. The thread's work belongs to no test.
    Ended(u64),
}

/// The context of the calling thread, unless the context has ended.
pub fn current() -> Option<Context> {
    governing().filter(|c| !c.is_outside() && !c.has_ended()).map(Context)
}

/// The session of the calling thread.
///
/// ```
/// use cassette_ambient::{Context, CurrentSession, WallClock, current_session};
///
/// let context = Context::new(7, WallClock::Real);
/// let _entered = context.enter();
/// assert_eq!(current_session(), CurrentSession::Open(7));
/// context.release();
/// assert_eq!(current_session(), CurrentSession::Ended(7));
/// ```
pub fn current_session() -> CurrentSession {
    match governing() {
        Some(c) if c.is_outside() => CurrentSession::None,
        Some(c) if c.has_ended() => CurrentSession::Ended(c.session),
        Some(c) => CurrentSession::Open(c.session),
        None => CurrentSession::None,
    }
}

/// Runs `f` without a context. `f`, and the threads that it starts, see the real time. The threads stay without a
/// context after `f` has returned. cassette starts its own threads in this way; otherwise it would intercept its own
/// connections.
pub fn outside<R>(f: impl FnOnce() -> R) -> R {
    let _out = Context(&OUTSIDE).enter();
    f()
}

/// The time that the calling thread sees, in nanoseconds since 1970. `None` means the real time.
#[cfg(interposed)]
#[inline]
pub(crate) fn shown_ns() -> Option<u64> {
    governing()?.frozen_ns()
}

/// The network that applies to the calling thread, and the session that owns this network.
#[derive(Clone, Copy)]
pub(crate) struct Governing {
    pub(crate) session: u64,
    pub(crate) ended: bool,
    pub(crate) network: &'static Network,
}

/// The network of the calling thread, even if its session has ended.
#[inline]
pub(crate) fn network() -> Option<Governing> {
    let inner = governing()?;
    let network = inner.network.as_ref()?;
    Some(Governing { session: inner.session, ended: inner.has_ended(), network })
}

/// The context that a new thread [takes over](Context::take_over) if the calling thread starts it.
///
/// This is the context that the calling thread has entered or inherited, and not a root context, which applies to a
/// whole process. Otherwise, when libtest's main thread starts the thread of the next test, the new thread could
/// inherit the root context of another test. A thread also inherits a context that has ended, so that work of an ended
/// session cannot reach the real network by starting a new thread.
#[cfg(interposed)]
pub(crate) fn inheritance() -> Option<Context> {
    CURRENT.get().map(Context)
}

#[cfg(interposed)]
impl Context {
    /// Puts the calling thread, which has just started, into this context until it ends.
    pub(crate) fn take_over(self) {
        CURRENT.set(Some(self.0));
    }
}

struct Inner {
    session: u64,
    clock: WallClock,
    network: Option<Network>,
    ended: AtomicBool,
    /// Whether this is a root context: the context of a test that is the only test of its process.
    root: AtomicBool,
    next: OnceLock<&'static Inner>,
}

impl Inner {
    const fn new(session: u64, clock: WallClock, network: Option<Network>) -> Self {
        Inner {
            session,
            clock,
            network,
            ended: AtomicBool::new(false),
            root: AtomicBool::new(false),
            next: OnceLock::new(),
        }
    }

    // `Relaxed` is enough, because no other memory depends on these atomics. If a thread is informed of a change by a
    // message, a join or a lock, it also sees the changed value.
    fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    fn is_outside(&self) -> bool {
        ptr::eq(self, &OUTSIDE)
    }

    #[inline]
    fn frozen_ns(&self) -> Option<u64> {
        match &self.clock {
            WallClock::Frozen(ns) if !self.has_ended() => Some(ns.load(Relaxed)),
            _ => None,
        }
    }
}

thread_local! {
    // This thread-local has a constant initial value and no destructor, so it is usable during the whole life of its
    // thread. Reading it is a single load, which is allowed in signal handlers, and in the destructors of other
    // thread-locals.
    static CURRENT: Cell<Option<&'static Inner>> = const { Cell::new(None) };
}

/// The context that `outside` enters. A thread in this context belongs to no session, even if the process has a root
/// context.
static OUTSIDE: Inner = Inner::new(0, WallClock::Real, None);

/// The first element of a linked list of all contexts. Through this list a leak checker reaches the contexts, and
/// reports no leak.
static FIRST: OnceLock<&'static Inner> = OnceLock::new();

/// Whether a thread has entered a root context. This happens only in a process that runs a single test.
static ONE_TEST: AtomicBool = AtomicBool::new(false);

fn keep(context: Inner) -> &'static Inner {
    static LAST: Mutex<Option<&'static Inner>> = Mutex::new(None);
    let context: &'static Inner = Box::leak(Box::new(context));
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let end = last.map_or(&FIRST, |last| &last.next);
    // `set` cannot fail: only the holder of the lock sets `next` of the last element.
    let _ = end.set(context);
    *last = Some(context);
    context
}

/// The context that applies to the calling thread. This is the thread's own context if it has not ended; otherwise a
/// root context of the process that has not ended; otherwise a context that has ended, the thread's own one if there is
/// one.
#[inline]
fn governing() -> Option<&'static Inner> {
    match CURRENT.get() {
        Some(own) if !own.has_ended() => Some(own),
        own if ONE_TEST.load(Relaxed) => match of_the_process() {
            Some(root) if !root.has_ended() => Some(root),
            ended => own.or(ended),
        },
        own => own,
    }
}

/// The latest root context that has not ended. If all root contexts have ended, the latest of them. There are several
/// root contexts if the only test of this process begins several sessions.
#[cold]
fn of_the_process() -> Option<&'static Inner> {
    let all = std::iter::successors(FIRST.get().copied(), |c| c.next.get().copied());
    let roots = all.filter(|c| c.root.load(Relaxed));
    roots.reduce(|found, root| if root.has_ended() && !found.has_ended() { found } else { root })
}

/// Whether nextest runs each test in a process of its own. nextest sets a variable for this:
/// <https://nexte.st/docs/configuration/env-vars/>.
fn process_per_test() -> bool {
    std::env::var_os("NEXTEST_EXECUTION_MODE").is_some_and(|mode| mode == "process-per-test")
}
