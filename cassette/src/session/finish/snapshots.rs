//! Compares the manifest of the output directory with its snapshot, or stores it as the snapshot.
//!
//! Must not know: the format of a snapshot.

use std::path::Path;

use super::end::End;
use crate::error::Result;
use crate::report::{Leaks, MissingSnapshot, Problem};
use crate::session::handle::Session;
use crate::session::summary::Summary;
use crate::session::{output, problems};
use crate::snapshot;

impl Session {
    /// Stores the manifest of the output as the snapshot, if the test passes and the manifest contains no secret.
    pub(super) fn accept_output(&self, end: &mut End) -> Result<()> {
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

    pub(super) fn store_output(
        &self,
        manifest: Option<snapshot::Manifest>,
        summary: &mut Summary,
    ) -> Result<()> {
        let file = self.0.files.output_snapshot();
        summary.output_changed = snapshot::load(&file).ok() != Some(manifest.clone());
        match &manifest {
            Some(m) => snapshot::store(&file, m, &self.header())?,
            None => output::remove_snapshot(&file)?,
        }
        summary.output_files = manifest.map(|m| m.entries().len());
        Ok(())
    }

    pub(super) fn compare_output(&self, end: &mut End) -> Result<()> {
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

    /// Writes insta's pending file, so that `cargo insta review` shows the change. A failing replay writes no other
    /// file into the source tree. In CI this file is not written either, unless `INSTA_UPDATE` asks for it. If the file
    /// is written, returns the command for the review.
    fn store_pending(&self, file: &Path, actual: &snapshot::Manifest) -> Result<Option<String>> {
        if !self.0.env.may_write_pending() {
            return Ok(None);
        }
        snapshot::store_pending(file, actual, &self.header())?;
        Ok(Some("cargo insta review".to_owned()))
    }

    fn header(&self) -> snapshot::Header {
        let source = Some(self.0.site.file.clone()).filter(|file| !file.is_empty());
        snapshot::Header { source }
    }
}
