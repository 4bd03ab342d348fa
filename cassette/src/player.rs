//! Request → recorded response, with an account of what was used, unused and unmatched.
//!
//! Must not know: sockets, modes, what a failure reads like.

use std::collections::HashMap;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::body::{self, Body, BoxError};
use crate::capture;
use crate::error::Result;
use crate::matcher::{Key, Matching, Mismatch};
use crate::redact::{Redactor, Restorer};
use crate::tape::{self, BodyReader, Cassette, Outcome, Request, TransportError};

/// Plays a cassette back.
pub(crate) struct Player {
    cassette: Cassette,
    matching: Matching,
    redactor: Redactor,
    /// Per key, the interactions in recorded order.
    index: HashMap<Key, Vec<usize>>,
    state: Mutex<State>,
    problems: Problems,
}

/// What on the cassette could not be read. Shared with the bodies, which find out last.
type Problems = Arc<Mutex<Vec<crate::Error>>>;

struct State {
    /// Per key, how many of its interactions are used: the next one is found without a search.
    next: HashMap<Key, usize>,
    used: Vec<bool>,
    last_served: Option<usize>,
    unmatched: Vec<Unmatched>,
}

/// A request without an answer on the cassette.
#[derive(Clone, Debug)]
pub(crate) struct Unmatched {
    pub(crate) request: Request,
    pub(crate) recorded: usize,
    pub(crate) used: usize,
    pub(crate) closest: Option<Closest>,
}

/// The recorded interaction most like a request that matched none.
#[derive(Clone, Debug)]
pub(crate) struct Closest {
    pub(crate) index: usize,
    pub(crate) request: Request,
    pub(crate) mismatch: Mismatch,
    pub(crate) used: bool,
    pub(crate) answered: String,
}

/// An interaction that nobody asked for.
#[derive(Clone, Debug)]
pub(crate) struct UnusedInteraction {
    pub(crate) index: usize,
    pub(crate) method: String,
    pub(crate) uri: String,
}

impl Player {
    /// Indexes the cassette by the canonical key of its requests.
    pub(crate) fn new(cassette: Cassette, matching: Matching, redactor: Redactor) -> Result<Player> {
        let mut index: HashMap<Key, Vec<usize>> = HashMap::new();
        for i in 0..cassette.len() {
            index.entry(matching.key(&cassette.request(i)?)).or_default().push(i);
        }
        let state = State {
            next: HashMap::new(),
            used: vec![false; cassette.len()],
            last_served: None,
            unmatched: Vec::new(),
        };
        Ok(Player { cassette, matching, redactor, index, state: Mutex::new(state), problems: Problems::default() })
    }

    /// Answers with the next unused interaction of the request's key.
    pub(crate) fn play(&self, request: Request) -> Played {
        let key = self.matching.key(&request);
        let Some(i) = self.take(key) else { return Played::Unmatched(Box::new(self.explain(request))) };
        match self.answer(i) {
            Ok(Ok(response)) => Played::Response(response),
            Ok(Err(e)) => Played::Error(e),
            Err(e) => {
                let message = format!("{e:?}");
                note(&self.problems, e);
                Played::Unreadable(message)
            }
        }
    }

    /// How many interactions the cassette has.
    pub(crate) fn len(&self) -> usize {
        self.cassette.len()
    }

    /// The requests that had no answer so far.
    pub(crate) fn unmatched(&self) -> Vec<Unmatched> {
        self.state().unmatched.clone()
    }

    /// Interactions that could not be read, so far.
    pub(crate) fn problems(&self) -> Vec<crate::Error> {
        std::mem::take(&mut *self.problems.lock().unwrap_or_else(|e| e.into_inner()))
    }

    /// The interactions that nobody asked for, in recorded order, and the one served last.
    pub(crate) fn unused(&self) -> Result<(Vec<UnusedInteraction>, Option<UnusedInteraction>)> {
        let (unused, last) = {
            let state = self.state();
            let unused: Vec<usize> = (0..state.used.len()).filter(|i| !state.used[*i]).collect();
            (unused, state.last_served)
        };
        let describe = |index: usize| {
            let request = self.cassette.request(index)?;
            Ok(UnusedInteraction { index, method: request.method.to_string(), uri: request.uri })
        };
        Ok((unused.into_iter().map(describe).collect::<Result<_>>()?, last.map(describe).transpose()?))
    }

    fn take(&self, key: Key) -> Option<usize> {
        let queue = self.index.get(&key)?;
        let mut state = self.state();
        let next = state.next.entry(key).or_insert(0);
        let i = *queue.get(*next)?;
        *next += 1;
        state.used[i] = true;
        state.last_served = Some(i);
        Some(i)
    }

    fn answer(&self, i: usize) -> Result<Result<http::Response<Body>, TransportError>> {
        let interaction = self.cassette.interaction(i)?;
        let recorded = match interaction.outcome {
            Outcome::Response(r) => r,
            Outcome::Error(e) => return Ok(Err(e)),
        };
        let restored = self.redactor.restores();
        let bodiless = recorded.body.size() == 0;
        let mut response = http::Response::new(body::empty());
        *response.status_mut() = http::StatusCode::from_u16(recorded.status)
            .map_err(|e| crate::Error::with_source(format!("interaction {i}: status {}", recorded.status), e))?;
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
        *response.body_mut() = Playing {
            left: recorded.body.size(),
            reader: Some(reader),
            restorer,
            trailers: Some(recorded.trailers).filter(|t| !t.is_empty()),
            cut: recorded.cut,
            has_length: response.headers().contains_key(header::CONTENT_LENGTH),
            problems: self.problems.clone(),
        }
        .boxed();
        Ok(Ok(response))
    }

    /// The length that the body will have with the session's own secrets in it. For that it is read twice:
    /// a client may size a buffer by it, or show progress.
    fn restore_length(&self, headers: &mut HeaderMap, body: &tape::Body, cut: bool) -> Result<()> {
        let mut counted = self.redactor.restorer(capture::content_type(headers), Count(0));
        let mut reader = self.cassette.body_reader(body)?;
        while let Some(chunk) = reader.next_chunk()? {
            counted.write_all(&chunk)?;
        }
        let length = counted.finish()?.0;
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

    /// Finds the recorded request most like this one: unused ones first, then those used already.
    fn explain(&self, request: Request) -> Unmatched {
        let used = self.state().used.clone();
        let closest = (0..self.cassette.len())
            .filter_map(|i| {
                let recorded = self.cassette.request(i).ok()?;
                let mismatch = self.matching.compare(&request, &recorded);
                Some((mismatch.distance(), used[i], i, recorded, mismatch))
            })
            .min_by_key(|(distance, used, i, ..)| (*distance, *used, *i))
            .map(|(_, used, index, request, mismatch)| Closest {
                index,
                request,
                mismatch,
                used,
                answered: self.describe_answer(index),
            });
        let unmatched = Unmatched {
            request,
            recorded: used.len(),
            used: used.iter().filter(|u| **u).count(),
            closest,
        };
        self.state().unmatched.push(unmatched.clone());
        unmatched
    }

    fn describe_answer(&self, i: usize) -> String {
        match self.cassette.interaction(i).map(|i| i.outcome) {
            Ok(Outcome::Response(r)) => format!("{} with {} bytes", r.status, r.body.size()),
            Ok(Outcome::Error(e)) => e.to_string(),
            Err(e) => e.to_string(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
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
