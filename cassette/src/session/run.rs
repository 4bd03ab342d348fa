//! Runs the body of a test under its session. The body runs on a new thread, and every thread that the body starts
//! inherits the session and its clock.
//!
//! Must not know: how a session begins, or what it compares and installs at its end.

use std::any::Any;
use std::fmt::Debug;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;

use tokio::runtime::Builder;

use super::begin::SessionBuilder;
use super::call_site::Test;
use super::failure::{self, Failure};
use super::finish::BodyEnd;
use super::handle::Session;
use super::network::HeldClock;
use super::proof::{Assignment, Body, Prover};
use super::summary::Summary;
use crate::clock;
use crate::error::{Error, Result, panic_text};
use crate::mode::{self, Environment, Mode};
use crate::report::{self, Problem, TestSite};

impl SessionBuilder {
    /// Runs `body` under the session, on a new thread, and ends the session. If the body returns `Ok`, the session
    /// installs the recording, or checks the replay.
    ///
    /// # Errors
    ///
    /// A [`Failure`], whose text is the whole report. Possible reasons: the session could not begin, the body returned
    /// an error, a request did not match, an interaction was not used, the output differs, or the recording contains a
    /// secret.
    ///
    /// # Panics
    ///
    /// If the body panics. The panic continues after the session has ended.
    pub fn run<T: Send, E: Debug + Send>(
        self,
        body: impl FnOnce(Session) -> Result<T, E> + Send,
    ) -> Result<(T, Summary), Failure> {
        self.on_own_thread(|session| body(session).map_err(|e| format!("{e:?}")))
    }

    /// Like [`run`](Self::run) for an async body, on a tokio runtime with one thread and all drivers.
    ///
    /// # Errors
    ///
    /// [`Failure`], for the same reasons as [`run`](Self::run), or because the runtime could not be started.
    ///
    /// # Panics
    ///
    /// If the body panics. The panic continues after the session has ended.
    pub fn run_async<T, E, F>(self, body: impl FnOnce(Session) -> F + Send) -> Result<(T, Summary), Failure>
    where
        T: Send,
        E: Debug + Send,
        F: Future<Output = Result<T, E>>,
    {
        self.on_own_thread(|session| block_on(body(session)))
    }

    fn on_own_thread<T: Send>(
        self,
        body: impl FnOnce(Session) -> Result<T, String> + Send,
    ) -> Result<(T, Summary), Failure> {
        let site = self.full_site();
        let session = self.begin().map_err(|problem| not_begun(&site, *problem))?;
        match under(&session, session.name(), body) {
            Ok(Ok(value)) => session.finish(BodyEnd::Passed).map(|summary| (value, summary)),
            Ok(Err(returned)) => Err(failed(&session, returned)),
            Err(payload) => {
                print_outcome(session.finish(BodyEnd::Panicked(panic_text(&*payload))));
                resume_unwind(payload)
            }
        }
    }
}

/// Whether the body passed. `Err` contains the text of the error that the body returned.
pub type Verdict = Result<(), String>;

/// Runs the body of a test. The attribute expands to a call of this function.
#[track_caller]
pub fn run_sync(test: Test, body: fn(Session) -> Verdict) {
    run_test(test, body);
}

/// Like [`run_sync`], for an `async` body. The thread of the body builds the runtime, so that the workers of the
/// runtime inherit the session and its clock.
#[track_caller]
pub fn run_async(
    test: Test,
    runtime: fn() -> Builder,
    body: fn(Session) -> Pin<Box<dyn Future<Output = Verdict>>>,
) {
    let paused = test.paused;
    run_test(test, move |session| {
        let mut builder = runtime();
        let held = (paused && session.mode() != Mode::Off).then(|| HeldClock::of(&mut builder));
        let runtime = builder.enable_all().build().map_err(no_runtime)?;
        // The clock is released before the runtime is dropped.
        let _held = held;
        runtime.block_on(body(session))
    });
}

#[track_caller]
fn run_test(test: Test, body: impl Fn(Session) -> Verdict + Send + Sync + 'static) {
    Environment::note_compiled_in(test.manifest_dir);
    let site = site(&test);
    let expects_panic = test.expects_panic;
    let body: Body = Arc::new(body);
    let begun = match builder(&test, &site, &body) {
        Ok(builder) => {
            let site = builder.full_site();
            builder
                .rehearse(expects_panic, |session| body(session))
                .and_then(|builder| builder.begin().map_err(|problem| not_begun(&site, *problem)))
        }
        Err(e) => Err(not_begun(&site, Problem::Other(e))),
    };
    let session = match begun {
        Ok(session) => session,
        // The test expects a panic, so a panic of the session would make it pass. The function returns instead, and the
        // test fails because there was no panic.
        Err(failure) if expects_panic.is_some() => return report::print(failure.shown()),
        Err(failure) => panic!("{}", failure.shown()),
    };
    match under(&session, &test.path(), |session| body(session)) {
        Ok(Ok(())) => match session.finish(BodyEnd::Passed) {
            Ok(summary) => print_summary(&summary),
            Err(failure) if expects_panic.is_some() => report::print(failure.shown()),
            Err(failure) => panic!("{}", failure.shown()),
        },
        Ok(Err(returned)) => panic!("{}", failed(&session, returned).shown()),
        Err(payload) => {
            let text = panic_text(&*payload);
            let expected = expects_panic.is_some_and(|expected| text.contains(expected));
            let passed = print_outcome(session.finish(if expected {
                BodyEnd::Passed
            } else {
                BodyEnd::Panicked(text)
            }));
            if expected && !passed {
                return;
            }
            // The thread of the body has printed the message of the panic already. This thread panics with the same
            // payload, because `#[should_panic(expected = …)]` checks the text of the payload.
            resume_unwind(payload)
        }
    }
}

/// Runs the body on a new thread, which belongs to the session. The test harness also captures the output of this
/// thread.
pub(super) fn under<T: Send>(
    session: &Session,
    thread_name: &str,
    body: impl FnOnce(Session) -> T + Send,
) -> Result<T, Box<dyn Any + Send>> {
    let body = || {
        let _entered = session.0.ambient.enter();
        body(session.clone())
    };
    thread::scope(|scope| {
        match thread::Builder::new().name(thread_name.to_owned()).spawn_scoped(scope, body) {
            Ok(thread) => thread.join(),
            Err(e) => Err(Box::new(format!("could not start the thread of the test: {e}")) as _),
        }
    })
}

fn builder(test: &Test, site: &TestSite, body: &Body) -> Result<SessionBuilder> {
    // If the package was moved after the test was compiled, only the variable has the right directory.
    let dir = Environment::manifest_dir().unwrap_or_else(|| test.manifest_dir.into());
    let mut builder = Session::builder(test.cassette()).package_dir(dir).test(site.clone());
    if let Some(config) = test.config {
        let project = builder.config.clone();
        builder = builder.config(config(project));
    }
    if let Some(mode) = test.mode {
        builder = builder.mode(mode.parse()?);
    }
    if let Some(at) = test.freeze {
        builder = builder.freeze(clock::parse_rfc3339(at)?);
    }
    // If a variable is wrong, `begin` reports it.
    let Ok(env) = Environment::read() else { return Ok(builder) };
    if let Some(file) = env.proof() {
        let assignment = Assignment::read(file)?;
        if (&assignment.test, &assignment.cassette) != (&site.test, &site.cassette) {
            let message = format!("this process plays a recording of another test back: {}", assignment.test);
            return Err(Error::new(message).at(file).hint(format!("unset {}", mode::PROOF)));
        }
        builder.assignment = Some(Arc::new(assignment));
        return Ok(builder);
    }
    let may_record = env.resolve(builder.mode, builder.config.mode).0.may_record();
    if may_record && test.prove.unwrap_or(builder.config.prove) {
        builder.prover = Some(Prover::of_test(Arc::clone(body), site.test.clone(), test.expects_panic));
    }
    Ok(builder)
}

fn site(test: &Test) -> TestSite {
    TestSite {
        cassette: test.cassette(),
        test: test.path(),
        package: test.package.to_owned(),
        file: test.file.to_owned(),
        line: test.line,
        record_command: None,
        mode: Mode::Replay,
    }
}

/// The failure of a body that returned an error.
pub(super) fn failed(session: &Session, returned: String) -> Failure {
    // If the body failed, `finish` always returns an error.
    session.finish(BodyEnd::Returned(returned.clone())).err().unwrap_or(Failure::plain(returned))
}

pub(super) fn not_begun(site: &TestSite, problem: Problem) -> Failure {
    let failure =
        report::FailureReport { site: site.clone(), problems: vec![problem], notes: Vec::new(), panic: None };
    failure::failed(failure, str::to_owned)
}

/// Prints the report of a session whose body panicked. Returns whether the session passed.
pub(super) fn print_outcome(ended: Result<Summary, Failure>) -> bool {
    match ended {
        Ok(summary) => {
            print_summary(&summary);
            true
        }
        Err(failure) => {
            if !failure.shown().is_empty() {
                report::print(failure.shown());
            }
            false
        }
    }
}

fn print_summary(summary: &Summary) {
    if let Some(text) = summary.text(&failure::palette()) {
        report::print(&text);
    }
}

/// Runs the body on a tokio runtime with one thread and all drivers.
pub(super) fn block_on<T, E: Debug>(body: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(no_runtime)?;
    runtime.block_on(body).map_err(|e| format!("{e:?}"))
}

fn no_runtime(e: std::io::Error) -> String {
    format!("could not start a tokio runtime: {e}")
}
