//! A recording in progress. The journal gets one line for each interaction when the interaction ends, so a crash loses
//! only the unfinished exchanges. The module `install` turns the journal into a cassette.
//!
//! Must not know: where interactions come from, or when they happened. The caller gives their order.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Deserialize;

use super::body_sink::Folder;
use super::document::FORMAT_VERSION;
use super::layout::Compact;
use super::lock::Lock;
use super::window::Window;
use super::{
    BodyFile, BodySink, Cassette, Content, Files, Interaction, Limits, Metadata, Request, parse, position,
    write,
};
use crate::error::{Error, Result};
use crate::poison::unpoisoned;

/// A recording in progress, on the disk. Clones are handles to the same recording.
///
/// If the last handle is dropped, the files of the recording stay, and [`Journal::recover`] can continue it.
///
/// ```
/// use cassette::__support::{Files, Journal, JournalOptions};
/// use cassette::tape::{Body, Cassette, Interaction, Outcome, Request, TransportError, TransportErrorKind};
///
/// # let dir = tempfile::tempdir()?;
/// let files = Files::new(dir.path(), &"weather/berlin".parse()?);
/// let journal = Journal::create(&files, JournalOptions::default())?;
/// let request = Request {
///     method: "GET".parse()?,
///     uri: "https://api.example.com/now".into(),
///     headers: Default::default(),
///     body: Body::default(),
/// };
/// let refused = TransportError { kind: TransportErrorKind::Connect, message: "refused".into() };
/// journal.append(1, &Interaction::new(request, Outcome::Error(refused)))?;
/// journal.prepare(journal.metadata().clone())?.install()?;
/// assert_eq!(Cassette::open(files.document())?.len(), 1);
/// # Ok::<(), cassette::TestError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Journal(pub(super) Arc<Recording>);

/// The settings of a new recording.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// The length in bytes up to which a body is in the document. A longer body is in a body file. Default: 64 KiB.
    pub inline_limit: usize,
    /// The metadata known at the beginning. A cassette that is recovered after a crash has this metadata.
    pub metadata: Metadata,
}

impl Default for JournalOptions {
    fn default() -> Self {
        JournalOptions { inline_limit: 64 * 1024, metadata: Metadata::default() }
    }
}

/// The state that the handles of a [`Journal`] share.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) files: Files,
    inline_limit: usize,
    metadata: Metadata,
    set_aside: Option<PathBuf>,
    /// The existing cassette that the recording adds to. Its interactions come before the new ones.
    pub(super) before: Option<Cassette>,
    folder: Arc<Folder>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) file: File,
    /// The end of the last complete line.
    pub(super) end: u64,
    pub(super) lines: Vec<Line>,
    /// The body files that the lines refer to, by name, with their sizes.
    pub(super) bodies: BTreeMap<String, u64>,
    pub(super) closed: bool,
    /// The lock is released when the recording ends, even if clones of the `Journal` still exist.
    lock: Option<Lock>,
}

/// The place of an interaction in the journal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) order: u64,
    /// Two lines with the same number have concurrent requests.
    pub(super) burst: u64,
    pub(super) start: u64,
    pub(super) len: u32,
    /// True if this process wrote the line, false if the line was recovered.
    pub(super) ours: bool,
}

impl Journal {
    /// Begins a recording. Until the recording ends, no other test or process can record this cassette.
    ///
    /// A recording that a crash left behind is renamed, and not overwritten. [`Journal::set_aside`] returns its new
    /// path.
    ///
    /// # Errors
    ///
    /// Another test or process records this cassette, or its directory cannot be written.
    pub fn create(files: &Files, options: JournalOptions) -> Result<Journal> {
        Journal::create_with(files, options, lock(files)?)
    }

    /// The same as [`Journal::create`], if the caller holds the lock already.
    pub(crate) fn create_with(files: &Files, options: JournalOptions, lock: Lock) -> Result<Journal> {
        Journal::begin(files.set_aside(0), options, None, lock)
    }

    /// Begins a recording that adds to the existing cassette, if the caller holds the lock already. The interactions
    /// and the metadata of the cassette stay as they are, and the new interactions come after them. If there is no
    /// cassette, this is the same as [`Journal::create`].
    ///
    /// # Errors
    ///
    /// The errors of [`Journal::create`], and an error if the cassette cannot be read.
    pub(crate) fn append_with(files: &Files, options: JournalOptions, lock: Lock) -> Result<Journal> {
        let files = files.set_aside(0);
        let before = if files.exists() { Some(Cassette::open_files(&files)?) } else { None };
        let metadata = before.as_ref().map_or(options.metadata, |before| before.metadata().clone());
        Journal::begin(files, JournalOptions { metadata, ..options }, before, lock)
    }

    fn begin(files: Files, options: JournalOptions, before: Option<Cassette>, lock: Lock) -> Result<Journal> {
        let set_aside = set_aside(&files)?;
        let path = files.journal();
        let failed = |e| Error::io("write the journal of the recording", &path, e);
        let mut line = head(&options.metadata, before.is_some()).map_err(failed)?;
        line.extend_from_slice(b"}\n");
        let mut file = open(&path, true).map_err(failed)?;
        file.write_all(&line).map_err(failed)?;
        let state = State {
            file,
            end: line.len() as u64,
            lines: Vec::new(),
            bodies: BTreeMap::new(),
            closed: false,
            lock: Some(lock),
        };
        Ok(Journal::new(files, options, set_aside, before, state))
    }

    /// Continues a recording that a crash, a killed process or a failed install left behind. An incomplete last line is
    /// dropped.
    ///
    /// # Errors
    ///
    /// There is no recording, another process is still writing it, or one of its lines is malformed.
    pub fn recover(files: &Files) -> Result<Journal> {
        let path = files.journal();
        let failed = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => Error::new("there is no recording to recover").at(&path),
            _ => Error::io("read the journal of the recording", &path, e),
        };
        fs::metadata(&path).map_err(failed)?;
        let lock = lock(files)?;
        let file = open(&path, false).map_err(failed)?;
        let (first, state) = whole_lines(file, lock, &path)?;
        let before = if first.appends { Some(Cassette::open_files(files)?) } else { None };
        let options = JournalOptions { metadata: first._metadata, ..JournalOptions::default() };
        Ok(Journal::new(files.clone(), options, None, before, state))
    }

    fn new(
        files: Files,
        options: JournalOptions,
        set_aside: Option<PathBuf>,
        before: Option<Cassette>,
        state: State,
    ) -> Self {
        Journal(Arc::new(Recording {
            inline_limit: options.inline_limit,
            metadata: options.metadata,
            set_aside,
            before,
            folder: Arc::new(Folder::new(files.recording_bodies())),
            state: Mutex::new(state),
            files,
        }))
    }

    /// If an earlier recording of this cassette crashed, the path to which its journal was renamed.
    /// [`Files::left_behind`] finds it, too.
    pub fn set_aside(&self) -> Option<&Path> {
        self.0.set_aside.as_deref()
    }

    /// The metadata as known when the recording began.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// The cassette that this recording adds to, if any.
    pub fn before(&self) -> Option<&Cassette> {
        self.0.before.as_ref()
    }

    /// The files of the recorded cassette.
    pub fn files(&self) -> &Files {
        &self.0.files
    }

    /// The number of interactions so far.
    pub fn len(&self) -> usize {
        self.0.state().lines.len()
    }

    /// Whether there are no interactions yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The requests so far, in the order of the cassette.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    pub(crate) fn requests(&self) -> Result<Vec<Request>> {
        let state = self.0.state();
        let path = self.0.files.journal();
        let mut lines = state.lines.clone();
        lines.sort_by_key(|line| line.order);
        let mut window = Window::default();
        let mut read = |line: &Line| {
            let bytes = window
                .piece(&state.file, line.start, line.len, state.end)
                .map_err(|e| Error::io("read the journal of the recording", &path, e))?;
            let interaction = parse::interaction(bytes)
                .map_err(|e| position::json_error(&state.file, &path, line.start, &e))?;
            Ok(interaction.request)
        };
        lines.iter().map(&mut read).collect()
    }

    /// A sink for the bytes of a body. If the body becomes a file, the content type decides the extension of the file.
    pub fn body(&self, content_type: Option<&str>) -> BodySink {
        BodySink::new(self.0.folder.clone(), self.0.inline_limit, content_type)
    }

    /// Writes an interaction as one line. If the write fails, the recording does not contain the interaction. The
    /// cassette sorts interactions by `order`. Interactions with an equal `order` keep the order of their `append`
    /// calls. Any thread may call this method at any time.
    ///
    /// # Errors
    ///
    /// The journal cannot be written, or the recording is closed.
    pub fn append(&self, order: u64, interaction: &Interaction) -> Result<()> {
        self.append_in_burst(order, order, interaction)
    }

    /// The same as [`Journal::append`], for an interaction of a burst. A burst is a group of concurrent requests: each
    /// was sent while another one of them was in flight. The order of these interactions is a matter of chance. If the
    /// existing cassette has the same interactions, the interactions of a burst keep the order that they have in it.
    ///
    /// # Errors
    ///
    /// The errors of [`Journal::append`].
    pub(crate) fn append_in_burst(&self, order: u64, burst: u64, interaction: &Interaction) -> Result<()> {
        let path = || self.0.files.journal();
        let failed = |e| Error::io("write the journal of the recording", &path(), e);
        let line = line(order, interaction).map_err(failed)?;
        let most = Limits::default().interaction;
        let len = match u32::try_from(line.len()) {
            Ok(len) if len <= most => len,
            _ => return Err(Error::new(format!("an interaction is longer than {most} bytes")).at(path())),
        };
        let mut state = self.0.state();
        if state.closed {
            return Err(Error::new("the recording is closed").at(path()));
        }
        let start = state.end;
        // If the write fails, `end` does not change, so the next line overwrites the incomplete line.
        position::write_at(&state.file, &line, start).map_err(failed)?;
        state.end += u64::from(len);
        state.lines.push(Line { order, burst, start, len, ours: true });
        state.refer_to(interaction);
        Ok(())
    }

    /// Removes the recording. An existing cassette is not touched.
    ///
    /// # Errors
    ///
    /// The files of the recording cannot be removed.
    pub fn discard(&self) -> Result<()> {
        self.0.state().closed = true;
        self.0.remove()
    }
}

impl State {
    fn refer_to(&mut self, interaction: &Interaction) {
        for body in interaction.bodies() {
            if let Content::File(BodyFile { name, size, .. }) = &body.content
                && !self.bodies.contains_key(name)
            {
                self.bodies.insert(name.clone(), *size);
            }
        }
    }
}

impl Recording {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // The lock may be poisoned, but a panic cannot leave the state half changed.
        unpoisoned(self.state.lock())
    }

    /// Removes the files of the recording. The journal is removed first. If the process crashes then, only useless body
    /// files are left. A journal without its bodies would be a recording that cannot be recovered.
    pub(super) fn remove(&self) -> Result<()> {
        let journal = self.files.journal();
        gone(fs::remove_file(&journal)).map_err(|e| Error::io("remove the journal", &journal, e))?;
        let bodies = self.files.recording_bodies();
        gone(fs::remove_dir_all(&bodies)).map_err(|e| Error::io("remove the recorded bodies", &bodies, e))?;
        self.state().lock = None;
        Ok(())
    }
}

/// Treats a removal as done if the file does not exist.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn lock(files: &Files) -> Result<Lock> {
    let folder = files.folder();
    fs::create_dir_all(&folder).map_err(|e| Error::io("create the directory of the cassette", &folder, e))?;
    Lock::acquire(files.lock())
}

fn open(path: &Path, empty: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(empty).truncate(empty).open(path)
}

/// Returns the first bytes of a recording: the format version and the metadata. The journal and the document begin with
/// the same bytes. `appends` marks a journal that adds to the existing cassette.
pub(super) fn head(metadata: &Metadata, appends: bool) -> io::Result<Vec<u8>> {
    let mut out = Compact::default();
    out.open(b'{');
    out.key("version")?;
    out.value(&FORMAT_VERSION)?;
    if appends {
        out.key("appends")?;
        out.value(&true)?;
    }
    out.key("_metadata")?;
    metadata.write(&mut out)?;
    Ok(out.end())
}

pub(super) fn line(order: u64, interaction: &Interaction) -> io::Result<Vec<u8>> {
    let mut out = Compact::default();
    out.open(b'{');
    out.key("order")?;
    out.value(&order)?;
    write::interaction(&mut out, interaction)?;
    out.close(b'}');
    out.raw(b"\n");
    Ok(out.end())
}

/// Returns a line of the journal without `order`. The document contains this text, in another layout.
pub(super) fn item(line: &[u8]) -> &[u8] {
    let order = memchr::memchr(b',', line).map_or(0, |comma| comma + 1);
    line[order..].strip_suffix(b"}\n").unwrap_or(&line[order..])
}

/// Makes room for a new recording. If an earlier recording has interactions, its files are renamed. If it has none, its
/// bodies are removed, and the new recording overwrites its journal.
fn set_aside(files: &Files) -> Result<Option<PathBuf>> {
    let (journal, bodies) = (files.journal(), files.recording_bodies());
    let failed = |e| Error::io("move the recording of a crashed run aside", &journal, e);
    let to_keep = match File::open(&journal) {
        Ok(file) => has_interactions(BufReader::new(file)).map_err(failed)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => false,
        Err(e) => return Err(failed(e)),
    };
    if !to_keep {
        gone(fs::remove_dir_all(&bodies)).map_err(|e| Error::io("remove old recorded bodies", &bodies, e))?;
        return Ok(None);
    }
    let free = |f: &Files| !f.journal().exists() && !f.recording_bodies().exists();
    let aside = (1..).map(|n| files.set_aside(n)).find(free).expect("there are more numbers than files");
    // The bodies move first. If the process crashes before the journal moves, the next recording still finds the
    // journal, and does not remove the bodies.
    gone(fs::rename(&bodies, aside.recording_bodies())).map_err(failed)?;
    fs::rename(&journal, aside.journal()).map_err(failed)?;
    Ok(Some(aside.journal()))
}

/// Whether the journal has a complete line after the first line.
fn has_interactions(journal: impl BufRead) -> io::Result<bool> {
    let mut ends = journal.bytes().filter(|byte| byte.as_ref().is_ok_and(|b| *b == b'\n') || byte.is_err());
    Ok(ends.nth(1).transpose()?.is_some())
}

/// The first line of a journal.
#[derive(Deserialize)]
struct First {
    version: u64,
    /// Whether the recording adds to the existing cassette.
    #[serde(default)]
    appends: bool,
    _metadata: Metadata,
}

/// Reads the first line and the complete lines after it.
fn whole_lines(file: File, lock: Lock, path: &Path) -> Result<(First, State)> {
    let limits = Limits::default();
    let mut state =
        State { file, end: 0, lines: Vec::new(), bodies: BTreeMap::new(), closed: false, lock: Some(lock) };
    let reader =
        state.file.try_clone().map_err(|e| Error::io("read the journal of the recording", path, e))?;
    let mut reader = BufReader::with_capacity(64 * 1024, reader);
    let (mut first, mut text) = (None, Vec::new());
    loop {
        text.clear();
        let n = (&mut reader)
            .take(u64::from(limits.interaction) + 1)
            .read_until(b'\n', &mut text)
            .map_err(|e| Error::io("read the journal of the recording", path, e))?;
        if n > limits.interaction as usize {
            let message = format!("a line is longer than {} bytes", limits.interaction);
            return Err(position::error(&state.file, path, state.end, message));
        }
        if text.last() != Some(&b'\n') {
            break;
        }
        let failed = |e| position::json_error(&state.file, path, state.end, &e);
        if first.is_none() {
            let found: First = serde_json::from_slice(&text).map_err(failed)?;
            if found.version != FORMAT_VERSION {
                let message = format!("the journal has version {}, expected {FORMAT_VERSION}", found.version);
                return Err(position::error(&state.file, path, state.end, message));
            }
            first = Some(found);
        } else {
            let order = parse::order(&text).map_err(failed)?;
            let interaction = parse::interaction(&text).map_err(failed)?;
            state.lines.push(Line { order, burst: order, start: state.end, len: n as u32, ours: false });
            state.refer_to(&interaction);
        }
        state.end += n as u64;
    }
    let first = first.ok_or_else(|| {
        Error::new("the recording is empty: it broke off before its first line was complete").at(path)
    })?;
    Ok((first, state))
}
