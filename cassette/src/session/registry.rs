//! The list of the sessions of this process. A thread finds the session that it belongs to in this list.
//!
//! Must not know: what a session does.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Weak};

use super::handle::{Inner, Session};
use crate::ambient;
use crate::poison::unpoisoned;

static SESSIONS: LazyLock<Mutex<HashMap<u64, Weak<Inner>>>> = LazyLock::new(Mutex::default);

fn sessions() -> MutexGuard<'static, HashMap<u64, Weak<Inner>>> {
    unpoisoned(SESSIONS.lock())
}

/// Registers the session, so that its threads find it.
pub(super) fn register(session: &Session) {
    let mut sessions = sessions();
    // Removes sessions that were dropped without being finished.
    sessions.retain(|_, session| session.strong_count() > 0);
    sessions.insert(session.0.id, Arc::downgrade(&session.0));
}

/// Removes a session that has ended. Handles of the session may still exist.
pub(super) fn remove(session: &Session) {
    sessions().remove(&session.0.id);
}

/// The names of the sessions that have not ended. The list is empty if another thread holds the lock, because this runs
/// at the end of the process, which must not wait.
pub(super) fn open() -> Vec<String> {
    let Ok(sessions) = SESSIONS.try_lock() else { return Vec::new() };
    let mut open: Vec<_> = sessions.values().filter_map(Weak::upgrade).map(|s| s.name.clone()).collect();
    open.sort();
    open
}

impl Session {
    /// The session of the calling thread: the session of the test that started the thread, directly or indirectly. If
    /// that test has ended, as for a thread of a runtime in a `static`, it is the session that is open now. `None`
    /// outside of tests. Also `None` if the test has ended and several sessions are open.
    pub fn current() -> Option<Session> {
        sessions().get(&ambient::current_session()?).and_then(Weak::upgrade).map(Session)
    }
}
