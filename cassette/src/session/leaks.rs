//! The final leak check. No file that is about to be installed may contain a known secret. The files are searched in
//! pieces, on all cores.
//!
//! Must not know: what a secret looks like, or how a report describes a place.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::capture;
use crate::cores;
use crate::error::{Error, Result};
use crate::redact::{Leak, LeakCheck, LeakEncoding};
use crate::report::{self, LeakPart, LeakPlace};
use crate::snapshot::Manifest;
use crate::syntax::pointer::push_segment;
use crate::tape::{Located, Part, Prepared, json_string};

use crate::redact::suggest::{self, Suggestion, Suggestions};

/// The size of the pieces in which a file is searched, in bytes. A smaller piece is not worth a thread.
const PIECE: u64 = 8 * 1024 * 1024;

/// The overlap of two neighbouring pieces, in bytes. It is longer than every token that a pattern finds. If an encoding
/// of a known value is longer still, a larger overlap is used.
const SHARED: u64 = 64 * 1024;

/// The greatest number of threads. More threads would only wait for the disk.
const MOST_THREADS: usize = 8;

/// A leak in a file, or in the compressed data of a file.
#[derive(Debug)]
pub(super) struct FoundLeak {
    pub(super) file: PathBuf,
    pub(super) leak: Leak,
    pub(super) packed: bool,
}

/// Finds the first leak of each file, and the first leak in the compressed data of each file.
///
/// # Errors
///
/// If a file cannot be read.
pub(super) fn search(check: &LeakCheck, files: &[PathBuf]) -> Result<Vec<FoundLeak>> {
    let pieces = pieces(files, check.overlap())?;
    let mut all: Vec<FoundLeak> = cores::try_map_catching(
        files,
        MOST_THREADS,
        || (),
        |(), file| {
            let leak = in_packed(check, file).map_err(|e| Error::io("scan", file, e))?;
            Ok(leak.map(|leak| FoundLeak { file: file.clone(), leak, packed: true }))
        },
    )?
    .into_iter()
    .flatten()
    .collect();
    let mut suspects: Vec<&PathBuf> = cores::try_map_catching(
        &pieces,
        MOST_THREADS,
        || (),
        |(), piece| {
            let leaks = piece.leaks(check).map_err(|e| Error::io("scan", piece.file, e))?;
            Ok(leaks.then_some(piece.file))
        },
    )?
    .into_iter()
    .flatten()
    .collect();
    suspects.sort_unstable();
    suspects.dedup();
    for file in suspects {
        // The leak was found in a piece, without the bytes before the piece. Only a search of the whole file shows
        // whether it really is a secret, and in which line it is.
        let leak = File::open(file).and_then(|opened| check.scan(opened));
        let leak = leak.map_err(|e| Error::io("scan", file, e))?;
        all.extend(leak.map(|leak| FoundLeak { file: file.clone(), leak, packed: false }));
    }
    all.sort_by(|a, b| (&a.file, a.packed).cmp(&(&b.file, b.packed)));
    Ok(all)
}

/// The first leak in the compressed data of a file. Corrupt data is not an error, because the server may have sent it
/// so. The check then reads the part that can be decompressed.
fn in_packed(check: &LeakCheck, file: &Path) -> io::Result<Option<Leak>> {
    let open = |at: u64| -> io::Result<File> {
        let mut file = File::open(file)?;
        file.seek(SeekFrom::Start(at))?;
        Ok(file)
    };
    let mut first = None;
    check.packed(open, |leak| {
        first = Some(leak);
        ControlFlow::Break(())
    })?;
    Ok(first)
}

/// Describes a leak in a file of the recording: its place, and the rule that would redact it.
pub(super) fn in_recording(
    suggestions: &Suggestions<'_>,
    prepared: &Prepared,
    found: FoundLeak,
) -> report::Leak {
    let FoundLeak { file, leak, packed } = found;
    let mut encoding = leak.encoding;
    let (place, rule) = match prepared.locate(&file, leak.offset) {
        Some(located) => {
            // Redaction rules do not read compressed data, so there is no rule to suggest.
            let (rule, charset) = match packed {
                true => (None, None),
                false => suggestion(suggestions, &located, &file),
            };
            encoding = charset.unwrap_or(encoding);
            (place(suggestions.check, &located, leak.line), rule)
        }
        None => (LeakPlace::Metadata, None),
    };
    report::Leak { name: leak.name, kind: leak.kind, encoding, unpacked: packed, place, rule }
}

/// The rule that would redact a leak. If the body with the leak is not UTF-8, also returns the encoding of the secret
/// in the body itself, because the cassette has such a body in base64.
fn suggestion(
    suggestions: &Suggestions<'_>,
    located: &Located,
    file: &Path,
) -> (Option<Suggestion>, Option<LeakEncoding>) {
    match located.part() {
        Part::Url => (suggestions.for_uri(&located.interaction.request.uri), None),
        Part::Header(name) => {
            (located.values(name).find_map(|value| suggestions.for_header(name, value)), None)
        }
        Part::Body { json, .. } => {
            let Some(bytes) = located.body(file, suggest::MOST as u64) else { return (None, None) };
            if let Some(charset) = suggestions.charset(&bytes) {
                return (Some(Suggestion::SomeBody), Some(charset));
            }
            let rule = match json {
                Some(keys) => json_string(&bytes, keys).and_then(|text| suggestions.for_json(&text)),
                None => suggestions.for_body(located.headers().and_then(capture::content_type), &bytes),
            };
            (rule, None)
        }
        Part::Other(_) => (None, None),
    }
}

/// Describes a leak in the manifest of the output. The manifest has one line for each file.
pub(super) fn in_output(check: &LeakCheck, manifest: &Manifest, leak: Leak) -> report::Leak {
    let line = usize::try_from(leak.line).unwrap_or(usize::MAX);
    let entry = line.checked_sub(1).and_then(|i| manifest.entries().get(i));
    let path = entry.map(|entry| entry.path.clone()).filter(|path| is_clean(check, path));
    report::Leak {
        name: leak.name,
        kind: leak.kind,
        encoding: leak.encoding,
        unpacked: false,
        place: LeakPlace::Output { path },
        rule: None,
    }
}

/// The place of a leak. Texts that contain a secret are left out.
fn place(check: &LeakCheck, located: &Located, line: u64) -> LeakPlace {
    let named = |name: &str, part: fn(String) -> LeakPart| match is_clean(check, name) {
        true => part(name.to_owned()),
        false => LeakPart::Other("the name of a field".to_owned()),
    };
    let part = match located.part() {
        Part::Url => LeakPart::Url,
        Part::Header(name) => named(name, LeakPart::Header),
        Part::Body { .. } if located.in_file => LeakPart::Body { line: Some(line), pointer: None },
        Part::Body { line, json } => {
            let mut pointer = String::new();
            json.into_iter().flatten().for_each(|key| push_segment(&mut pointer, key));
            let pointer = Some(pointer).filter(|pointer| !pointer.is_empty() && is_clean(check, pointer));
            LeakPart::Body { line, pointer }
        }
        Part::Other(keys) => named(&keys, LeakPart::Other),
    };
    let request = &located.interaction.request;
    let uri = match is_clean(check, &request.uri) {
        true => request.uri.clone(),
        // The URL contains a secret, so the report shows only the server.
        false => {
            let authority = request.uri.find("://").map_or(0, |at| at + 3);
            let end = request.uri[authority..].find(['/', '?', '#']).map_or(0, |at| authority + at);
            format!("{}…", &request.uri[..end])
        }
    };
    let request = format!("{} {uri}", request.method);
    LeakPlace::Interaction { number: located.index + 1, request, of_answer: located.is_of_answer(), part }
}

fn is_clean(check: &LeakCheck, text: &str) -> bool {
    check.scan(text.as_bytes()).is_ok_and(|leak| leak.is_none())
}

/// A part of a file that one thread searches.
struct Piece<'f> {
    file: &'f PathBuf,
    start: u64,
    len: u64,
}

fn pieces(files: &[PathBuf], overlap: u64) -> Result<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    for file in files {
        let size = file.metadata().map_err(|e| Error::io("read", file, e))?.len();
        let starts = (0..size.max(1)).step_by(PIECE as usize);
        pieces.extend(starts.map(|start| Piece { file, start, len: PIECE + SHARED.max(overlap) }));
    }
    Ok(pieces)
}

impl Piece<'_> {
    fn leaks(&self, check: &LeakCheck) -> io::Result<bool> {
        let mut file = File::open(self.file)?;
        file.seek(SeekFrom::Start(self.start))?;
        Ok(check.scan(file.take(self.len))?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::redact::{Redactor, Rules};

    const VALUE: &str = "pk-2f9a77c1-66b0";

    /// The search finds the value or the token `secret`, which begins at `at` in a file of `size` bytes.
    #[track_caller]
    fn check(size: usize, secret: &str, at: usize) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("body.txt");
        let mut text = vec![b'.'; size];
        text[at..at + secret.len()].copy_from_slice(secret.as_bytes());
        std::fs::write(&file, text).unwrap();
        let redactor = Redactor::new(Rules::default().secret("KEY", VALUE).unwrap()).unwrap();
        let found = search(&redactor.leak_check().unwrap(), std::slice::from_ref(&file)).unwrap();
        let places: Vec<_> = found.iter().map(|f| (&f.file, f.leak.offset, f.leak.line)).collect();
        assert_eq!(places, [(&file, at as u64, 1)], "{secret} at {at}");
    }

    #[test]
    fn wherever_pieces_meet() {
        let piece = PIECE as usize;
        let size = 2 * piece + 100_000;
        let token = format!("ghp_{}Z", "x7Yk2".repeat(7));
        for at in [0, piece - VALUE.len(), piece - 1, piece, 2 * piece - 3, size - VALUE.len()] {
            check(size, VALUE, at);
        }
        check(size, &token, piece - 7);
    }

    #[test]
    fn the_first_of_each_file_and_none_of_clean_ones() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let files =
            [file("a", &format!("x\n{VALUE}\n{VALUE}")), file("b", ""), file("c", VALUE), file("d", "clean")];
        let redactor = Redactor::new(Rules::default().secret("KEY", VALUE).unwrap()).unwrap();
        let found = search(&redactor.leak_check().unwrap(), &files).unwrap();
        let places: Vec<_> = found.iter().map(|f| (&f.file, f.leak.line, f.leak.column)).collect();
        assert_eq!(places, [(&files[0], 2, 1), (&files[2], 1, 1)]);
        assert!(search(&redactor.leak_check().unwrap(), &[]).unwrap().is_empty());
        assert!(search(&redactor.leak_check().unwrap(), &[dir.path().join("none")]).is_err());
    }

    #[test]
    fn what_is_packed() {
        let dir = tempfile::tempdir().unwrap();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(format!("one\n{VALUE}").as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        let (body, document) = (dir.path().join("body"), dir.path().join("document"));
        std::fs::write(&body, &packed).unwrap();
        std::fs::write(&document, format!("\n\"{}\" {VALUE}", STANDARD.encode(&packed))).unwrap();
        let redactor = Redactor::new(Rules::default().secret("KEY", VALUE).unwrap()).unwrap();
        let files = [document.clone(), body.clone()];
        let found = search(&redactor.leak_check().unwrap(), &files).unwrap();
        let places: Vec<_> = found.iter().map(|f| (&f.file, f.packed, f.leak.line)).collect();
        assert_eq!(places, [(&body, true, 2), (&document, false, 2), (&document, true, 2)]);
    }
}
