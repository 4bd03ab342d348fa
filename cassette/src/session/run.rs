//! A body under a session: on a thread of its own, so that everything it starts inherits the session's clock,
//! and nothing outlives it unseen.

use std::any::Any;
use std::fmt::Debug;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::thread;

use tokio::runtime::Builder;

use super::{Failure, Session, SessionBuilder, Summary};
use crate::private::{Test, Verdict};
use crate::clock;
use crate::error::Result;
use crate::report;

impl SessionBuilder {
    /// Runs `body` under the session, on a thread of its own, and ends the session: what it recorded is
    /// installed, or what it replayed is judged, if the body returns `Ok`.
    ///
    /// # Errors
    ///
    /// [`Failure`], the whole text for a person: the session could not begin, the body returned an error, a
    /// request was unmatched, an interaction unused, the output differs, a secret leaked.
    ///
    /// # Panics
    ///
    /// As the body does, after the session has ended.
    pub fn run<T: Send, E: Debug + Send>(
        self,
        body: impl FnOnce(Session) -> Result<T, E> + Send,
    ) -> Result<(T, Summary), Failure> {
        self.on_own_thread(|session| body(session).map_err(|e| format!("{e:?}")))
    }

    /// The same for an async body, on a runtime of its own: one thread, all of tokio's drivers.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and [`Failure`] if the runtime could not be started.
    ///
    /// # Panics
    ///
    /// As the body does, after the session has ended.
    pub fn run_async<T, E, F>(self, body: impl FnOnce(Session) -> F + Send) -> Result<(T, Summary), Failure>
    where
        T: Send,
        E: Debug + Send,
        F: Future<Output = Result<T, E>>,
    {
        self.on_own_thread(|session| {
            let runtime = Builder::new_current_thread().enable_all().build().map_err(no_runtime)?;
            runtime.block_on(body(session)).map_err(|e| format!("{e:?}"))
        })
    }

    fn on_own_thread<T: Send>(
        self,
        body: impl FnOnce(Session) -> Result<T, String> + Send,
    ) -> Result<(T, Summary), Failure> {
        let site = self.site.clone();
        let session = self.begin().map_err(|e| Failure(report::not_begun(&site, &e)))?;
        match under(&session, session.name(), body) {
            Ok(Ok(value)) => session.finish(None).map(|summary| (value, summary)),
            Ok(Err(returned)) => Err(failed(&session, &returned)),
            Err(payload) => {
                if let Err(failure) = session.finish(Some(&panicked(&panic_text(&*payload)))) {
                    report::print(&failure.0);
                }
                resume_unwind(payload)
            }
        }
    }
}

/// Runs a test's body: what the attribute expands to.
#[track_caller]
pub fn run_sync(test: Test, body: fn(Session) -> Verdict) {
    run_test(test, body);
}

/// The same for an `async` body. The runtime is built on the body's thread, under the session, so that its
/// workers inherit the session's clock.
#[track_caller]
pub fn run_async(
    test: Test,
    runtime: fn() -> Builder,
    body: fn(Session) -> Pin<Box<dyn Future<Output = Verdict>>>,
) {
    run_test(test, move |session| {
        let runtime = runtime().enable_all().build().map_err(no_runtime)?;
        runtime.block_on(body(session))
    });
}

#[track_caller]
fn run_test(test: Test, body: impl FnOnce(Session) -> Verdict + Send) {
    let site = site(&test);
    let expects_panic = test.expects_panic;
    let session = match builder(&test, &site).and_then(SessionBuilder::begin) {
        Ok(session) => session,
        // A test that expects a panic would pass by this one: it fails by not panicking.
        Err(e) if expects_panic.is_some() => return report::print(&report::not_begun(&site, &e)),
        Err(e) => panic!("{}", report::not_begun(&site, &e)),
    };
    match under(&session, &test.path(), body) {
        Ok(Ok(())) => match session.finish(None) {
            Ok(summary) => tell(&summary),
            Err(failure) if expects_panic.is_some() => report::print(&failure.0),
            Err(failure) => panic!("{failure}"),
        },
        Ok(Err(returned)) => panic!("{}", failed(&session, &returned)),
        Err(payload) => {
            let text = panic_text(&*payload);
            let expected = expects_panic.is_some_and(|expected| text.contains(expected));
            match session.finish((!expected).then(|| panicked(&text)).as_deref()) {
                Ok(summary) => tell(&summary),
                Err(failure) => {
                    report::print(&failure.0);
                    if expected {
                        return;
                    }
                }
            }
            // It was told on its own thread; here it is passed on with the payload that
            // `#[should_panic(expected = …)]` looks at.
            resume_unwind(payload)
        }
    }
}

/// The body on a fresh thread under the session. Output captured by the test harness is inherited.
fn under<T: Send>(
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

fn builder(test: &Test, site: &report::Site) -> Result<SessionBuilder> {
    // Tests run in the package's directory; a test executable that was moved finds it by the variable.
    let dir = crate::mode::Environment::manifest_dir().unwrap_or_else(|| test.manifest_dir.into());
    let mut builder = Session::builder(test.cassette()).package_dir(dir).test(site.clone());
    if let Some(config) = test.config {
        builder = builder.config(config());
    }
    if let Some(mode) = test.mode {
        builder = builder.mode(mode.parse()?);
    }
    if let Some(at) = test.freeze {
        builder = builder.freeze(clock::parse_rfc3339(at)?);
    }
    Ok(builder)
}

fn site(test: &Test) -> report::Site {
    report::Site {
        cassette: test.cassette(),
        test: test.path(),
        package: test.package.to_owned(),
        file: test.file.to_owned(),
        line: test.line,
        record_command: None,
        recording: false,
        document: std::path::PathBuf::new(),
    }
}

/// The failure of a body that returned an error.
fn failed(session: &Session, returned: &str) -> Failure {
    let returned = format!("the test returned an error: {returned}");
    match session.finish(Some(&returned)) {
        Err(failure) => failure,
        Ok(_) => Failure(report::failure(&session.0.site, Some(&returned), &[], &session.0.notes)),
    }
}

fn tell(summary: &Summary) {
    if summary.recorded {
        report::print(&report::recorded(summary));
    }
}

fn no_runtime(e: std::io::Error) -> String {
    format!("could not start a tokio runtime: {e}")
}

fn panicked(text: &str) -> String {
    format!("the test panicked: {text}")
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.map(str::to_owned).or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}

