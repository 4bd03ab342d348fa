//! Answers requests from a cassette, and keeps count of used, unused and unmatched recordings.
//!
//! The player describes what happened in the plain structs of `report`, which `report` words. Must not know: sockets,
//! modes, the text of a failure.

mod answer;
mod chunking;
mod deciding;
mod differing_headers;
mod explain;
mod given;
mod index;
mod keys;
mod marks;
#[cfg(feature = "intercept")]
mod misdirected;
mod missing_secrets;
mod renaming;
mod response_body;
mod silence;
pub(crate) mod suggestions;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard};

use http::HeaderMap;

pub(crate) use self::differing_headers::differing_headers;
pub(crate) use self::given::{Given, GivenPlace};
use self::index::{Index, Lookup, Marks};
use self::keys::Keys;
pub(crate) use self::keys::unnumbered;
use self::renaming::{Recognised, Renames, Renaming};
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
    /// Whether answers may contain placeholders of named secrets, including secrets without a value in this session, or
    /// numbered placeholders with a stand-in.
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
    renaming: Lazy,
    /// The number of requests that came before the first one without an answer, and that one.
    first_unmatched: Option<usize>,
}

/// The renaming of values, which is prepared for the first request that has no answer without it.
enum Lazy {
    NotNeeded,
    /// The cassette has no values to rename.
    Impossible,
    Active(Box<Renaming>),
}

/// The recording that answers a request.
pub(crate) struct Chosen {
    index: usize,
    /// The values of the answer that the client knows under another name.
    renames: Option<Arc<Renames>>,
}

/// A request came out of order: the session requires recorded order, and another recording comes next.
struct OutOfOrder {
    expected: usize,
    found: usize,
}

impl Player {
    /// Indexes the cassette by the canonical key of its requests.
    pub(crate) fn new(cassette: Cassette, matching: Matching, redactor: Redactor) -> Result<Player> {
        redactor.give_stand_ins(&cassette.metadata().tokens).map_err(|e| e.at(cassette.path()))?;
        let state = State {
            index: Index::new(&cassette, &matching, &redactor)?,
            used: vec![None; cassette.len()],
            front: 0,
            highest: None,
            requests: 0,
            last_served: None,
            unmatched: Vec::new(),
            renaming: Lazy::NotNeeded,
            first_unmatched: None,
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
            Ok(chosen) => self.play_recording(&chosen, live),
            Err(unmatched) => *unmatched,
        }
    }

    /// Takes the interaction that answers a request.
    ///
    /// # Errors
    ///
    /// No interaction answers the request. The error is the refusal for the client.
    pub(crate) fn choose(&self, request: Request) -> Result<Chosen, Box<Played>> {
        let keys = self.keys(&request);
        let unmatched = match self.take(&request, keys) {
            Ok(Some(chosen)) => return Ok(chosen),
            Ok(None) => self.unmatched_request(request, keys),
            Err(left) => self.out_of_order(request, &left),
        };
        Err(Box::new(Played::Unmatched(Box::new(unmatched))))
    }

    /// The interactions that no request has used so far.
    pub(crate) fn left(&self) -> Vec<usize> {
        let state = self.state();
        (0..state.used.len()).filter(|i| state.used[*i].is_none()).collect()
    }

    /// Takes the interaction that answers a request, if there is one. A miss is not noted.
    pub(crate) fn find(&self, request: &Request) -> Option<Chosen> {
        self.take(request, self.keys(request)).ok().flatten()
    }

    fn keys(&self, request: &Request) -> Keys {
        Keys::of(request, &self.matching, &self.redactor)
    }

    /// The number of interactions that answered a request.
    pub(crate) fn used(&self) -> usize {
        self.state().used.iter().flatten().count()
    }

    /// The rules that fired when the cassette was recorded.
    pub(crate) fn redaction(&self) -> &[String] {
        &self.cassette.metadata().redaction
    }

    /// The names of the headers of answers that the recording left out and that a replay does not make itself.
    pub(crate) fn left_out(&self) -> Vec<String> {
        let names = self.cassette.metadata().left_out.iter().flat_map(|names| &names.response);
        names.filter(|name| http::header::DATE != ***name).cloned().collect()
    }

    /// Whether the cassette says which headers its recording left out. Older versions kept only a few headers.
    pub(crate) fn has_left_out(&self) -> bool {
        self.cassette.metadata().left_out.is_some()
    }

    /// Reads the whole cassette and reserves the numbers of its placeholders. New interactions in mode `append` must
    /// not use these numbers for other values.
    pub(crate) fn take_numbers(&self) -> Result<()> {
        for i in 0..self.cassette.len() {
            let Interaction { request, outcome, .. } = self.cassette.interaction(i)?;
            self.redactor.take_numbers(request.uri.as_bytes());
            self.take_numbers_of(&request.headers, &request.body)?;
            if let Outcome::Response(response) = outcome {
                response.reason.iter().for_each(|reason| self.redactor.take_numbers(reason.as_bytes()));
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
            left_out: self.left_out(),
            left: unused.into_iter().map(describe).collect::<Result<_>>()?,
            last: last.map(describe).transpose()?,
        }))
    }

    /// Looks up the interaction that answers a request, and marks it as used.
    fn take(&self, request: &Request, keys: Keys) -> Result<Option<Chosen>, OutOfOrder> {
        let mut state = self.state();
        let number = state.requests;
        state.requests += 1;
        let mut found = None;
        if !matches!(state.renaming, Lazy::Active(_)) {
            found = self.look_up(&mut state, keys, request);
            if found.is_none() {
                self.prepare_renaming(&mut state);
            }
        }
        let mut recognised = None;
        if found.is_none() {
            (found, recognised) = self.look_up_renamed(&mut state, keys, request);
        }
        let Some(found) = found else { return Ok(None) };
        let index = match found {
            Lookup::Again(i) => i,
            Lookup::Fresh(i) => {
                while state.front < state.used.len() && !state.is_due(state.front) {
                    state.front += 1;
                }
                // A test may skip an optional interaction, but must not use it out of order.
                if self.ordered && (state.front < i || state.highest > Some(i)) {
                    return Err(OutOfOrder { expected: state.front, found: i });
                }
                state.used[i] = Some(number);
                state.highest = state.highest.max(Some(i));
                if let Lazy::Active(renaming) = &mut state.renaming {
                    match recognised {
                        Some(recognised) => renaming.answered(i, recognised, number),
                        None => renaming.answered_plain(i, number),
                    }
                }
                i
            }
        };
        state.last_served = Some(index);
        let renames = match &mut state.renaming {
            Lazy::Active(renaming) => Some(renaming.renames()),
            Lazy::NotNeeded | Lazy::Impossible => None,
        };
        Ok(Some(Chosen { index, renames }))
    }

    /// Looks up a request as it is.
    fn look_up(&self, state: &mut State, keys: Keys, request: &Request) -> Option<Lookup> {
        let of = |request: &Request| marks::of(request, &self.matching, &self.redactor);
        let marks = Marks {
            asked: &|| of(request),
            recorded: &|i| self.cassette.request(i).map(|recorded| of(&recorded)).unwrap_or_default(),
            // If the recorded order is required, only the next recording may answer. If there are matchers, the choice
            // is theirs: another choice could leave a later request without a recording.
            headers: !self.ordered && !self.matching.has_matchers(),
        };
        let State { index, used, .. } = state;
        index.find(keys, &marks, |i| used[i].is_some(), |i| self.agrees(i, || Cow::Borrowed(request)))
    }

    /// Looks up a request apart from values that answers of this session gave. Also returns how the request was
    /// recognised, unless it matches as it is.
    fn look_up_renamed(
        &self,
        state: &mut State,
        keys: Keys,
        request: &Request,
    ) -> (Option<Lookup>, Option<Recognised>) {
        let Lazy::Active(renaming) = &state.renaming else { return (None, None) };
        let recognised = renaming.recognise(request, &|request| self.keys(request));
        if !renaming.knows(&recognised) {
            return (self.look_up(state, keys, request), None);
        }
        let agreeing = renaming.agreeing(&recognised, |i| {
            self.agrees(i, || Cow::Owned(renaming.translated_to(request, &recognised, i)))
        });
        // The index knows which of several equal recordings is next, but not those that an exchange has freed.
        let free = renaming.find(&recognised, &agreeing);
        let (translated, _) = renaming.translated(request);
        let found = self.look_up(state, self.keys(&translated), &translated);
        let Lazy::Active(renaming) = &state.renaming else { return (None, None) };
        match (found, free) {
            (Some(Lookup::Fresh(i)), _) if renaming.stands_for(&recognised, i) => {
                return (found, Some(recognised));
            }
            (_, Some(i)) => return (Some(Lookup::Fresh(i)), Some(recognised)),
            // The policy for exhausted recordings decides before other requests exchange theirs.
            (Some(Lookup::Again(_)), None) => return (found, None),
            (Some(Lookup::Fresh(_)) | None, None) => {}
        }
        let State { renaming: Lazy::Active(renaming), used, front, .. } = state else { return (None, None) };
        let Some(i) = renaming.exchange(&recognised, &agreeing) else { return (None, None) };
        used.iter_mut().zip(renaming.used()).for_each(|(used, now)| *used = now);
        // Recordings before the front may be unused again.
        *front = 0;
        (Some(Lookup::Fresh(i)), Some(recognised))
    }

    /// Prepares the renaming of values, once, if equal requests were recorded.
    fn prepare_renaming(&self, state: &mut State) {
        if self.ordered || !matches!(state.renaming, Lazy::NotNeeded) {
            return;
        }
        state.renaming = Lazy::Impossible;
        if state.index.has_equal()
            && let Ok(Some(renaming)) =
                Renaming::new(&self.cassette, &state.used, &|request| self.keys(request))
        {
            state.renaming = Lazy::Active(Box::new(renaming));
        }
    }

    /// Whether the custom matchers agree that a recording answers a request.
    fn agrees<'r>(&self, i: usize, request: impl FnOnce() -> Cow<'r, Request>) -> bool {
        !self.matching.has_matchers()
            || self.cassette.request(i).is_ok_and(|recorded| self.matching.agree(&request(), &recorded))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        unpoisoned(self.state.lock())
    }
}

impl Chosen {
    /// The place of the recording on the cassette, from 0.
    pub(crate) fn index(&self) -> usize {
        self.index
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
