//! Events on connections that led to no request, remembered until the session ends.
//!
//! The client of such a connection fails in the middle of the code under test. The client's error does not say what the
//! user can do, so the session reports the event. The client may fail slightly before the session notes the event. So
//! the code that asks for the events waits until no more event can happen on the open connections.
//!
//! Must not know: how the events are worded.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::poison::unpoisoned;

/// The events of one kind, in the order in which they happened, without duplicates.
pub(super) struct Seen<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    all: Vec<T>,
    undecided: usize,
}

/// Stands for a connection on which the event may still happen. Dropped when it is decided whether the event happens.
pub(super) struct Undecided<T>(Arc<Seen<T>>);

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Seen { state: Mutex::new(State { all: Vec::new(), undecided: 0 }), changed: Condvar::new() }
    }
}

impl<T: Clone + PartialEq> Seen<T> {
    /// Counts a connection as undecided until the returned value is dropped. Call this before the client can learn
    /// whether the event has happened.
    pub(super) fn begin(self: &Arc<Self>) -> Undecided<T> {
        self.state().undecided += 1;
        Undecided(self.clone())
    }

    pub(super) fn remember(&self, thing: T) {
        let mut state = self.state();
        if !state.all.contains(&thing) {
            state.all.push(thing);
        }
    }

    /// All events, once no connection is undecided or `limit` has passed.
    pub(super) fn settled(&self, limit: Duration) -> Vec<T> {
        let waited = self.changed.wait_timeout_while(self.state(), limit, |state| state.undecided > 0);
        let (state, _) = unpoisoned(waited);
        state.all.clone()
    }
}

impl<T> Seen<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        unpoisoned(self.state.lock())
    }
}

impl<T> Drop for Undecided<T> {
    fn drop(&mut self) {
        self.0.state().undecided -= 1;
        self.0.changed.notify_all();
    }
}
