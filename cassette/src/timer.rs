//! Waits for an amount of real time on any runtime: the runtime of a client may have no timers, or a paused clock. One
//! thread serves all waits of the process.
//!
//! Must not know: what is waited for.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::ambient;
use crate::poison::unpoisoned;

static WAITS: Mutex<Waits> = Mutex::new(Waits { all: BTreeMap::new(), next: 0, is_served: false });
static CHANGED: Condvar = Condvar::new();

struct Waits {
    all: BTreeMap<Key, Option<Waker>>,
    next: u64,
    /// Whether the thread runs.
    is_served: bool,
}

/// When a wait ends, and a number that makes the key unique.
type Key = (Instant, u64);

/// A wait. It begins when this value is made.
pub(crate) struct Wait(Key);

impl Wait {
    pub(crate) fn begin(time: Duration) -> Wait {
        let mut waits = waits();
        let key = (Instant::now() + time, waits.next);
        waits.next += 1;
        waits.all.insert(key, None);
        if !waits.is_served {
            let thread = std::thread::Builder::new().name("cassette-timer".into());
            waits.is_served = ambient::outside(|| thread.spawn(serve)).is_ok();
            if !waits.is_served {
                // Without a thread nothing would end the wait.
                waits.all.remove(&key);
            }
        }
        if waits.all.first_key_value().is_some_and(|(first, _)| *first == key) {
            CHANGED.notify_one();
        }
        Wait(key)
    }

    /// Ready after the time.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        match waits().all.get_mut(&self.0) {
            Some(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        waits().all.remove(&self.0);
    }
}

fn waits() -> MutexGuard<'static, Waits> {
    unpoisoned(WAITS.lock())
}

fn serve() {
    let mut waits = waits();
    loop {
        let now = Instant::now();
        let Some(first) = waits.all.first_entry() else {
            waits = unpoisoned(CHANGED.wait(waits));
            continue;
        };
        let due = first.key().0;
        if due > now {
            waits = unpoisoned(CHANGED.wait_timeout(waits, due - now)).0;
            continue;
        }
        let waker = first.remove();
        drop(waits);
        // Waking may run code of a runtime, which may begin or end a wait.
        if let Some(waker) = waker {
            waker.wake();
        }
        waits = self::waits();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_end_in_their_order() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let long = Wait::begin(Duration::from_secs(3600));
        let short = Wait::begin(Duration::from_millis(1));
        runtime.block_on(std::future::poll_fn(|cx| short.poll(cx)));
        assert!(long.poll(&Context::from_waker(Waker::noop())).is_pending());
    }
}
