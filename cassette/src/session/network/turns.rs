//! Sessions of one process take turns if one of them records. A session that records waits until no other session is
//! open, and no other session begins until it ends. The reason is that tests may share a client or a runtime in a
//! `static`, and a request does not show which test sent it. If two sessions recorded at the same time, they could
//! record each other's requests, and there would be no error. Sessions that replay run in parallel, because a request
//! of another test finds no match, which is an error.
//!
//! Must not know: what a session is, or how connections are intercepted.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::mode::Mode;
use crate::poison::unpoisoned;
use crate::report::{self, Obstacle, Problem};

/// After this time a session that waits prints which session it waits for.
const ANNOUNCED_AFTER: Duration = Duration::from_secs(10);

/// A session that waits fails if no session has ended for this time. An open session may be waiting for this one. Then
/// the two sessions would wait for each other for ever.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

static TURNS: Turns = Turns::new();

/// How a session shares the process with other sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Sharing {
    /// The session does not wait for other sessions, and they do not wait for it.
    Apart,
    /// The session runs at the same time as other sessions that replay.
    Parallel,
    /// The session runs alone.
    Alone,
}

impl Sharing {
    /// The sharing of a session that asks for this mode. `exists` says whether its cassette exists.
    pub(in crate::session) fn of(asked: Mode, exists: bool, config: &Config) -> Sharing {
        if config.record_in_parallel {
            return Sharing::Apart;
        }
        match asked {
            Mode::Off => Sharing::Apart,
            Mode::Replay | Mode::Verify | Mode::Accept => Sharing::Parallel,
            Mode::Auto if exists => Sharing::Parallel,
            Mode::Auto | Mode::Record | Mode::Append | Mode::Learn => Sharing::Alone,
        }
    }
}

/// The turn of a session. It ends when this value is dropped.
pub(in crate::session) struct Turn {
    id: u64,
}

impl Turn {
    /// Waits for the turn of the session with this number. If the session begins inside another session, `outer`, it
    /// shares the turn of that session. Otherwise it would wait for the end of the outer session, which cannot end
    /// before it.
    ///
    /// # Errors
    ///
    /// No open session has ended for [`LONGEST_WAIT`].
    pub(in crate::session) fn take(
        id: u64,
        name: &str,
        sharing: Sharing,
        outer: Option<u64>,
    ) -> Result<Turn, Box<Problem>> {
        TURNS.take(Holder { id, name: name.to_owned(), sharing }, outer, LONGEST_WAIT)?;
        Ok(Turn { id })
    }

    /// Declares that this session replays, so that other sessions that replay may begin.
    pub(in crate::session) fn replays(&self) {
        TURNS.replays(self.id);
    }

    /// Ends the turn before the drop. The drop may come later, because handles of the session may live longer.
    pub(in crate::session) fn end(&self) {
        TURNS.end(self.id);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.end();
    }
}

struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    holders: Vec<Holder>,
    /// The number of turns that have ended so far.
    ended: u64,
    /// The value of `ended` when a session last printed that it waits. As long as `ended` is the same, no session
    /// prints that again.
    announced: Option<u64>,
}

/// A session that has its turn.
struct Holder {
    id: u64,
    name: String,
    sharing: Sharing,
}

impl Turns {
    const fn new() -> Turns {
        let state = State { holders: Vec::new(), ended: 0, announced: None };
        Turns { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn take(&self, holder: Holder, outer: Option<u64>, longest: Duration) -> Result<(), Box<Problem>> {
        if holder.sharing == Sharing::Apart {
            return Ok(());
        }
        let mut state = self.state();
        let (mut since, mut ended) = (Instant::now(), state.ended);
        while state.must_wait(&holder, outer) {
            if ended != state.ended {
                (since, ended) = (Instant::now(), state.ended);
            }
            let waited = since.elapsed();
            if waited >= longest {
                let open = state.names();
                return Err(Box::new(Problem::Obstacle(Obstacle::NoTurn { open, waited: longest })));
            }
            if waited >= ANNOUNCED_AFTER && state.announced != Some(ended) {
                state.announced = Some(ended);
                report::print_now(&report::waiting_for_turn(&holder.name, &state.names()));
            }
            let next = if waited < ANNOUNCED_AFTER { ANNOUNCED_AFTER.min(longest) } else { longest };
            state = unpoisoned(self.changed.wait_timeout(state, next - waited)).0;
        }
        state.holders.push(holder);
        Ok(())
    }

    fn replays(&self, id: u64) {
        let mut state = self.state();
        for holder in state.holders.iter_mut().filter(|holder| holder.id == id) {
            holder.sharing = Sharing::Parallel;
        }
        drop(state);
        self.changed.notify_all();
    }

    fn end(&self, id: u64) {
        let mut state = self.state();
        let before = state.holders.len();
        state.holders.retain(|holder| holder.id != id);
        state.ended += u64::from(state.holders.len() < before);
        drop(state);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        unpoisoned(self.state.lock())
    }
}

impl State {
    fn must_wait(&self, holder: &Holder, outer: Option<u64>) -> bool {
        if self.holders.iter().any(|open| Some(open.id) == outer) {
            return false;
        }
        match holder.sharing {
            Sharing::Apart => false,
            Sharing::Parallel => self.holders.iter().any(|open| open.sharing == Sharing::Alone),
            Sharing::Alone => !self.holders.is_empty(),
        }
    }

    fn names(&self) -> Vec<String> {
        self.holders.iter().map(|open| open.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(turns: &Turns, id: u64, sharing: Sharing, outer: Option<u64>) -> Result<(), Box<Problem>> {
        turns.take(Holder { id, name: format!("test/{id}"), sharing }, outer, Duration::ZERO)
    }

    #[track_caller]
    fn waits(turns: &Turns, sharing: Sharing, expected: &[&str]) {
        match *take(turns, 99, sharing, None).unwrap_err() {
            Problem::Obstacle(Obstacle::NoTurn { open, .. }) => assert_eq!(open, expected),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_session_that_records_is_alone() {
        let turns = Turns::new();
        take(&turns, 1, Sharing::Parallel, None).unwrap();
        take(&turns, 2, Sharing::Parallel, None).unwrap();
        waits(&turns, Sharing::Alone, &["test/1", "test/2"]);
        turns.end(1);
        turns.end(2);
        take(&turns, 3, Sharing::Alone, None).unwrap();
        waits(&turns, Sharing::Alone, &["test/3"]);
        waits(&turns, Sharing::Parallel, &["test/3"]);
        take(&turns, 4, Sharing::Apart, None).unwrap();
        turns.replays(3);
        take(&turns, 5, Sharing::Parallel, None).unwrap();
    }

    #[test]
    fn a_session_inside_another_one_shares_its_turn() {
        let turns = Turns::new();
        take(&turns, 1, Sharing::Alone, None).unwrap();
        take(&turns, 2, Sharing::Alone, Some(1)).unwrap();
        take(&turns, 3, Sharing::Parallel, Some(2)).unwrap();
        turns.end(1);
        // The two inner sessions are still open.
        waits(&turns, Sharing::Alone, &["test/2", "test/3"]);
        turns.end(2);
        turns.end(3);
        take(&turns, 4, Sharing::Alone, Some(1)).unwrap();
    }

    #[test]
    fn many_threads_have_their_turns_one_after_the_other() {
        static ALONE: Turns = Turns::new();
        let inside = Mutex::new(());
        std::thread::scope(|scope| {
            for id in 0..8 {
                let inside = &inside;
                scope.spawn(move || {
                    let holder = Holder { id, name: String::new(), sharing: Sharing::Alone };
                    ALONE.take(holder, None, LONGEST_WAIT).unwrap();
                    drop(inside.try_lock().expect("no other session"));
                    ALONE.end(id);
                });
            }
        });
    }
}
