//! The sessions of this process, so that a thread finds its own.
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

/// From here on threads find this session.
pub(super) fn register(session: &Session) {
    let mut sessions = sessions();
    // Those that were dropped without an end.
    sessions.retain(|_, session| session.strong_count() > 0);
    sessions.insert(session.0.id, Arc::downgrade(&session.0));
}

/// The session has ended. Handles of it may live longer.
pub(super) fn remove(session: &Session) {
    sessions().remove(&session.0.id);
}

impl Session {
    /// The session of the calling thread: that of the test which started the thread, directly or not.
    /// `None` outside of tests, and where the thread was started by someone else, as a global pool's are.
    pub fn current() -> Option<Session> {
        sessions().get(&ambient::current_session()?).and_then(Weak::upgrade).map(Session)
    }
}
