//! Request → recorded response, with an account of what was used, unused and unmatched.
//!
//! Says what happened in the facts of `report`. Must not know: sockets, modes, what a failure reads like.

mod anonymous;
mod explain;
mod index;

use std::io::Write as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body::{Frame, SizeHint};

use self::anonymous::Keys;
pub(crate) use self::anonymous::anonymous;
use self::index::{Found, Index};
use crate::body::{Body, BoxError};
use crate::capture;
use crate::config::Exhausted;
use crate::error::Result;
use crate::matcher::Matching;
use crate::redact::{Redactor, Restorer};
use crate::report::{Unmatched, UnmatchedRequest, Unused, UnusedRecording};
use crate::tape::{self, BodyReader, Cassette, Outcome, Request, TransportError};

/// Plays a cassette back.
pub(crate) struct Player {
    cassette: Cassette,
    matching: Matching,
    redactor: Redactor,
    /// Requests must come in recorded order, all of them.
    ordered: bool,
    state: Mutex<State>,
    problems: Problems,
}

/// What on the cassette could not be read. Shared with the bodies, which find out last.
type Problems = Arc<Mutex<Vec<crate::Error>>>;

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
        let (state, problems) = (Mutex::new(state), Problems::default());
        Ok(Player { cassette, matching, redactor, ordered: false, state, problems })
    }

    /// The same with other than the default policies.
    pub(crate) fn with_policies(mut self, exhausted: Exhausted, ordered: bool) -> Player {
        self.state().index.exhausted(exhausted);
        self.ordered = ordered;
        self
    }

    /// Answers with the next unused interaction of the request's key.
    pub(crate) fn play(&self, request: Request) -> Played {
        match self.choose(request) {
            Ok(i) => self.play_recording(i),
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

    /// What was recorded, and its body unless that is longer than `most` bytes.
    pub(crate) fn recorded(&self, i: usize, most: usize) -> Result<(Outcome, Option<Vec<u8>>)> {
        let outcome = self.cassette.interaction(i)?.outcome;
        let Outcome::Response(response) = &outcome else { return Ok((outcome, None)) };
        if response.body.size() > most as u64 {
            return Ok((outcome, None));
        }
        let mut reader = self.cassette.body_reader(&response.body)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = reader.next_chunk()? {
            bytes.extend_from_slice(&chunk);
        }
        Ok((outcome, Some(bytes)))
    }

    /// Takes the interaction that answers a request, if there is one; nothing is noted if not.
    pub(crate) fn find(&self, request: &Request) -> Option<usize> {
        let keys = Keys::of(request, &self.matching, &self.redactor);
        self.take(request, keys).ok().flatten()
    }

    /// The answer of an interaction that was [found](Self::find).
    pub(crate) fn play_recording(&self, i: usize) -> Played {
        match self.answer(i) {
            Ok(Ok(response)) => Played::Response(response),
            Ok(Err(e)) => Played::Error(e),
            Err(e) => {
                let text = e.to_string();
                note(&self.problems, e);
                Played::Unreadable(text)
            }
        }
    }

    /// How many interactions were asked for.
    pub(crate) fn used(&self) -> usize {
        self.state().used.iter().flatten().count()
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

    /// A request without an answer here that is on the other one's cassette: `GET https://…`.
    #[cfg(feature = "intercept")]
    pub(crate) fn stray(&self, other: &Player) -> Option<String> {
        // Reading them all would keep a long cassette's test waiting for a remark.
        const LOOKED_AT: usize = 2_000;
        let unmatched: Vec<_> = self.state().unmatched.iter().map(|u| u.request.clone()).collect();
        if unmatched.is_empty() {
            return None;
        }
        let recorded =
            (0..other.cassette.len().min(LOOKED_AT)).filter_map(|i| other.cassette.request(i).ok());
        let keys: std::collections::HashSet<_> = recorded.map(|r| (r.method, r.uri)).collect();
        let stray = unmatched.into_iter().map(|r| (r.method, r.uri)).find(|key| keys.contains(key));
        stray.map(|(method, uri)| format!("{method} {uri}"))
    }

    /// Interactions that could not be read, so far.
    pub(crate) fn problems(&self) -> Vec<crate::Error> {
        std::mem::take(&mut *self.problems.lock().unwrap_or_else(|e| e.into_inner()))
    }

    /// The interactions that nobody asked for and that are not optional, in recorded order, and the one served last;
    /// `None` if there are none.
    pub(crate) fn unused(&self) -> Result<Option<Unused>> {
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
        Ok(Some(Unused {
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
            Some(Found::Again(i)) => {
                state.last_served = Some(i);
                Ok(Some(i))
            }
            Some(Found::Fresh(i)) => {
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

    fn answer(&self, i: usize) -> Result<Result<http::Response<Body>, TransportError>> {
        let interaction = self.cassette.interaction(i)?;
        let recorded = match interaction.outcome {
            Outcome::Response(r) => r,
            Outcome::Error(e) => return Ok(Err(e)),
        };
        let restored = self.redactor.restores();
        let bodiless = recorded.body.size() == 0;
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = http::StatusCode::from_u16(recorded.status).map_err(|e| {
            crate::Error::with_source(format!("interaction {i}: status {}", recorded.status), e)
        })?;
        *response.version_mut() = recorded.version;
        *response.headers_mut() = recorded.headers;
        if restored {
            self.restore_headers(response.headers_mut());
            if !bodiless && response.headers().contains_key(header::CONTENT_LENGTH) {
                self.restore_length(response.headers_mut(), &recorded.body, recorded.cut.is_some())?;
            }
        }
        let reader = self.cassette.body_reader(&recorded.body)?;
        let restorer = (restored && !bodiless)
            .then(|| self.redactor.restorer(capture::content_type(response.headers()), Vec::new()));
        *response.body_mut() = Body::new(Playing {
            left: recorded.body.size(),
            reader: Some(reader),
            restorer,
            trailers: Some(recorded.trailers).filter(|t| !t.is_empty()),
            cut: recorded.cut,
            has_length: response.headers().contains_key(header::CONTENT_LENGTH),
            problems: self.problems.clone(),
        });
        Ok(Ok(response))
    }

    /// The length that the body will have with the session's own secrets in it. For that it is read twice:
    /// a client may size a buffer by it, or show progress.
    fn restore_length(&self, headers: &mut HeaderMap, body: &tape::Body, cut: bool) -> Result<()> {
        let mut counted = self.redactor.restorer(capture::content_type(headers), Count(0));
        let mut reader = self.cassette.body_reader(body)?.unchecked();
        while let Some(chunk) = reader.next_chunk()? {
            counted.write_all(&chunk).map_err(unrestored)?;
        }
        let length = counted.finish().map_err(unrestored)?.0;
        if !cut {
            headers.insert(header::CONTENT_LENGTH, length.into());
        } else if length != body.size() {
            // What was promised is no longer comparable with what comes.
            headers.remove(header::CONTENT_LENGTH);
        }
        Ok(())
    }

    fn restore_headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            if let Ok(text) = std::str::from_utf8(value.as_bytes())
                && let Ok(restored) = HeaderValue::from_str(&self.redactor.restore_str(text))
            {
                *value = restored;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
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
    /// The interaction is there, but the cassette is damaged.
    Unreadable(String),
}

/// A body on its way from the cassette, a chunk at a time.
struct Playing {
    reader: Option<BodyReader>,
    restorer: Option<Restorer<Vec<u8>>>,
    trailers: Option<HeaderMap>,
    cut: Option<TransportError>,
    left: u64,
    /// The response's head says how long the body is. If it doesn't, neither must the body: the client would
    /// be told a length that the real server never gave.
    has_length: bool,
    problems: Problems,
}

impl Playing {
    fn next(&mut self) -> std::result::Result<Option<Frame<Bytes>>, BoxError> {
        while let Some(reader) = &mut self.reader {
            let chunk = match reader.next_chunk() {
                Err(e) => {
                    let told = format!("{e:?}");
                    self.reader = None;
                    self.cut = None;
                    note(&self.problems, e);
                    return Err(told.into());
                }
                Ok(Some(chunk)) => self.restored(chunk)?,
                Ok(None) => {
                    self.reader = None;
                    match self.restorer.take() {
                        Some(r) => r.finish()?.into(),
                        None => Bytes::new(),
                    }
                }
            };
            if !chunk.is_empty() {
                self.left = self.left.saturating_sub(chunk.len() as u64);
                return Ok(Some(Frame::data(chunk)));
            }
        }
        match self.cut.take() {
            Some(e) => Err(e.into()),
            None => Ok(self.trailers.take().map(Frame::trailers)),
        }
    }

    fn restored(&mut self, chunk: Bytes) -> std::io::Result<Bytes> {
        let Some(restorer) = &mut self.restorer else { return Ok(chunk) };
        restorer.write_all(&chunk)?;
        Ok(std::mem::take(restorer.next_mut()).into())
    }

    fn is_finished(&self) -> bool {
        let read = self.reader.is_none() || (self.restorer.is_none() && self.left == 0);
        read && self.trailers.is_none() && self.cut.is_none()
    }
}

impl http_body::Body for Playing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.next().transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.is_finished()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.restorer {
            None if self.has_length && self.cut.is_none() => SizeHint::with_exact(self.left),
            _ => SizeHint::default(),
        }
    }
}

fn unrestored(e: std::io::Error) -> crate::Error {
    crate::Error::with_source("could not put the secrets back into a body", e)
}

/// Counts what is written.
struct Count(u64);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn note(problems: &Problems, e: crate::Error) {
    problems.lock().unwrap_or_else(|e| e.into_inner()).push(e);
}
