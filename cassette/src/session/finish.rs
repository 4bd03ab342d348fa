//! The end of a session: what the test left is compared or installed, and only a passing test changes a file.

use std::path::Path;
use std::time::Duration;

use super::{Session, leaks, output, problems, process_summary};
use crate::config::{Drift, Expiry, Unused};
use crate::engine::Action;
use crate::error::{Error, Result};
use crate::mode::{Environment, Mode};
use crate::player::Player;
use crate::recorder::Recorder;
use crate::redact::suggest::Suggestions;
use crate::report::{
    self, DriftReport, Drifted, Expired, Leaks, MissingSnapshot, Note, Palette, Problem, Recorded, machine,
};
use crate::snapshot;
use crate::tape::{Journal, Metadata, Prepared};

/// How long a finished recording waits for responses that are still being read.
const GRACE: Duration = Duration::from_secs(5);

/// What a session did, once it passed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// The cassette's name.
    pub name: String,
    /// Interactions recorded, or replayed.
    pub interactions: usize,
    /// Bytes on disk of a recorded cassette with its body files.
    pub bytes: u64,
    /// Whether the recording differs from the cassette before it in more than when it was made.
    pub changed: bool,
    /// What was redacted while recording, by rule, with counts. Never a value.
    pub redacted: Vec<(String, u64)>,
    /// Files in the output directory, where the test asked for one.
    pub output_files: Option<usize>,
    /// How long the session lasted.
    pub elapsed: Duration,
    /// Whether this session recorded.
    pub recorded: bool,
    /// Whether there was no cassette before.
    pub(crate) is_new: bool,
    /// Interactions of a recording that were not on the cassette before: fewer than `interactions` in mode
    /// [`Append`](Mode::Append) only.
    pub added: usize,
    /// Whether this session replaced the snapshot of the output, and nothing else.
    pub accepted: bool,
    /// Whether that snapshot says something else than before.
    pub(crate) output_changed: bool,
    /// What is to be told though the test passed.
    pub(crate) notes: Vec<Note>,
}

/// How the body of a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// As it should.
    Passed,
    /// With an error, which the session has to tell.
    Returned(String),
    /// With a panic, which has been told already.
    Panicked,
}

/// What comes together while a session ends.
#[derive(Default)]
struct End {
    body_failed: bool,
    /// The cassette is too old, which is told last.
    expired: Option<Problem>,
    problems: Vec<Problem>,
    notes: Vec<Note>,
    summary: Summary,
}

impl End {
    fn failed(&self) -> bool {
        self.body_failed || !self.problems.is_empty()
    }
}

/// Why a session failed: the whole text a user reads. Both `Display` and `Debug` give it, without colours.
#[derive(Clone)]
pub struct Failure {
    text: String,
    /// For a terminal, if there is one.
    colored: Option<String>,
}

impl Failure {
    pub(super) fn plain(text: String) -> Failure {
        Failure { text, colored: None }
    }

    /// For the eyes of whoever runs the test.
    pub(super) fn shown(&self) -> &str {
        self.colored.as_deref().unwrap_or(&self.text)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl Session {
    /// Ends the session after its body. If that failed, nothing is compared or installed, and what the
    /// session knows is told beside it.
    pub(crate) fn finish(&self, body: Body) -> Result<Summary, Failure> {
        let ended = self.end(body);
        self.0.open.close();
        ended
    }

    fn end(&self, body: Body) -> Result<Summary, Failure> {
        let inner = &*self.0;
        inner.ambient.end();
        // What a thread that was left behind asks from here on belongs to no test.
        inner.engine.close();
        let mut end = End { body_failed: body != Body::Passed, ..End::default() };
        if let Body::Returned(error) = body {
            end.problems.push(Problem::Body(format!("the test returned an error: {error}")));
        }
        let (told, doubtful) = self.unsent(end.body_failed);
        end.problems.extend(told);
        end.summary.name.clone_from(&inner.name);
        end.problems.extend(inner.engine.problems());
        if matches!(inner.engine.action(), Action::Record(_) | Action::Append(..)) {
            let absent = inner.config.sources.absent(&inner.config.rules);
            end.summary.notes.extend(absent.into_iter().map(Note::Absent));
        }
        if let Some(facts) = &inner.expired {
            self.judge_age(facts, &mut end);
        }
        let done = match inner.engine.action() {
            Action::Replay(replay) => self.finish_replay(&replay.player, &mut end),
            Action::Record(recorder) => self.finish_record(recorder, &mut end),
            Action::Verify(replay, policy) => {
                let drifted = inner.engine.drifted();
                self.finish_verify(drifted, policy.drift, &mut end);
                self.finish_replay(&replay.player, &mut end)
            }
            Action::Append(replay, recorder) => self.finish_append(&replay.player, recorder, &mut end),
            Action::Pass => Ok(()),
        };
        self.stop_proxy();
        end.problems.extend(done.err().map(Problem::Other));
        end.problems.extend(end.expired.take());
        if end.failed() {
            // A client that only went away may have had no time; but something failed, and that may be why.
            end.problems.splice(..0, doubtful);
        }
        if let Err(e) = self.settle_output(&mut end) {
            end.problems.push(Problem::Other(e));
        }
        end.summary.elapsed = inner.started.elapsed();
        if inner.is_test && !inner.is_rehearsal {
            self.count(&end);
        }
        if !end.failed() {
            return self.report_passed(end.summary);
        }
        end.notes.extend(inner.notes.iter().cloned());
        end.notes.append(&mut end.summary.notes);
        let refused = inner.engine.refused();
        end.notes.extend((!refused.is_empty()).then_some(Note::Refused(refused)));
        #[cfg(feature = "intercept")]
        end.notes.extend(self.beside(end.body_failed));
        let failure = report::Failure { site: inner.site.clone(), problems: end.problems, notes: end.notes };
        // The error of the code under test may have a URL with the key in it, and CI keeps logs.
        Err(failed(failure, |text| inner.redactor.text(text)))
    }

    /// For the summary at the end of the process.
    fn count(&self, end: &End) {
        let in_problems = end.problems.iter().filter_map(|problem| match problem {
            Problem::Unused(facts) => Some(facts.left.len()),
            _ => None,
        });
        let in_notes = end.summary.notes.iter().filter_map(|note| match note {
            Note::Unused { facts, .. } => Some(facts.left.len()),
            _ => None,
        });
        let unused = in_problems.chain(in_notes).sum();
        let passed = (!end.failed()).then_some(&end.summary);
        process_summary::add(&process_summary::Ended { passed, cassette: &self.0.name, unused });
    }

    /// A report that is asked for and can't be written fails the test: who reads it would miss one.
    fn report_passed(&self, summary: Summary) -> Result<Summary, Failure> {
        // Of the two passes of mode `learn` the second is told.
        let wanted = Environment::report_file().filter(|_| !self.0.is_rehearsal);
        let Some(file) = wanted else { return Ok(summary) };
        let recorded = summary.as_recorded();
        let recorded = summary.recorded.then_some((&recorded, summary.changed));
        let line = machine::passed(&self.0.site, summary.interactions, recorded);
        let Err(e) = machine::append(&file, &line) else { return Ok(summary) };
        let problem = Problem::Other(Error::io("write what `CASSETTE_REPORT` asks for:", &file, e));
        let site = self.0.site.clone();
        let failure = report::Failure { site, problems: vec![problem], notes: summary.notes };
        Err(worded(&failure, str::to_owned))
    }

    /// A cassette that is too old fails the test beside whatever else does, or is told.
    fn judge_age(&self, facts: &Expired, end: &mut End) {
        let (cassette, command) = (self.0.name.clone(), self.0.site.record_command());
        match self.0.config.max_age {
            Some((_, Expiry::Fail)) => end.expired = Some(Problem::Expired(facts.clone())),
            _ => end.summary.notes.push(Note::Expired { facts: facts.clone(), cassette, command }),
        }
        if matches!(self.0.mode, Mode::Append | Mode::Accept) {
            // Only a passing test writes.
            end.problems.extend(end.expired.take());
        }
    }

    /// What a passing test wrote is removed; what a failing one wrote is kept for a look.
    fn settle_output(&self, end: &mut End) -> Result<()> {
        if !end.failed() {
            output::discard(&self.0);
            return Ok(());
        }
        let kept = output::keep(&self.0)?;
        let told = |p: &Problem| matches!(p, Problem::Output(_) | Problem::MissingSnapshot(_));
        if !end.problems.iter().any(told) {
            end.notes.extend(kept.map(|at| Note::OutputKept { at }));
        }
        Ok(())
    }

    fn finish_replay(&self, player: &Player, end: &mut End) -> Result<()> {
        end.problems.extend(player.faults().into_iter().map(problems::fault));
        if let Some(unmatched) = player.unmatched() {
            end.problems.push(Problem::Unmatched(unmatched));
            let (gone, new) = self.0.redactor.other_rules(player.redaction());
            let command = self.0.site.record_command();
            let other = !gone.is_empty() || !new.is_empty();
            end.notes.extend(other.then_some(Note::OtherRules { gone, new, command }));
        }
        if end.failed() {
            // The rest of the tape is unused, and the output is another, as a consequence.
            return Ok(());
        }
        end.summary.interactions = player.used();
        match self.0.config.unused {
            Unused::Fail => end.problems.extend(player.unused()?.map(Problem::Unused)),
            Unused::Warn => {
                let (cassette, command) = (self.0.name.clone(), self.0.site.record_command());
                let note = |facts| Note::Unused { facts, cassette, command };
                end.summary.notes.extend(player.unused()?.map(note));
            }
            Unused::Allow => {}
        }
        if self.0.mode == Mode::Accept { self.accept_output(end) } else { self.compare_output(end) }
    }

    /// What the real servers say today.
    fn finish_verify(&self, drifted: Vec<Drifted>, policy: Drift, end: &mut End) {
        if drifted.is_empty() {
            return;
        }
        let facts = DriftReport { cassette: self.0.files.document(), drifted };
        match policy {
            Drift::Fail => end.problems.push(Problem::Drift(facts)),
            Drift::Warn => {
                let (cassette, command) = (self.0.name.clone(), self.0.site.record_command());
                end.summary.notes.push(Note::Drift { facts, cassette, command });
            }
        }
    }

    /// What a passing replay wrote becomes the snapshot.
    fn accept_output(&self, end: &mut End) -> Result<()> {
        let manifest = output::manifest(&self.0)?;
        let found = self.leaks(None, manifest.as_ref())?;
        if !found.is_empty() {
            end.problems.push(Problem::Leaks(Leaks { cassette: self.0.files.output_snapshot(), found }));
            return Ok(());
        }
        if end.failed() {
            return Ok(());
        }
        end.summary.accepted = true;
        self.store_output(manifest, &mut end.summary)
    }

    fn store_output(&self, manifest: Option<snapshot::Manifest>, summary: &mut Summary) -> Result<()> {
        let file = self.0.files.output_snapshot();
        summary.output_changed = snapshot::load(&file).ok() != Some(manifest.clone());
        match &manifest {
            Some(m) => snapshot::store(&file, m, &self.header())?,
            None => output::remove_snapshot(&file)?,
        }
        summary.output_files = manifest.map(|m| m.entries().len());
        Ok(())
    }

    /// What is on the cassette stays, whether it was asked for or not.
    fn finish_append(&self, player: &Player, recorder: &Recorder, end: &mut End) -> Result<()> {
        end.problems.extend(player.faults().into_iter().map(problems::fault));
        self.finish_record(recorder, end)
    }

    fn compare_output(&self, end: &mut End) -> Result<()> {
        let snapshot = self.0.files.output_snapshot();
        let expected = snapshot::load(&snapshot)?;
        let actual = output::manifest(&self.0)?;
        end.summary.output_files = actual.as_ref().map(|m| m.entries().len());
        if actual.is_none() && expected.is_none() {
            return Ok(());
        }
        let actual = actual.unwrap_or_default();
        let kept_in = output::kept(&self.0);
        let Some(expected) = expected else {
            let (files, review_command) = (actual.entries().len(), self.store_pending(&snapshot, &actual)?);
            let missing = MissingSnapshot { snapshot, files, kept_in, review_command };
            end.problems.push(Problem::MissingSnapshot(missing));
            return Ok(());
        };
        let diff = expected.diff(&actual);
        if !diff.is_empty() {
            let review_command = self.store_pending(&snapshot, &actual)?;
            end.problems.push(Problem::Output(problems::output(diff, snapshot, kept_in, review_command)));
        }
        Ok(())
    }

    /// The one thing a failing replay writes beside the sources: insta's pending file, so that
    /// `cargo insta review` shows the change. Not in CI.
    fn store_pending(&self, file: &Path, actual: &snapshot::Manifest) -> Result<Option<String>> {
        if !self.0.env.may_write_pending() {
            return Ok(None);
        }
        snapshot::store_pending(file, actual, &self.header())?;
        Ok(Some("cargo insta review".to_owned()))
    }

    fn finish_record(&self, recorder: &Recorder, end: &mut End) -> Result<()> {
        let inner = &*self.0;
        let problems = recorder.settle(GRACE);
        self.stop_proxy();
        let failures = recorder.upstream_failures();
        let Some(journal) = recorder.close() else { return Ok(()) };
        end.problems.extend(problems.into_iter().map(Problem::Other));
        if end.body_failed && !failures.is_empty() {
            end.notes.push(Note::UpstreamFailures(failures));
        }
        // Before anything is installed: an output that can't be read must not cost the old cassette.
        let manifest = output::manifest(inner).unwrap_or_else(|e| {
            end.problems.push(Problem::Other(e));
            None
        });
        let added = journal.len();
        if journal.before().is_some() && added == 0 {
            // Not even its times change.
            journal.discard()?;
            return if end.failed() { Ok(()) } else { self.accept_output(end) };
        }
        let mut metadata = self.metadata(&journal);
        let learned = self.learned(&journal, &mut metadata)?;
        end.problems.extend(learned.problem);
        end.summary.notes.extend(learned.note);
        let prepared = journal.prepare(metadata)?;
        let found = prepared.flush_beside(|| self.leaks(Some(&prepared), manifest.as_ref()))?;
        if !found.is_empty() {
            prepared.discard()?;
            end.problems.push(Problem::Leaks(Leaks { cassette: inner.files.document(), found }));
            return Ok(());
        }
        if end.failed() {
            let interactions = prepared.interactions();
            let at = prepared.keep_in(&output::aside(inner).join("recording"))?;
            end.notes.push(Note::RecordingKept { at, interactions });
            return Ok(());
        }
        self.install(prepared, manifest, &mut end.summary)?;
        end.summary.added = added;
        Ok(())
    }

    fn header(&self) -> snapshot::Header {
        let source = Some(self.0.site.file.clone()).filter(|file| !file.is_empty());
        snapshot::Header { source, description: None }
    }

    fn install(
        &self,
        prepared: Prepared,
        manifest: Option<snapshot::Manifest>,
        summary: &mut Summary,
    ) -> Result<()> {
        let inner = &*self.0;
        summary.is_new = !inner.files.exists();
        let installed = prepared.install()?;
        self.store_output(manifest, summary)?;
        summary.recorded = true;
        summary.interactions = installed.interactions;
        summary.bytes = installed.bytes;
        summary.changed = installed.changed;
        summary.redacted = inner.redactor.counts().into_iter().collect();
        Ok(())
    }

    /// What was known when the recording began, and what is known now.
    fn metadata(&self, journal: &Journal) -> Metadata {
        let mut metadata = journal.metadata().clone();
        let mut fired = self.0.redactor.fired();
        if journal.before().is_some() {
            // It goes on saying what was done when it was recorded.
            fired.append(&mut metadata.redaction);
            fired.sort();
            fired.dedup();
        } else {
            let seconds = self.0.started.elapsed().as_secs_f64();
            metadata.duration_seconds = Some((seconds * 1000.0).round() / 1000.0);
        }
        metadata.redaction = fired;
        metadata
    }

    /// Secrets in what is about to be committed.
    fn leaks(
        &self,
        prepared: Option<&Prepared>,
        manifest: Option<&snapshot::Manifest>,
    ) -> Result<Vec<report::Leak>> {
        let check = self.0.redactor.leak_check()?;
        let mut told = Vec::new();
        let suggestions = Suggestions { check: &check, rules: &self.0.config.rules };
        if let Some(prepared) = prepared {
            for found in leaks::search(&check, &prepared.files())? {
                told.push(leaks::in_recording(&suggestions, prepared, found));
            }
        }
        if let Some(manifest) = manifest {
            // Names of files and columns are part of it.
            let file = self.0.files.output_snapshot();
            let text = manifest.to_text();
            let leak = check.scan(text.as_bytes()).map_err(|e| Error::io("scan", &file, e))?;
            told.extend(leak.map(|leak| leaks::in_output(&check, manifest, leak)));
        }
        Ok(told)
    }

    /// Connections that no request came of, so that what they were for is on no cassette: what is certain, and what only
    /// a failure makes likely.
    #[cfg(feature = "proxy")]
    fn unsent(&self, failed: bool) -> (Vec<Problem>, Vec<Problem>) {
        let mut told = (Vec::new(), Vec::new());
        let Some(Ok(proxy)) = self.0.proxy.get() else { return told };
        let cassette = || self.0.files.document();
        let mut tell = |certain: bool, problem: Problem| {
            let list = if certain || failed { &mut told.0 } else { &mut told.1 };
            list.push(problem);
        };
        let refused: Vec<_> = proxy.refused().into_iter().map(problems::refused).collect();
        if !refused.is_empty() {
            let certain = refused.iter().any(|r| r.alert.is_some());
            tell(certain, Problem::Untrusted(report::Untrusted { cassette: cassette(), refused }));
        }
        let connections: Vec<_> = proxy.foreign().into_iter().map(problems::foreign).collect();
        if !connections.is_empty() {
            let certain = connections.iter().any(|c| !c.silent);
            tell(certain, Problem::Foreign(report::Foreign { cassette: cassette(), connections }));
        }
        told
    }

    #[cfg(not(feature = "proxy"))]
    fn unsent(&self, _failed: bool) -> (Vec<Problem>, Vec<Problem>) {
        Default::default()
    }

    fn stop_proxy(&self) {
        #[cfg(feature = "proxy")]
        if let Some(Ok(proxy)) = self.0.proxy.get() {
            proxy.stop();
        }
    }
}

/// The text of a failure, which is told to machines as well if they want to hear it.
pub(super) fn failed(mut failure: report::Failure, redact: impl Fn(&str) -> String) -> Failure {
    if let Some(file) = Environment::report_file()
        && let Err(e) = machine::append(&file, &failure.line(&redact))
    {
        failure.notes.push(Note::ReportUnwritten { file, reason: e.to_string() });
    }
    worded(&failure, redact)
}

fn worded(failure: &report::Failure, redact: impl Fn(&str) -> String) -> Failure {
    // If there are no problems the test panicked, which has told why.
    let told = |palette: &Palette| match failure.problems.is_empty() {
        true => report::notes(&failure.notes, palette),
        false => failure.render(palette),
    };
    let plain = told(&Palette::plain());
    let text = redact(&plain);
    // Secrets are searched for in the words of a text, to which colours would stick.
    let palette = Environment::palette();
    let colored = (text == plain && palette != Palette::plain()).then(|| told(&palette));
    Failure { text, colored }
}

impl Summary {
    fn as_recorded(&self) -> Recorded {
        Recorded {
            cassette: self.name.clone(),
            interactions: self.interactions,
            size: self.bytes,
            redacted: self.redacted.clone(),
        }
    }

    /// What there is to tell of a recording, or of a test that passed all the same; `None` of anything else.
    pub(crate) fn told(&self, palette: &Palette) -> Option<String> {
        let recorded = self.recorded.then(|| self.as_recorded().render(palette));
        let notes = Some(report::notes(&self.notes, palette)).filter(|text| !text.is_empty());
        recorded.into_iter().chain(notes).reduce(|recorded, notes| format!("{recorded}\n\n{notes}"))
    }
}
