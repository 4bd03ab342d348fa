//! Whether cassette's side of all connections is at rest: its I/O threads wait, and no answer of a real server is awaited.
//! Then only the code under test can make anything happen, and a paused clock may advance.
//!
//! Must not know: clocks, sessions.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::body::{Body, BoxError};
use crate::poison::unpoisoned;

/// I/O threads that do not wait.
static ACTIVE: AtomicIsize = AtomicIsize::new(0);
/// Exchanges in which the real server, or a thread that writes a body to disk, has to act next.
static AWAITED: AtomicUsize = AtomicUsize::new(0);
/// Counts events that a client can see, and progress of real servers.
static EVENTS: AtomicU64 = AtomicU64::new(0);
/// Runtimes whose clock is paused. Without one, exchanges are not watched.
static WATCHERS: AtomicUsize = AtomicUsize::new(0);

static SLEEPERS: AtomicUsize = AtomicUsize::new(0);
static LOCK: Mutex<()> = Mutex::new(());
static CHANGED: Condvar = Condvar::new();

/// `threads` I/O threads are about to start.
pub(crate) fn threads_start(threads: usize) {
    ACTIVE.fetch_add(threads.cast_signed(), SeqCst);
}

/// An I/O thread begins to wait.
pub(crate) fn thread_waits() {
    ACTIVE.fetch_sub(1, SeqCst);
    notify();
}

/// An I/O thread has work again.
pub(crate) fn thread_works() {
    ACTIVE.fetch_add(1, SeqCst);
}

/// Something has happened that a client can see.
pub(crate) fn stir() {
    EVENTS.fetch_add(1, SeqCst);
}

/// The number of events so far.
pub(crate) fn events() -> u64 {
    EVENTS.load(SeqCst)
}

pub(crate) fn is_at_rest() -> bool {
    ACTIVE.load(SeqCst) <= 0 && AWAITED.load(SeqCst) == 0
}

/// Wakes the threads that wait for rest, so that they look at their other conditions.
pub(crate) fn notify() {
    if SLEEPERS.load(SeqCst) > 0 {
        // With the lock, a sleeper cannot miss the change between its look and its wait.
        let _lock = unpoisoned(LOCK.lock());
        CHANGED.notify_all();
    }
}

/// Waits until the I/O threads wait, but not longer than `limit`.
pub(crate) fn wait_for_threads(limit: Duration) {
    let since = Instant::now();
    wait(|| ACTIVE.load(SeqCst) <= 0, || limit.checked_sub(since.elapsed()));
}

/// Waits until cassette is at rest, or `over` is true, or nothing has happened for the time `silence`.
pub(crate) fn wait_for_rest(over: impl Fn() -> bool, silence: Duration) {
    let (mut since, mut seen) = (Instant::now(), events());
    let left = || {
        if seen != events() {
            (since, seen) = (Instant::now(), events());
        }
        silence.checked_sub(since.elapsed())
    };
    wait(|| is_at_rest() || over(), left);
}

/// Waits until `over` is true, but not longer than `limit`.
pub(crate) fn wait_until(over: impl Fn() -> bool, limit: Duration) {
    let since = Instant::now();
    wait(over, || limit.checked_sub(since.elapsed()));
}

/// Waits until `over` is true, or no time is left.
fn wait(over: impl Fn() -> bool, mut left: impl FnMut() -> Option<Duration>) {
    SLEEPERS.fetch_add(1, SeqCst);
    let mut lock = unpoisoned(LOCK.lock());
    while !over() {
        let Some(left) = left().filter(|left| !left.is_zero()) else { break };
        lock = unpoisoned(CHANGED.wait_timeout(lock, left)).0;
    }
    drop(lock);
    SLEEPERS.fetch_sub(1, SeqCst);
}

/// Watches the exchanges with real servers as long as the value lives.
pub(crate) struct Watch(());

impl Watch {
    pub(crate) fn begin() -> Watch {
        WATCHERS.fetch_add(1, SeqCst);
        Watch(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        WATCHERS.fetch_sub(1, SeqCst);
    }
}

/// An exchange, from the request to the end of the response. It counts if a real server answers.
pub(crate) struct Exchange(Arc<Turn>);

#[derive(Default)]
struct Turn {
    /// Whether a real server answers.
    is_live: AtomicBool,
    /// Whether the exchange counts in `AWAITED`.
    counted: AtomicBool,
}

impl Exchange {
    /// `None` if no runtime has a paused clock.
    pub(crate) fn begin() -> Option<Exchange> {
        if WATCHERS.load(SeqCst) == 0 {
            return None;
        }
        Some(Exchange(Arc::default()))
    }

    /// A real server answers the request.
    pub(crate) fn lives(&self) {
        self.0.is_live.store(true, SeqCst);
        self.0.awaits(true);
    }

    /// While this body waits for its next frame, the client has to act.
    pub(crate) fn request(&self, body: Body) -> Body {
        Body::new(Watched { body, turn: Arc::clone(&self.0), is_request: true })
    }

    /// While this body waits for its next frame, the client does not have to act.
    pub(crate) fn response(self, body: Body) -> Body {
        self.0.awaits(false);
        Body::new(Watched { body, turn: self.0, is_request: false })
    }
}

impl Turn {
    fn awaits(&self, awaits: bool) {
        let awaits = awaits && self.is_live.load(SeqCst);
        if self.counted.swap(awaits, SeqCst) == awaits {
            return;
        }
        if awaits {
            AWAITED.fetch_add(1, SeqCst);
        } else {
            AWAITED.fetch_sub(1, SeqCst);
            notify();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.awaits(false);
    }
}

struct Watched {
    body: Body,
    turn: Arc<Turn>,
    is_request: bool,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        stir();
        // A response that is awaited, and a request that is not.
        self.turn.awaits(polled.is_pending() != self.is_request);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // A response that is dropped is not awaited any more. A request that has been sent leaves its server to act.
        if !self.is_request {
            self.turn.awaits(false);
        }
    }
}
