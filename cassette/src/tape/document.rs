//! An open cassette. It keeps an index of the document, and reads and parses the parts of the document on demand.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::body_reader::BodyReader;
use super::outline::{self, Entry, ScanError, Span};
use super::window::Window;
use super::{Body, Files, Interaction, Metadata, Request, lfs, parse, position};
use crate::error::{Error, Result};

/// The version of the format that this library reads and writes.
pub(super) const FORMAT_VERSION: u64 = 2;

/// A cassette on disk, open for reading.
///
/// Keeps the document open, and 24 bytes in memory for each interaction. Bodies stay on the disk until they are read.
/// If a new recording replaces the cassette meanwhile, this value still reads the old document. On Windows an open
/// cassette cannot be replaced.
///
/// ```no_run
/// use cassette::tape::Cassette;
///
/// let cassette = Cassette::open("tests/cassettes/weather/berlin.json")?;
/// for i in 0..cassette.len() {
///     println!("{}", cassette.request(i)?.uri);
/// }
/// # Ok::<(), cassette::TestError>(())
/// ```
#[derive(Debug)]
pub struct Cassette {
    file: File,
    path: PathBuf,
    bodies: PathBuf,
    metadata: Metadata,
    /// The length of the document in bytes.
    len: u64,
    entries: Vec<Entry>,
    interactions_at: u64,
}

/// Limits for reading a cassette, so that a hostile file causes an error instead of using up the memory.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The length of the document in bytes. Default: 16 GiB.
    pub document: u64,
    /// The length of one interaction in the document in bytes. Default: 256 MiB.
    pub interaction: u32,
    /// The number of interactions. Default: 10 million.
    pub interactions: usize,
    /// The nesting depth of values. Default: 128. Documents that this library writes need 70.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { document: 16 << 30, interaction: 256 << 20, interactions: 10_000_000, depth: 128 }
    }
}

impl Cassette {
    /// Opens the cassette whose document has this path. Reads the metadata, and finds the offsets of the interactions.
    /// The long bodies of a cassette `weather.json` are in the folder `weather.bodies/` next to it.
    ///
    /// # Errors
    ///
    /// There is no cassette, it cannot be read, its format is not version 2, or it is malformed. The error about a
    /// malformed cassette has line and column.
    pub fn open(document: impl AsRef<Path>) -> Result<Cassette> {
        let document = document.as_ref();
        Cassette::read(document.to_owned(), document.with_extension("bodies"), &Limits::default())
    }

    /// The same as [`Cassette::open`], for a cassette with these paths.
    pub(crate) fn open_files(files: &Files) -> Result<Cassette> {
        Cassette::open_with(files, &Limits::default())
    }

    /// The same as [`Cassette::open`], for a cassette with these paths and within these limits.
    pub(crate) fn open_with(files: &Files, limits: &Limits) -> Result<Cassette> {
        Cassette::read(files.document(), files.bodies(), limits)
    }

    pub(super) fn read(path: PathBuf, bodies: PathBuf, limits: &Limits) -> Result<Cassette> {
        let file = File::open(&path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => Error::new("there is no cassette").at(&path),
            _ => Error::io("open the cassette", &path, e),
        })?;
        let len = file.metadata().map_err(|e| Error::io("read the cassette", &path, e))?.len();
        if len > limits.document {
            let most = limits.document;
            return Err(
                Error::new(format!("the cassette is {len} bytes long, {most} are the most")).at(&path)
            );
        }
        let outline = outline::outline(&file, limits).map_err(|e| match e {
            ScanError::Read(e) => Error::io("read the cassette", &path, e),
            ScanError::Text { offset, message } => lfs::pointer(&path, "a cassette")
                .unwrap_or_else(|| position::error(&file, &path, offset, message)),
        })?;
        let mut cassette = Cassette {
            file,
            path,
            bodies,
            metadata: Metadata::default(),
            len,
            entries: outline.interactions,
            interactions_at: outline.interactions_at.unwrap_or(0),
        };
        cassette.check_version(outline.version)?;
        if outline.interactions_at.is_none() {
            return Err(cassette.fail(0, "missing field `interactions`"));
        }
        if let Some(span) = outline.metadata {
            cassette.metadata = cassette.parse(span, |json| serde_json::from_slice(json))?;
        }
        if let Some(span) = outline.template {
            cassette.metadata.template |=
                cassette.parse(span, |json| serde_json::from_slice::<bool>(json))?;
        }
        Ok(cassette)
    }

    /// The number of interactions.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no interactions.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The cassette's metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The path of the document, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The request of interaction `i`, counted from 0. Reads only the request from the file.
    ///
    /// # Errors
    ///
    /// The request cannot be read or is malformed.
    ///
    /// # Panics
    ///
    /// `i` is not less than [`Cassette::len`].
    pub fn request(&self, i: usize) -> Result<Request> {
        match self.entries[i].request() {
            Some(span) => self.parse(span, parse::request),
            None => Ok(self.interaction(i)?.request),
        }
    }

    /// The requests of these interactions, in order. One read fetches several requests, so this is faster than a call
    /// of [`Cassette::request`] for each request.
    ///
    /// # Panics
    ///
    /// The range ends after [`Cassette::len`].
    pub(crate) fn requests(&self, range: Range<usize>) -> impl Iterator<Item = Result<Request>> {
        let mut window = Window::default();
        self.entries[range].iter().map(move |entry| {
            let Some(span) = entry.request() else {
                return Ok(self.parse(entry.span(), parse::interaction)?.request);
            };
            let json =
                window.piece(&self.file, span.start, span.len, self.len).map_err(|e| self.unreadable(e))?;
            self.parsed(span, json, parse::request)
        })
    }

    /// Whether interaction `i` has keys that change its replay.
    pub(crate) fn is_flagged(&self, i: usize) -> bool {
        self.entries[i].is_flagged()
    }

    /// Interaction `i`, counted from 0.
    ///
    /// # Errors
    ///
    /// The interaction cannot be read or is malformed.
    ///
    /// # Panics
    ///
    /// `i` is not less than [`Cassette::len`].
    pub fn interaction(&self, i: usize) -> Result<Interaction> {
        self.parse(self.entries[i].span(), parse::interaction)
    }

    /// The text of interaction `i` in the document.
    pub(super) fn text(&self, i: usize) -> Result<Vec<u8>> {
        let span = self.entries[i].span();
        let mut text = vec![0; span.len as usize];
        position::read_at(&self.file, &mut text, span.start).map_err(|e| self.unreadable(e))?;
        Ok(text)
    }

    /// Maps an offset of the document to the number of the interaction there, and to the offset within the
    /// interaction's text.
    pub(super) fn interaction_at(&self, offset: u64) -> Option<(usize, usize)> {
        let i = self.entries.partition_point(|entry| entry.span().start <= offset).checked_sub(1)?;
        let Span { start, len } = self.entries[i].span();
        let within = usize::try_from(offset - start).ok()?;
        (within < len as usize).then_some((i, within))
    }

    /// The bytes of a body of this cassette, from memory or from its file.
    ///
    /// # Errors
    ///
    /// The file is missing or has another size.
    pub fn body_reader(&self, body: &Body) -> Result<BodyReader> {
        BodyReader::open(&self.bodies, &body.content)
    }

    /// The offset of the array of interactions. All times of the recording are before this offset.
    pub(super) fn interactions_at(&self) -> u64 {
        self.interactions_at
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    fn check_version(&self, version: Option<Span>) -> Result<()> {
        let Some(span) = version else {
            return Err(self.fail(0, format!("missing field `version`, expected {FORMAT_VERSION}")));
        };
        let found: serde_json::Value = self.parse(span, |json| serde_json::from_slice(json))?;
        let message = match found.as_u64() {
            Some(FORMAT_VERSION) => return Ok(()),
            Some(n) => format!("the cassette has version {n}, this library reads {FORMAT_VERSION}"),
            None => format!("the version is not the number {FORMAT_VERSION}"),
        };
        Err(self.fail(span.start, message))
    }

    fn parse<T>(&self, span: Span, parse: impl FnOnce(&[u8]) -> serde_json::Result<T>) -> Result<T> {
        let mut json = vec![0; span.len as usize];
        position::read_at(&self.file, &mut json, span.start).map_err(|e| self.unreadable(e))?;
        self.parsed(span, &json, parse)
    }

    fn parsed<T>(
        &self,
        span: Span,
        json: &[u8],
        parse: impl FnOnce(&[u8]) -> serde_json::Result<T>,
    ) -> Result<T> {
        parse(json).map_err(|e| position::json_error(&self.file, &self.path, span.start, &e))
    }

    fn unreadable(&self, e: io::Error) -> Error {
        Error::io("read the cassette", &self.path, e)
    }

    fn fail(&self, offset: u64, message: impl Into<String>) -> Error {
        position::error(&self.file, &self.path, offset, message)
    }
}
