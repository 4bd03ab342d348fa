//! Ends a session. A session that replays checks the requests and the output of the test. A session that records
//! installs the recording and the snapshot. Only a passing test changes a cassette or a snapshot.
//!
//! Must not know: how requests or snapshots are compared, or how files are written.

mod end;
mod recorded;
mod replayed;
mod snapshots;

pub(super) use self::end::BodyEnd;
use self::end::End;
use super::failure::{self, Failure};
use super::handle::Session;
use super::proof::Observed;
use super::summary::Summary;
use super::{causes, output, process_summary, registry};
use crate::config::Expiry;
use crate::engine::Action;
use crate::error::{Error, Result};
use crate::mode::{Environment, Mode};
use crate::report::{self, Expired, Note, Problem, machine};

impl Session {
    /// Ends the session after its body. If the body failed, the session does not compare the output and installs
    /// nothing. The report then has the failure of the body, and in addition the problems and notes of the session.
    pub(crate) fn finish(&self, body: BodyEnd) -> Result<Summary, Failure> {
        let ended = self.end(body);
        // The cassette is closed last. As soon as it is closed, another session may open it, and this session must not
        // count as parallel to that one.
        self.0.network.leave();
        registry::remove(self);
        self.0.turn.end();
        self.0.open.close();
        ended
    }

    fn end(&self, body: BodyEnd) -> Result<Summary, Failure> {
        let inner = &*self.0;
        inner.ambient.end();
        // A thread that outlives the test may send more requests. From now on they are refused, because they belong to
        // no test.
        inner.engine.close();
        let verifies = match &body {
            BodyEnd::Passed => false,
            BodyEnd::Returned(text) | BodyEnd::Panicked(text) => {
                let text = text.to_ascii_lowercase();
                ["signature", "verif", "jwt", "jws"].iter().any(|word| text.contains(word))
            }
        };
        let mut end = End { body_failed: body != BodyEnd::Passed, ..End::default() };
        match body {
            BodyEnd::Passed => {}
            BodyEnd::Returned(error) => {
                end.problems.push(Problem::Body(format!("the test returned an error: {error}")));
            }
            BodyEnd::Panicked(text) => end.panic = Some(text),
        }
        let (certain, doubtful) =
            inner.network.unsent(&inner.engine, &inner.files.document(), end.body_failed);
        end.problems.extend(certain);
        end.summary.name.clone_from(&inner.name);
        end.problems.extend(inner.engine.problems());
        if inner.engine.action().records() {
            let absent = inner.config.sources.absent(&inner.config.rules);
            end.summary.notes.extend(absent.into_iter().map(Note::Absent));
        }
        if let Some(expired) = &inner.expired {
            self.judge_age(expired, &mut end);
        }
        let done = match inner.engine.action() {
            Action::Replay(replay) => self.finish_replay(&replay.player, &mut end),
            Action::Record(recorder) => self.finish_record(recorder, None, &mut end),
            Action::Verify(replay, policy) => {
                let drifted = inner.engine.drifted();
                self.finish_verify(drifted, policy.drift, &mut end);
                self.finish_replay(&replay.player, &mut end)
            }
            Action::Append(replay, recorder) => self.finish_append(&replay.player, recorder, &mut end),
            Action::Pass => Ok(()),
        };
        inner.network.stop();
        // This must happen before the next session begins. Otherwise a client in a `static` could send a request of the
        // next session on a connection of this one.
        inner.network.wait_until_stopped();
        end.summary.notes.extend(self.nothing_recorded());
        let observed = self.explain(&mut end);
        end.problems.extend(done.err().map(Problem::Other));
        end.problems.extend(end.expired.take());
        if end.failed() {
            // These connections may be harmless, for example if the client was just cancelled. But the test failed, and
            // they may be the cause.
            end.problems.splice(..0, doubtful);
        }
        if let Err(e) = self.settle_output(&mut end) {
            end.problems.push(Problem::Other(e));
        }
        end.summary.elapsed = inner.started.elapsed();
        if inner.is_test && !inner.is_rehearsal && inner.assignment.is_none() {
            self.count(&end);
        }
        if !end.failed() {
            return self.report_passed(end.summary);
        }
        end.notes.extend(inner.notes.iter().cloned());
        end.notes.append(&mut end.summary.notes);
        let jwts = inner.redactor.jwts();
        if verifies && !jwts.is_empty() {
            let command = inner.site.record_command();
            end.notes.push(Note::Unsigned { names: jwts.into_iter().collect(), command });
        }
        let dummies = inner.ambient.defaults_read();
        if end.body_failed && !dummies.is_empty() {
            end.notes.push(Note::Dummies(dummies));
        }
        let refused = inner.engine.refused();
        end.notes.extend((!refused.is_empty()).then_some(Note::Refused(refused)));
        end.notes.extend(inner.network.parallel_notes(end.body_failed));
        let failure = report::FailureReport {
            site: inner.site.clone(),
            problems: end.problems,
            notes: end.notes,
            panic: end.panic,
        };
        // The report is redacted, because the error of the code under test may contain a URL with a key, and CI keeps
        // logs.
        let redact = |text: &str| inner.redactor.text(text);
        let Some(assignment) = &inner.assignment else { return Err(failure::failed(failure, redact)) };
        let mut line = failure.line(redact);
        line["observed"] = serde_json::to_value(observed).unwrap_or_default();
        assignment.write_result(&line);
        Err(failure::render(&failure, redact))
    }

    /// Finds the causes of a failed replay, and adds them as notes. Returns the values that differed from the
    /// recording.
    fn explain(&self, end: &mut End) -> Observed {
        let Action::Replay(replay) = self.0.engine.action() else { return Observed::default() };
        if !end.failed() {
            return Observed::default();
        }
        let explained = causes::of(&causes::Failed {
            player: &replay.player,
            redactor: &self.0.redactor,
            problems: &end.problems,
            panic: end.panic.as_deref(),
            assignment: self.0.assignment.as_deref(),
        });
        end.notes.extend(explained.causes.into_iter().map(Note::Cause));
        explained.observed
    }

    /// The note on a session that should have recorded something and recorded nothing. There is a note only if the test
    /// sent requests or opened connections that were not recorded, or if another session recorded at the same time.
    fn nothing_recorded(&self) -> Option<Note> {
        let inner = &*self.0;
        let other = inner.network.recorded_meanwhile();
        let Action::Record(recorder) = inner.engine.action() else { return None };
        if recorder.has_begun() || inner.is_rehearsal {
            return None;
        }
        let (unrecorded, direct) = (inner.engine.passed(), inner.ambient.direct_connections());
        if other.is_none() && unrecorded == 0 && direct == 0 {
            return None;
        }
        Some(Note::NothingRecorded { other, unrecorded, direct })
    }

    /// Adds the session to the summary of the process.
    fn count(&self, end: &End) {
        let in_problems = end.problems.iter().filter_map(|problem| match problem {
            Problem::Unused(unused) => Some(unused.left.len()),
            _ => None,
        });
        let in_notes = end.summary.notes.iter().filter_map(|note| match note {
            Note::Unused { unused, .. } => Some(unused.left.len()),
            _ => None,
        });
        let unused = in_problems.chain(in_notes).sum();
        let passed = (!end.failed()).then_some(&end.summary);
        process_summary::add(&process_summary::Ended { passed, cassette: &self.0.name, unused });
    }

    /// Appends a passed session to the machine-readable report. If that is not possible, the test fails, because the
    /// report would lack it.
    fn report_passed(&self, summary: Summary) -> Result<Summary, Failure> {
        if let Some(assignment) = &self.0.assignment {
            assignment.write_result(&machine::passed(&self.0.site, summary.interactions, None));
            return Ok(summary);
        }
        // In mode `learn`, only the second pass is added to the report.
        let wanted = Environment::report_file().filter(|_| !self.0.is_rehearsal);
        let Some(file) = wanted else { return Ok(summary) };
        let recorded = summary.as_recorded();
        let recorded = summary.recorded.then_some((&recorded, summary.changed));
        let line = machine::passed(&self.0.site, summary.interactions, recorded);
        let Err(e) = machine::append(&file, &line) else { return Ok(summary) };
        let problem = Problem::Other(Error::io("write the report that `CASSETTE_REPORT` asks for", &file, e));
        let site = self.0.site.clone();
        let failure =
            report::FailureReport { site, problems: vec![problem], notes: summary.notes, panic: None };
        Err(failure::render(&failure, str::to_owned))
    }

    /// Adds a problem or a note about a cassette that is too old, as the configuration says.
    fn judge_age(&self, expired: &Expired, end: &mut End) {
        let (cassette, command) = (self.0.name.clone(), self.0.site.record_command());
        match self.0.config.max_age {
            Some((_, Expiry::Fail)) => end.expired = Some(Problem::Expired(expired.clone())),
            _ => end.summary.notes.push(Note::Expired { expired: expired.clone(), cassette, command }),
        }
        if matches!(self.0.mode, Mode::Append | Mode::Accept) {
            // In these modes, the session writes files if there is no problem. So the problem must be added now, before
            // it writes them.
            end.problems.extend(end.expired.take());
        }
    }

    /// Removes the output of a passing test, and keeps the output of a failing one.
    fn settle_output(&self, end: &mut End) -> Result<()> {
        if !end.failed() {
            output::discard(&self.0);
            return Ok(());
        }
        let kept = output::keep(&self.0)?;
        let shows_output = |p: &Problem| matches!(p, Problem::Output(_) | Problem::MissingSnapshot(_));
        if !end.problems.iter().any(shows_output) {
            end.notes.extend(kept.map(|at| Note::OutputKept { at }));
        }
        Ok(())
    }
}
