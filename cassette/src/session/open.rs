//! Which cassettes this process has open, and which sessions live: so that two tests can't share one unseen,
//! and a thread finds its session.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, Weak};

use super::{Inner, Session};
use crate::poison::unpoisoned;
use crate::report::{AlreadyOpen, Problem, TestSite};

#[derive(Default)]
struct Process {
    /// Each with the number of its session.
    open: HashMap<PathBuf, u64>,
    /// Cassettes of attribute tests, which run once a process, with the test.
    tests: HashMap<PathBuf, TestSite>,
    sessions: HashMap<u64, Weak<Inner>>,
    next_id: u64,
}

static PROCESS: LazyLock<Mutex<Process>> = LazyLock::new(Mutex::default);

fn process() -> MutexGuard<'static, Process> {
    unpoisoned(PROCESS.lock())
}

/// A cassette that is open in this process, until dropped.
pub(crate) struct Opened {
    document: PathBuf,
    id: u64,
}

impl Opened {
    /// Takes the cassette. A test of the attribute keeps it for the life of the process: it runs once, so a
    /// second opening is a second test, or the same one registered twice.
    pub(crate) fn take(document: &Path, site: &TestSite, is_test: bool) -> Result<Opened, Box<Problem>> {
        let mut process = process();
        let first = process.tests.get(document).cloned();
        let twice = first.is_some() && is_test;
        if twice || process.open.contains_key(document) {
            return Err(Box::new(Problem::AlreadyOpen(AlreadyOpen { file: document.to_owned(), first })));
        }
        if is_test {
            process.tests.insert(document.to_owned(), site.clone());
        }
        process.next_id += 1;
        let id = process.next_id;
        process.open.insert(document.to_owned(), id);
        Ok(Opened { document: document.to_owned(), id })
    }

    /// Gives the cassette free. Handles of the session may live longer: other sessions take some, to look at it.
    pub(super) fn close(&self) {
        let mut process = process();
        if process.open.get(&self.document) == Some(&self.id) {
            process.open.remove(&self.document);
        }
        process.sessions.remove(&self.id);
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.close();
    }
}

pub(super) fn register(session: &Session) {
    let mut process = process();
    #[cfg(feature = "intercept")]
    let others: Vec<Session> = process.sessions.values().filter_map(Weak::upgrade).map(Session).collect();
    process.sessions.insert(session.0.id, std::sync::Arc::downgrade(&session.0));
    // What follows may drop the last handle of a session, which takes the lock.
    drop(process);
    #[cfg(feature = "intercept")]
    for other in others {
        super::parallel::met(&session.0, &other.0);
    }
}

/// The open sessions; none if somebody else looks at them just now. For a forked process, where that may be so for ever.
#[cfg(feature = "intercept")]
pub(super) fn all_unless_busy() -> Vec<Session> {
    let open =
        |process: MutexGuard<'_, Process>| process.sessions.values().filter_map(Weak::upgrade).collect();
    let open: Vec<_> = PROCESS.try_lock().map(open).unwrap_or_default();
    open.into_iter().map(Session).collect()
}

pub(super) fn session(id: u64) -> Option<Session> {
    process().sessions.get(&id).and_then(Weak::upgrade).map(Session)
}
