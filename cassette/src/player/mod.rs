//! Answers requests from a cassette, and notes which recordings were used and which requests got no answer.
//!
//! The player describes what happened with the structs of `report`, and `report` writes the texts. Must not know:
//! sockets, modes, the text of a failure.

mod answer;
mod chunking;
mod deciding;
mod differing_headers;
mod explain;
mod given;
mod index;
mod keys;
mod long_bodies;
mod marks;
#[cfg(feature = "intercept")]
mod misdirected;
mod missing_secrets;
mod renaming;
mod response_body;
mod silence;
mod streams;
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
pub(crate) use self::streams::Opening;
use self::streams::Streams;
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
    streams: Streams,
    /// Whether answers may contain placeholders to replace: placeholders of named secrets, or numbered placeholders
    /// that have a stand-in. A named secret counts even if it has no value in this session.
    restores: bool,
    /// The sources of secret values. `None` if the session reports no missing values.
    sources: Option<Sources>,
    state: Mutex<State>,
    /// Held while recorded long bodies are read to look up a request. The state is free meanwhile, so other requests do
    /// not wait.
    reading: Mutex<()>,
    faults: Faults,
}

/// A request for the player to answer.
pub(crate) struct Asked {
    /// The request, redacted and decoded as on a cassette.
    pub(crate) request: Request,
    /// The request as the client sent it, if the cassette [has templates](Player::has_templates).
    pub(crate) live: Option<Arc<Live>>,
}

/// The reasons why recordings could not be played. Response bodies also add to this list, because the client reads them
/// after the player has returned the response.
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
    /// For each interaction, the number of the first request that it answered.
    used: Vec<Option<usize>>,
    /// All interactions before this index were used, or are optional.
    front: usize,
    /// The greatest index of a used interaction.
    highest: Option<usize>,
    requests: usize,
    last_served: Option<usize>,
    unmatched: Vec<UnmatchedRequest>,
    renaming: Lazy,
    /// The number of requests up to and including the first request without an answer.
    first_unmatched: Option<usize>,
}

/// The state of the [renaming] of values. The player prepares the renaming when a request has no answer without it.
enum Lazy {
    NotNeeded,
    /// The cassette has no values to rename.
    Impossible,
    Active(Box<Renaming>),
}

/// The recording that answers a request.
pub(crate) struct Chosen {
    index: usize,
    /// The recorded values in the answer that must be replaced, and the values that the client got in their place.
    renames: Option<Arc<Renames>>,
}

/// A request came too early or too late: the session requires the recorded order, and another recording is next.
struct OutOfOrder {
    expected: usize,
    found: usize,
}

impl Player {
    /// Makes a player, and computes the key of every request on the cassette.
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
        let streams = Player::streams(&cassette, |request| Keys::of(request, &matching, &redactor))?;
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
            streams,
            restores,
            sources: None,
            state,
            reading: Mutex::new(()),
            faults,
        })
    }

    /// Sets what happens to a request whose recordings were all used, and whether requests must come in recorded order.
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

    /// Answers a request with the interaction that [`choose`](Self::choose) chooses.
    pub(crate) fn play(&self, asked: Asked) -> Played {
        self.play_asked(asked, false)
    }

    /// Answers a request that has not ended, and of which nothing more comes.
    pub(crate) fn play_open(&self, asked: Asked) -> Played {
        self.play_asked(asked, true)
    }

    fn play_asked(&self, asked: Asked, open: bool) -> Played {
        let Asked { request, live } = asked;
        match self.choose_asked(request, open) {
            Ok(chosen) => self.play_recording(&chosen, live),
            Err(unmatched) => *unmatched,
        }
    }

    /// Chooses the interaction that answers a request, and marks it as used.
    ///
    /// # Errors
    ///
    /// No interaction answers the request. The error is the refusal for the client.
    pub(crate) fn choose(&self, request: Request) -> Result<Chosen, Box<Played>> {
        self.choose_asked(request, false)
    }

    fn choose_asked(&self, request: Request, open: bool) -> Result<Chosen, Box<Played>> {
        let keys = self.keys(&request);
        let unmatched = match self.take(&request, keys) {
            Ok(Some(chosen)) => return Ok(chosen),
            Ok(None) => self.unmatched_request(request, keys, open),
            Err(left) => self.out_of_order(request, &left),
        };
        Err(Box::new(Played::Unmatched(Box::new(unmatched))))
    }

    /// Returns the interactions that no request has used so far.
    pub(crate) fn left(&self) -> Vec<usize> {
        let state = self.state();
        (0..state.used.len()).filter(|i| state.used[*i].is_none()).collect()
    }

    /// Chooses the interaction that answers a request, and marks it as used. If there is none, returns `None` and notes
    /// nothing for the report.
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

    /// The redaction rules that replaced something when the cassette was recorded.
    pub(crate) fn redaction(&self) -> &[String] {
        &self.cassette.metadata().redaction
    }

    /// Returns the names of response headers that the recording dropped. `date` is not among them, because a replay
    /// makes a new one.
    pub(crate) fn left_out(&self) -> Vec<String> {
        let names = self.cassette.metadata().left_out.iter().flat_map(|names| &names.response);
        names.filter(|name| http::header::DATE != ***name).cloned().collect()
    }

    /// Whether the cassette lists the headers that the recording dropped. Cassettes of older versions have no such
    /// list, and only a few headers.
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

    /// Returns the requests that got no answer so far, or `None` if there are none.
    pub(crate) fn unmatched(&self) -> Option<Unmatched> {
        let requests = self.state().unmatched.clone();
        (!requests.is_empty()).then(|| self.account(requests))
    }

    /// Whether the cassette has recordings but no request has come.
    #[cfg(feature = "intercept")]
    pub(crate) fn is_untouched(&self) -> bool {
        !self.cassette.is_empty() && self.state().requests == 0
    }

    /// Removes and returns the reasons why recordings could not be played so far.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        std::mem::take(&mut *unpoisoned(self.faults.lock()))
    }

    /// Returns the unused interactions that are not optional, in recorded order, and the interaction that was played
    /// last. Returns `None` if there are no such unused interactions.
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
        self.settle(keys);
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
                self.note_fresh(&mut state, i, number, recognised)?;
                i
            }
        };
        state.last_served = Some(index);
        Ok(Some(Player::chosen(&mut state, index)))
    }

    /// Marks an interaction as used by a request with this number.
    fn note_fresh(
        &self,
        state: &mut State,
        i: usize,
        number: usize,
        recognised: Option<Recognised>,
    ) -> Result<(), OutOfOrder> {
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
        state.last_served = Some(i);
        Ok(())
    }

    fn chosen(state: &mut State, index: usize) -> Chosen {
        let renames = match &mut state.renaming {
            Lazy::Active(renaming) => Some(renaming.renames()),
            Lazy::NotNeeded | Lazy::Impossible => None,
        };
        Chosen { index, renames }
    }

    /// Looks up a request without renaming values.
    fn look_up(&self, state: &mut State, keys: Keys, request: &Request) -> Option<Lookup> {
        let of = |request: &Request| marks::of(request, &self.matching, &self.redactor);
        let marks = Marks {
            asked: &|| of(request),
            recorded: &|i| self.cassette.request(i).map(|recorded| of(&recorded)).unwrap_or_default(),
            // If the recorded order is required, only the next recording may answer. If there are matchers, they alone
            // choose: a choice by headers could leave a later request without a recording.
            headers: !self.ordered && !self.matching.has_matchers(),
        };
        let State { index, used, .. } = state;
        let (taken, agrees) = (|i: usize| used[i].is_some(), |i| self.agrees(i, || Cow::Borrowed(request)));
        let found = index.find(keys, &marks, taken, agrees);
        if found.is_some() || !index.is_pending(keys) {
            return found;
        }
        // This is rare: the request was translated, or a matcher refuses the recording with the same bytes.
        index.settle(keys, true, |i| self.key_by_meaning(i));
        index.find(keys, &marks, taken, agrees)
    }

    /// Looks up a request after the values that answers of this session gave are replaced by recorded values. The
    /// second result says how the request was recognised. It is `None` if the renaming did not choose the recording.
    fn look_up_renamed(
        &self,
        state: &mut State,
        keys: Keys,
        request: &Request,
    ) -> (Option<Lookup>, Option<Recognised>) {
        let Lazy::Active(renaming) = &state.renaming else { return (None, None) };
        let recognised = renaming.recognise(request, &|request| self.keys(&keys::without_meaning(request)));
        if !renaming.knows(&recognised) {
            // Classes contain the hash of a long body's bytes, so a long body may still equal a recorded one by meaning.
            let (translated, renamed) = renaming.translated(request);
            if keys.long.is_none() || renamed.is_empty() {
                return (self.look_up(state, keys, request), None);
            }
            return (self.look_up(state, self.keys(&translated), &translated), None);
        }
        let agreeing = renaming.agreeing(&recognised, |i| {
            self.agrees(i, || Cow::Owned(renaming.translated_to(request, &recognised, i)))
        });
        // The index knows which of several equal recordings comes next. It does not know recordings that an exchange
        // has freed, so the renaming looks for a free recording, too.
        let free = renaming.find(&recognised, &agreeing);
        let (translated, _) = renaming.translated(request);
        let found = self.look_up(state, self.keys(&translated), &translated);
        let Lazy::Active(renaming) = &state.renaming else { return (None, None) };
        match (found, free) {
            (Some(Lookup::Fresh(i)), _) if renaming.stands_for(&recognised, i) => {
                return (found, Some(recognised));
            }
            (_, Some(i)) => return (Some(Lookup::Fresh(i)), Some(recognised)),
            // A recording that answers again is preferred to an exchange of the recordings of earlier requests.
            (Some(Lookup::Again(_)), None) => return (found, None),
            (Some(Lookup::Fresh(_)) | None, None) => {}
        }
        let State { renaming: Lazy::Active(renaming), used, front, .. } = state else { return (None, None) };
        let Some(i) = renaming.exchange(&recognised, &agreeing) else { return (None, None) };
        used.iter_mut().zip(renaming.used()).for_each(|(used, now)| *used = now);
        // After an exchange, recordings before `front` may be unused again.
        *front = 0;
        (Some(Lookup::Fresh(i)), Some(recognised))
    }

    /// Prepares the renaming of values if the cassette has equal requests. The function does this only once.
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

    /// Whether all matchers of the project accept this recording for a request.
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
    /// A recording matches, but it could not be played.
    Faulty(Fault),
}

fn note(faults: &Faults, fault: Fault) {
    unpoisoned(faults.lock()).push(fault);
}

impl Fault {
    /// Makes a copy for the answer to the code under test. The original stays in the list for the report.
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
