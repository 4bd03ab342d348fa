//! Holds the paused clock of a tokio runtime while a request of the session is under way.
//!
//! Whenever its thread has nothing to do, a runtime with a paused clock advances the clock to the next timer. While a
//! client waits for the session, its own time-out would be this timer. So before the thread waits, this module finds out
//! whether the session has something to do, and holds the clock until the session is at rest and the client has seen
//! what the session did. tokio does not advance the clock while a task of `spawn_blocking` runs, so such a task holds it.
//!
//! Must not know: how a request reaches the session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};

use crate::activity::{self, Watch};
use crate::transport;

/// After this time without any event, the clock advances although an answer is awaited: the code under test may wait with
/// a time-out for a server that never answers.
const SILENCE: Duration = Duration::from_secs(30);

/// How long the thread of the runtime waits for the I/O threads before it lets other tasks go on.
const SHORTLY: Duration = Duration::from_millis(20);

/// How often the thread of the runtime is woken until it is awake.
const AGAIN: Duration = Duration::from_millis(100);

/// Holds the clock of one runtime, until this value is dropped. It must be dropped before the runtime, which waits for
/// its blocking tasks.
pub(in crate::session) struct HeldClock(Arc<State>);

struct State {
    /// The number of the present hold. A hold with a smaller number is over.
    hold: AtomicU64,
    ended: AtomicBool,
    /// Set if the last hold ended by the limit of silence.
    silent: AtomicBool,
    /// The events that the client has seen.
    seen: AtomicU64,
    _watch: Watch,
}

impl HeldClock {
    /// Prepares a runtime that starts with a paused clock.
    pub(in crate::session) fn of(builder: &mut Builder) -> HeldClock {
        let state = Arc::new(State {
            hold: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            seen: AtomicU64::new(activity::events()),
            _watch: Watch::begin(),
        });
        let of_thread = Arc::clone(&state);
        builder.on_thread_park(move || before_waiting(&of_thread));
        HeldClock(state)
    }
}

impl Drop for HeldClock {
    fn drop(&mut self) {
        self.0.ended.store(true, SeqCst);
        self.0.end_hold();
    }
}

impl State {
    fn end_hold(&self) -> u64 {
        let hold = self.hold.fetch_add(1, SeqCst) + 1;
        activity::notify();
        hold
    }
}

/// Runs on the thread of the runtime, before it waits for events.
fn before_waiting(state: &Arc<State>) {
    let hold = state.end_hold();
    if state.ended.load(SeqCst) {
        return;
    }
    // What the client has sent so far reaches the I/O threads before this returns.
    transport::flush();
    activity::wait_for_threads(SHORTLY);
    let events = activity::events();
    let is_new = state.seen.swap(events, SeqCst) != events;
    if is_new {
        state.silent.store(false, SeqCst);
    }
    if !activity::is_at_rest() && !state.silent.load(SeqCst) {
        hold_until_rest(state, hold);
    } else if is_new {
        // A task that yields makes the runtime look for events once, without advancing its clock. If a client has work
        // then, this function runs again when that is done.
        Handle::current().spawn(tokio::task::yield_now());
    }
}

fn hold_until_rest(state: &Arc<State>, hold: u64) {
    let (state, runtime) = (Arc::clone(state), Handle::current());
    let held = move || {
        let is_over = || state.hold.load(SeqCst) != hold;
        activity::wait_for_rest(is_over, SILENCE);
        if !is_over() {
            state.silent.store(!activity::is_at_rest(), SeqCst);
        }
        // The hold lasts until the thread of the runtime is awake, so that its clock cannot advance in between.
        while !is_over() {
            runtime.spawn(std::future::ready(()));
            activity::wait_until(is_over, AGAIN);
        }
    };
    // The task ends by itself.
    drop(Handle::current().spawn_blocking(held));
}
