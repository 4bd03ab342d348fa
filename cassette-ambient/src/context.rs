//! What a thread belongs to: a session, known by its number only, and the clock it is shown.
//!
//! All of it is safe code. Reading takes no lock and allocates nothing, for `clock_gettime` may be
//! called by a signal handler, an allocator or a thread-local's destructor. It knows neither libc
//! nor what a session is.

use crate::network::Network;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A session's number and its clock, for the threads that [`enter`](Self::enter) it and those they
/// start. A cheap handle that may be sent anywhere.
///
/// What it points to, some 60 bytes and the network, is kept until the process ends: a thread that
/// outlives its test can then never ask a clock that is gone.
#[derive(Clone, Copy)]
pub struct Context(&'static Inner);

/// The wall clock that the threads of a [`Context`] are shown.
#[derive(Clone, Debug)]
pub enum WallClock {
    /// The system's.
    Real,
    /// It stands at this many nanoseconds since 1970-01-01T00:00:00Z until somebody stores another
    /// number. Whoever moves the clock keeps a clone.
    Frozen(Arc<AtomicU64>),
}

impl WallClock {
    /// A clock that stands at `ns` nanoseconds since 1970-01-01T00:00:00Z.
    pub fn frozen(ns: u64) -> Self {
        WallClock::Frozen(Arc::new(AtomicU64::new(ns)))
    }
}

impl Context {
    /// A context that no thread is in yet. `session` means nothing here; see [`current_session`].
    pub fn new(session: u64, clock: WallClock) -> Self {
        Context(keep(Inner::new(session, clock, None)))
    }

    /// The same, for threads whose connections are led to the session. Where the feature `intercept` or the system
    /// doesn't allow for that ([`intercepts`](crate::intercepts)), they go where they are meant to.
    pub fn with_network(session: u64, clock: WallClock, network: Network) -> Self {
        Context(keep(Inner::new(session, clock, Some(network))))
    }

    /// The number it was made with.
    pub fn session(self) -> u64 {
        self.0.session
    }

    /// Puts the calling thread, and every thread it starts from here on, into this context, until the
    /// guard is dropped. Threads that were started stay in it.
    ///
    /// Enter before a runtime or a pool is built: its threads inherit when they are started, not
    /// when they are given work.
    pub fn enter(self) -> Guard {
        Guard { before: CURRENT.replace(Some(self.0)).map(Context), _of_this_thread: PhantomData }
    }

    /// As [`enter`](Self::enter), for the body of a test. Where the runner gives each test a process
    /// of its own and says so, as nextest does, threads that belong to no context (those of a global
    /// pool, or of a constructor) are then shown this one, until it is [released](Self::release).
    pub fn enter_root(self) -> Guard {
        if process_per_test() {
            self.0.root.store(true, Relaxed);
            ONE_TEST.store(true, Relaxed);
        }
        self.enter()
    }

    /// Ends it, once and for all: threads left over are shown real time from now on, and for them
    /// [`current_session`] says that the session has ended.
    pub fn release(self) {
        self.0.ended.store(true, Relaxed);
    }

    /// What its threads are shown, in nanoseconds since 1970-01-01T00:00:00Z; `None` for real time.
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

/// Keeps the calling thread in a context; dropped, it puts back what was there before. Drop guards in
/// the reverse order of entering.
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
    /// None, and it never did.
    None,
    /// This one.
    Open(u64),
    /// This one, which has ended. What such a thread does belongs to no test.
    Ended(u64),
}

/// The context the calling thread is in, unless it has ended.
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

/// Runs `f` in no context at all: it sees real time, and so do the threads it starts, for good.
/// The recorder's own threads are started so, or it would intercept itself.
pub fn outside<R>(f: impl FnOnce() -> R) -> R {
    let _out = Context(&OUTSIDE).enter();
    f()
}

/// The time to show the calling thread, in nanoseconds since 1970; `None` for real time.
#[cfg(interposed)]
#[inline]
pub(crate) fn shown_ns() -> Option<u64> {
    governing()?.frozen_ns()
}

/// The network of the calling thread, and whose it is.
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

/// What a thread that the calling one starts is to [take over](Context::take_over).
///
/// Its own context only, never the process's: libtest's main thread starts the thread of the next
/// test while the root of another is in force. An ended context is inherited too, so that a thread
/// which works for an ended session can't get rid of it by starting another.
#[cfg(interposed)]
pub(crate) fn inheritance() -> Option<Context> {
    CURRENT.get().map(Context)
}

#[cfg(interposed)]
impl Context {
    /// Puts the calling thread, a new one, into this context to its end.
    pub(crate) fn take_over(self) {
        CURRENT.set(Some(self.0));
    }
}

struct Inner {
    session: u64,
    clock: WallClock,
    network: Option<Network>,
    ended: AtomicBool,
    /// Of a test that has the process to itself.
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

    // Relaxed everywhere: each is a value of its own. Whoever learns of a change by a message, a
    // join or a lock sees it by that.
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
    // Without a destructor and made at compile time, so it is there before the first use and after
    // the last: one load, in signal handlers and in other thread-locals' destructors as well.
    static CURRENT: Cell<Option<&'static Inner>> = const { Cell::new(None) };
}

/// The context of threads that are to have none, the process's included.
static OUTSIDE: Inner = Inner::new(0, WallClock::Real, None);

/// Every context there is, in a chain from the first; a leak checker finds them here.
static FIRST: OnceLock<&'static Inner> = OnceLock::new();

/// Whether a root has been entered in a process of one test.
static ONE_TEST: AtomicBool = AtomicBool::new(false);

fn keep(context: Inner) -> &'static Inner {
    static LAST: Mutex<Option<&'static Inner>> = Mutex::new(None);
    let context: &'static Inner = Box::leak(Box::new(context));
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let end = last.map_or(&FIRST, |last| &last.next);
    // Empty until now, because only the holder of the lock fills the end of the chain.
    let _ = end.set(context);
    *last = Some(context);
    context
}

/// What decides for the calling thread: its own context; if it has none, or one that has ended, the
/// process's; else its ended one.
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

/// The latest root that has not ended, else the latest. There are as many as the one test of this
/// process has sessions.
#[cold]
fn of_the_process() -> Option<&'static Inner> {
    let all = std::iter::successors(FIRST.get().copied(), |c| c.next.get().copied());
    let roots = all.filter(|c| c.root.load(Relaxed));
    roots.reduce(|found, root| if root.has_ended() && !found.has_ended() { found } else { root })
}

/// nextest's way of saying so: <https://nexte.st/docs/configuration/env-vars/>.
fn process_per_test() -> bool {
    std::env::var_os("NEXTEST_EXECUTION_MODE").is_some_and(|mode| mode == "process-per-test")
}
