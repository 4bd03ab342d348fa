//! The threads that run the library's own sockets.
//!
//! The threads are started outside of every session. Therefore they see the real clock, which is needed to verify
//! upstream certificates, and their connections are not intercepted. They also outlive every runtime that a test builds
//! and drops.
//!
//! Must not know: HTTP.

use std::sync::Mutex;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::activity;
use crate::error::{Error, Result};
use crate::poison::unpoisoned;

const THREADS: usize = 2;

static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

/// The I/O runtime of the process, started at the first call.
///
/// # Errors
///
/// The system refuses the threads. The next call tries again.
pub(super) fn handle() -> Result<Handle> {
    let mut slot = unpoisoned(RUNTIME.lock());
    if slot.is_none() {
        let started = super::outside(|| {
            activity::threads_start(THREADS);
            Builder::new_multi_thread()
                .worker_threads(THREADS)
                .thread_name("cassette-io")
                .on_thread_park(activity::thread_waits)
                .on_thread_unpark(activity::thread_works)
                .enable_all()
                .build()
        });
        *slot = Some(started.map_err(|e| Error::with_source("could not start the I/O threads", e))?);
    }
    let runtime = slot.as_ref().ok_or_else(|| Error::new("the I/O threads are gone"))?;
    Ok(runtime.handle().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_caller_gets_the_same_named_threads() {
        let (one, two) = (handle().unwrap(), handle().unwrap());
        assert_eq!(one.id(), two.id());
        let name = one.block_on(one.spawn(async { std::thread::current().name().map(str::to_owned) }));
        assert_eq!(name.unwrap().as_deref(), Some("cassette-io"));
    }
}
