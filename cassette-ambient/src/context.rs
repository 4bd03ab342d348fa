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

/// A session's number and clock, for the threads that [`enter`](Self::enter) the context and the threads that they
/// start. A context is a cheap handle that any thread may use.
///
/// The memory behind the handle (some 60 bytes and the network) is kept until the process ends. A thread that outlives
/// its test can therefore never ask a clock that is gone.
#[derive(Clone, Copy)]
pub struct Context(&'static Inner);

/// The wall clock that the threads of a [`Context`] see.
#[derive(Clone, Debug)]
pub enum WallClock {
    /// The system's clock.
    Real,
    /// The clock stands at this many nanoseconds since 1970-01-01T00:00:00Z until another number is stored. Keep a
    /// clone of the atomic to move the clock.
    Frozen(Arc<AtomicU64>),
}

impl WallClock {
    /// A clock that stands at `ns` nanoseconds since 1970-01-01T00:00:00Z.
    pub fn frozen(ns: u64) -> Self {
        WallClock::Frozen(Arc::new(AtomicU64::new(ns)))
    }
}

impl Context {
    /// A context without threads. `session` is an opaque number, which [`current_session`] returns.
    pub fn new(session: u64, clock: WallClock) -> Self {
        Context(keep(Inner::new(session, clock, None)))
    }

    /// A context whose threads have their connections intercepted by the session. The connections go to their servers
    /// if the feature `intercept` is off or the system does not allow it; see [`intercepts`](crate::intercepts).
    pub fn with_network(session: u64, clock: WallClock, network: Network) -> Self {
        Context(keep(Inner::new(session, clock, Some(network))))
    }

    /// The number of the session, as given to [`new`](Self::new).
    pub fn session(self) -> u64 {
        self.0.session
    }

    /// Puts the calling thread into this context until the guard is dropped. Threads that the calling thread starts
    /// meanwhile inherit the context, and keep it when the guard is dropped.
    ///
    /// Enter the context before a runtime or a pool is built: its threads inherit the context when they are started,
    /// not when they are given work.
    pub fn enter(self) -> Guard {
        Guard { before: CURRENT.replace(Some(self.0)).map(Context), _of_this_thread: PhantomData }
    }

    /// Enters the context for the body of a test. If the runner gives each test a process of its own and announces
    /// that, as nextest does, threads without a context (those of a global pool or of a constructor) see this context
    /// too, until it is [released](Self::release).
    pub fn enter_root(self) -> Guard {
        if process_per_test() {
            self.0.root.store(true, Relaxed);
            ONE_TEST.store(true, Relaxed);
        }
        self.enter()
    }

    /// Ends the context for good. Threads that are still in it see real time from now on, and [`current_session`]
    /// reports to them that the session has ended.
    pub fn release(self) {
        self.0.ended.store(true, Relaxed);
    }

    /// The time that the threads of this context see, in nanoseconds since 1970-01-01T00:00:00Z; `None` for real time.
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

/// Keeps the calling thread in a context. Dropping the guard restores the previous context. Drop guards in the reverse
/// order of entering.
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

/// Which session the calling thread works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrentSession {
    /// The thread belongs to no session and never did.
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

/// Runs `f` without a context: `f` and the threads that it starts see real time, the threads for their whole life. The
/// recorder starts its own threads this way; otherwise it would intercept itself.
pub fn outside<R>(f: impl FnOnce() -> R) -> R {
    let _out = Context(&OUTSIDE).enter();
    f()
}

/// The time that the calling thread sees, in nanoseconds since 1970; `None` for real time.
#[cfg(interposed)]
#[inline]
pub(crate) fn shown_ns() -> Option<u64> {
    governing()?.frozen_ns()
}

/// The network that governs the calling thread, and the session it belongs to.
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

/// The context that a thread started by the calling one [takes over](Context::take_over).
///
/// This is the thread's own context, never the process's: libtest's main thread starts the thread of the next test
/// while the root context of another test governs the process. An ended context is inherited too, so that a thread of
/// an ended session cannot leave the session by starting another thread.
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
    /// Whether this is the context of a test that has the process to itself.
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

    // Relaxed is enough: each atomic is a value of its own. A thread that learns of a change by a message, a join or a
    // lock also sees the changed value.
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
    // A thread-local with a constant initial value and without a destructor is usable for the whole life of its thread.
    // Reading it is one load, in signal handlers and in the destructors of other thread-locals as well.
    static CURRENT: Cell<Option<&'static Inner>> = const { Cell::new(None) };
}

/// The context that `outside` enters: no session, even in a process that has a root context.
static OUTSIDE: Inner = Inner::new(0, WallClock::Real, None);

/// The first context of the chain that all contexts form. A leak checker reaches the contexts from here.
static FIRST: OnceLock<&'static Inner> = OnceLock::new();

/// Whether a root context has been entered in a process that runs one test.
static ONE_TEST: AtomicBool = AtomicBool::new(false);

fn keep(context: Inner) -> &'static Inner {
    static LAST: Mutex<Option<&'static Inner>> = Mutex::new(None);
    let context: &'static Inner = Box::leak(Box::new(context));
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let end = last.map_or(&FIRST, |last| &last.next);
    // The end of the chain was empty until now, because only the holder of the lock fills it.
    let _ = end.set(context);
    *last = Some(context);
    context
}

/// The context that governs the calling thread: the thread's own context if that has not ended, else a root context of
/// the process that has not ended, else a context that has ended.
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

/// The latest root context that has not ended, else the latest root context. Each session of the one test in this
/// process has a root context.
#[cold]
fn of_the_process() -> Option<&'static Inner> {
    let all = std::iter::successors(FIRST.get().copied(), |c| c.next.get().copied());
    let roots = all.filter(|c| c.root.load(Relaxed));
    roots.reduce(|found, root| if root.has_ended() && !found.has_ended() { found } else { root })
}

/// Whether nextest announces one process per test: <https://nexte.st/docs/configuration/env-vars/>.
fn process_per_test() -> bool {
    std::env::var_os("NEXTEST_EXECUTION_MODE").is_some_and(|mode| mode == "process-per-test")
}
