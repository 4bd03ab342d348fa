//! The context of a thread: the number of its session, and the clock that the thread sees.
//!
//! This module has no unsafe code. A signal handler, an allocator or the destructor of a thread-local may call
//! `clock_gettime`. So the code that reads a context takes no lock and allocates nothing.
//!
//! Must not know: libc, and what a session is.

use crate::machine;
use crate::network::{Network, ShownVariable};
use crate::origin::{self, Origin};
use std::cell::Cell;
use std::ffi::CStr;
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
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
    /// The clock shows the number in the atomic: nanoseconds since 1970-01-01T00:00:00Z. To change the time
    /// afterwards, keep a clone of the `Arc`, and store the new number in the atomic.
    Frozen(Arc<AtomicU64>),
}

impl WallClock {
    /// Makes a clock that shows `ns` nanoseconds since 1970-01-01T00:00:00Z.
    pub fn frozen(ns: u64) -> Self {
        WallClock::Frozen(Arc::new(AtomicU64::new(ns)))
    }
}

impl Context {
    /// Makes a context that no thread is in yet. `session` may be any number. [`current_session`] returns this number.
    pub fn new(session: u64, clock: WallClock) -> Self {
        Context(keep(Inner::new(session, clock, None, origin::current())))
    }

    /// Makes a context in which the session intercepts the connections of the threads. If the feature `intercept` is
    /// off, or if interception is impossible on this system, the connections go to the real servers.
    /// [`intercepts`](crate::intercepts) says whether interception works.
    pub fn with_network(session: u64, clock: WallClock, network: Network) -> Self {
        machine::read();
        Context(keep(Inner::new(session, clock, Some(network), origin::current())))
    }

    /// The number of the session that [`new`](Self::new) got.
    pub fn session(self) -> u64 {
        self.0.session
    }

    /// Puts the calling thread into this context until the guard is dropped. Threads that the calling thread starts
    /// before that inherit the context, and stay in it after the guard has been dropped.
    ///
    /// Enter the context before you build a runtime or a pool. A thread inherits the context when it is started, and
    /// not when it gets work.
    pub fn enter(self) -> Guard {
        Guard { before: CURRENT.replace(Some(self.0)).map(Context), _of_this_thread: PhantomData }
    }

    /// Enters the context for the body of a test. Until it is [released](Self::release), the context also adopts
    /// threads that have no open context:
    ///
    /// * nextest runs each test in a separate process, and sets a variable that says so. In such a process, the latest
    ///   open context adopts all these threads, such as the threads of a global pool, or threads that were started
    ///   before `main`.
    /// * In any other process, if exactly one context is open, it adopts threads whose context has ended, and threads
    ///   that outlived the test that started them.
    /// * A context also adopts the threads that its test started before the test created the context. A context does
    ///   not adopt the thread of a test that never entered a context, or threads that such a test started.
    pub fn enter_root(self) -> Guard {
        if process_per_test() {
            ONE_TEST.store(true, Relaxed);
        }
        if !self.0.root.swap(true, Relaxed) && !self.0.has_ended() {
            OPEN_ROOTS.fetch_add(1, Relaxed);
        }
        self.enter()
    }

    /// Ends the context. This cannot be undone. Threads that are still in the context see the real time from now on,
    /// and for them [`current_session`] returns that the session has ended, unless another context
    /// [adopts](Self::enter_root) them.
    pub fn release(self) {
        if !self.0.ended.swap(true, Relaxed) && self.0.root.load(Relaxed) {
            OPEN_ROOTS.fetch_sub(1, Relaxed);
        }
    }

    /// The number of connections that threads of this context made to servers on this machine and that cassette did not
    /// intercept.
    pub fn direct_connections(self) -> usize {
        self.0.direct.load(Relaxed)
    }

    /// The names of the variables whose [default](crate::ShownVariable::Default) a thread of this context has read.
    pub fn defaults_read(self) -> impl Iterator<Item = &'static CStr> {
        let network = self.0.network.as_ref();
        let variables = network.into_iter().flat_map(|network| &network.variables);
        variables.filter_map(|(name, shown)| match shown {
            ShownVariable::Default(value) if value.was_read() => Some(name.as_c_str()),
            _ => None,
        })
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

/// Keeps the calling thread in a context. When the guard is dropped, the thread is in its previous context again. If a
/// thread has several guards, drop the latest guard first.
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

/// Returns the context of the calling thread, or `None` if it has no context or the context has ended.
pub fn current() -> Option<Context> {
    governing().filter(|c| !c.is_outside() && !c.has_ended()).map(Context)
}

/// Returns the session of the calling thread.
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

/// Returns the session whose context the calling thread has entered or inherited. Returns `None` if this context has
/// ended. A session that only adopts the thread does not count.
pub fn inherited_session() -> Option<u64> {
    CURRENT.get().filter(|c| !c.is_outside() && !c.has_ended()).map(|c| c.session)
}

/// Runs `f` without a context. `f` and the threads that it starts see the real time. The threads stay without a context
/// after `f` has returned. cassette starts its own threads in this way, because otherwise it would intercept its own
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
    pub(crate) standing: Standing,
    pub(crate) network: &'static Network,
    /// The number of connections to this machine that cassette did not intercept.
    pub(crate) direct: &'static AtomicUsize,
}

/// The relation of a thread to the session whose network applies to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The thread belongs to the session.
    Open,
    /// The session of the thread has ended. No other session adopts the thread, because no other session is open, or
    /// several are.
    Ended,
    /// The thread never had a session, and several sessions are open.
    Unclear,
}

/// Returns the network that applies to the calling thread, even if the session of the thread has ended.
#[inline]
pub(crate) fn network() -> Option<Governing> {
    let of = |inner: &'static Inner, standing| {
        let network = inner.network.as_ref()?;
        if network.overrides.is_some() && standing != Standing::Open {
            return None;
        }
        Some(Governing { session: inner.session, standing, network, direct: &inner.direct })
    };
    let own = CURRENT.get();
    match adoption(own) {
        Adoption::Kept(inner) if inner.has_ended() => of(inner, Standing::Ended),
        Adoption::Kept(inner) | Adoption::By(inner) => of(inner, Standing::Open),
        Adoption::Unclear => match own {
            Some(ended) => of(ended, Standing::Ended),
            None => open_roots().find_map(|root| of(root, Standing::Unclear)),
        },
        Adoption::None => None,
    }
}

/// The context that a new thread [takes over](Context::take_over) if the calling thread starts it.
///
/// This is the context that the calling thread has entered or inherited, and not a context that only adopts it.
/// Otherwise, when the main thread of libtest starts the thread of the next test, the new thread could inherit the
/// context of another test. A thread also inherits a context that has ended, so that work of an ended session cannot
/// reach the real network by starting a new thread.
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
    direct: AtomicUsize,
    /// Whether this is the context of the body of a test. Only such a context adopts threads.
    root: AtomicBool,
    /// The origin of the thread that created the context. `None` for the main thread.
    origin: Option<Origin>,
    next: OnceLock<&'static Inner>,
}

impl Inner {
    const fn new(session: u64, clock: WallClock, network: Option<Network>, origin: Option<Origin>) -> Self {
        Inner {
            session,
            clock,
            network,
            ended: AtomicBool::new(false),
            direct: AtomicUsize::new(0),
            root: AtomicBool::new(false),
            origin,
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
    /// The context at which this thread begins to search the list of contexts. All contexts before it have ended.
    static SEARCHED: Cell<Option<&'static Inner>> = const { Cell::new(None) };
}

/// The context that `outside` enters. A thread in this context belongs to no session, even if the process has a root
/// context.
static OUTSIDE: Inner = Inner::new(0, WallClock::Real, None, None);

/// The first element of a linked list of all contexts. Through this list a leak checker reaches the contexts, and
/// reports no leak.
static FIRST: OnceLock<&'static Inner> = OnceLock::new();

/// Whether a thread has entered a root context in a process that runs only one test.
static ONE_TEST: AtomicBool = AtomicBool::new(false);

/// The number of root contexts that are open.
static OPEN_ROOTS: AtomicUsize = AtomicUsize::new(0);

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

/// Returns the context that applies to the calling thread. If the thread's own context has not ended, this is the
/// thread's own context. Otherwise it is the context that adopts the thread. If there is none, it is the thread's own
/// context, which has ended.
#[inline]
fn governing() -> Option<&'static Inner> {
    let own = CURRENT.get();
    match adoption(own) {
        Adoption::Kept(inner) | Adoption::By(inner) => Some(inner),
        Adoption::Unclear => own,
        Adoption::None => None,
    }
}

/// Which context a thread has.
enum Adoption {
    /// The thread has this context. The context may have ended.
    Kept(&'static Inner),
    /// This open context adopts the thread.
    By(&'static Inner),
    /// Several open contexts could adopt the thread, and nothing says which one. The thread's own context has ended, or
    /// it has no context.
    Unclear,
    None,
}

#[inline]
fn adoption(own: Option<&'static Inner>) -> Adoption {
    match own {
        Some(own) if !own.has_ended() => Adoption::Kept(own),
        own if OPEN_ROOTS.load(Relaxed) > 0 => adopted(own),
        own if ONE_TEST.load(Relaxed) => own.or_else(last_root).map_or(Adoption::None, Adoption::Kept),
        own => own.map_or(Adoption::None, Adoption::Kept),
    }
}

/// Returns the context that adopts a thread. The thread's `own` context has ended, or it has none.
#[cold]
fn adopted(own: Option<&'static Inner>) -> Adoption {
    // Threads of a self-test are not adopted. Their context is not a root context.
    if let Some(own) = own.filter(|own| !own.root.load(Relaxed)) {
        return Adoption::Kept(own);
    }
    if ONE_TEST.load(Relaxed) {
        let kept = || own.map_or(Adoption::None, Adoption::Kept);
        return open_roots().last().map_or_else(kept, Adoption::By);
    }
    let of = |origin: Option<Origin>| only(open_roots().filter(move |root| root.origin == origin));
    let any = || only(open_roots());
    match (own, origin::current()) {
        (Some(own), _) => match any() {
            Adoption::None => Adoption::Kept(own),
            found => found,
        },
        // The main thread runs the tests or starts them, so no context adopts it.
        (None, None) => Adoption::None,
        (None, Some(origin)) if origin.has_ended() => any(),
        // If tests run on the main thread, no other test runs at the same time.
        (None, Some(_)) if open_roots().all(|root| root.origin.is_none()) => any(),
        // This is the thread of a test. It never belongs to a session that another thread has entered.
        (None, Some(_)) if origin::is_first() => Adoption::None,
        (None, Some(origin)) => of(Some(origin)),
    }
}

/// Returns the context if there is exactly one.
fn only(mut contexts: impl Iterator<Item = &'static Inner>) -> Adoption {
    match (contexts.next(), contexts.next()) {
        (Some(found), None) => Adoption::By(found),
        (Some(_), Some(_)) => Adoption::Unclear,
        (None, _) => Adoption::None,
    }
}

/// The root contexts that are open, in the order in which they were created.
fn open_roots() -> impl Iterator<Item = &'static Inner> {
    let next = |c: &&'static Inner| c.next.get().copied();
    let mut from = SEARCHED.get().or(FIRST.get().copied());
    while let Some(ended) = from.filter(|c| c.has_ended())
        && let Some(after) = next(&ended)
    {
        from = Some(after);
    }
    SEARCHED.set(from);
    std::iter::successors(from, next).filter(|c| c.root.load(Relaxed) && !c.has_ended())
}

/// The latest root context of a process that runs one test.
#[cold]
fn last_root() -> Option<&'static Inner> {
    let all = std::iter::successors(FIRST.get().copied(), |c| c.next.get().copied());
    all.filter(|c| c.root.load(Relaxed)).last()
}

/// Whether nextest runs each test in a separate process. nextest sets a variable for this:
/// <https://nexte.st/docs/configuration/env-vars/>.
fn process_per_test() -> bool {
    std::env::var_os("NEXTEST_EXECUTION_MODE").is_some_and(|mode| mode == "process-per-test")
}
