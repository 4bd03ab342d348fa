//! The beginning of a session: mode, cassette, clock, engine, in that order; nothing is written on replay.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

#[cfg(feature = "intercept")]
use super::leading;
use super::{Inner, Opened, Session, facts, open};
use crate::ambient;
#[cfg(not(feature = "intercept"))]
use crate::ambient::Ambient;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::engine::{Action, Engine, Live};
use crate::error::{Error, Result};
use crate::mode::{Environment, Mode};
use crate::player::Player;
use crate::recorder::Recorder;
use crate::redact::Redactor;
use crate::report::{MissingCassette, Note, Problem, TestSite};
#[cfg(feature = "proxy")]
use tower_service::Service as _;

use crate::tape::{Cassette, Files, Journal, JournalOptions, Metadata, Name};

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
            recording: false,
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
        TestSite { record_command: self.config.record_command.clone(), ..self.site.clone() }
    }

    /// Begins the session. The calling thread isn't under it: the body's own thread will be.
    /// On failure the problem comes with the site, as far as it is known.
    pub(crate) fn begin(self) -> Result<Session, Box<Problem>> {
        let env = Environment::read().map_err(facts::mistake)?;
        let config = self.config.checked()?;
        let mut site = TestSite { record_command: config.record_command.clone(), ..self.site };
        let name: Name = self.name.parse()?;
        let directory = self.manifest_dir.join(&config.directory);
        let files = Files::new(&directory, &name);
        let (asked, in_ci) = env.resolve(self.mode, config.mode);
        let mode = match asked {
            Mode::Auto if files.exists() => Mode::Replay,
            Mode::Auto => Mode::Record,
            other => other,
        };
        site.recording = mode == Mode::Record;
        let mut notes: Vec<Note> =
            in_ci.map(|mode| Note::ReplayedInCi { asked: mode.to_string() }).into_iter().collect();
        let opened = Opened::take(&files.document(), &site, self.is_test)?;
        let redactor = Redactor::new(config.rules.clone())?;
        let recorded_at = SystemTime::now();

        let freeze = self.freeze.or(config.freeze);
        let (action, clock) = match mode {
            Mode::Record => {
                let at = freeze.unwrap_or(recorded_at);
                let clock = Clock::frozen(at)?;
                let options = JournalOptions {
                    inline_limit: config.inline_limit,
                    metadata: Metadata {
                        recorded_at: Some(clock::format_rfc3339(recorded_at)),
                        freeze_time: Some(clock::format_rfc3339(at)),
                        time_zone: ambient::time_zone().map(str::to_owned),
                        ..Metadata::default()
                    },
                };
                let journal =
                    Journal::create(&files, options).map_err(|e| facts::unwritable("cassettes", e))?;
                notes.extend(journal.set_aside().map(|at| Note::StaleJournal { moved_to: at.to_owned() }));
                (Action::Record(Recorder::new(journal, redactor.clone())), clock)
            }
            Mode::Off => {
                let clock = freeze.map_or_else(|| Ok(Clock::real()), Clock::frozen)?;
                (Action::Pass, clock)
            }
            _ => {
                if !files.exists() {
                    return Err(Box::new(Problem::Missing(MissingCassette { file: files.document() })));
                }
                let cassette = Cassette::open(&files).map_err(facts::malformed)?;
                let clock = replay_clock(&cassette, freeze).map_err(facts::malformed)?;
                let player = Player::new(cassette, config.matching.clone(), redactor.clone())
                    .map_err(facts::malformed)?
                    .with_policies(config.exhausted, config.ordered);
                let action = Action::Replay {
                    player: Box::new(player),
                    redactor: redactor.clone(),
                    inline_limit: config.inline_limit,
                    site: site.clone(),
                };
                (action, clock)
            }
        };
        if clock.is_frozen() && cfg!(feature = "ambient") && !config.explicit_clock {
            ambient::check()?;
        }
        let engine = Engine::new(action, live(mode, &config)?);
        let target = env.target_dir(&self.manifest_dir);
        #[cfg(feature = "intercept")]
        let led = leading::begin(opened.id(), mode, &config, &clock, &engine)?;
        #[cfg(feature = "intercept")]
        let ambient = led.ambient;
        #[cfg(not(feature = "intercept"))]
        let ambient = Ambient::new(opened.id(), &clock);
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
            #[cfg(feature = "intercept")]
            proxy: led.proxy,
            #[cfg(feature = "intercept")]
            _shown: led.bundle,
            #[cfg(all(feature = "proxy", not(feature = "intercept")))]
            proxy: OnceLock::new(),
            #[cfg(feature = "proxy")]
            bundle: OnceLock::new(),
            started: Instant::now(),
            notes,
            env,
            _open: opened,
        }));
        open::register(&session);
        Ok(session)
    }
}

impl Inner {
    #[cfg(feature = "proxy")]
    pub(super) fn upstream_options(&self) -> crate::transport::UpstreamOptions {
        upstream_options(&self.config)
    }
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

#[cfg(feature = "proxy")]
fn upstream_options(config: &Config) -> crate::transport::UpstreamOptions {
    crate::transport::UpstreamOptions {
        extra_roots: config.extra_roots.clone(),
        resolve: config.resolve.clone(),
    }
}

/// The way upstream, which replay doesn't have: what isn't there can't be used by mistake.
#[cfg(feature = "proxy")]
fn live(mode: Mode, config: &Config) -> Result<Option<Live>> {
    if !matches!(mode, Mode::Record | Mode::Off) {
        return Ok(None);
    }
    // Always ready: its pool grows as it needs to.
    let upstream = crate::transport::Upstream::new(&upstream_options(config))?;
    Ok(Some(Box::new(move |request| upstream.clone().call(request))))
}

/// Without a transport of ours nothing reaches a session's engine.
#[cfg(not(feature = "proxy"))]
fn live(_: Mode, _: &Config) -> Result<Option<Live>> {
    Ok(None)
}
