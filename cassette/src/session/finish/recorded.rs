//! Ends a recording. Runs the leak check, and plays the recording back. Then it installs the recording, keeps it in
//! another folder, or discards it.
//!
//! Must not know: how files are written, or the patterns of secrets.

use std::time::Duration;

use super::end::End;
use crate::error::{Error, Result};
use crate::player::{self, Player};
use crate::recorder::{Lost, Recorder};
use crate::redact::suggest::Suggestions;
use crate::report::{self, Leaks, Note, Obstacle, Problem, UpstreamFailure};
use crate::session::begin::known_volatile;
use crate::session::handle::{Inner, Session};
use crate::session::proof::Assignment;
use crate::session::summary::Summary;
use crate::session::{attributes, leaks, named_secrets, output, problems};
use crate::snapshot;
use crate::tape::{Cassette, Journal, LeftOutHeaders, Metadata, Prepared};

/// When a recording ends, it waits this long for requests that have no response yet, and for responses that have not
/// ended.
const GRACE: Duration = Duration::from_secs(5);

impl Session {
    /// Ends a session that records. In mode `append`, `extended` is the player of the cassette that the recording
    /// extends.
    pub(super) fn finish_record(
        &self,
        recorder: &Recorder,
        extended: Option<&Player>,
        end: &mut End,
    ) -> Result<()> {
        let inner = &*self.0;
        let problems = recorder.settle(GRACE);
        inner.network.stop();
        let failures = recorder.upstream_failures();
        end.summary.cut = recorder.cut();
        let dropped = recorder.dropped();
        end.summary.notes.extend((!dropped.is_empty()).then_some(Note::BytesDropped(dropped)));
        let Some(journal) = recorder.close() else { return Ok(()) };
        end.problems.extend(problems.into_iter().map(Problem::Other));
        // The code under test may expect that a server fails, but not that the proxy in front of it does.
        let at_proxy = failures.iter().find(|failure| failure.error.is_at_proxy());
        end.problems.extend(at_proxy.map(|failure| {
            let UpstreamFailure { method, uri, error } = failure.clone();
            Problem::Obstacle(Obstacle::UpstreamProxy { method, uri, message: error.message })
        }));
        if end.body_failed && !failures.is_empty() {
            end.notes.push(Note::UpstreamFailures(failures));
        } else if failures.iter().any(UpstreamFailure::is_by_issuer) {
            end.summary.notes.push(Note::UpstreamFailures(failures));
        }
        // The manifest is made before the cassette is installed: if the output cannot be read, the old cassette must
        // stay.
        let manifest = output::manifest(inner).unwrap_or_else(|e| {
            end.problems.push(Problem::Other(e));
            None
        });
        let added = journal.len();
        let before = journal.before().map_or(0, |before| before.len());
        if journal.before().is_some() && added == 0 {
            // Nothing was added, so the cassette stays as it is, times included.
            journal.discard()?;
            return if end.failed() { Ok(()) } else { self.accept_output(end) };
        }
        let mut metadata = self.metadata(&journal);
        let learned = self.learned(&journal, &mut metadata)?;
        end.problems.extend(learned.problem);
        end.summary.notes.extend(learned.notes);
        // If the output equals the snapshot, no request id of this run got into it. So the old cassette may stay, even
        // if only the request ids differ.
        let same_output = snapshot::load(&inner.files.output_snapshot()).ok() == Some(manifest.clone());
        let prepared = journal.prepare_with(metadata, same_output)?;
        let found = prepared.flush_during(|| self.leaks(Some(&prepared), manifest.as_ref()))?;
        if !found.is_empty() {
            prepared.discard()?;
            end.problems.push(Problem::Leaks(Leaks { cassette: inner.files.document(), found }));
            return Ok(());
        }
        if !end.failed() {
            // In mode `append`, this pass may have left interactions of the old cassette unused. The replay may leave
            // them unused, too.
            let may_stay_unused = extended.map(Player::left).unwrap_or_default();
            let (mut lost, parallel) = (vec![Lost::default(); before], inner.network.others());
            lost.extend(recorder.lost());
            let assignment = Assignment { may_stay_unused, lost, parallel, ..Assignment::default() };
            let (problem, note) = self.prove(&prepared, manifest.as_ref(), assignment)?;
            end.problems.extend(problem);
            end.summary.notes.extend(note);
        }
        if end.failed() {
            let interactions = prepared.interactions();
            let at = prepared.keep_in(&output::recording(inner))?;
            end.notes.push(Note::RecordingKept { at, interactions });
            return Ok(());
        }
        self.install(prepared, manifest, &mut end.summary)?;
        end.summary.added = added;
        Ok(())
    }

    /// Ends a session in mode `append`. All interactions of the old cassette stay, even if the test did not use them.
    pub(super) fn finish_append(&self, player: &Player, recorder: &Recorder, end: &mut End) -> Result<()> {
        end.problems.extend(player.faults().into_iter().map(problems::fault));
        self.finish_record(recorder, Some(player), end)
    }

    fn install(
        &self,
        prepared: Prepared,
        manifest: Option<snapshot::Manifest>,
        summary: &mut Summary,
    ) -> Result<()> {
        let inner = &*self.0;
        summary.is_new = !inner.files.exists();
        let has_bodies = prepared.files().len() > 1;
        let installed = prepared.install()?;
        if has_bodies {
            let folder = inner.package_dir.join(&inner.config.directory);
            summary.notes.extend(attributes::protect_bodies(&folder).map(Note::GitAttributes));
        }
        self.store_output(manifest, summary)?;
        summary.recorded = true;
        summary.interactions = installed.interactions;
        summary.bytes = installed.bytes;
        summary.changed = installed.changed;
        summary.redacted = inner.redactor.counts().into_iter().collect();
        summary.notes.extend(self.differing_headers().map(Note::DifferingHeaders));
        Ok(())
    }

    /// The headers that decide which of several recordings of the same request a replay uses. `None` if headers do not
    /// decide, because the project has a matcher of its own, or because the configuration requires the recorded order.
    fn differing_headers(&self) -> Option<report::DifferingHeaders> {
        let Inner { config, files, redactor, .. } = &*self.0;
        if config.ordered || config.matching.has_matchers() {
            return None;
        }
        // The recording is installed. If it cannot be read, the next replay reports it.
        let cassette = Cassette::open_files(files).ok()?;
        let volatile = known_volatile(cassette.metadata(), cassette.path()).ok()?;
        player::differing_headers(&cassette, &volatile.ignored_in(config.matching.clone()), redactor).ok()?
    }

    /// The metadata from the beginning of the recording, with what is known only now: the rules that fired, the syntax
    /// of tokens, the duration, and the headers that were left out.
    fn metadata(&self, journal: &Journal) -> Metadata {
        let mut metadata = journal.metadata().clone();
        let redactor = &self.0.redactor;
        metadata.tokens.extend(redactor.tokens());
        if journal.before().is_some() {
            // The list also keeps the rules that fired in earlier recordings of this cassette.
            metadata.redaction = redactor.fired_or_in(&metadata.redaction);
        } else {
            let seconds = self.0.started.elapsed().as_secs_f64();
            metadata.duration_seconds = Some((seconds * 1000.0).round() / 1000.0);
            metadata.redaction = redactor.fired();
            metadata.left_out = Some(LeftOutHeaders::default());
            metadata.unset = self.0.config.sources.unset(&self.0.config.rules);
        }
        // An older version may have recorded the cassette that this recording extends. Its metadata has no list, and a
        // new list would not be complete.
        if let Some(left_out) = &mut metadata.left_out {
            let (request, response) = redactor.left_out();
            left_out.add(request, response);
        }
        metadata
    }

    /// Finds the secrets in the files that the user is about to commit.
    pub(super) fn leaks(
        &self,
        prepared: Option<&Prepared>,
        manifest: Option<&snapshot::Manifest>,
    ) -> Result<Vec<report::Leak>> {
        let others = named_secrets::of_others(&self.0.config.rules);
        let check = self.0.redactor.leak_check_with(others)?;
        let mut all = Vec::new();
        let suggestions = Suggestions { check: &check, rules: &self.0.config.rules };
        if let Some(prepared) = prepared {
            for found in leaks::search(&check, &prepared.files())? {
                all.push(leaks::in_recording(&suggestions, prepared, found));
            }
        }
        if let Some(manifest) = manifest {
            // The snapshot contains names of files and columns, and these may contain a secret.
            let file = self.0.files.output_snapshot();
            let text = manifest.to_text();
            let leak = check.scan(text.as_bytes()).map_err(|e| Error::io("scan", &file, e))?;
            all.extend(leak.map(|leak| leaks::in_output(&check, manifest, leak)));
        }
        Ok(all)
    }
}
