//! From a recording to a cassette: everything is written and on the disk before the old cassette gives way, in
//! one rename. Whatever goes wrong, there is the old cassette and the journal, or the new cassette.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::FORMAT_VERSION;
use super::journal::{Journal, Line, Recording, State};
use super::layout::{Layout, Lines};
use super::{Body, BodyFile, Cassette, Content, Files, Limits, Metadata, parse, position, write};
use crate::{Error, Result};

/// A cassette that is complete but not yet in its place. Nobody else can record it meanwhile.
///
/// Dropped, it leaves the journal there, as after a crash.
#[derive(Debug)]
pub struct Prepared {
    // Dropped before the recording gives its lock up: after that, the name may be another recording's.
    document: NewDocument,
    recording: Arc<Recording>,
    interactions: usize,
    freeze_time: Option<String>,
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
        let file = File::create(&document.0).map_err(failed)?;
        let metadata = Metadata { interactions: lines.len(), ..metadata };
        let freeze_time = metadata.freeze_time.clone();
        let mut bodies = BTreeMap::new();
        let out = BufWriter::with_capacity(64 * 1024, file);
        let out = write_document(out, &metadata, &lines, &state, files, &mut bodies)?;
        out.into_inner().map_err(|e| failed(e.into_error()))?;
        state.closed = true;
        Ok(Prepared { recording: self.0.clone(), document, interactions: lines.len(), freeze_time, bodies })
    }
}

impl Prepared {
    /// Every file that is about to be part of the cassette, under its present path.
    pub fn files(&self) -> Vec<PathBuf> {
        let bodies = self.bodies.values().map(|kept| kept.path.clone());
        std::iter::once(self.document.0.clone()).chain(bodies).collect()
    }

    /// How many interactions the cassette has.
    pub fn interactions(&self) -> usize {
        self.interactions
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
        let interactions = self.interactions;
        let old = self.equal(&files);
        let changed = old.is_none();
        let stays = old.is_some_and(|old| old.freeze_time == self.freeze_time);
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
                sync(&kept.path).map_err(failed)?;
                // A body in the folder of a cassette belongs to that cassette, too.
                match kept.path.parent() == Some(&self.recording.files.bodies()) {
                    true => copy(&kept.path, &target).map_err(failed)?,
                    false => move_to(&kept.path, &target).map_err(failed)?,
                }
            }
            bytes += kept.size;
        }
        if !self.bodies.is_empty() {
            sync_folder(&bodies).map_err(|e| Error::io("write the folder of bodies", &bodies, e))?;
        }
        let document = to.document();
        let failed = |e| Error::io("write the cassette", &document, e);
        if !replace {
            return Ok(bytes + fs::metadata(&document).map_err(failed)?.len());
        }
        bytes += fs::metadata(&self.document.0).map_err(failed)?.len();
        sync(&self.document.0).map_err(failed)?;
        move_to(&self.document.0, &document).map_err(failed)?;
        sync_folder(&folder).map_err(failed)?;
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
        let limits = Limits::default();
        let old = Cassette::open(files);
        let new = Cassette::read(self.document.0.clone(), files.bodies(), &limits);
        let (Ok(old), Ok(new)) = (old, new) else { return None };
        let same =
            old.metadata().same_apart_from_time(new.metadata()) && same_rest(&old, &new).unwrap_or(false);
        same.then(|| old.metadata().clone())
    }
}

fn write_document<W: Write>(
    out: W,
    metadata: &Metadata,
    lines: &[Line],
    state: &State,
    files: &Files,
    bodies: &mut BTreeMap<String, Kept>,
) -> Result<W> {
    let document = files.next_document();
    let failed = |e| Error::io("write the new cassette", &document, e);
    let journal = files.journal();
    let mut out = Layout::new(out, Lines::Document);
    let mut begin = || {
        out.open(b'{')?;
        out.key("version")?;
        out.value(&FORMAT_VERSION)?;
        out.key("_metadata")?;
        metadata.write(&mut out)?;
        out.key("interactions")?;
        out.open(b'[')
    };
    begin().map_err(failed)?;
    let mut text = Vec::new();
    for line in lines {
        text.resize(line.len as usize, 0);
        position::read_at(&state.file, &mut text, line.start)
            .map_err(|e| Error::io("read the journal of the recording", &journal, e))?;
        let interaction = parse::interaction(&text)
            .map_err(|e| position::json_error(&state.file, &journal, line.start, &e))?;
        for body in interaction.bodies() {
            if let Body { content: Content::File(file), .. } = body
                && !bodies.contains_key(&file.name)
            {
                bodies.insert(file.name.clone(), find(file, files)?);
            }
        }
        let mut add = || {
            out.item()?;
            out.open(b'{')?;
            write::interaction(&mut out, &interaction)?;
            out.close(b'}')
        };
        add().map_err(failed)?;
    }
    let mut end = || {
        out.close(b']')?;
        out.close(b'}')
    };
    end().map_err(failed)?;
    out.end().map_err(failed)
}

/// A body file of the recording. An install that broke off may have moved it to its place already.
fn find(file: &BodyFile, files: &Files) -> Result<Kept> {
    let first = files.recording_bodies().join(&file.name);
    for path in [&first, &files.bodies().join(&file.name)] {
        match fs::metadata(path) {
            Ok(found) if found.is_file() && found.len() == file.size => {
                return Ok(Kept { path: path.clone(), size: file.size });
            }
            _ => {}
        }
    }
    Err(Error::new(format!("the recording needs this file of {} bytes", file.size)).at(first))
}

/// Do the two documents have the same bytes from their interactions on?
fn same_rest(old: &Cassette, new: &Cassette) -> io::Result<bool> {
    let rest = |cassette: &Cassette| -> io::Result<(u64, File)> {
        let mut file = cassette.file().try_clone()?;
        let len = file.metadata()?.len() - cassette.interactions_at();
        file.seek(SeekFrom::Start(cassette.interactions_at()))?;
        Ok((len, file))
    };
    let ((old_len, old), (new_len, new)) = (rest(old)?, rest(new)?);
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

/// Renames, or copies where the target is on another file system; what is at the target is replaced whole.
fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(e) if e.kind() == io::ErrorKind::CrossesDevices => {
            copy(from, to)?;
            fs::remove_file(from)
        }
        renamed => renamed,
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut half = to.as_os_str().to_owned();
    half.push(".recording");
    let half = PathBuf::from(half);
    let copied = fs::copy(from, &half).and_then(|_| sync(&half)).and_then(|()| fs::rename(&half, to));
    if copied.is_err() {
        let _ = fs::remove_file(&half);
    }
    copied
}

fn sync(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.sync_all()
}

/// Makes renames in a folder last. Windows has no such call and needs none.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
