//! While recording, a client stopped reading a response before its end. On replay, the response is silent after its
//! last recorded byte, until the client stops reading again. If the client still reads after a minute, it gets a
//! failure, so that a changed test does not hang.
//!
//! Must not know: what the client has read so far.

use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::ambient;
use crate::poison::unpoisoned;

/// The longest time for which a client waits.
const LONGEST: Duration = Duration::from_secs(60);

/// A silence in a response. The client drops this value when it stops reading.
pub(super) struct Silence(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Default)]
struct State {
    waker: Option<Waker>,
    has_left: bool,
    is_over: bool,
}

impl Silence {
    /// Begins a silence. A thread measures the time, because the client's runtime may have no timers, or a paused
    /// clock.
    pub(super) fn begin() -> Silence {
        Silence::of(LONGEST)
    }

    fn of(longest: Duration) -> Silence {
        let shared = Arc::<Shared>::default();
        let watch = shared.clone();
        let watch = move || {
            let waited =
                watch.left.wait_timeout_while(unpoisoned(watch.state.lock()), longest, |s| !s.has_left);
            let (mut state, _) = unpoisoned(waited);
            state.is_over = true;
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
        };
        let thread = std::thread::Builder::new().name("cassette-silence".into());
        if ambient::outside(|| thread.spawn(watch)).is_err() {
            // Without the thread nothing would end the silence, so the silence ends at once.
            unpoisoned(shared.state.lock()).is_over = true;
        }
        Silence(shared)
    }

    /// Is ready after the longest time has passed.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = unpoisoned(self.0.state.lock());
        if state.is_over {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let mut state = unpoisoned(self.0.state.lock());
        state.waker = None;
        state.has_left = true;
        self.0.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_ends() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let silence = Silence::of(Duration::from_millis(1));
        runtime.block_on(std::future::poll_fn(|cx| silence.poll(cx)));
        let long = Silence::of(LONGEST);
        assert!(long.poll(&Context::from_waker(Waker::noop())).is_pending());
    }
}
