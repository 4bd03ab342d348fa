//! Reads a recorded body in chunks. While a body file is read, its size and hash are checked. If its bytes differ from
//! the recording, the reader ends with an error, and never returns the body as complete.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::{BodyFile, Content, lfs, parse};
use crate::error::{Error, Result};
use crate::hex;

/// The size of one read in bytes.
const CHUNK: usize = 64 * 1024;

/// Reads a body in chunks of at most 64 KiB, or in one chunk if the document holds it.
///
/// The last chunk of a file is returned only if the hash of the whole file is the recorded hash.
#[derive(Debug)]
pub struct BodyReader(State);

#[derive(Debug)]
enum State {
    Inline(Bytes),
    File(Box<Checked>),
    Done,
}

#[derive(Debug)]
struct Checked {
    file: File,
    path: PathBuf,
    expected: BodyFile,
    left: u64,
    /// `None` if another reader checks the hash.
    hash: Option<Sha256>,
    buffer: BytesMut,
}

impl BodyReader {
    pub(super) fn open(folder: &Path, content: &Content) -> Result<BodyReader> {
        match content {
            Content::Inline(bytes) if bytes.is_empty() => Ok(BodyReader(State::Done)),
            Content::Inline(bytes) => Ok(BodyReader(State::Inline(bytes.clone()))),
            Content::File(file) => Checked::open(folder, file).map(|f| BodyReader(State::File(Box::new(f)))),
        }
    }

    /// A reader that does not check the hash. It is for a first pass over the body, if another reader checks the hash
    /// in a second pass.
    pub(crate) fn unchecked(mut self) -> BodyReader {
        if let State::File(file) = &mut self.0 {
            file.hash = None;
        }
        self
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or it differs from the recording. After an error the reader must not be used.
    pub fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        match std::mem::replace(&mut self.0, State::Done) {
            State::Done => Ok(None),
            State::Inline(bytes) => Ok(Some(bytes)),
            State::File(mut file) => {
                let chunk = file.next_chunk()?;
                if file.left > 0 {
                    self.0 = State::File(file);
                }
                Ok(Some(chunk))
            }
        }
    }
}

impl Iterator for BodyReader {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_chunk().transpose()
    }
}

impl Checked {
    fn open(folder: &Path, expected: &BodyFile) -> Result<Checked> {
        // The names in a document are checked when it is parsed. But the caller may have made this `BodyFile` itself.
        if !parse::file_name(&expected.name) {
            return Err(Error::new(format!("`{}` is not the name of a body file", expected.name)).at(folder));
        }
        let path = folder.join(&expected.name);
        let failed = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => Error::new("the file of a body is missing")
                .at(&path)
                .hint("commit the `.bodies` folder together with the cassette, or record it again"),
            _ => Error::io("open the file of a body", &path, e),
        };
        // The kind of the file is checked before it is opened. Opening a named pipe would block until another process
        // opens it, too.
        let found = std::fs::metadata(&path).map_err(failed)?;
        if !found.is_file() {
            return Err(Error::new("the file of a body is not a regular file").at(&path));
        }
        let file = File::open(&path).map_err(failed)?;
        let checked = Checked {
            file,
            path: path.clone(),
            expected: expected.clone(),
            left: expected.size,
            hash: Some(Sha256::new()),
            buffer: BytesMut::new(),
        };
        if found.len() != expected.size {
            let message = format!("it has {} bytes instead of {}", found.len(), expected.size);
            return Err(checked.changed(&message));
        }
        Ok(checked)
    }

    fn next_chunk(&mut self) -> Result<Bytes> {
        let len = CHUNK.min(usize::try_from(self.left).unwrap_or(CHUNK));
        // If the caller has dropped the previous chunk, this reuses its memory.
        self.buffer.resize(len, 0);
        self.file
            .read_exact(&mut self.buffer)
            .map_err(|e| Error::io("read the file of a body", &self.path, e))?;
        if let Some(hash) = &mut self.hash {
            hash.update(&self.buffer);
        }
        self.left -= len as u64;
        if self.left == 0
            && let Some(hash) = self.hash.take()
        {
            let found = hex::encode(&hash.finalize());
            if found != self.expected.sha256 {
                return Err(self.changed(&format!("its SHA-256 is {found}")));
            }
        }
        Ok(self.buffer.split().freeze())
    }

    fn changed(&self, how: &str) -> Error {
        lfs::pointer(&self.path, "the body").unwrap_or_else(|| {
            Error::new(format!("the file of a body is not the one that was recorded: {how}")).at(&self.path).hint(
                "if Git changed its line ends, put `**/*.bodies/** -text` into .gitattributes, and get the file again",
            )
        })
    }
}
