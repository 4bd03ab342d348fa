//! Answers requests from a cassette, and keeps count of used, unused and unmatched recordings.
//!
//! The player describes what happened in the plain structs of `report`, which `report` words. Must not know: sockets,
//! modes, the text of a failure.

mod answer;
mod deciding;
mod differing_headers;
mod explain;
mod index;
mod keys;
mod marks;
#[cfg(feature = "intercept")]
mod misdirected;
mod missing_secrets;
mod response_body;
pub(crate) mod suggestions;

use std::sync::{Arc, Mutex, MutexGuard};

use http::HeaderMap;

pub(crate) use self::differing_headers::differing_headers;
use self::index::{Index, Lookup, Marks};
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
    /// Whether requests must come in recorded order.
    ordered: bool,
    /// The clock of the templates.
    clock: Clock,
    has_templates: bool,
    /// Whether answers may contain placeholders of named secrets, including secrets without a value in this session.
    restores: bool,
    /// The sources of secret values. `None` if the session reports no missing values.
    sources: Option<Sources>,
    state: Mutex<State>,
    faults: Faults,
}

/// A request that the player shall answer.
pub(crate) struct Asked {
    /// The request, redacted and decoded as on a cassette.
    pub(crate) request: Request,
    /// The request as the client sent it, if the cassette [has templates](Player::has_templates).
    pub(crate) live: Option<Arc<Live>>,
}

/// Recordings that could not be played. Response bodies share the list, because they are read after the player has
/// returned the response.
type Faults = Arc<Mutex<Vec<Fault>>>;

/// Why a recording could not be played.
pub(crate) enum Fault {
    /// The cassette is damaged.
    Unreadable(Error),
    /// The answer is a template, and its expressions do not fit the request.
    Unfilled(Unfilled),
}

struct State {
    index: Index,
    /// For each interaction, the number of the request that it answered first.
    used: Vec<Option<usize>>,
    /// All interactions before this index were used or are optional.
    front: usize,
    /// The greatest index of a used interaction.
    highest: Option<usize>,
    requests: usize,
    last_served: Option<usize>,
    unmatched: Vec<UnmatchedRequest>,
}

/// A request came out of order: the session requires recorded order, and another recording comes next.
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

    /// Sets the policy for exhausted recordings, and whether requests must come in recorded order.
    pub(crate) fn with_policies(mut self, exhausted: Exhausted, ordered: bool) -> Player {
        self.state().index.exhausted(exhausted);
        self.ordered = ordered;
        self
    }

    /// Sets the clock of the session.
    pub(crate) fn with_clock(mut self, clock: Clock) -> Player {
        self.clock = clock;
        self
    }

    /// Sets the sources that reports name for secrets without a value.
    pub(crate) fn with_sources(mut self, sources: Option<Sources>) -> Player {
        self.sources = sources;
        self
    }

    /// Whether answers need the request as the client sent it.
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
    /// No interaction answers the request. The error is the refusal for the client.
    pub(crate) fn choose(&self, request: Request) -> Result<usize, Box<Played>> {
        let keys = Keys::of(&request, &self.matching, &self.redactor);
        let unmatched = match self.take(&request, keys) {
            Ok(Some(i)) => return Ok(i),
            Ok(None) => self.unmatched_request(request, keys),
            Err(left) => self.out_of_order(request, &left),
        };
        Err(Box::new(Played::Unmatched(Box::new(unmatched))))
    }

    /// Takes the interaction that answers a request, if there is one. A miss is not noted.
    pub(crate) fn find(&self, request: &Request) -> Option<usize> {
        let keys = Keys::of(request, &self.matching, &self.redactor);
        self.take(request, keys).ok().flatten()
    }

    /// The number of interactions that answered a request.
    pub(crate) fn used(&self) -> usize {
        self.state().used.iter().flatten().count()
    }

    /// The rules that fired when the cassette was recorded.
    pub(crate) fn redaction(&self) -> &[String] {
        &self.cassette.metadata().redaction
    }

    /// Reads the whole cassette and reserves the numbers of its placeholders. New interactions in mode `append` must
    /// not use these numbers for other values.
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

    /// The requests without an answer so far; `None` if there are none.
    pub(crate) fn unmatched(&self) -> Option<Unmatched> {
        let requests = self.state().unmatched.clone();
        (!requests.is_empty()).then(|| self.account(requests))
    }

    /// Whether the cassette has recordings but no request has come.
    #[cfg(feature = "intercept")]
    pub(crate) fn is_untouched(&self) -> bool {
        !self.cassette.is_empty() && self.state().requests == 0
    }

    /// Takes the list of the recordings that could not be played so far.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        std::mem::take(&mut *unpoisoned(self.faults.lock()))
    }

    /// The unused interactions that are not optional, in recorded order, and the interaction that was played last.
    /// `None` if there are no unused interactions.
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

    /// Looks up the interaction that answers a request, and marks it as used.
    fn take(&self, request: &Request, keys: Keys) -> Result<Option<usize>, OutOfOrder> {
        let matchers = self.matching.has_matchers();
        let agrees = |i| {
            !matchers
                || self.cassette.request(i).is_ok_and(|recorded| self.matching.agree(request, &recorded))
        };
        let of = |request: &Request| marks::of(request, &self.matching, &self.redactor);
        let marks = Marks {
            asked: &|| of(request),
            recorded: &|i| self.cassette.request(i).map(|recorded| of(&recorded)).unwrap_or_default(),
            // If the recorded order is required, only the next recording may answer. If there are matchers, the choice
            // is theirs: another choice could leave a later request without a recording.
            headers: !self.ordered && !matchers,
        };
        let mut state = self.state();
        let number = state.requests;
        state.requests += 1;
        let State { index, used, .. } = &mut *state;
        match index.find(keys, &marks, |i| used[i].is_some(), agrees) {
            None => Ok(None),
            Some(Lookup::Again(i)) => {
                state.last_served = Some(i);
                Ok(Some(i))
            }
            Some(Lookup::Fresh(i)) => {
                while state.front < state.used.len() && !state.is_due(state.front) {
                    state.front += 1;
                }
                // A test may skip an optional interaction, but must not use it out of order.
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
    /// Whether this interaction is unused and not optional.
    fn is_due(&self, i: usize) -> bool {
        self.used[i].is_none() && !self.index.policy(i).optional
    }
}

/// The player's answer to a request.
pub(crate) enum Played {
    Response(http::Response<Body>),
    Error(TransportError),
    Unmatched(Box<Unmatched>),
    /// There is a recording, but it could not be played.
    Faulty(Fault),
}

fn note(faults: &Faults, fault: Fault) {
    unpoisoned(faults.lock()).push(fault);
}

impl Fault {
    /// A copy for the code under test. The original stays for the report.
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
