//! Plays a new recording back before it is installed, so that a recording that does not replay cannot replace one that
//! does.
//!
//! The replay runs in a new process of the test executable, so that statics and caches of this process cannot help it.
//! If that is not possible, it runs on a thread of this process. Must not know: how a replay compares, or the text of a
//! failure.

mod assignment;
mod process;
mod thread;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

pub(super) use self::assignment::{Assignment, Observed};
use self::process::Surroundings;
use super::folder::Folder;
use super::handle::Session;
use super::output;
use super::run::Verdict;
use crate::error::Result;
use crate::report::{Note, Problem, ProvedBy, Unproved, WhyUnproved};
use crate::snapshot;
use crate::tape::{Files, Prepared};

/// The body of a test, which can run again.
pub(super) type Body = Arc<dyn Fn(Session) -> Verdict + Send + Sync>;

/// The body of a session, and how it can run again.
#[derive(Clone)]
pub(super) struct Prover {
    body: Body,
    /// If the test expects a panic, the text that the message of the panic must contain.
    expects_panic: Option<String>,
    /// Set if a test harness can run the body in a new process.
    harness: Option<Harness>,
}

#[derive(Clone)]
struct Harness {
    /// The path of the test.
    test: String,
    surroundings: Surroundings,
}

/// The result of a replay.
enum Replayed {
    /// The session ended, and wrote this line of the report.
    Line(Value),
    /// The process or the thread ended without a result.
    Ended { status: String, output: String },
    /// The replay took too long.
    TimedOut,
}

/// The default limit of a replay: this time, and ten times the time of the recording.
const LIMIT: Duration = Duration::from_secs(30);

impl std::fmt::Debug for Prover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prover").finish_non_exhaustive()
    }
}

impl Prover {
    /// The body of a session without the attribute. It can run again only on a thread.
    pub(super) fn of_body(body: Body) -> Prover {
        Prover { body, expects_panic: None, harness: None }
    }

    /// The body of a test with the attribute. A test harness can run it in a new process.
    pub(super) fn of_test(body: Body, test: String, expects_panic: Option<&str>) -> Prover {
        let harness = Some(Harness { test, surroundings: Surroundings::now() });
        Prover { body, expects_panic: expects_panic.map(str::to_owned), harness }
    }
}

impl Session {
    /// Plays the recording back. If a problem is returned, the recording must not be installed. The note says that the
    /// replay ran on a thread, although it should have run in a new process.
    pub(super) fn prove(
        &self,
        prepared: &Prepared,
        manifest: Option<&snapshot::Manifest>,
        assignment: Assignment,
    ) -> Result<(Option<Problem>, Option<Note>)> {
        let Some(prover) = &self.0.prover else { return Ok((None, None)) };
        let folder = Folder::new(&self.0.target.join("cassette").join(".proving"))?;
        let mut assignment =
            Assignment { test: self.0.site.test.clone(), cassette: self.0.name.clone(), ..assignment }
                .in_folder(folder.path());
        let files = Files::new(assignment.directory(), self.0.files.name());
        prepared.lend_to(&files)?;
        if let Some(manifest) = manifest {
            snapshot::store(&files.output_snapshot(), manifest, &snapshot::Header { source: None })?;
        }
        let own_limit = self.0.config.proof_limit;
        let limit = own_limit.unwrap_or_else(|| LIMIT + 10 * self.0.started.elapsed());
        let (mut by, replayed) = self.replayed(prover, None, &assignment, limit)?;
        let note = |by| (by == ProvedBy::Thread && prover.harness.is_some()).then_some(Note::ProvedOnThread);
        let first = match replayed {
            Replayed::Line(line) if line["event"] == "passed" => return Ok((None, note(by))),
            Replayed::Line(line) => line,
            Replayed::Ended { status, output } => {
                let why = WhyUnproved::Ended { status, output: self.0.redactor.text(&output) };
                return Ok((Some(Problem::Unproved(Unproved { by, why })), note(by)));
            }
            Replayed::TimedOut => {
                let why = WhyUnproved::TimedOut { limit, is_default: own_limit.is_none() };
                return Ok((Some(Problem::Unproved(Unproved { by, why })), note(by)));
            }
        };
        // A value that differs between two replays of one recording differs in each run. A value that is the same in
        // both replays depends on what the code under test gets from the recording.
        let observed = serde_json::from_value(first["observed"].clone()).unwrap_or_default();
        let mut last = first;
        let mut passed_again = false;
        if observed != Observed::default() {
            assignment.before = Some(observed);
            let (again, replayed) = self.replayed(prover, Some(by), &assignment, limit)?;
            by = again;
            match replayed {
                Replayed::Line(line) if line["event"] == "failed" => last = line,
                Replayed::Line(_) => passed_again = true,
                Replayed::Ended { .. } | Replayed::TimedOut => {}
            }
        }
        // The folder of the replay is removed, and the recording is kept in the folder for failed tests. So the
        // messages must name that folder.
        let lent = assignment.directory().to_string_lossy().into_owned();
        let kept = output::recording(&self.0).to_string_lossy().into_owned();
        let texts = |list: &Value| -> Vec<String> {
            let texts = list.as_array().into_iter().flatten().filter_map(|item| item["text"].as_str());
            texts.map(|text| text.replace(&lent, &kept)).collect()
        };
        let why = WhyUnproved::Failed {
            problems: texts(&last["problems"]),
            panic: last["panic"].as_str().map(str::to_owned),
            causes: texts(&last["causes"]),
            passed_again,
        };
        Ok((Some(Problem::Unproved(Unproved { by, why })), note(by)))
    }

    /// Runs the replay in a new process. Runs it on a thread if a process is not possible, or if `by` says that an
    /// earlier replay ran on a thread.
    fn replayed(
        &self,
        prover: &Prover,
        by: Option<ProvedBy>,
        assignment: &Assignment,
        limit: Duration,
    ) -> Result<(ProvedBy, Replayed)> {
        let file = assignment.write()?;
        if by != Some(ProvedBy::Thread)
            && let Some(harness) = &prover.harness
            && let Some(replayed) = in_process(harness, assignment, &file, limit)
        {
            return Ok((ProvedBy::Process, replayed));
        }
        assignment.write()?;
        Ok((ProvedBy::Thread, self.on_thread(prover, assignment, limit)))
    }
}

/// Runs the replay in a new process. `None` if the process could not be started, or if it ended before the session of
/// this test began. This happens, for example, with a test harness that has other options.
fn in_process(harness: &Harness, assignment: &Assignment, file: &Path, limit: Duration) -> Option<Replayed> {
    let ended = process::run(&harness.test, file, &assignment.report(), &harness.surroundings, limit).ok()?;
    if let Some(line) = assignment.result() {
        return Some(Replayed::Line(line));
    }
    if !assignment.has_begun() {
        return None;
    }
    Some(match ended.status {
        Some(status) => Replayed::Ended { status: status.to_string(), output: ended.output },
        None => Replayed::TimedOut,
    })
}
