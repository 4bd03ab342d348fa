//! The end of a session: what the test left is compared or installed, and only a passing test changes a file.

use std::path::PathBuf;
use std::time::Duration;

use super::{Session, output};
use crate::config::Unused;
use crate::engine::Action;
use crate::error::{Error, Result};
use crate::player::Player;
use crate::recorder::Recorder;
use crate::report::{self, Finding};
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
}

/// Why a session failed: the whole text a user reads.
#[derive(Clone)]
pub struct Failure(pub(crate) String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl Session {
    /// Ends the session after its body. `body_failed` is the body's own failure: then nothing is compared
    /// or installed, and what the session knows is told beside it.
    pub(crate) fn finish(&self, body_failed: Option<&str>) -> Result<Summary, Failure> {
        let inner = &*self.0;
        inner.ambient.end();
        // What a thread that was left behind asks from here on belongs to no test.
        inner.engine.close();
        let mut findings = Vec::new();
        let mut summary = Summary { name: inner.name.clone(), ..Summary::default() };
        let done = match inner.engine.action() {
            Action::Replay { player, .. } => self.finish_replay(player, body_failed, &mut findings, &mut summary),
            Action::Record(recorder) => self.finish_record(recorder, body_failed, &mut findings, &mut summary),
            Action::Pass => Ok(()),
        };
        self.stop_proxy();
        if let Err(e) = done {
            findings.push(Finding::Error(e));
        }
        if body_failed.is_some() || !findings.is_empty() {
            match output::keep(inner) {
                Ok(Some(at)) => findings.push(Finding::OutputKept(at)),
                Ok(None) => {}
                Err(e) => findings.push(Finding::Error(e)),
            }
        } else {
            output::discard(inner);
        }
        summary.elapsed = inner.started.elapsed();
        if findings.is_empty() {
            return Ok(summary);
        }
        Err(Failure(report::failure(&inner.site, body_failed, &findings, &inner.notes)))
    }

    fn finish_replay(
        &self,
        player: &Player,
        body_failed: Option<&str>,
        findings: &mut Vec<Finding>,
        summary: &mut Summary,
    ) -> Result<()> {
        findings.extend(player.problems().into_iter().map(Finding::Error));
        let unmatched = player.unmatched();
        let clean = unmatched.is_empty() && findings.is_empty();
        if !unmatched.is_empty() {
            findings.push(Finding::Unmatched(unmatched));
        }
        if body_failed.is_some() {
            return Ok(());
        }
        let (unused, last) = player.unused()?;
        summary.interactions = player.len() - unused.len();
        // After an unmatched request the rest of the tape stays unused as a consequence.
        if clean && !unused.is_empty() && self.0.config.unused == Unused::Fail {
            findings.push(Finding::Unused { unused, last });
        }
        if clean {
            self.compare_output(findings, summary)?;
        }
        Ok(())
    }

    fn compare_output(&self, findings: &mut Vec<Finding>, summary: &mut Summary) -> Result<()> {
        let file = self.0.files.output_snapshot();
        let expected = snapshot::load(&file)?;
        let actual = output::manifest(&self.0)?;
        summary.output_files = actual.as_ref().map(snapshot::Manifest::len);
        let actual = match (actual, &expected) {
            (None, None) => return Ok(()),
            (actual, _) => actual.unwrap_or_default(),
        };
        let Some(expected) = expected else {
            let pending = self.store_pending(&file, &actual)?;
            findings.push(Finding::NoSnapshot { file, files: actual.len(), pending });
            return Ok(());
        };
        let diff = expected.compare(&actual);
        if !diff.is_empty() {
            let pending = self.store_pending(&file, &actual)?;
            findings.push(Finding::Output { file, diff, pending });
        }
        Ok(())
    }

    /// The one thing a failing replay writes beside the sources: insta's pending file, so that
    /// `cargo insta review` shows the change. Not in CI.
    fn store_pending(&self, file: &std::path::Path, actual: &snapshot::Manifest) -> Result<bool> {
        let may = self.0.env.may_write_pending();
        if may {
            snapshot::store_pending(file, actual, &self.0.site.file)?;
        }
        Ok(may)
    }

    fn finish_record(
        &self,
        recorder: &Recorder,
        body_failed: Option<&str>,
        findings: &mut Vec<Finding>,
        summary: &mut Summary,
    ) -> Result<()> {
        let inner = &*self.0;
        let problems = recorder.settle(GRACE);
        self.stop_proxy();
        let failures = recorder.upstream_failures();
        let Some(journal) = recorder.close() else { return Ok(()) };
        let mut failed = body_failed.is_some() || !problems.is_empty();
        findings.extend(problems.into_iter().map(Finding::Error));
        if body_failed.is_some() && !failures.is_empty() {
            findings.push(Finding::Upstream(failures));
        }
        // Before anything is installed: an output that can't be read must not cost the old cassette.
        let manifest = output::manifest(inner).unwrap_or_else(|e| {
            findings.push(Finding::Error(e));
            failed = true;
            None
        });
        let prepared = journal.prepare(self.metadata(&journal))?;
        if let Some(leak) = self.leak(&prepared.files())? {
            prepared.discard()?;
            findings.push(leak);
            return Ok(());
        }
        if failed {
            let at = prepared.keep_in(&output::kept(inner).join("recording"))?;
            findings.push(Finding::RecordingKept(at));
            return Ok(());
        }
        self.install(prepared, manifest, summary)
    }

    fn install(
        &self,
        prepared: Prepared,
        manifest: Option<snapshot::Manifest>,
        summary: &mut Summary,
    ) -> Result<()> {
        let inner = &*self.0;
        let installed = prepared.install()?;
        let file = inner.files.output_snapshot();
        match &manifest {
            Some(m) => snapshot::store(&file, m, &inner.site.file)?,
            None => snapshot::remove(&file)?,
        }
        summary.recorded = true;
        summary.interactions = installed.interactions;
        summary.bytes = installed.bytes;
        summary.changed = installed.changed;
        summary.redacted = inner.redactor.counts().into_iter().collect();
        summary.output_files = manifest.map(|m| m.len());
        Ok(())
    }

    /// What was known when the recording began, and what is known now.
    fn metadata(&self, journal: &Journal) -> Metadata {
        let mut metadata = journal.metadata().clone();
        metadata.duration_seconds = Some((self.0.started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0);
        metadata.redaction = self.0.redactor.fired();
        metadata
    }

    /// The last line of defence: nothing that is about to be committed may hold a known secret.
    fn leak(&self, files: &[PathBuf]) -> Result<Option<Finding>> {
        let check = self.0.redactor.leak_check()?;
        for file in files {
            let reader = std::fs::File::open(file).map_err(|e| Error::io("read", file, e))?;
            if let Some(leak) = check.scan(reader).map_err(|e| Error::io("scan", file, e))? {
                return Ok(Some(Finding::Leak { file: file.clone(), leak }));
            }
        }
        Ok(None)
    }

    fn stop_proxy(&self) {
        #[cfg(feature = "proxy")]
        if let Some(Ok(proxy)) = self.0.proxy.get() {
            proxy.stop();
        }
    }
}

impl Summary {
    /// Whether there is anything to tell of a passing session: only recordings are.
    pub fn is_quiet(&self) -> bool {
        !self.recorded
    }
}
