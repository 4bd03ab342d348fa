//! Stands in for session, configuration and runner until they are here. Only what `#[cassette_test]` needs to
//! be tried: the right threads, runtimes and panics, and no cassette.

use std::any::Any;
use std::cell::RefCell;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;

use tokio::runtime::Builder;

use crate::__private::{Test, Verdict};

/// What one test owns.
#[derive(Clone, Debug)]
pub struct Session(Arc<str>);

/// How sessions are set up.
#[derive(Clone, Debug, Default)]
pub struct Config(());

thread_local! {
    static CURRENT: RefCell<Option<Session>> = const { RefCell::new(None) };
}

impl Session {
    /// The session of the test that started this thread.
    pub fn current() -> Option<Session> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// The name of the cassette.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Runs a test's body on a thread of its own.
#[track_caller]
pub fn run_sync(test: Test, body: fn(Session) -> Verdict) {
    run(test, body);
}

/// The same for an `async` body; the runtime is built on that thread, after the session is entered.
#[track_caller]
pub fn run_async(
    test: Test,
    runtime: fn() -> Builder,
    body: fn(Session) -> Pin<Box<dyn Future<Output = Verdict>>>,
) {
    run(test, move |session| {
        let runtime = runtime().enable_all().build();
        runtime.map_err(|e| format!("could not start a tokio runtime: {e}"))?.block_on(body(session))
    });
}

#[track_caller]
fn run(test: Test, body: impl FnOnce(Session) -> Verdict + Send + 'static) {
    let _config = test.config.map(|config| config());
    let session = Session(test.cassette().into());
    let body = move || {
        CURRENT.set(Some(session.clone()));
        body(session)
    };
    // The harness's capture of output is inherited by threads of the standard library.
    let joined = thread::Builder::new().name(test.path()).spawn(body).map(thread::JoinHandle::join);
    match joined {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(returned))) => panic!("the test returned an error: {returned}"),
        Ok(Err(payload)) => resume(payload),
        Err(e) => panic!("could not start the thread of the test: {e}"),
    }
}

/// The panic was told on its own thread: it is passed on here without telling it again, with the payload that
/// `#[should_panic(expected = …)]` looks at.
fn resume(payload: Box<dyn Any + Send>) -> ! {
    resume_unwind(payload)
}
