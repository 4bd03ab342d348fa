//! Turns files into hashes and tables. The cores read files in parallel, each core with a buffer of 64 KiB, and each
//! file is read once.

use std::fs::File;
use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use super::csv::TableReader;
use super::manifest::{Entry, Item};
use super::walk::{ListedFile, Listing};
use crate::cores;
use crate::error::{Error, Result};
use crate::hex;

const CHUNK: usize = 64 * 1024;

/// The number of bytes that is worth a thread. With fewer bytes, a second thread costs more than it saves.
const WORTH_A_THREAD: u64 = 256 * 1024;

/// A function that reads the bytes of a file and writes other bytes. The written bytes are hashed instead of the bytes
/// of the file.
pub(crate) type Filter<'f> = &'f (dyn Fn(&mut dyn Read, &mut dyn Write) -> io::Result<()> + Sync);

/// Reads every listed file. The order of the result is not defined.
pub(super) fn digest(found: Listing, filter: Option<Filter<'_>>) -> Result<Vec<Entry>> {
    let Listing { mut done, mut files } = found;
    let bytes: u64 = files.iter().map(|f| f.size).sum();
    // The largest files come first, so that no core is left alone with a long file at the end.
    files.sort_unstable_by(|a, b| b.size.cmp(&a.size).then_with(|| a.name.cmp(&b.name)));
    let parts = cores::try_map_catching(
        &files,
        threads_worth(bytes),
        || vec![0; CHUNK],
        |buffer, file| read(file, filter, buffer),
    )?;
    done.extend(parts);
    Ok(done)
}

fn threads_worth(bytes: u64) -> usize {
    usize::try_from(bytes / WORTH_A_THREAD).unwrap_or(usize::MAX).saturating_add(1)
}

fn read(found: &ListedFile, filter: Option<Filter<'_>>, buffer: &mut [u8]) -> Result<Entry> {
    let failed = |e| Error::io("read the file", &found.path, e);
    let mut file = File::open(&found.path).map_err(failed)?;
    let mut sums = Sums { hasher: Sha256::new(), table: TableReader::for_name(&found.name), size: 0 };
    match filter {
        Some(filter) => filter(&mut file, &mut sums).map_err(failed)?,
        None => loop {
            let n = fill(&mut file, buffer).map_err(failed)?;
            if n == 0 {
                break;
            }
            sums.add(&buffer[..n]);
        },
    }
    let Sums { hasher, table, size } = sums;
    let table = table.map(TableReader::finish);
    let sha256 = hex::encode(&hasher.finalize());
    Ok(Entry { path: found.name.clone(), item: Item::File { size, sha256, table } })
}

/// The hash, table and size of a file.
struct Sums {
    hasher: Sha256,
    table: Option<TableReader>,
    size: u64,
}

impl Sums {
    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        if let Some(table) = &mut self.table {
            table.feed(bytes);
        }
        self.size += bytes.len() as u64;
    }
}

impl Write for Sums {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads until the buffer is full or the file ends. A shorter first read could split a byte order mark.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match file.read(&mut buffer[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(n)
}
