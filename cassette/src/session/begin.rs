//! The beginning of a session: mode, cassette, clock, engine, in that order; nothing is written on replay.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use super::handle::{Inner, Session};
use super::network::{Network, live};
use super::open::Opened;
use super::{problems, registry};
use crate::ambient;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::engine::{Action, Engine, Replay};
use crate::error::{Error, Result};
use crate::mode::{Environment, Mode};
use crate::player::Player;
use crate::recorder::Recorder;
use crate::redact::Redactor;
use crate::report::{self, Expired, MissingCassette, Note, Obstacle, Problem, RecordedMeanwhile, TestSite};
use crate::tape::{Cassette, Files, Journal, JournalOptions, Lock, Metadata, Name, Request};
use crate::volatile::{self, Volatile};

/// Builds a [`Session`] without the attribute: for harnesses of one's own.
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
    pub(super) mode: Option<Mode>,
    pub(super) freeze: Option<SystemTime>,
    pub(super) site: TestSite,
    pub(super) manifest_dir: PathBuf,
    pub(super) is_test: bool,
    /// What the first of two passes asked for, in mode [`Learn`](Mode::Learn).
    pub(super) rehearsed: Option<Vec<Request>>,
    /// This is that first pass: a recording, whatever the mode.
    pub(super) is_rehearsal: bool,
}

impl Session {
    /// A session outside `#[cassette_test]`: for harnesses of one's own.
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
            config: Config::new(),
            mode: None,
            freeze: None,
            site,
            manifest_dir,
            is_test: false,
            rehearsed: None,
            is_rehearsal: false,
        }
    }

    /// The project's settings.
    #[must_use]
    pub fn config(mut self, config: Config) -> SessionBuilder {
        self.config = config;
        self
    }

    /// What this session does, unless `CASSETTE_MODE` says otherwise.
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

    /// The package whose `tests/cassettes` is meant. Default: that of `CARGO_MANIFEST_DIR`.
    #[must_use]
    pub fn package_dir(mut self, dir: impl Into<PathBuf>) -> SessionBuilder {
        self.manifest_dir = dir.into();
        self
    }

    /// The test that this session belongs to, for failure texts.
    pub(crate) fn test(mut self, site: TestSite) -> SessionBuilder {
        self.site = site;
        self.is_test = true;
        self
    }

    /// The site with what the configuration says about it.
    pub(super) fn full_site(&self) -> TestSite {
        let asked = Environment::read().ok().map(|env| env.resolve(self.mode, self.config.mode).0);
        let mode = asked.unwrap_or(self.site.mode);
        TestSite { record_command: self.config.record_command.clone(), mode, ..self.site.clone() }
    }

    /// Begins the session. The calling thread isn't under it: the body's own thread will be.
    /// On failure the problem comes with the site, as far as it is known.
    pub(crate) fn begin(self) -> Result<Session, Box<Problem>> {
        let env = Environment::read().map_err(problems::mistake)?;
        let config = self.config.checked()?;
        let mut site = TestSite { record_command: config.record_command.clone(), ..self.site };
        let name: Name = self.name.parse()?;
        let directory = self.manifest_dir.join(&config.directory);
        let files = Files::new(&directory, &name);
        let (asked, in_ci) = env.resolve(self.mode, config.mode);
        let asked = if self.is_rehearsal { Mode::Record } else { asked };
        if asked == Mode::Learn && self.rehearsed.is_none() {
            return Err(Box::new(Problem::Obstacle(Obstacle::LearnsOnce)));
        }
        // Before the lock: to wait for a session of this process may be to wait for oneself.
        let opened = Opened::take(&files.document(), &site, self.is_test)?;
        let (mode, lock) = turn(asked, &files)?;
        site.mode = mode;
        // What is only replayed, or not kept at all, needs no secret that can be told from other text.
        let config = match mode {
            Mode::Replay | Mode::Accept | Mode::Off => config,
            _ => Config { rules: config.rules.accepted()?, ..config },
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
                // What was learned, or written by hand, is not lost by recording again.
                let old = Cassette::open(&files).ok().map(|old| old.metadata().extra.clone());
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
                Some(Recorder::new(journal, redactor.clone()))
            }
        };
        let mut expiry = None;
        let replay = match mode {
            Mode::Off | Mode::Record | Mode::Learn => None,
            Mode::Append if !files.exists() => None,
            _ if !files.exists() => {
                return Err(Box::new(Problem::Missing(MissingCassette { file: files.document() })));
            }
            _ => {
                let cassette = Cassette::open(&files).map_err(problems::malformed)?;
                let clock = replay_clock(&cassette, freeze).map_err(problems::malformed)?;
                expiry = expired(&cassette, &config)?;
                let matching =
                    known_volatile(cassette.metadata(), cassette.path())?.ignored_in(config.matching.clone());
                let player = Player::new(cassette, matching, redactor.clone())
                    .map_err(problems::malformed)?
                    // What an append adds comes last, wherever it was asked for.
                    .with_policies(config.exhausted, config.ordered && mode != Mode::Append)
                    .with_clock(clock.clone())
                    // Real servers want real values.
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
        let target = env.target_dir(&self.manifest_dir);
        let (ambient, network) = Network::begin(opened.id(), &self.name, mode, &config, &clock, &engine)?;
        let session = Session(Arc::new(Inner {
            id: opened.id(),
            name: self.name,
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
            env,
            open: opened,
        }));
        registry::register(&session);
        Ok(session)
    }
}

/// What the cassette says of what varies by itself.
pub(super) fn known_volatile(metadata: &Metadata, path: &Path) -> Result<Volatile, Box<Problem>> {
    let Some(value) = metadata.extra.get(volatile::KEY) else { return Ok(Volatile::default()) };
    Volatile::parse(value).map_err(|e| problems::malformed(Error::new(e).at(path)))
}

/// How old the cassette is, if it is older than it may be. By the real time, wherever the clock of some session
/// stands.
fn expired(cassette: &Cassette, config: &Config) -> Result<Option<Expired>, Box<Problem>> {
    let Some((limit, _)) = config.max_age else { return Ok(None) };
    let file = cassette.path().to_owned();
    let Some(text) = &cassette.metadata().recorded_at else {
        return Ok(Some(Expired { file, recorded: None, limit }));
    };
    let at = clock::parse_rfc3339(text)
        .map_err(|e| problems::malformed(Error::new(format!("`_metadata.recorded_at`: {e}")).at(&file)))?;
    // One that was recorded in the future was so by another machine's clock, and is not old.
    let age = ambient::outside(SystemTime::now).duration_since(at).unwrap_or_default();
    Ok((age > limit).then(|| Expired { file, recorded: Some((text.clone(), age)), limit }))
}

/// The mode, once it is known whether there is a cassette, and the right to write it. Waits for who has that
/// right now.
fn turn(asked: Mode, files: &Files) -> Result<(Mode, Option<Lock>), Box<Problem>> {
    match asked {
        Mode::Auto if files.exists() => return Ok((Mode::Replay, None)),
        Mode::Record | Mode::Auto | Mode::Append | Mode::Learn => {}
        Mode::Replay | Mode::Verify | Mode::Accept | Mode::Off => return Ok((asked, None)),
    }
    let before = written(files);
    let announce =
        |file: &Path, holder| report::print_now(&report::waiting(files.name().as_str(), file, holder));
    let lock = Lock::wait(files, announce).map_err(|e| problems::unwritable("cassettes", e))?;
    match asked {
        // Whoever had the lock has recorded it.
        Mode::Auto if files.exists() => Ok((Mode::Replay, None)),
        Mode::Auto => Ok((Mode::Record, Some(lock))),
        // What it adds to is read after this.
        Mode::Append => Ok((asked, Some(lock))),
        // To record over what somebody else has recorded a moment ago would hide that there are two of them.
        _ if lock.waited() && written(files) != before => {
            Err(Box::new(Problem::RecordedMeanwhile(RecordedMeanwhile { file: files.document() })))
        }
        _ => Ok((asked, Some(lock))),
    }
}

/// When the cassette was written, and how long it is: what tells it from another one.
fn written(files: &Files) -> Option<(u64, Option<SystemTime>)> {
    let found = std::fs::metadata(files.document()).ok()?;
    Some((found.len(), found.modified().ok()))
}

/// Where the cassette stood, unless told otherwise. One without `freeze_time` was written by hand or by
/// another tool: then time runs on.
fn replay_clock(cassette: &Cassette, freeze: Option<SystemTime>) -> Result<Clock> {
    if let Some(at) = freeze {
        return Clock::frozen(at);
    }
    let Some(text) = &cassette.metadata().freeze_time else { return Ok(Clock::real()) };
    clock::parse_rfc3339(text)
        .and_then(Clock::frozen)
        .map_err(|e| Error::new(format!("`_metadata.freeze_time`: {e}")).at(cassette.path()))
}
