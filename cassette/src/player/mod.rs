//! Request → recorded response, with an account of what was used, unused and unmatched.
//!
//! Says what happened in the facts of `report`. Must not know: sockets, modes, what a failure reads like.

mod answer;
mod explain;
mod index;
mod keys;
#[cfg(feature = "intercept")]
mod misdirected;
mod missing_secrets;
mod response_body;
pub(crate) mod suggestions;

use std::sync::{Arc, Mutex, MutexGuard};

use http::HeaderMap;

use self::index::{Index, Lookup};
use self::keys::Keys;
pub(crate) use self::keys::unnumbered;
use crate::body::Body;
use crate::clock::Clock;
use crate::config::{Exhausted, Sources};
use crate::error::{Error, Result};
use crate::matcher::Matching;
use crate::placeholder;
use crate::poison::unpoisoned;
use crate::redact::{Label, Redactor};
use crate::report::{Unfilled, Unmatched, UnmatchedRequest, UnusedRecording, UnusedReport};
use crate::tape::{self, Cassette, Interaction, Outcome, Request, TransportError};
use crate::template::Live;

/// Plays a cassette back.
pub(crate) struct Player {
    cassette: Cassette,
    matching: Matching,
    redactor: Redactor,
    /// Requests must come in recorded order, all of them.
    ordered: bool,
    /// What templates take the time from.
    clock: Clock,
    has_templates: bool,
    /// Placeholders of named secrets may stand in the answers. Those that this session has no value for are read, too.
    restores: bool,
    /// Of the values of secrets, where any would do.
    sources: Option<Sources>,
    state: Mutex<State>,
    faults: Faults,
}

/// A request to find the answer to.
pub(crate) struct Asked {
    /// In the form of the cassette.
    pub(crate) request: Request,
    /// As the client sent it, where the cassette [has templates](Player::has_templates).
    pub(crate) live: Option<Arc<Live>>,
}

/// What on the cassette could not be played. Shared with the bodies, which find out last.
type Faults = Arc<Mutex<Vec<Fault>>>;

/// Why a recording could not be played.
pub(crate) enum Fault {
    /// The cassette is damaged.
    Unreadable(Error),
    /// The answer is a template that does not fit its request.
    Unfilled(Unfilled),
}

struct State {
    index: Index,
    /// Per interaction, which request of this session it answered first.
    used: Vec<Option<usize>>,
    /// All before this one were used, or needn't be.
    front: usize,
    /// The last one in recorded order that was used.
    highest: Option<usize>,
    requests: usize,
    last_served: Option<usize>,
    unmatched: Vec<UnmatchedRequest>,
}

/// Recorded order is demanded, and another recording was to come next.
struct OutOfOrder {
    expected: usize,
    found: usize,
}

impl Player {
    /// Indexes the cassette by the canonical key of its requests.
    pub(crate) fn new(cassette: Cassette, matching: Matching, redactor: Redactor) -> Result<Player> {
        let state = State {
            index: Index::new(&cassette, &matching, &redactor)?,
            used: vec![None; cassette.len()],
            front: 0,
            highest: None,
            requests: 0,
            last_served: None,
            unmatched: Vec::new(),
        };
        let has_templates = cassette.metadata().template || state.index.has_templates();
        let is_secret = |rule: &String| matches!(Label::parse(rule), Label::Secret(_));
        let restores = redactor.restores() || cassette.metadata().redaction.iter().any(is_secret);
        let (state, faults, clock) = (Mutex::new(state), Faults::default(), Clock::real());
        Ok(Player {
            cassette,
            matching,
            redactor,
            ordered: false,
            clock,
            has_templates,
            restores,
            sources: None,
            state,
            faults,
        })
    }

    /// The same with other than the default policies.
    pub(crate) fn with_policies(mut self, exhausted: Exhausted, ordered: bool) -> Player {
        self.state().index.exhausted(exhausted);
        self.ordered = ordered;
        self
    }

    /// The same under the clock of a session.
    pub(crate) fn with_clock(mut self, clock: Clock) -> Player {
        self.clock = clock;
        self
    }

    /// The same with what to say of secrets without a value.
    pub(crate) fn with_sources(mut self, sources: Option<Sources>) -> Player {
        self.sources = sources;
        self
    }

    /// Must a request be kept as it came, until it is answered?
    pub(crate) fn has_templates(&self) -> bool {
        self.has_templates
    }

    /// Answers with the next unused interaction of the request's key.
    pub(crate) fn play(&self, asked: Asked) -> Played {
        let Asked { request, live } = asked;
        match self.choose(request) {
            Ok(i) => self.play_recording(i, live),
            Err(unmatched) => *unmatched,
        }
    }

    /// Takes the interaction that answers a request.
    ///
    /// # Errors
    ///
    /// There is none: what to answer instead.
    pub(crate) fn choose(&self, request: Request) -> Result<usize, Box<Played>> {
        let keys = Keys::of(&request, &self.matching, &self.redactor);
        let unmatched = match self.take(&request, keys) {
            Ok(Some(i)) => return Ok(i),
            Ok(None) => self.unmatched_request(request, keys),
            Err(left) => self.out_of_order(request, &left),
        };
        Err(Box::new(Played::Unmatched(Box::new(unmatched))))
    }

    /// Takes the interaction that answers a request, if there is one; nothing is noted if not.
    pub(crate) fn find(&self, request: &Request) -> Option<usize> {
        let keys = Keys::of(request, &self.matching, &self.redactor);
        self.take(request, keys).ok().flatten()
    }

    /// How many interactions were asked for.
    pub(crate) fn used(&self) -> usize {
        self.state().used.iter().flatten().count()
    }

    /// The rules that fired when the cassette was recorded.
    pub(crate) fn redaction(&self) -> &[String] {
        &self.cassette.metadata().redaction
    }

    /// Looks through the whole cassette for the placeholders that a recording which is added to it may not give to other
    /// values.
    pub(crate) fn take_numbers(&self) -> Result<()> {
        for i in 0..self.cassette.len() {
            let Interaction { request, outcome, .. } = self.cassette.interaction(i)?;
            self.redactor.take_numbers(request.uri.as_bytes());
            self.take_numbers_of(&request.headers, &request.body)?;
            if let Outcome::Response(response) = outcome {
                self.take_numbers_of(&response.headers, &response.body)?;
                self.take_numbers_of(&response.trailers, &tape::Body::default())?;
            }
        }
        Ok(())
    }

    fn take_numbers_of(&self, headers: &HeaderMap, body: &tape::Body) -> Result<()> {
        headers.values().for_each(|value| self.redactor.take_numbers(value.as_bytes()));
        let (mut reader, mut window) = (self.cassette.body_reader(body)?, Vec::new());
        while let Some(chunk) = reader.next_chunk()? {
            window.extend_from_slice(&chunk);
            self.redactor.take_numbers(&window);
            window.drain(..window.len().saturating_sub(placeholder::LONGEST));
        }
        Ok(())
    }

    /// The requests that had no answer so far; `None` if all had one.
    pub(crate) fn unmatched(&self) -> Option<Unmatched> {
        let requests = self.state().unmatched.clone();
        (!requests.is_empty()).then(|| self.account(requests))
    }

    /// Has no request come, though there are recordings?
    #[cfg(feature = "intercept")]
    pub(crate) fn is_untouched(&self) -> bool {
        !self.cassette.is_empty() && self.state().requests == 0
    }

    /// Interactions that could not be played, so far.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        std::mem::take(&mut *unpoisoned(self.faults.lock()))
    }

    /// The interactions that nobody asked for and that are not optional, in recorded order, and the one served last;
    /// `None` if there are none.
    pub(crate) fn unused(&self) -> Result<Option<UnusedReport>> {
        let (unused, last) = {
            let state = self.state();
            let unused = (0..state.used.len()).filter(|i| state.is_due(*i));
            (unused.collect::<Vec<_>>(), state.last_served)
        };
        let describe = |index: usize| {
            let request = self.cassette.request(index)?;
            Ok(UnusedRecording { index, method: request.method, uri: request.uri })
        };
        if unused.is_empty() {
            return Ok(None);
        }
        Ok(Some(UnusedReport {
            cassette: self.cassette.path().to_owned(),
            recorded: self.cassette.len(),
            left: unused.into_iter().map(describe).collect::<Result<_>>()?,
            last: last.map(describe).transpose()?,
        }))
    }

    /// Takes the interaction that answers a request, if there is one.
    fn take(&self, request: &Request, keys: Keys) -> Result<Option<usize>, OutOfOrder> {
        let matchers = self.matching.has_matchers();
        let agrees = |i| {
            !matchers
                || self.cassette.request(i).is_ok_and(|recorded| self.matching.agree(request, &recorded))
        };
        let mut state = self.state();
        let number = state.requests;
        state.requests += 1;
        let State { index, used, .. } = &mut *state;
        match index.find(keys, |i| used[i].is_some(), agrees) {
            None => Ok(None),
            Some(Lookup::Again(i)) => {
                state.last_served = Some(i);
                Ok(Some(i))
            }
            Some(Lookup::Fresh(i)) => {
                while state.front < state.used.len() && !state.is_due(state.front) {
                    state.front += 1;
                }
                // One that is optional may be left out, but comes in its place if it comes.
                if self.ordered && (state.front < i || state.highest > Some(i)) {
                    return Err(OutOfOrder { expected: state.front, found: i });
                }
                state.used[i] = Some(number);
                state.highest = state.highest.max(Some(i));
                state.last_served = Some(i);
                Ok(Some(i))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        unpoisoned(self.state.lock())
    }
}

impl State {
    /// Was this one not used though it should be?
    fn is_due(&self, i: usize) -> bool {
        self.used[i].is_none() && !self.index.policy(i).optional
    }
}

/// What a player says to a request.
pub(crate) enum Played {
    Response(http::Response<Body>),
    Error(TransportError),
    Unmatched(Box<Unmatched>),
    /// The interaction is there.
    Faulty(Fault),
}

fn note(faults: &Faults, fault: Fault) {
    unpoisoned(faults.lock()).push(fault);
}

impl Fault {
    /// The same for the code under test.
    fn copy(&self) -> Fault {
        match self {
            Fault::Unreadable(e) => Fault::Unreadable(Error::new(e.to_string()).hint_of(e)),
            Fault::Unfilled(problem) => Fault::Unfilled(problem.clone()),
        }
    }
}

impl From<Error> for Fault {
    fn from(e: Error) -> Fault {
        Fault::Unreadable(e)
    }
}
