//! Begins a session. The steps are: decide the mode, open the cassette, set the clock, build the engine. In the modes
//! that replay, no file is written.
//!
//! Must not know: how requests reach the session, or how the session ends.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use super::handle::{Inner, Session};
use super::network::{Network, Sharing, Turn, live, sharing, with_secrets};
use super::open::Opened;
use super::proof::{Assignment, Prover};
use super::run::block_on;
use super::{named_secrets, owners, problems, process_summary, registry};
use crate::ambient;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::engine::{Action, Engine, Replay};
use crate::error::{Error, Result};
use crate::mode::{Environment, Mode};
use crate::player::Player;
use crate::recorder::{DrainLimits, Recorder};
use crate::redact::Redactor;
use crate::report::{
    self, AlreadyOpen, Expired, MissingCassette, Note, Obstacle, Problem, RecordedMeanwhile, TestSite,
};
use crate::tape::{Cassette, Files, Journal, JournalOptions, Lock, Metadata, Name, Request};
use crate::volatile::{self, Volatile};

/// Builds a [`Session`] without the attribute, for a test harness of your own.
///
/// ```no_run
/// use cassette::{Config, Mode, Session};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (rows, summary) = Session::builder("weather/berlin")
///     .config(Config::new().mode(Mode::Record))
///     .run(|session| {
///         std::fs::write(session.output_dir()?.join("rows.csv"), "city,degrees\nBerlin,21\n")?;
///         Ok::<_, cassette::TestError>(1)
///     })?;
/// println!("{} rows, {} interactions", rows, summary.interactions);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SessionBuilder {
    pub(super) name: String,
    pub(super) config: Config,
    /// Whether the configuration was given, and is not that of the package.
    pub(super) is_configured: bool,
    pub(super) mode: Option<Mode>,
    pub(super) freeze: Option<SystemTime>,
    pub(super) site: TestSite,
    pub(super) manifest_dir: PathBuf,
    pub(super) is_test: bool,
    /// The requests of the first pass. Set in the second pass of mode [`Learn`](Mode::Learn).
    pub(super) rehearsed: Option<Vec<Request>>,
    /// Whether this is the first pass of mode [`Learn`](Mode::Learn). The first pass always records.
    pub(super) is_rehearsal: bool,
    /// Set if the body can run again, to play a recording back before it is installed.
    pub(super) prover: Option<Prover>,
    /// Set if this session plays a recording back before it is installed.
    pub(super) assignment: Option<Arc<Assignment>>,
}

impl Session {
    /// A builder for a session outside of `#[cassette_test]`, for a test harness of your own.
    pub fn builder(name: impl Into<String>) -> SessionBuilder {
        SessionBuilder::new(name.into())
    }
}

impl SessionBuilder {
    pub(super) fn new(name: String) -> SessionBuilder {
        let site = TestSite {
            cassette: name.clone(),
            test: String::new(),
            package: String::new(),
            file: String::new(),
            line: 0,
            record_command: None,
            mode: Mode::Replay,
        };
        let manifest_dir = Environment::manifest_dir().unwrap_or_else(|| PathBuf::from("."));
        SessionBuilder {
            name,
            config: Config::of_package(&manifest_dir),
            is_configured: false,
            mode: None,
            freeze: None,
            site,
            manifest_dir,
            is_test: false,
            rehearsed: None,
            is_rehearsal: false,
            prover: None,
            assignment: None,
        }
    }

    /// The project's settings. Default: `Config::new()`, for the package of [`package_dir`](Self::package_dir).
    #[must_use]
    pub fn config(mut self, config: Config) -> SessionBuilder {
        self.config = config;
        self.is_configured = true;
        self
    }

    /// The mode of this session, unless `CASSETTE_MODE` is set.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> SessionBuilder {
        self.mode = Some(mode);
        self
    }

    /// Freezes the clock at this instant.
    #[must_use]
    pub fn freeze(mut self, at: SystemTime) -> SessionBuilder {
        self.freeze = Some(at);
        self
    }

    /// Plays a recording back before it is installed, as the attribute does. When the body of [`run`](Self::run) has
    /// passed in a mode that records, `body` runs once more, on a new thread. Its requests are answered from the new
    /// recording, without the network. If `body` fails, or if the output differs, the recording is not installed.
    ///
    /// Without this method, a session without the attribute installs its recording without playing it back, because
    /// `run` can call its body only once.
    ///
    /// ```no_run
    /// use cassette::Session;
    ///
    /// fn body(session: Session) -> cassette::TestResult {
    ///     Ok(())
    /// }
    ///
    /// # fn main() -> Result<(), cassette::Failure> {
    /// Session::builder("weather/berlin").prove(body).run(body)?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn prove<T, E: Debug>(
        self,
        body: impl Fn(Session) -> Result<T, E> + Send + Sync + 'static,
    ) -> SessionBuilder {
        let body = move |session| body(session).map(drop).map_err(|e| format!("{e:?}"));
        SessionBuilder { prover: Some(Prover::of_body(Arc::new(body))), ..self }
    }

    /// Like [`prove`](Self::prove), for the async body of [`run_async`](Self::run_async).
    #[must_use]
    pub fn prove_async<T, E, F>(self, body: impl Fn(Session) -> F + Send + Sync + 'static) -> SessionBuilder
    where
        E: Debug,
        F: Future<Output = Result<T, E>>,
    {
        let body = move |session| block_on(body(session)).map(drop);
        SessionBuilder { prover: Some(Prover::of_body(Arc::new(body))), ..self }
    }

    /// The directory of the package. The cassette is in `tests/cassettes` below it, and the settings are those of its
    /// `cassette.toml`, unless [`config`](Self::config) gives others. Default: `CARGO_MANIFEST_DIR`.
    #[must_use]
    pub fn package_dir(mut self, dir: impl Into<PathBuf>) -> SessionBuilder {
        let dir = dir.into();
        if !self.is_configured && dir != self.manifest_dir {
            self.config = Config::of_package(&dir);
        }
        self.manifest_dir = dir;
        self
    }

    /// The test that this session belongs to. The report of a failure names the test.
    pub(crate) fn test(mut self, site: TestSite) -> SessionBuilder {
        self.site = site;
        self.is_test = true;
        self
    }

    /// The site of the test, with the mode that the session will have and with the record command of the configuration.
    pub(super) fn full_site(&self) -> TestSite {
        let asked = Environment::read().ok().map(|env| env.resolve(self.mode, self.config.mode).0);
        let mode = asked.unwrap_or(self.site.mode);
        TestSite { record_command: self.config.record_command.clone(), mode, ..self.site.clone() }
    }

    /// Begins the session. The calling thread does not belong to the session. Only the thread that runs the body does.
    pub(crate) fn begin(self) -> Result<Session, Box<Problem>> {
        let env = Environment::read().map_err(problems::mistake)?;
        let mut config = self.config.checked()?;
        let prover = self.prover.filter(|_| self.is_test || config.prove);
        if let Some(assignment) = &self.assignment {
            config = config.directory(assignment.directory());
        }
        let mut site = TestSite { record_command: config.record_command.clone(), ..self.site };
        let name: Name = self.name.parse()?;
        let directory = self.manifest_dir.join(&config.directory);
        let files = Files::new(&directory, &name);
        let (asked, in_ci) = env.resolve(self.mode, config.mode);
        let asked = match &self.assignment {
            Some(_) => Mode::Replay,
            None if self.is_rehearsal => Mode::Record,
            None => asked,
        };
        if asked == Mode::Learn && self.rehearsed.is_none() {
            return Err(Box::new(Problem::Obstacle(Obstacle::LearnsOnce)));
        }
        // This check must come before the lock. A session of this thread may hold the lock, and the thread would wait
        // for itself for ever.
        named_secrets::note(&config.rules);
        let opened = Opened::take(&files.document(), &site, self.is_test)?;
        let target = env.target_dir(&self.manifest_dir);
        if self.is_test && self.assignment.is_none() && asked != Mode::Off {
            let first = owners::claim(&target, &self.manifest_dir, &files.document(), &site);
            if let Some(first) = first {
                let file = files.document();
                return Err(Box::new(Problem::AlreadyOpen(AlreadyOpen::ByAnotherTest { file, first })));
            }
        }
        // The session waits for its turn before it waits for the lock. That cannot block for ever: another process may
        // hold the lock, but it never waits for a turn in this process.
        //
        // If this session plays a recording back, the session that recorded it waits for this one. So this session must
        // not wait for a turn.
        let sharing = match self.assignment {
            Some(_) => Sharing::Apart,
            None => sharing(asked, files.exists(), &config),
        };
        let turn = Turn::take(opened.id(), &self.name, sharing, ambient::inherited_session())?;
        let (mode, lock) = mode_and_lock(asked, &files)?;
        if lock.is_none() {
            turn.replays();
        }
        site.mode = mode;
        let config = with_secrets(mode, config)?;
        // The modes `replay`, `accept` and `off` store no traffic, so they accept a secret whose value is too short or
        // too common. The other modes do not.
        let config = match mode {
            Mode::Replay | Mode::Accept | Mode::Off => config,
            _ => Config { rules: config.rules.accepted()?, ..config },
        };
        let replayed = match mode {
            Mode::Replay | Mode::Accept if files.exists() => {
                Some(Cassette::open_files(&files).map_err(problems::malformed)?)
            }
            _ => None,
        };
        let config = match &replayed {
            Some(cassette) => config.with_dummies(&cassette.metadata().unset),
            None => config,
        };
        let mut notes: Vec<Note> =
            in_ci.map(|mode| Note::ReplayedInCi { asked: mode.to_string() }).into_iter().collect();
        let redactor = match mode {
            Mode::Verify => Redactor::keeping(config.rules.clone())?,
            _ => Redactor::new(config.rules.clone())?,
        };
        let recorded_at = ambient::outside(SystemTime::now);

        let freeze = self.freeze.or(config.freeze);
        let recorder = match lock {
            None => None,
            Some(lock) => {
                let at = freeze.unwrap_or(recorded_at);
                // The old cassette may have a list of places that vary in each run, from mode `learn` or from a person.
                // The new recording keeps this list.
                let old = Cassette::open_files(&files).ok().map(|old| old.metadata().extra.clone());
                let mut extra = old.unwrap_or_default();
                extra.retain(|key, _| key == volatile::KEY);
                let options = JournalOptions {
                    inline_limit: config.inline_limit,
                    metadata: Metadata {
                        recorded_at: Some(clock::format_rfc3339(recorded_at)),
                        freeze_time: Some(clock::format_rfc3339(at)),
                        time_zone: ambient::time_zone().map(str::to_owned),
                        extra,
                        ..Metadata::default()
                    },
                };
                let journal = match mode {
                    Mode::Append => Journal::append_with(&files, options, lock),
                    _ => Journal::create_with(&files, options, lock),
                };
                let journal = journal.map_err(|e| problems::unwritable("cassettes", e))?;
                notes.extend(journal.set_aside().map(|at| Note::StaleJournal { moved_to: at.to_owned() }));
                Some(Recorder::new(journal, redactor.clone(), DrainLimits::of(config.drain)))
            }
        };
        let mut unbegun = Unbegun(recorder.clone());
        let mut expiry = None;
        let replay = match mode {
            Mode::Off | Mode::Record | Mode::Learn => None,
            Mode::Append if !files.exists() => None,
            _ if !files.exists() => {
                return Err(Box::new(Problem::Missing(MissingCassette {
                    file: files.document(),
                    asked: in_ci,
                })));
            }
            _ => {
                let cassette = match replayed {
                    Some(cassette) => cassette,
                    None => Cassette::open_files(&files).map_err(problems::malformed)?,
                };
                let clock = replay_clock(&cassette, freeze).map_err(problems::malformed)?;
                expiry = expired(&cassette, &config)?;
                let matching =
                    known_volatile(cassette.metadata(), cassette.path())?.ignored_in(config.matching.clone());
                let player = Player::new(cassette, matching, redactor.clone())
                    .map_err(problems::malformed)?
                    // In mode `append`, new interactions are added at the end, so the interactions are not in the order
                    // of the requests.
                    .with_policies(config.exhausted, config.ordered && mode != Mode::Append)
                    .with_clock(clock.clone())
                    // If a secret has no value, the report suggests a dummy value. That does not help in the other
                    // modes, whose requests go to real servers.
                    .with_sources(
                        matches!(mode, Mode::Replay | Mode::Accept).then(|| config.sources.clone()),
                    );
                if mode == Mode::Append {
                    player.take_numbers().map_err(problems::malformed)?;
                }
                let (player, inline_limit) = (Box::new(player), config.inline_limit);
                let redactor = redactor.clone();
                Some((Arc::new(Replay { player, redactor, inline_limit, site: site.clone() }), clock))
            }
        };
        let (action, clock) = match (recorder, replay) {
            (Some(recorder), Some((replay, clock))) => (Action::Append(replay, recorder), clock),
            (Some(recorder), None) => {
                (Action::Record(recorder), Clock::frozen(freeze.unwrap_or(recorded_at))?)
            }
            (None, Some((replay, clock))) if mode == Mode::Verify => {
                (Action::Verify(replay, config.verify), clock)
            }
            (None, Some((replay, clock))) => (Action::Replay(replay), clock),
            (None, None) => (Action::Pass, freeze.map_or_else(|| Ok(Clock::real()), Clock::frozen)?),
        };
        if clock.is_frozen() && cfg!(feature = "ambient") && !config.explicit_clock {
            ambient::check().map_err(|reason| Box::new(Problem::Obstacle(Obstacle::RealTime { reason })))?;
        }
        let engine = Engine::new(action, live(mode, &config)?, &config, site.clone());
        let (ambient, network) = Network::begin(opened.id(), &self.name, mode, &config, &clock, &engine)?;
        let session = Session(Arc::new(Inner {
            id: opened.id(),
            name: self.name,
            package_dir: self.manifest_dir,
            mode,
            config,
            files,
            site,
            ambient,
            clock,
            engine,
            redactor,
            target,
            output: OnceLock::new(),
            network,
            started: Instant::now(),
            notes,
            expired: expiry,
            rehearsed: self.rehearsed,
            is_rehearsal: self.is_rehearsal,
            is_test: self.is_test,
            // The attribute of a test overrides the configuration.
            prover,
            assignment: self.assignment,
            env,
            turn,
            open: opened,
        }));
        unbegun.0 = None;
        registry::register(&session);
        process_summary::watch();
        if let Some(assignment) = &session.0.assignment {
            assignment.begun();
        }
        Ok(session)
    }
}

/// The recording of a session that has not begun yet. If the session cannot begin, the drop discards the recording,
/// which is empty. Otherwise the next session would find it and treat it as left behind by a crash.
struct Unbegun(Option<Recorder>);

impl Drop for Unbegun {
    fn drop(&mut self) {
        if let Some(journal) = self.0.take().and_then(|recorder| recorder.close()) {
            // An error is ignored, because the session already reports why it cannot begin.
            let _ = journal.discard();
        }
    }
}

/// The places whose values differ in each run, as listed in the metadata of the cassette.
pub(super) fn known_volatile(metadata: &Metadata, path: &Path) -> Result<Volatile, Box<Problem>> {
    let Some(value) = metadata.extra.get(volatile::KEY) else { return Ok(Volatile::default()) };
    Volatile::parse(value).map_err(|e| problems::malformed(Error::new(e).at(path)))
}

/// The age of the cassette, if it is older than `max_age`, or if it does not contain the time of the recording. The age
/// is measured by the real clock, not by the clock of a session.
fn expired(cassette: &Cassette, config: &Config) -> Result<Option<Expired>, Box<Problem>> {
    let Some((limit, _)) = config.max_age else { return Ok(None) };
    let file = cassette.path().to_owned();
    let Some(text) = &cassette.metadata().recorded_at else {
        return Ok(Some(Expired { file, recorded: None, limit }));
    };
    let at = clock::parse_rfc3339(text)
        .map_err(|e| problems::malformed(Error::new(format!("`_metadata.recorded_at`: {e}")).at(&file)))?;
    // If the time of the recording is in the future, another machine's clock is ahead of ours. The cassette is not old.
    let age = ambient::outside(SystemTime::now).duration_since(at).unwrap_or_default();
    Ok((age > limit).then(|| Expired { file, recorded: Some((text.clone(), age)), limit }))
}

/// Turns mode `auto` into `replay` if the cassette exists, otherwise into `record`. If the mode records, takes the
/// lock, and waits while another process holds it.
fn mode_and_lock(asked: Mode, files: &Files) -> Result<(Mode, Option<Lock>), Box<Problem>> {
    match asked {
        Mode::Auto if files.exists() => return Ok((Mode::Replay, None)),
        Mode::Record | Mode::Auto | Mode::Append | Mode::Learn => {}
        Mode::Replay | Mode::Verify | Mode::Accept | Mode::Off => return Ok((asked, None)),
    }
    let before = version(files);
    let announce =
        |file: &Path, holder| report::print_now(&report::waiting(files.name().as_str(), file, holder));
    let lock = Lock::wait(files, announce).map_err(|e| problems::unwritable("cassettes", e))?;
    match asked {
        // The process that held the lock has recorded the cassette meanwhile.
        Mode::Auto if files.exists() => Ok((Mode::Replay, None)),
        Mode::Auto => Ok((Mode::Record, Some(lock))),
        // The session reads the cassette only after it has the lock, so it adds to the recording of the other process.
        Mode::Append => Ok((asked, Some(lock))),
        // Another process has just recorded this cassette, so two tests share it. To record over it would hide that.
        _ if lock.waited() && version(files) != before => {
            Err(Box::new(Problem::RecordedMeanwhile(RecordedMeanwhile { file: files.document() })))
        }
        _ => Ok((asked, Some(lock))),
    }
}

/// The length and the modification time of the cassette. If one of them changes, the cassette was replaced.
fn version(files: &Files) -> Option<(u64, Option<SystemTime>)> {
    let found = std::fs::metadata(files.document()).ok()?;
    Some((found.len(), found.modified().ok()))
}

/// The clock of a replay. It is frozen at `freeze` if that is set, otherwise at the `freeze_time` of the cassette. If
/// the cassette has none, because it was written by hand or by another tool, the clock shows the real time.
fn replay_clock(cassette: &Cassette, freeze: Option<SystemTime>) -> Result<Clock> {
    if let Some(at) = freeze {
        return Clock::frozen(at);
    }
    let Some(text) = &cassette.metadata().freeze_time else { return Ok(Clock::real()) };
    clock::parse_rfc3339(text)
        .and_then(Clock::frozen)
        .map_err(|e| Error::new(format!("`_metadata.freeze_time`: {e}")).at(cassette.path()))
}
