//! Mode `learn`: the body runs twice. The first pass records into a folder of its own, which is thrown away; the second
//! is a recording like any other, and what differs between the two has varied by itself.
//!
//! Must not know: how requests are compared.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::begin::{SessionBuilder, known_volatile};
use super::failure::Failure;
use super::finish::BodyEnd;
use super::handle::Session;
use super::run::{failed, not_begun, print_outcome, under};
use crate::ambient;
use crate::error::{Error, Result, panic_text};
use crate::mode::{Environment, Mode};
use crate::player;
use crate::report::{Note, Obstacle, Problem};
use crate::tape::{Cassette, Files, Journal, Metadata, Request};
use crate::volatile;

impl SessionBuilder {
    /// The first of the two passes of mode [`Learn`](Mode::Learn), which records nothing to keep: what its requests
    /// and those of the second pass, by [`run`](Self::run), differ in has varied by itself. In any other mode it does
    /// nothing.
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
    /// As [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// As the body does.
    pub fn learn<T: Send, E: Debug + Send>(
        self,
        body: impl FnOnce(Session) -> Result<T, E> + Send,
    ) -> Result<SessionBuilder, Failure> {
        self.rehearse(None, |session| body(session).map(drop).map_err(|e| format!("{e:?}")))
    }

    /// `expected`: what the panic that makes a test pass has in its text.
    pub(super) fn rehearse(
        self,
        expected: Option<&str>,
        body: impl FnOnce(Session) -> Result<(), String> + Send,
    ) -> Result<SessionBuilder, Failure> {
        // What is wrong with the environment is told when the session begins.
        let Ok(env) = Environment::read() else { return Ok(self) };
        if env.resolve(self.mode, self.config.mode).0 != Mode::Learn {
            return Ok(self);
        }
        // For both passes: what follows from the time does not vary on replay.
        let at = self.freeze.or(self.config.freeze).unwrap_or_else(|| ambient::outside(SystemTime::now));
        let site = self.full_site();
        let aside = env.target_dir(&self.manifest_dir).join("cassette").join(".rehearsed");
        let folder = Folder::new(aside).map_err(|e| not_begun(&site, Problem::Other(e)))?;
        let rehearsal = SessionBuilder {
            config: self.config.clone().directory(&folder.0),
            is_test: false,
            is_rehearsal: true,
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
                print_outcome(session.finish(BodyEnd::Panicked));
                std::panic::resume_unwind(payload)
            }
        }
        let requests = rehearsed(&session).map_err(|e| not_begun(&site, Problem::Other(e)))?;
        Ok(SessionBuilder { rehearsed: Some(requests), freeze: Some(at), ..self })
    }
}

impl Session {
    /// What both passes together say, for the cassette. With a problem, nothing is installed.
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
        if !learned.unpaired.is_empty() {
            outcome.note = Some(Note::Unpaired(learned.unpaired));
        }
        if let Some(value) = before.and(learned.volatile).to_value() {
            metadata.extra.insert(volatile::KEY.to_owned(), value);
        }
        Ok(outcome)
    }
}

/// What there is to say about what was learned.
#[derive(Default)]
pub(super) struct Learned {
    pub(super) problem: Option<Problem>,
    pub(super) note: Option<Note>,
}

/// The requests of the first pass, without what only the order of events decides.
fn rehearsed(session: &Session) -> Result<Vec<Request>> {
    let files: &Files = &session.0.files;
    let cassette = Cassette::open(files)?;
    let requests = cassette.requests(0..cassette.len());
    requests.map(|request| Ok(player::unnumbered(&request?, &session.0.redactor).into_owned())).collect()
}

/// A folder that goes with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(parent: PathBuf) -> Result<Folder> {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = Folder(parent.join(format!("{}-{n}", std::process::id())));
        let made = |path: &Path| {
            std::fs::create_dir_all(path).map_err(|e| Error::io("make the folder of the first pass", path, e))
        };
        // What a killed process left under that name is stale.
        let _ = std::fs::remove_dir_all(&folder.0);
        made(&folder.0)?;
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Below `target`: what does not go is in nobody's way.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
