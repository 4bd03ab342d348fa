//! Reads and writes files at an offset, and maps an offset to line and column.
//!
//! To map an offset, this module reads the file again. Errors are rare, and a list of the starts of all lines would
//! cost memory.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::error::Error;

/// Fills `buffer` with the bytes of the file from `offset` on. Several threads may read the same file at the same time.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset);
    #[cfg(windows)]
    {
        use std::os::windows::fs::FileExt;
        let mut done = 0;
        while done < buffer.len() {
            match file.seek_read(&mut buffer[done..], offset + done as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// Writes all of `bytes` from `offset` on.
pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::write_all_at(file, bytes, offset);
    #[cfg(windows)]
    {
        use std::os::windows::fs::FileExt;
        let mut done = 0;
        while done < bytes.len() {
            match file.seek_write(&bytes[done..], offset + done as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// An error about the byte at `offset`.
pub(super) fn error(file: &File, path: &Path, offset: u64, message: impl Into<String>) -> Error {
    let e = Error::new(message).at(path);
    match line_and_column(file, offset) {
        Ok((line, column)) => e.at_position(line, column),
        // If the file cannot be read, the error has no position.
        Err(_) => e,
    }
}

/// Converts serde's error about a piece of the file, which starts at `offset`. The new error has its position in the
/// file.
pub(super) fn json_error(file: &File, path: &Path, offset: u64, e: &serde_json::Error) -> Error {
    let text = e.to_string();
    // serde's message ends with a position that counts from the start of the piece. This position is left out.
    let message = match text.rfind(" at line ") {
        Some(end) if e.line() > 0 => &text[..end],
        _ => &text,
    };
    let found = Error::new(message).at(path);
    match line_and_column(file, offset) {
        Ok((line, column)) if e.line() <= 1 => found.at_position(line, column + e.column().saturating_sub(1)),
        Ok((line, _)) => found.at_position(line + e.line() - 1, e.column().max(1)),
        Err(_) => found,
    }
}

/// Line and column of an offset, both counted from 1. The column counts bytes, as compilers do.
fn line_and_column(file: &File, offset: u64) -> io::Result<(usize, usize)> {
    let mut buffer = vec![0; 64 * 1024];
    let (mut at, mut line, mut line_start) = (0, 1, 0);
    while at < offset {
        let n = buffer.len().min(usize::try_from(offset - at).unwrap_or(usize::MAX));
        read_at(file, &mut buffer[..n], at)?;
        for newline in memchr::memchr_iter(b'\n', &buffer[..n]) {
            line += 1;
            line_start = at + newline as u64 + 1;
        }
        at += n as u64;
    }
    Ok((line, (offset - line_start) as usize + 1))
}
