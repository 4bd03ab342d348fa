//! Plays a recording back on a thread of this process, if no test harness can run the body in a new process.
//!
//! Must not know: processes.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::{Assignment, Prover, Replayed};
use crate::error::panic_text;
use crate::mode::Mode;
use crate::report::{FailureReport, Palette};
use crate::session::begin::SessionBuilder;
use crate::session::finish::BodyEnd;
use crate::session::handle::Session;
use crate::session::run::under;

impl Session {
    pub(super) fn on_thread(&self, prover: &Prover, assignment: &Assignment, limit: Duration) -> Replayed {
        // The replay must not count as a session that is parallel to the recording session.
        self.0.network.leave();
        let builder = SessionBuilder {
            config: self.0.config.clone(),
            site: self.0.site.clone(),
            assignment: Some(Arc::new(assignment.clone())),
            ..SessionBuilder::new(self.0.name.clone())
        }
        .mode(Mode::Replay)
        .package_dir(self.0.package_dir.clone());
        let (sender, ended) = mpsc::channel();
        let prover = prover.clone();
        // Nobody joins the thread, because the body may hang.
        let replay = move || {
            let failure = replay(builder, &prover);
            // If the time limit has passed, the receiver is gone.
            let _ = sender.send(failure);
        };
        if let Err(e) = thread::Builder::new().name("cassette-proof".into()).spawn(replay) {
            return Replayed::Ended {
                status: format!("the thread could not start: {e}"),
                output: String::new(),
            };
        }
        match ended.recv_timeout(limit) {
            Err(mpsc::RecvTimeoutError::Timeout) => Replayed::TimedOut,
            Ok(failure) => match assignment.result() {
                Some(line) => Replayed::Line(line),
                None => Replayed::Ended { status: "no result".to_owned(), output: failure },
            },
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                Replayed::Ended { status: "the thread ended".to_owned(), output: String::new() }
            }
        }
    }
}

/// Runs the body under a replaying session. Returns the text of the failure, empty if the test passed.
fn replay(builder: SessionBuilder, prover: &Prover) -> String {
    let site = builder.site.clone();
    let session = match builder.begin() {
        Ok(session) => session,
        Err(problem) => {
            let failure = FailureReport { site, problems: vec![*problem], notes: Vec::new(), panic: None };
            return failure.render(&Palette::plain());
        }
    };
    let end = match under(&session, session.name(), |session| (prover.body)(session)) {
        Ok(Ok(())) => BodyEnd::Passed,
        Ok(Err(returned)) => BodyEnd::Returned(returned),
        Err(payload) => {
            let text = panic_text(&*payload);
            match &prover.expects_panic {
                Some(expected) if text.contains(expected.as_str()) => BodyEnd::Passed,
                _ => BodyEnd::Panicked(text),
            }
        }
    };
    session.finish(end).err().map(|failure| failure.to_string()).unwrap_or_default()
}
