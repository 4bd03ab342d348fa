//! Mode `learn` runs the body twice. The first pass records into a temporary folder. The second pass is an ordinary
//! recording. If a value differs between the two passes, it differs in each run. The cassette lists the places of these
//! values.
//!
//! Must not know: how requests are compared.

use std::fmt::Debug;
use std::time::SystemTime;

use super::begin::{SessionBuilder, known_volatile};
use super::failure::Failure;
use super::finish::BodyEnd;
use super::folder::Folder;
use super::handle::Session;
use super::run::{failed, not_begun, print_outcome, under};
use crate::ambient;
use crate::error::{Result, panic_text};
use crate::matcher::Difference;
use crate::mode::{Environment, Mode};
use crate::player;
use crate::report::{Note, Obstacle, Problem};
use crate::tape::{Cassette, Files, Journal, Metadata, Request};
use crate::volatile;

impl SessionBuilder {
    /// Runs the first of the two passes of mode [`Learn`](Mode::Learn). The recording of the first pass is not kept.
    /// [`run`](Self::run) is the second pass. It compares the requests of the two passes, and writes the places that
    /// differ into the cassette. In any other mode this method does nothing.
    ///
    /// ```no_run
    /// use cassette::Session;
    ///
    /// fn body(session: Session) -> cassette::TestResult {
    ///     Ok(())
    /// }
    ///
    /// # fn main() -> Result<(), cassette::Failure> {
    /// Session::builder("weather/berlin").learn(body)?.run(body)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The same errors as [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// If the body panics.
    pub fn learn<T: Send, E: Debug + Send>(
        self,
        body: impl FnOnce(Session) -> Result<T, E> + Send,
    ) -> Result<SessionBuilder, Failure> {
        self.rehearse(None, |session| body(session).map(drop).map_err(|e| format!("{e:?}")))
    }

    /// Runs the first pass. If `expected` is set, the body passes if it panics with a message that contains this text.
    pub(super) fn rehearse(
        self,
        expected: Option<&str>,
        body: impl FnOnce(Session) -> Result<(), String> + Send,
    ) -> Result<SessionBuilder, Failure> {
        // If a variable is wrong, `begin` reports it in the second pass.
        let Ok(env) = Environment::read() else { return Ok(self) };
        if env.resolve(self.mode, self.config.mode).0 != Mode::Learn {
            return Ok(self);
        }
        // The two passes have the same frozen time. Otherwise values that depend on the time would differ, although
        // each replay has the same frozen time.
        let at = self.freeze.or(self.config.freeze).unwrap_or_else(|| ambient::outside(SystemTime::now));
        let site = self.full_site();
        let aside = env.target_dir(&self.manifest_dir).join("cassette").join(".rehearsed");
        let folder = Folder::new(&aside).map_err(|e| not_begun(&site, Problem::Other(e)))?;
        let rehearsal = SessionBuilder {
            config: self.config.clone().directory(folder.path()),
            is_test: false,
            is_rehearsal: true,
            prover: None,
            freeze: Some(at),
            ..self.clone()
        };
        let session = rehearsal.begin().map_err(|problem| not_begun(&site, *problem))?;
        match under(&session, session.name(), body) {
            Ok(Ok(())) => drop(session.finish(BodyEnd::Passed)?),
            Ok(Err(returned)) => return Err(failed(&session, returned)),
            Err(payload) if expected.is_some_and(|text| panic_text(&*payload).contains(text)) => {
                drop(session.finish(BodyEnd::Passed)?);
            }
            Err(payload) => {
                print_outcome(session.finish(BodyEnd::Panicked(panic_text(&*payload))));
                std::panic::resume_unwind(payload)
            }
        }
        let requests = rehearsed(&session).map_err(|e| not_begun(&site, Problem::Other(e)))?;
        Ok(SessionBuilder { rehearsed: Some(requests), freeze: Some(at), ..self })
    }
}

impl Session {
    /// Compares the two passes, and adds the places that differ to the metadata. If the comparison finds a problem, the
    /// cassette is not installed.
    pub(super) fn learned(&self, journal: &Journal, metadata: &mut Metadata) -> Result<Learned> {
        let Some(first) = &self.0.rehearsed else { return Ok(Learned::default()) };
        let anonymous = |request: &Request| player::unnumbered(request, &self.0.redactor).into_owned();
        let second: Vec<Request> = journal.requests()?.iter().map(anonymous).collect();
        let before = known_volatile(metadata, &journal.files().document()).unwrap_or_default();
        let matching = before.ignored_in(self.0.config.matching.clone());
        let learned = volatile::learn(first, &second, &matching);
        let mut outcome = Learned::default();
        if let Some(refused) = learned.refused.first() {
            outcome.problem = Some(Problem::Obstacle(Obstacle::VariesWhole {
                method: refused.method.clone(),
                uri: refused.uri.clone(),
                more: learned.refused.len() - 1,
                scope: refused.scope.clone(),
            }));
        }
        let [first_only, second_only] = &learned.unpaired;
        let varying = |one: &Request| {
            let other = second_only.iter().find(|other| other.method == one.method)?;
            let differences = matching.compare(other, one);
            let paths = differences.differences().iter().filter(|d| matches!(d, Difference::Path { .. }));
            paths.filter_map(player::suggestions::ignorable).next()
        };
        let mut places: Vec<_> = first_only.iter().filter_map(varying).collect();
        places.dedup();
        let unpaired: Vec<_> = learned.unpaired.iter().flatten().collect();
        if !unpaired.is_empty() {
            let requests = unpaired.iter().map(|r| (r.method.clone(), r.uri.clone())).collect();
            outcome.notes.push(Note::Unpaired(requests, places));
        }
        let found = learned.volatile.describe();
        outcome.notes.extend((!found.is_empty()).then_some(Note::Learned(found)));
        if let Some(value) = before.and(learned.volatile).to_value() {
            metadata.extra.insert(volatile::KEY.to_owned(), value);
        }
        Ok(outcome)
    }
}

/// The problem and the notes that result from the comparison of the two passes.
#[derive(Default)]
pub(super) struct Learned {
    pub(super) problem: Option<Problem>,
    pub(super) notes: Vec<Note>,
}

/// The requests of the first pass. The numbers of placeholders are removed, because they depend on the order of events.
fn rehearsed(session: &Session) -> Result<Vec<Request>> {
    let files: &Files = &session.0.files;
    let cassette = Cassette::open_files(files)?;
    let requests = cassette.requests(0..cassette.len());
    requests.map(|request| Ok(player::unnumbered(&request?, &session.0.redactor).into_owned())).collect()
}
