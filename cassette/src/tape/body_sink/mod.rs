//! Takes the bytes of a body while it is recorded. A body up to the inline limit is kept in memory, and a longer body
//! is written to a file. The bytes are hashed as they come, so the file is not read again.
//!
//! Must not know: what the body is part of.

mod writer;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use self::writer::Writer;
use super::{BodyFile, Content};
use crate::hex;
use crate::meaning::Reader;
use crate::media_type;

/// Takes the bytes of one body and returns its [`Content`]. Made by [`Journal::body`](super::Journal::body).
///
/// Holds at most the inline limit and 384 KiB in memory, however long the body is. If that is full, a write waits for
/// the disk. A sink that is dropped before [`finish`](BodySink::finish) leaves no file behind.
///
/// ```
/// use std::io::Write as _;
/// use cassette::__support::BodySink;
/// use cassette::tape::Content;
///
/// let mut sink = BodySink::hash_only(4);
/// sink.write_all(b"hello")?;
/// let Content::File(body) = sink.finish()? else { panic!("above the limit") };
/// assert_eq!(body.size, 5);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct BodySink {
    /// `None` if bytes above the limit are only hashed.
    folder: Option<Arc<Folder>>,
    extension: &'static str,
    inline_limit: usize,
    /// The whole body so far. If `long` is set, only the bytes that have not been passed to it.
    buffer: Vec<u8>,
    long: Option<Long>,
    /// Reads the bytes of a long body.
    reader: Option<Box<dyn Reader>>,
}

/// The part of a long body that has left the buffer.
#[derive(Debug)]
enum Long {
    Here(Box<Hashed>),
    /// A separate thread hashes and writes a body that is longer than `WORTH_A_THREAD`, because these two steps cost as
    /// much time as all earlier steps together.
    Background(Writer),
}

/// The state of a long body: the hash and the size of the bytes so far, and the file that they are written to.
#[derive(Debug)]
struct Hashed {
    hash: Sha256,
    size: u64,
    file: Option<Unfinished>,
}

/// The file of a body that has not ended. The drop removes it, unless it was finished.
#[derive(Debug)]
struct Unfinished {
    file: File,
    path: PathBuf,
    finished: bool,
}

/// A folder of body files that several sinks write into.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    next: AtomicU64,
}

/// The number of bytes that are collected in the buffer before they are hashed and written.
const CHUNK: usize = 64 * 1024;

/// A separate thread hashes and writes bodies that are longer than this. To start the thread takes some 30 µs.
const WORTH_A_THREAD: u64 = 512 * 1024;

impl BodySink {
    pub(super) fn new(folder: Arc<Folder>, inline_limit: usize, content_type: Option<&str>) -> BodySink {
        BodySink {
            folder: Some(folder),
            extension: extension(content_type),
            ..BodySink::hash_only(inline_limit)
        }
    }

    /// A sink for the body of a request on replay. If the body is longer than `inline_limit` bytes, the sink keeps only
    /// its hash and size, and the [`BodyFile`] has no name.
    pub fn hash_only(inline_limit: usize) -> BodySink {
        BodySink {
            folder: None,
            extension: "bin",
            inline_limit,
            buffer: Vec::new(),
            long: None,
            reader: None,
        }
    }

    /// Adds a reader, which computes the meaning of a long body.
    pub(crate) fn with_reader(mut self, reader: Option<Box<dyn Reader>>) -> BodySink {
        self.reader = reader;
        self
    }

    /// Ends the body. A long body then lies in the folder of the recording, named by its hash.
    ///
    /// # Errors
    ///
    /// The remaining bytes cannot be written.
    pub fn finish(mut self) -> io::Result<Content> {
        self.drain()?;
        let Hashed { hash, size, file } = match self.long.take() {
            None => return Ok(Content::Inline(Bytes::from(std::mem::take(&mut self.buffer)))),
            Some(Long::Here(hashed)) => *hashed,
            Some(Long::Background(writer)) => writer.finish()?,
        };
        let sha256 = hex::encode(&hash.finalize());
        let mut name = String::new();
        if let Some((file, folder)) = file.zip(self.folder.as_ref()) {
            name = format!("{sha256}.{}", self.extension);
            file.finish(&folder.path.join(&name))?;
        }
        let meaning = self.reader.take().and_then(Reader::finish).map(Arc::new);
        Ok(Content::File(BodyFile { name, size, sha256, meaning }))
    }

    /// Hashes and writes the buffered bytes of a long body, or passes them to the thread that does.
    fn drain(&mut self) -> io::Result<()> {
        if self.long.is_some()
            && let Some(reader) = &mut self.reader
        {
            reader.write(&self.buffer);
        }
        match &mut self.long {
            None => Ok(()),
            Some(Long::Background(writer)) => writer.pass(&mut self.buffer),
            Some(Long::Here(hashed)) => {
                hashed.add(&self.buffer)?;
                self.buffer.clear();
                if hashed.size > WORTH_A_THREAD && hashed.file.is_some() {
                    self.long = self.long.take().map(Long::in_background);
                }
                Ok(())
            }
        }
    }
}

impl Write for BodySink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.long.is_none() {
            if self.buffer.len() + bytes.len() <= self.inline_limit {
                self.buffer.extend_from_slice(bytes);
                return Ok(bytes.len());
            }
            let file = self.folder.as_ref().map(|folder| folder.create()).transpose()?;
            self.long = Some(Long::Here(Box::new(Hashed { hash: Sha256::new(), size: 0, file })));
            self.drain()?;
        }
        for piece in bytes.chunks(CHUNK) {
            if self.buffer.len() + piece.len() > CHUNK {
                self.drain()?;
            }
            self.buffer.extend_from_slice(piece);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.drain()
    }
}

impl Long {
    fn in_background(self) -> Long {
        match self {
            Long::Here(hashed) => Writer::start(hashed).map_or_else(Long::Here, Long::Background),
            other => other,
        }
    }
}

impl Hashed {
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(Unfinished { file, path, .. }) = &mut self.file {
            file.write_all(bytes).map_err(|e| named(e, path))?;
        }
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }
}

impl Folder {
    /// The folder is created when the first body needs it.
    pub(super) fn new(path: PathBuf) -> Folder {
        Folder { path, next: AtomicU64::new(0) }
    }

    fn create(&self) -> io::Result<Unfinished> {
        let name = format!("unfinished-{}", self.next.fetch_add(1, Ordering::Relaxed));
        let path = self.path.join(name);
        fs::create_dir_all(&self.path).map_err(|e| named(e, &self.path))?;
        let file = File::create(&path).map_err(|e| named(e, &path))?;
        Ok(Unfinished { file, path, finished: false })
    }
}

impl Unfinished {
    /// Gives the file its final name. Equal bodies have equal names, so the file may replace another file with the same
    /// bytes.
    fn finish(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path).map_err(|e| named(e, path))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished {
            // A drop cannot return an error. If the file stays, a later recording removes it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Adds the path of the file to the error.
fn named(e: io::Error, path: &Path) -> io::Error {
    io::Error::new(e.kind(), format!("could not write {}: {e}", path.display()))
}

/// The extension of a body file, so that people can open the file with the right program.
fn extension(content_type: Option<&str>) -> &'static str {
    let essence = media_type::essence(content_type.unwrap_or(""));
    match essence.as_str() {
        "application/json" => "json",
        "application/x-ndjson" | "application/jsonl" | "application/x-jsonlines" => "ndjson",
        "text/csv" | "application/csv" => "csv",
        "text/tab-separated-values" => "tsv",
        "text/html" => "html",
        "application/xml" | "text/xml" => "xml",
        "application/javascript" | "text/javascript" => "js",
        "text/css" => "css",
        "application/pdf" => "pdf",
        "application/zip" => "zip",
        "application/gzip" | "application/x-gzip" => "gz",
        "application/vnd.apache.parquet" => "parquet",
        "application/yaml" | "text/yaml" => "yaml",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "image/svg+xml" => "svg",
        other if other.ends_with("+json") => "json",
        other if other.ends_with("+xml") => "xml",
        other if other.starts_with("text/") => "txt",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_extension(content_type: &str, expected: &str) {
        assert_eq!(extension(Some(content_type)), expected);
        let name = format!("{}.{}", "0".repeat(64), extension(Some(content_type)));
        assert!(super::super::parse::file_name(&name), "the reader refuses {name}");
    }

    #[test]
    fn extensions() {
        assert_eq!(extension(None), "bin");
        check_extension("", "bin");
        check_extension("application/json", "json");
        check_extension("Application/JSON; charset=utf-8", "json");
        check_extension("application/hal+json", "json");
        check_extension("application/atom+xml", "xml");
        check_extension("image/svg+xml", "svg");
        check_extension("text/markdown", "txt");
        check_extension("text/csv;header=present", "csv");
        check_extension("../../etc/passwd", "bin");
    }

    fn sink(dir: &Path, limit: usize) -> BodySink {
        BodySink::new(Arc::new(Folder::new(dir.join("bodies"))), limit, Some("text/csv"))
    }

    /// Writes `size` bytes in pieces of `piece` bytes, and checks the stored body.
    #[track_caller]
    fn check(limit: usize, size: usize, piece: usize) {
        let dir = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..size).map(|i| (i * 31 % 251) as u8).collect();
        let hash = hex::encode(&Sha256::digest(&bytes));
        let mut kept = sink(dir.path(), limit);
        let mut hashed = BodySink::hash_only(limit);
        for piece in bytes.chunks(piece) {
            kept.write_all(piece).unwrap();
            hashed.write_all(piece).unwrap();
            assert!(kept.buffer.len() <= limit.max(CHUNK), "too much in memory");
        }
        let (kept, hashed) = (kept.finish().unwrap(), hashed.finish().unwrap());
        if size <= limit {
            assert_eq!(kept, Content::Inline(bytes.clone().into()));
            assert_eq!(hashed, kept);
            assert!(!dir.path().join("bodies").exists());
        } else {
            let name = format!("{hash}.csv");
            assert_eq!(fs::read(dir.path().join("bodies").join(&name)).unwrap(), bytes);
            let file = BodyFile { name, size: size as u64, sha256: hash, meaning: None };
            assert_eq!(kept, Content::File(file.clone()));
            assert_eq!(hashed, Content::File(BodyFile { name: String::new(), ..file }));
        }
    }

    #[test]
    fn sizes() {
        check(10, 0, 1);
        check(10, 10, 1);
        check(10, 11, 1);
        check(10, 11, 11);
        check(0, 1, 1);
        check(0, 0, 1);
        check(100, 300_000, 70_000);
        check(100, 300_000, 1_000);
        check(200_000, 200_000, 999);
        check(200_000, 200_001, 999);
        check(65_536, 65_536 * 3, 65_536);
    }

    #[test]
    fn equal_bodies_share_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Arc::new(Folder::new(dir.path().to_path_buf()));
        for _ in 0..3 {
            let mut sink = BodySink::new(folder.clone(), 1, None);
            sink.write_all(b"abc").unwrap();
            sink.finish().unwrap();
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_dropped_sink_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = sink(dir.path(), 1);
        sink.write_all(b"abc").unwrap();
        assert_eq!(fs::read_dir(dir.path().join("bodies")).unwrap().count(), 1);
        drop(sink);
        assert_eq!(fs::read_dir(dir.path().join("bodies")).unwrap().count(), 0);
    }
}
