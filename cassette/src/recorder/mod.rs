//! Records live exchanges as redacted interactions in the journal.
//!
//! The recorder does not change the bytes between client and server, except for data that the project redacts before
//! the code under test reads it. Must not know: sockets, modes, the text of a failure.

mod before_read_body;
mod exchange;
mod lost;
mod outbox;
mod rest;
mod tee;
mod turn_log;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock};
use std::time::{Duration, Instant};

use http::HeaderMap;

use self::exchange::Parts;
pub(crate) use self::exchange::{Exchange, Waiting};
pub(crate) use self::lost::Lost;
pub(crate) use self::outbox::Objected;
use self::outbox::Outbox;
pub(crate) use self::rest::DrainLimits;
use self::turn_log::TurnLog;
use crate::capture::{self, Capture};
use crate::error::Error;
use crate::poison::unpoisoned;
use crate::redact::{Redactor, Side};
use crate::report::{DroppedBytes, UpstreamFailure};
use crate::tape::{Interaction, Journal};

/// Records exchanges into a journal. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Inner>);

struct Inner {
    journal: RwLock<Option<Journal>>,
    redactor: Redactor,
    drain: DrainLimits,
    state: Mutex<State>,
    settled: Condvar,
}

#[derive(Default)]
struct State {
    next: u64,
    /// Whether the recorder refuses new exchanges.
    closed: bool,
    in_flight: HashMap<u64, InFlight>,
    /// The number of the present burst of exchanges. A burst ends when no exchange is in flight.
    burst: u64,
    problems: Vec<Error>,
    upstream_failures: Vec<UpstreamFailure>,
    /// The number of responses that are recorded as cut, because their clients stopped reading.
    cut: usize,
    dropped: Vec<DroppedBytes>,
    /// The key is the place of the exchange on the cassette.
    lost: BTreeMap<u64, Lost>,
}

/// An exchange that has begun and is not over.
struct InFlight {
    exchange: Exchange,
    burst: u64,
}

/// The longest time for which the end of a recording waits before it checks the exchanges in flight again.
const LONGEST_LOOK: Duration = Duration::from_millis(50);

/// The reason why an exchange did not begin.
pub(crate) enum NotBegun {
    /// The test has ended, and the recording is closed.
    Late,
    /// The redaction objects to the request, so the request cannot be recorded.
    Objected(Objected),
}

impl Recorder {
    pub(crate) fn new(journal: Journal, redactor: Redactor, drain: DrainLimits) -> Recorder {
        Recorder(Arc::new(Inner {
            journal: RwLock::new(Some(journal)),
            redactor,
            drain,
            state: Mutex::default(),
            settled: Condvar::new(),
        }))
    }

    /// Whether a request has taken a place so far.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.state().next > 0
    }

    /// Takes the next place on the cassette. A request takes its place when it begins, so that the order of the
    /// cassette does not depend on which response ends first.
    pub(crate) fn place(&self) -> u64 {
        let mut state = self.0.state();
        state.next += 1;
        state.next - 1
    }

    /// Begins an exchange in its [place](Self::place).
    ///
    /// # Errors
    ///
    /// The exchange cannot begin, and the request must not be sent.
    pub(crate) fn begin(&self, place: u64, head: &http::request::Parts) -> Result<Exchange, NotBegun> {
        let redactor = &self.0.redactor;
        let method = head.method.clone();
        let (uri, headers) = match redactor.request(head) {
            Ok(redacted) => redacted,
            Err(objection) => {
                let uri = redactor.uri(&head.uri.to_string());
                let objected = Objected { method, uri, objection };
                self.0.object(&objected);
                return Err(NotBegun::Objected(objected));
            }
        };
        let capture = self.0.capture(Side::Request, &uri, &head.headers);
        let turns = TurnLog::new(&head.headers);
        let parts = Parts::new(method, uri, headers, capture, turns);
        let mut state = self.0.state();
        if state.closed {
            return Err(NotBegun::Late);
        }
        let exchange = Exchange::new(Arc::clone(&self.0) as Arc<dyn Outbox>, place, parts);
        if state.in_flight.is_empty() {
            state.burst += 1;
        }
        let burst = state.burst;
        state.in_flight.insert(place, InFlight { exchange: exchange.clone(), burst });
        Ok(exchange)
    }

    /// Refuses new exchanges, and waits for the exchanges in flight. Each exchange has a deadline, at most `grace` from
    /// now. An exchange that is still in flight at its deadline is recorded as cut off. Returns the problems because of
    /// which the recording must not be installed.
    pub(crate) fn settle(&self, grace: Duration) -> Vec<Error> {
        self.0.state().closed = true;
        let end = Instant::now();
        loop {
            let in_flight = self.wait(Duration::ZERO);
            let now = Instant::now();
            let deadlines = in_flight.iter().map(|exchange| (exchange, exchange.deadline(end, grace)));
            let (due, waiting): (Vec<_>, Vec<_>) = deadlines.partition(|(_, deadline)| *deadline <= now);
            due.iter().for_each(|(exchange, _)| exchange.give_up());
            // A deadline can move when data comes, so the loop checks all deadlines again after `LONGEST_LOOK`.
            let Some(next) = waiting.iter().map(|(_, deadline)| *deadline).min() else { break };
            self.wait(next.saturating_duration_since(now).min(LONGEST_LOOK));
        }
        // Another thread may be writing one of these exchanges at this moment, so the function waits once more.
        for late in self.wait(grace) {
            let what = late.parts().as_ref().map_or_else(|| "an exchange".into(), Parts::describe);
            let problem = format!("could not record {what}: it was still running when the test ended");
            self.0.problem(Error::new(problem));
        }
        std::mem::take(&mut self.0.state().problems)
    }

    /// Waits until no exchange is in flight, for at most `grace`. Returns the exchanges that are still in flight.
    fn wait(&self, grace: Duration) -> Vec<Exchange> {
        let busy = |state: &mut State| !state.in_flight.is_empty();
        let waited = self.0.settled.wait_timeout_while(self.0.state(), grace, busy);
        let (state, _) = unpoisoned(waited);
        state.in_flight.values().map(|flight| flight.exchange.clone()).collect()
    }

    /// The number of responses that are recorded as cut, because their clients stopped reading.
    pub(crate) fn cut(&self) -> usize {
        self.0.state().cut
    }

    /// The bodies after whose end there were more bytes, which the recording dropped.
    pub(crate) fn dropped(&self) -> Vec<DroppedBytes> {
        self.0.state().dropped.clone()
    }

    /// The requests that got no answer so far. If the test fails, they may be the cause.
    pub(crate) fn upstream_failures(&self) -> Vec<UpstreamFailure> {
        self.0.state().upstream_failures.clone()
    }

    /// The parts of each live response that its recorded interaction lacks, in the order of the cassette.
    pub(crate) fn lost(&self) -> Vec<Lost> {
        self.0.state().lost.values().cloned().collect()
    }

    /// Ends the recording and returns the journal. Data that arrives later is dropped.
    pub(crate) fn close(&self) -> Option<Journal> {
        unpoisoned(self.0.journal.write()).take()
    }
}

impl Inner {
    fn with_journal<T>(&self, f: impl FnOnce(&Journal) -> T) -> Option<T> {
        unpoisoned(self.journal.read()).as_ref().map(f)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        unpoisoned(self.state.lock())
    }
}

impl Outbox for Inner {
    fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    fn capture(&self, side: Side, uri: &str, headers: &HeaderMap) -> Option<Capture> {
        let content_type = capture::content_type(headers);
        let sink = self.with_journal(|j| j.body(content_type))?;
        Some(Capture::new(&self.redactor, side, uri, headers, sink))
    }

    fn problem(&self, problem: Error) {
        self.state().problems.push(problem);
    }

    fn upstream_failure(&self, failure: UpstreamFailure) {
        self.state().upstream_failures.push(failure);
    }

    fn drain(&self) -> DrainLimits {
        self.drain
    }

    fn note_cut(&self) {
        self.state().cut += 1;
    }

    fn dropped(&self, dropped: DroppedBytes) {
        self.state().dropped.push(dropped);
    }

    fn over(&self, place: u64, interaction: Option<Interaction>, lost: Lost) {
        if interaction.is_some() {
            self.state().lost.insert(place, lost);
        }
        let burst = self.state().in_flight.get(&place).map_or(place, |flight| flight.burst);
        let written = interaction.and_then(|i| self.with_journal(|j| j.append_in_burst(place, burst, &i)));
        if let Some(Err(e)) = written {
            self.problem(e);
        }
        self.state().in_flight.remove(&place);
        self.settled.notify_all();
    }
}
