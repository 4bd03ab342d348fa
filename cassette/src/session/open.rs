//! The cassettes that are open in this process. A second test that opens the same cassette fails.
//!
//! Must not know: what a session is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard};

use crate::poison::unpoisoned;
use crate::report::{AlreadyOpen, Problem, TestSite};

#[derive(Default)]
struct Process {
    /// The documents of the open cassettes. The value is the number of the session.
    open: HashMap<PathBuf, u64>,
    /// The documents that tests with the attribute `#[cassette_test]` have opened so far. The value is the test. Such a
    /// test runs once in a process.
    tests: HashMap<PathBuf, TestSite>,
    next_id: u64,
}

static PROCESS: LazyLock<Mutex<Process>> = LazyLock::new(Mutex::default);

fn process() -> MutexGuard<'static, Process> {
    unpoisoned(PROCESS.lock())
}

/// A cassette that is open in this process, until this value is dropped.
pub(crate) struct Opened {
    document: PathBuf,
    id: u64,
}

impl Opened {
    /// Opens the cassette. `is_test` says whether a test with the attribute `#[cassette_test]` opens it. Such a test
    /// runs once in a process. So it is an error if such a test opens a cassette that such a test has opened before,
    /// even if the cassette was closed meanwhile. Either two tests share the cassette, or one test is registered twice.
    pub(crate) fn take(document: &Path, site: &TestSite, is_test: bool) -> Result<Opened, Box<Problem>> {
        let mut process = process();
        let first = process.tests.get(document).cloned();
        let twice = first.is_some() && is_test;
        if twice || process.open.contains_key(document) {
            return Err(Box::new(Problem::AlreadyOpen(AlreadyOpen::InThisProcess {
                file: document.to_owned(),
                first,
            })));
        }
        if is_test {
            process.tests.insert(document.to_owned(), site.clone());
        }
        process.next_id += 1;
        let id = process.next_id;
        process.open.insert(document.to_owned(), id);
        Ok(Opened { document: document.to_owned(), id })
    }

    /// Closes the cassette before the drop. The drop may come a moment later, because parallel sessions may hold a
    /// handle of this session.
    pub(super) fn close(&self) {
        let mut process = process();
        if process.open.get(&self.document) == Some(&self.id) {
            process.open.remove(&self.document);
        }
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
