//! From a recording to a cassette: everything is written and on the disk before the old cassette gives way, in
//! one rename. Whatever goes wrong, there is the old cassette and the journal, or the new cassette.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use super::journal::{self, Journal, Line, Recording, State};
use super::window::Window;
use super::{BodyFile, Cassette, Content, Files, Interaction, Metadata, layout, parse, position};
use crate::error::{Error, Result};
use crate::file_replacement;

/// A cassette that is complete but not yet in its place. Nobody else can record it meanwhile.
///
/// Dropped, it leaves the journal there, as after a crash.
#[derive(Debug)]
pub struct Prepared {
    // Dropped before the recording gives its lock up: after that, the name may be another recording's.
    document: NewDocument,
    recording: Arc<Recording>,
    metadata: Metadata,
    /// Where they begin in the document: all that comes after it is free of times.
    interactions_at: u64,
    bodies: BTreeMap<String, Kept>,
}

/// What [`Prepared::install`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installed {
    /// How many interactions the cassette has.
    pub interactions: usize,
    /// Bytes of the document and all body files.
    pub bytes: u64,
    /// Something differs from the cassette before, apart from when it was recorded (`recorded_at`,
    /// `freeze_time`, `duration_seconds`).
    pub changed: bool,
    /// Files that are of no more use but could not be removed.
    pub not_removed: Vec<PathBuf>,
}

/// A body file of the new cassette.
#[derive(Debug)]
struct Kept {
    path: PathBuf,
    size: u64,
}

/// The document under its temporary name; removed unless it was moved away.
#[derive(Debug)]
struct NewDocument(PathBuf);

impl Drop for NewDocument {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Finishes a recording that a crash, a killed process or a failed install has left behind: what its journal
/// holds, up to the last whole line, becomes the cassette.
///
/// Interactions were redacted before they reached the journal. The search for secrets at the end of a session
/// is not made, since their values are not known here.
///
/// ```
/// use cassette::tape::{self, Cassette, Files, Journal, JournalOptions};
///
/// # let dir = tempfile::tempdir()?;
/// let files = Files::new(dir.path(), &"weather/berlin".parse()?);
/// // As if the process ended here.
/// drop(Journal::create(&files, JournalOptions::default())?);
///
/// for left in files.left_behind() {
///     println!("{} interactions", tape::recover(&left)?.interactions);
/// }
/// assert!(Cassette::open(&files)?.is_empty());
/// # Ok::<(), cassette::TestError>(())
/// ```
///
/// # Errors
///
/// If there is no recording, it broke off before its first line was written, another process is still at it, a
/// line of it is malformed, or the cassette cannot be written. Nothing is lost then: the old cassette and the
/// recording are as they were.
pub fn recover(files: &Files) -> Result<Installed> {
    let journal = Journal::recover(files)?;
    journal.prepare(journal.metadata().clone())?.install()
}

impl Journal {
    /// Ends the recording and writes the cassette, beside the old one.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or a body that it needs is missing. The journal is still there and open then.
    pub fn prepare(&self, metadata: Metadata) -> Result<Prepared> {
        let files = &self.0.files;
        let mut state = self.0.state();
        if state.closed {
            return Err(Error::new("the recording is closed").at(files.journal()));
        }
        let mut lines = state.lines.clone();
        lines.sort_by_key(|line| line.order);
        let document = NewDocument(files.next_document());
        let failed = |e| Error::io("write the new cassette", &document.0, e);
        let mut file = File::create(&document.0).map_err(failed)?;
        let before = self.0.before.as_ref();
        let interactions = before.map_or(0, Cassette::len) + lines.len();
        let metadata = Metadata { interactions, ..metadata };
        let mut bodies = BTreeMap::new();
        for (name, size) in &state.bodies {
            bodies.insert(name.clone(), find(name, *size, files)?);
        }
        for (before, i) in before.iter().flat_map(|before| (0..before.len()).map(move |i| (before, i))) {
            keep_bodies(&before.interaction(i)?, files, &mut bodies)?;
        }
        let interactions_at = write_document(&mut file, before, &metadata, &lines, &state, files)?;
        state.closed = true;
        Ok(Prepared { recording: self.0.clone(), document, metadata, interactions_at, bodies })
    }
}

impl Prepared {
    /// The document, under its present path.
    pub(super) fn document(&self) -> &Path {
        &self.document.0
    }

    /// Every file that is about to be part of the cassette, under its present path.
    pub fn files(&self) -> Vec<PathBuf> {
        let bodies = self.bodies.values().map(|kept| kept.path.clone());
        std::iter::once(self.document.0.clone()).chain(bodies).collect()
    }

    /// Does `work` while body files go to the disk, so that the install waits less for it. That flushes again: what
    /// goes wrong is told there.
    pub(crate) fn flush_during<T>(&self, work: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            if !self.bodies.is_empty() {
                let flush = || {
                    self.bodies
                        .values()
                        .map_while(|kept| file_replacement::flush(&kept.path).ok())
                        .for_each(drop)
                };
                let _ = thread::Builder::new().name("cassette-flush".into()).spawn_scoped(scope, flush);
            }
            work()
        })
    }

    /// How many interactions the cassette has.
    pub fn interactions(&self) -> usize {
        self.metadata.interactions
    }

    /// Puts the cassette in its place and removes what only the old one needed.
    ///
    /// If it says the same as the old one, and stands at the same `freeze_time`, the old document stays as it
    /// is: recording again leaves nothing to review then.
    ///
    /// # Errors
    ///
    /// If something cannot be written. The old cassette is as it was and the journal is still there then.
    pub fn install(self) -> Result<Installed> {
        let files = self.recording.files.clone();
        let interactions = self.interactions();
        let old = self.equal(&files);
        let changed = old.is_none();
        let stays = old.is_some_and(|old| old.freeze_time == self.metadata.freeze_time);
        let bytes = self.place(&files, !stays)?;
        let mut not_removed = self.remove_unreferenced(&files.bodies());
        if let Err(e) = self.end() {
            not_removed.extend(e.path().map(Path::to_path_buf));
        }
        Ok(Installed { interactions, bytes, changed, not_removed })
    }

    /// Keeps the cassette in another directory, under its name, and ends the recording: for a test that failed.
    /// Gives the path of the document.
    ///
    /// # Errors
    ///
    /// If it cannot be written there. The journal is still there then.
    pub fn keep_in(self, dir: &Path) -> Result<PathBuf> {
        let files = Files::new(dir, self.recording.files.name());
        self.place(&files, true)?;
        self.remove_unreferenced(&files.bodies());
        self.end()?;
        Ok(files.document())
    }

    /// Throws the recording away.
    ///
    /// # Errors
    ///
    /// If its files cannot be removed.
    pub fn discard(self) -> Result<()> {
        self.end()
    }

    fn end(self) -> Result<()> {
        drop(self.document);
        self.recording.remove()
    }

    /// Moves everything to `to`, the document last, and makes sure that each step is on the disk before the
    /// next. Gives the bytes of all files. Without `replace` the document that is there stays.
    fn place(&self, to: &Files, replace: bool) -> Result<u64> {
        let (folder, bodies) = (to.folder(), to.bodies());
        let create = |dir: &Path| {
            fs::create_dir_all(dir).map_err(|e| Error::io("create the directory of the cassette", dir, e))
        };
        create(&folder)?;
        let mut bytes = 0;
        if !self.bodies.is_empty() {
            create(&bodies)?;
        }
        for (name, kept) in &self.bodies {
            let target = bodies.join(name);
            let failed = |e| Error::io("write the file of a body", &target, e);
            if kept.path != target {
                file_replacement::flush(&kept.path).map_err(failed)?;
                // A body in the folder of a cassette belongs to that cassette, too.
                match kept.path.parent() == Some(&self.recording.files.bodies()) {
                    true => file_replacement::copy(&kept.path, &target).map_err(failed)?,
                    false => file_replacement::rename(&kept.path, &target).map_err(failed)?,
                }
            }
            bytes += kept.size;
        }
        if !self.bodies.is_empty() {
            file_replacement::flush_folder(&bodies)
                .map_err(|e| Error::io("write the folder of bodies", &bodies, e))?;
        }
        let document = to.document();
        let failed = |e| Error::io("write the cassette", &document, e);
        if !replace {
            return Ok(bytes + fs::metadata(&document).map_err(failed)?.len());
        }
        bytes += fs::metadata(&self.document.0).map_err(failed)?.len();
        file_replacement::flush(&self.document.0).map_err(failed)?;
        file_replacement::rename(&self.document.0, &document).map_err(failed)?;
        file_replacement::flush_folder(&folder).map_err(failed)?;
        Ok(bytes)
    }

    /// Removes the body files in `folder` that the new cassette does not refer to. Gives what would not go.
    fn remove_unreferenced(&self, folder: &Path) -> Vec<PathBuf> {
        let mut not_removed = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            // What has another sort of name is not ours.
            let ours = name.to_str().is_some_and(|n| parse::file_name(n) && !self.bodies.contains_key(n));
            if ours && fs::remove_file(entry.path()).is_err() {
                not_removed.push(entry.path());
            }
        }
        if self.bodies.is_empty() {
            // Fails if something else is in there, and should.
            let _ = fs::remove_dir(folder);
        }
        not_removed
    }

    /// What the installed cassette says of itself, if it is the same but for its times. If it cannot be read,
    /// it is not.
    fn equal(&self, files: &Files) -> Option<Metadata> {
        let old = Cassette::open(files).ok()?;
        let same =
            old.metadata().same_apart_from_time(&self.metadata) && self.same_rest(&old).unwrap_or(false);
        same.then(|| old.metadata().clone())
    }

    /// Do the two documents have the same bytes from their interactions on?
    fn same_rest(&self, old: &Cassette) -> io::Result<bool> {
        let rest = |mut file: File, from: u64| -> io::Result<(u64, File)> {
            let len = file.metadata()?.len() - from;
            file.seek(SeekFrom::Start(from))?;
            Ok((len, file))
        };
        let (old_len, old) = rest(old.file().try_clone()?, old.interactions_at())?;
        let (new_len, new) = rest(File::open(&self.document.0)?, self.interactions_at)?;
        if old_len != new_len {
            return Ok(false);
        }
        let (mut left, mut right) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        let (mut old, mut new, mut to_go) = (old.take(old_len), new.take(new_len), old_len);
        while to_go > 0 {
            let n = left.len().min(usize::try_from(to_go).unwrap_or(usize::MAX));
            old.read_exact(&mut left[..n])?;
            new.read_exact(&mut right[..n])?;
            if left[..n] != right[..n] {
                return Ok(false);
            }
            to_go -= n as u64;
        }
        Ok(true)
    }
}

/// Writes the document, first what is kept of the cassette `before` it, and says where its interactions begin.
fn write_document(
    out: &mut impl Write,
    before: Option<&Cassette>,
    metadata: &Metadata,
    lines: &[Line],
    state: &State,
    files: &Files,
) -> Result<u64> {
    let document = files.next_document();
    let failed = |e| Error::io("write the new cassette", &document, e);
    let journal = files.journal();
    let mut text = Vec::new();
    layout::document(&journal::head(metadata, false).map_err(failed)?, 0, &mut text);
    text.extend_from_slice(b",\n  \"interactions\": ");
    let interactions_at = text.len() as u64;
    text.push(b'[');
    let mut first = true;
    for (before, i) in before.iter().flat_map(|before| (0..before.len()).map(move |i| (before, i))) {
        text.extend_from_slice(if first { b"\n    " } else { b",\n    " });
        first = false;
        text.extend_from_slice(&before.text(i)?);
        if text.len() >= AT_ONCE {
            out.write_all(&text).map_err(failed)?;
            text.clear();
        }
    }
    let mut window = Window::default();
    for line in lines {
        let bytes = window
            .piece(&state.file, line.start, line.len, state.end)
            .map_err(|e| Error::io("read the journal of the recording", &journal, e))?;
        text.extend_from_slice(if first { b"\n    {" } else { b",\n    {" });
        first = false;
        let again;
        let bytes = if line.ours {
            bytes
        } else {
            // Who knows what has become of it.
            let interaction = parse::interaction(bytes)
                .map_err(|e| position::json_error(&state.file, &journal, line.start, &e))?;
            again = journal::line(line.order, &interaction).map_err(failed)?;
            &again
        };
        text.extend_from_slice(b"\n      ");
        layout::document(journal::item(bytes), 3, &mut text);
        text.extend_from_slice(b"\n    }");
        if text.len() >= AT_ONCE {
            out.write_all(&text).map_err(failed)?;
            text.clear();
        }
    }
    text.extend_from_slice(if first { b"]\n}\n" } else { b"\n  ]\n}\n" });
    out.write_all(&text).map_err(failed)?;
    Ok(interactions_at)
}

/// Bytes of the document that are written at once, or somewhat more.
const AT_ONCE: usize = 64 * 1024;

/// Notes the files that an interaction needs.
fn keep_bodies(interaction: &Interaction, files: &Files, bodies: &mut BTreeMap<String, Kept>) -> Result<()> {
    for body in interaction.bodies() {
        if let Content::File(BodyFile { name, size, .. }) = &body.content
            && !bodies.contains_key(name)
        {
            bodies.insert(name.clone(), find(name, *size, files)?);
        }
    }
    Ok(())
}

/// A body file of the recording. An install that broke off may have moved it to its place already.
fn find(name: &str, size: u64, files: &Files) -> Result<Kept> {
    let first = files.recording_bodies().join(name);
    for path in [&first, &files.bodies().join(name)] {
        match fs::metadata(path) {
            Ok(found) if found.is_file() && found.len() == size => {
                return Ok(Kept { path: path.clone(), size });
            }
            _ => {}
        }
    }
    Err(Error::new(format!("the recording needs this file of {size} bytes")).at(first))
}
