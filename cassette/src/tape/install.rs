//! Turns a recording into a cassette. All bytes are on the disk before one rename replaces the old cassette. If a step
//! fails, there is either the old cassette with the journal, or the new cassette.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use super::chance::without_chance;
use super::document::Limits;
use super::journal::{self, Journal, Line, Recording, State};
use super::window::Window;
use super::{BodyFile, Cassette, Content, Files, Interaction, Metadata, layout, order, parse, position};
use crate::error::{Error, Result};
use crate::file_replacement;

/// A complete cassette that is not in its place yet. It holds the lock, so nobody else can record this cassette.
///
/// If it is dropped, the journal stays, as after a crash.
#[derive(Debug)]
pub struct Prepared {
    // Fields are dropped in order. This field comes first, because its file must be removed before the recording
    // releases the lock. Then another recording may create a file with the same name.
    document: NewDocument,
    recording: Arc<Recording>,
    metadata: Metadata,
    /// The offset of the interactions in the document. All times of the recording are before this offset.
    interactions_at: u64,
    bodies: BTreeMap<String, Kept>,
    /// Whether request ids and ends of chunks are ignored when this cassette is compared with the old one.
    ignore_chance: bool,
}

/// The result of `Prepared::install`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installed {
    /// The number of interactions in the cassette.
    pub interactions: usize,
    /// The bytes of the document and of all body files.
    pub bytes: u64,
    /// Whether the cassette differs from the previous one, apart from the times of recording (`recorded_at`,
    /// `freeze_time`, `duration_seconds`).
    pub changed: bool,
    /// Files that are no longer needed but could not be removed.
    pub not_removed: Vec<PathBuf>,
}

/// A body file of the new cassette.
#[derive(Debug)]
struct Kept {
    path: PathBuf,
    size: u64,
}

/// The document under its temporary name. The drop removes the file, unless it was renamed.
#[derive(Debug)]
struct NewDocument(PathBuf);

impl Drop for NewDocument {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Finishes a recording that a crash, a killed process or a failed install left behind. The complete lines of its
/// journal become the cassette.
///
/// Interactions were redacted before they reached the journal. But the leak check that ends a session does not run,
/// because the values of the secrets are not known here. So scan the cassette before you commit it.
///
/// ```
/// use cassette::__support::{Files, Journal, JournalOptions, recover};
/// use cassette::tape::Cassette;
///
/// # let dir = tempfile::tempdir()?;
/// let files = Files::new(dir.path(), &"weather/berlin".parse()?);
/// // As if the process ended here.
/// drop(Journal::create(&files, JournalOptions::default())?);
///
/// for left in files.left_behind() {
///     println!("{} interactions", recover(&left)?.interactions);
/// }
/// assert!(Cassette::open(files.document())?.is_empty());
/// # Ok::<(), cassette::TestError>(())
/// ```
///
/// # Errors
///
/// There is no recording, it broke off before its first line was complete, another process is still writing it, one of
/// its lines is malformed, or the cassette cannot be written. After an error, the old cassette and the recording are as
/// before.
pub fn recover(files: &Files) -> Result<Installed> {
    let journal = Journal::recover(files)?;
    journal.prepare(journal.metadata().clone())?.install()
}

impl Journal {
    /// Ends the recording and writes the new document next to the old one.
    ///
    /// # Errors
    ///
    /// The document cannot be written, or a body that it needs is missing. After an error, the journal is still open.
    pub fn prepare(&self, metadata: Metadata) -> Result<Prepared> {
        self.prepare_with(metadata, false)
    }

    /// Like [`prepare`](Self::prepare). If `ignore_chance` is true, the old cassette also stays if the new one differs
    /// from it only in request ids in response headers, and in the ends of chunks.
    pub(crate) fn prepare_with(&self, metadata: Metadata, ignore_chance: bool) -> Result<Prepared> {
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
        let old = match before {
            None => same_apart_from_chance(files, &lines, &state, ignore_chance),
            Some(_) => None,
        };
        let (before, lines) = if old.is_some() { (old.as_ref(), &[][..]) } else { (before, &lines[..]) };
        let interactions_at = write_document(&mut file, before, &metadata, lines, &state, files)?;
        state.closed = true;
        Ok(Prepared { recording: self.0.clone(), document, metadata, interactions_at, bodies, ignore_chance })
    }
}

impl Prepared {
    /// The temporary path of the document.
    pub(super) fn document(&self) -> &Path {
        &self.document.0
    }

    /// The current paths of all files that become part of the cassette.
    pub fn files(&self) -> Vec<PathBuf> {
        let bodies = self.bodies.values().map(|kept| kept.path.clone());
        std::iter::once(self.document.0.clone()).chain(bodies).collect()
    }

    /// Runs `work`, and meanwhile flushes the body files to the disk, so that the install waits less. Errors of these
    /// flushes are ignored, because the install flushes again and reports errors.
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

    /// The number of interactions in the cassette.
    pub fn interactions(&self) -> usize {
        self.metadata.interactions
    }

    /// Installs the cassette and removes the files that only the old cassette needed.
    ///
    /// If the cassette equals the old one apart from times, and has the same `freeze_time`, the old document stays.
    /// Then there is nothing to review.
    ///
    /// # Errors
    ///
    /// A file cannot be written. After an error, the old cassette is unchanged, and the journal is still there.
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

    /// Installs the cassette in another directory, under the same name, and ends the recording. This is for a test that
    /// failed. Returns the path of the document.
    ///
    /// # Errors
    ///
    /// A file cannot be written there. After an error, the journal is still there.
    pub fn keep_in(self, dir: &Path) -> Result<PathBuf> {
        let files = Files::new(dir, self.recording.files.name());
        self.place(&files, true)?;
        self.remove_unreferenced(&files.bodies());
        self.end()?;
        Ok(files.document())
    }

    /// Places a copy of the cassette at `to`, so that it can be played back before it is installed. Hard links are
    /// enough, because a replay only reads.
    ///
    /// # Errors
    ///
    /// A file cannot be written there.
    pub(crate) fn lend_to(&self, to: &Files) -> Result<()> {
        let lend = |from: &Path, to: &Path| {
            let lent = fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop));
            lent.map_err(|e| Error::io("copy the new cassette", to, e))
        };
        let create = |dir: &Path| {
            fs::create_dir_all(dir).map_err(|e| Error::io("create the directory of the cassette", dir, e))
        };
        create(&to.folder())?;
        lend(&self.document.0, &to.document())?;
        if !self.bodies.is_empty() {
            create(&to.bodies())?;
        }
        self.bodies.iter().try_for_each(|(name, kept)| lend(&kept.path, &to.bodies().join(name)))
    }

    /// Removes the recording.
    ///
    /// # Errors
    ///
    /// The files of the recording cannot be removed.
    pub fn discard(self) -> Result<()> {
        self.end()
    }

    fn end(self) -> Result<()> {
        drop(self.document);
        self.recording.remove()
    }

    /// Moves all files to `to`, the document last. Each step is flushed to the disk before the next step begins. If
    /// `replace` is false, the existing document stays. Returns the size of all files in bytes.
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
                // A file in the folder of the old cassette may still belong to that cassette, so it is copied and not
                // moved.
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

    /// Removes the body files in `folder` that the new cassette does not refer to. Returns the files that could not be
    /// removed.
    fn remove_unreferenced(&self, folder: &Path) -> Vec<PathBuf> {
        let mut not_removed = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            // A file whose name is not the name of a body file is not ours, and stays.
            let ours = name.to_str().is_some_and(|n| parse::file_name(n) && !self.bodies.contains_key(n));
            if ours && fs::remove_file(entry.path()).is_err() {
                not_removed.push(entry.path());
            }
        }
        if self.bodies.is_empty() {
            // The call fails if the folder holds other files, which must stay.
            let _ = fs::remove_dir(folder);
        }
        not_removed
    }

    /// The metadata of the installed cassette, if it equals the new cassette apart from times. `None` if the two
    /// differ, or if the installed cassette cannot be read.
    fn equal(&self, files: &Files) -> Option<Metadata> {
        let old = Cassette::open_files(files).ok()?;
        let same = old.metadata().same_apart_from_time(&self.metadata)
            && (self.same_rest(&old).unwrap_or(false)
                || self.ignore_chance && self.same_apart_from_chance_values(&old, files).unwrap_or(false));
        same.then(|| old.metadata().clone())
    }

    /// Whether the interactions of the two documents differ at most in request ids and in the ends of chunks.
    fn same_apart_from_chance_values(&self, old: &Cassette, files: &Files) -> Result<bool> {
        let new = Cassette::read(self.document.0.clone(), files.bodies(), &Limits::default())?;
        if old.len() != new.len() {
            return Ok(false);
        }
        for i in 0..new.len() {
            if without_chance(&old.text(i)?) != without_chance(&new.text(i)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the two documents have the same bytes from their interactions on.
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

/// Writes the document. If the recording adds to the cassette `before`, the interactions of that cassette come first.
/// Returns the offset of the interactions.
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
        text.extend_from_slice(if first { b"\n    " } else { b",\n    " });
        first = false;
        write_line(line, &mut window, state, files, &mut text)?;
        if text.len() >= AT_ONCE {
            out.write_all(&text).map_err(failed)?;
            text.clear();
        }
    }
    text.extend_from_slice(if first { b"]\n}\n" } else { b"\n  ]\n}\n" });
    out.write_all(&text).map_err(failed)?;
    Ok(interactions_at)
}

/// Appends the text that a line of the journal has in the document.
fn write_line(
    line: &Line,
    window: &mut Window,
    state: &State,
    files: &Files,
    text: &mut Vec<u8>,
) -> Result<()> {
    let journal = files.journal();
    let bytes = window
        .piece(&state.file, line.start, line.len, state.end)
        .map_err(|e| Error::io("read the journal of the recording", &journal, e))?;
    let again;
    let bytes = if line.ours {
        bytes
    } else {
        // A person may have edited the recovered line, so it is parsed and written again.
        let interaction = parse::interaction(bytes)
            .map_err(|e| position::json_error(&state.file, &journal, line.start, &e))?;
        again = journal::line(line.order, &interaction)
            .map_err(|e| Error::io("write the new cassette", &files.next_document(), e))?;
        &again
    };
    text.extend_from_slice(b"{\n      ");
    layout::document(journal::item(bytes), 3, text);
    text.extend_from_slice(b"\n    }");
    Ok(())
}

/// The existing cassette, if it has the same interactions as the lines, and their order differs only by chance. The new
/// document then takes the interactions from it, in its order.
fn same_apart_from_chance(
    files: &Files,
    lines: &[Line],
    state: &State,
    ignore_chance: bool,
) -> Option<Cassette> {
    // If the cassette cannot be read, the recording replaces it.
    let old = Cassette::open_files(files).ok()?;
    let mut window = Window::default();
    let text = |line: &Line| {
        let mut text = Vec::new();
        write_line(line, &mut window, state, files, &mut text)?;
        Ok(text)
    };
    order::is_same_apart_from_chance(&old, lines, text, ignore_chance).ok()?.then_some(old)
}

/// The approximate size, in bytes, of the pieces in which the document is written.
const AT_ONCE: usize = 64 * 1024;

/// Adds to `bodies` the body files that an interaction refers to.
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

/// Finds a body file of the recording. An interrupted install may have moved the file into the cassette's folder
/// already.
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
    Err(Error::new(format!(
        "the recording needs this file of {size} bytes, which is missing or has another size"
    ))
    .at(first))
}
