//! The leak check: searches a file for every secret in every encoding, and for tokens by their pattern. It is stricter
//! than redaction: it also finds secrets that redaction cannot replace, such as a value that is split over lines.
//!
//! Must not know: cassettes, how redaction works.

use std::fmt;
use std::io::{self, Read};
use std::ops::ControlFlow;

use super::leak::{Leak, LeakEncoding, LeakKind};
use super::window::{CHUNK, Place, Window, line_break, place_after};
use crate::Result;
use crate::redact::leaks::packed;
use crate::redact::leaks::packed::{Base64, Beginnings, Unpacked};
use crate::redact::patterns::{Next, Patterns};
use crate::redact::rules::rule::Rule;
use crate::redact::rules::secret::Secret;
use crate::redact::rules::set::Rules;
use crate::redact::stand_ins::is_stand_in;
use crate::redact::values::encodings::{Needle, needles_of_leaks};
use crate::redact::values::search::{Hit, Search};

/// Searches a file for the secrets of a [`Redactor`](crate::redact::Redactor) before cassette installs the file.
///
/// ```
/// use cassette::__support::{Redactor, Rules};
///
/// let redactor = Redactor::new(Rules::default().secret("KEY", "pk-2f9a77c1")?)?;
/// let check = redactor.leak_check()?;
/// assert!(check.scan(&b"nothing to see"[..])?.is_none());
/// let leak = check.scan(&b"key: pk-2f9a77c1"[..])?.unwrap();
/// assert_eq!(leak.to_string(), "the secret KEY, as it is, at byte 5");
/// # Ok::<(), cassette::TestError>(())
/// ```
pub struct LeakCheck {
    search: Search,
    sought: Vec<Sought>,
    patterns: Patterns,
    /// Values of fields that the project keeps. A token in them is no leak.
    excused: Vec<Vec<u8>>,
}

/// One encoding of a value to search for.
struct Sought {
    name: String,
    kind: LeakKind,
    needle: Needle,
}

impl Sought {
    fn leak(&self, encoding: LeakEncoding, place: Place) -> Leak {
        leak(self.name.clone(), self.kind, encoding, place)
    }
}

fn leak(name: String, kind: LeakKind, encoding: LeakEncoding, place: Place) -> Leak {
    let Place { offset, line, column } = place;
    Leak { name, kind, encoding, offset, line, column }
}

impl fmt::Debug for LeakCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeakCheck({} patterns)", self.sought.len())
    }
}

/// The check decompresses one file to at most this many bytes, because a few megabytes may decompress to terabytes.
const MOST_UNPACKED: u64 = 1 << 30;

/// Whether the check read all compressed data of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Whole,
    /// Decompression failed.
    Broken,
    /// The decompressed data is longer than [`MOST_UNPACKED`].
    TooLong,
}

impl LeakCheck {
    /// A check for the secrets of the rules, for secrets of other sessions and for found values. `found` has the needles of the found values, each
    /// with the placeholder of its value. `excused` are values of fields that the project keeps.
    pub(crate) fn new(
        rules: &Rules,
        others: Vec<Secret>,
        found: Vec<(String, Needle)>,
        excused: Vec<Vec<u8>>,
    ) -> Result<LeakCheck> {
        let found = found.into_iter().map(|(name, needle)| Sought { name, kind: LeakKind::Found, needle });
        let mut sought: Vec<Sought> = found.collect();
        let own = rules.secrets.iter().map(|secret| (secret, LeakKind::Secret));
        for (secret, kind) in own.chain(others.iter().map(|secret| (secret, LeakKind::SecretOfOther))) {
            let named = |needle| Sought { name: secret.name.clone(), kind, needle };
            sought.extend(needles_of_leaks(&secret.value).into_iter().map(named));
        }
        let search = Search::new(sought.iter().map(|sought| &sought.needle.bytes[..]))?;
        Ok(LeakCheck { search, sought, patterns: Patterns::new(rules), excused })
    }

    /// Reads up to the first secret and returns it, or reads to the end. Only a window of the text is in memory.
    ///
    /// # Errors
    ///
    /// Fails if the reader fails.
    pub fn scan(&self, reader: impl Read) -> io::Result<Option<Leak>> {
        let mut first = None;
        self.each(reader, |leak| {
            first = Some(leak);
            ControlFlow::Break(())
        })?;
        Ok(first)
    }

    /// Reads to the end and returns all secrets, sorted by offset.
    ///
    /// # Errors
    ///
    /// Fails if the reader fails.
    pub fn scan_all(&self, reader: impl Read) -> io::Result<Vec<Leak>> {
        let mut all = Vec::new();
        self.each(reader, |leak| {
            all.push(leak);
            ControlFlow::Continue(())
        })?;
        all.sort_by_key(|leak: &Leak| leak.offset);
        Ok(all)
    }

    /// Finds secrets in gzip or zstd data. If the file itself is compressed, this finds all secrets, with their places
    /// in the decompressed content. Otherwise it finds the first secret in each base64 text of compressed data, with
    /// the place where the base64 begins. Compressed data inside compressed data is not decompressed.
    ///
    /// `open` opens the file at an offset.
    ///
    /// # Errors
    ///
    /// Fails if the reader fails.
    pub(crate) fn packed<R: Read>(
        &self,
        open: impl Fn(u64) -> io::Result<R>,
        found: impl FnMut(Leak) -> ControlFlow<()>,
    ) -> io::Result<Seen> {
        self.packed_up_to(MOST_UNPACKED, open, found)
    }

    fn packed_up_to<R: Read>(
        &self,
        most: u64,
        open: impl Fn(u64) -> io::Result<R>,
        mut found: impl FnMut(Leak) -> ControlFlow<()>,
    ) -> io::Result<Seen> {
        if let Some(coding) = packed::coding(open(0)?)? {
            let mut unpacked = Unpacked::new(open(0)?, coding).take(most);
            self.each(&mut unpacked, found)?;
            return Ok(match unpacked.limit() {
                0 => Seen::TooLong,
                _ if unpacked.get_ref().is_broken => Seen::Broken,
                _ => Seen::Whole,
            });
        }
        let (mut beginnings, mut left) = (Beginnings::new(open(0)?), most);
        while let Some((offset, coding)) = beginnings.next()? {
            // A text that only begins like compressed data fails to decompress, so the check finds no leak in it.
            let mut unpacked = Unpacked::new(Base64::new(open(offset)?), coding).take(left);
            if let Some(leak) = self.scan(&mut unpacked)? {
                let Place { offset, line, column } = place_after(open(0)?.take(offset))?;
                if found(Leak { offset, line, column, ..leak }).is_break() {
                    break;
                }
            }
            left = unpacked.limit();
            if left == 0 {
                return Ok(Seen::TooLong);
            }
        }
        Ok(Seen::Whole)
    }

    /// If a text ends in the middle of a secret, the secret begins at most this many bytes before the end.
    pub(crate) fn overlap(&self) -> u64 {
        // Line breaks within a value make it longer.
        2 * self.search.longest() as u64
    }

    fn each(&self, mut reader: impl Read, mut found: impl FnMut(Leak) -> ControlFlow<()>) -> io::Result<()> {
        // Line breaks within a value make it longer.
        let overlap = 2 * self.search.longest();
        let mut window = Window::default();
        // The offsets up to which the window was searched for values, for values that are split over lines, and for
        // tokens.
        let (mut values, mut lines, mut tokens) = (0, 0, 0);
        loop {
            let read = reader.by_ref().take(CHUNK as u64).read_to_end(&mut window.text)?;
            let (whole, text) = (read == 0, &window.text);
            let limit = if whole { text.len() } else { text.len().saturating_sub(overlap) };
            while let Some(hit) = self.value(text, values).filter(|hit| hit.start < limit) {
                let sought = &self.sought[hit.id];
                let encoding = LeakEncoding::Value(sought.needle.kind);
                if found(sought.leak(encoding, window.place(hit.start))).is_break() {
                    return Ok(());
                }
                values = hit.end;
            }
            values = values.max(limit);
            for (sought, start) in self.over_lines(&text[lines.min(text.len())..]) {
                let start = lines + start;
                if start < limit
                    && found(sought.leak(LeakEncoding::OverLines, window.place(start))).is_break()
                {
                    return Ok(());
                }
            }
            lines = lines.max(limit);
            loop {
                match self.patterns.next(&window.before, text, tokens, whole) {
                    Next::Open(open) => {
                        tokens = open;
                        break;
                    }
                    Next::Token(token) if self.is_harmless(token.rule, &text[token.start..token.end]) => {
                        tokens = token.end
                    }
                    Next::Token(token) => {
                        let (name, place) = (token.rule.label.to_string(), window.place(token.start));
                        if found(leak(name, LeakKind::Token, LeakEncoding::Token, place)).is_break() {
                            return Ok(());
                        }
                        tokens = token.end;
                    }
                }
            }
            if whole {
                return Ok(());
            }
            let done = values.min(lines).min(tokens);
            window.drain(done);
            (values, lines, tokens) = (values - done, lines - done, tokens - done);
        }
    }

    /// Whether a token is a stand-in, or belongs to a field that the project keeps. A person chooses the password in a
    /// URL, and may choose one that contains the mark of stand-ins.
    fn is_harmless(&self, rule: &Rule, token: &[u8]) -> bool {
        let holds = |value: &Vec<u8>| memchr::memmem::find(value, token).is_some();
        !rule.is_default("CAS0515") && is_stand_in(token) || self.excused.iter().any(holds)
    }

    fn value(&self, text: &[u8], from: usize) -> Option<Hit> {
        // A hit that differs from its needle in case is no real hit. It must not hide a real hit.
        let is_match = |hit: &Hit| self.sought[hit.id].needle.is_match(&text[hit.start..hit.end]);
        self.search.find_where(text, from, is_match)
    }

    /// Finds values that are split over lines, by a search in the text without its line breaks.
    fn over_lines(&self, text: &[u8]) -> Vec<(&Sought, usize)> {
        let mut found = Vec::new();
        if self.search.is_empty() {
            return found;
        }
        let (mut joined, mut breaks, mut at) = (Vec::new(), Vec::new(), 0);
        while let Some(start) = memchr::memchr3(b'\n', b'\r', b'\\', &text[at..]).map(|found| at + found) {
            let end = line_break(text, start);
            if end == start {
                joined.extend_from_slice(&text[at..=start]);
                at = start + 1;
            } else {
                joined.extend_from_slice(&text[at..start]);
                breaks.push((joined.len(), end - joined.len()));
                at = end;
            }
        }
        if breaks.is_empty() {
            return found;
        }
        joined.extend_from_slice(&text[at..]);
        let mut from = 0;
        while let Some(hit) = self.value(&joined, from) {
            from = hit.end;
            let before = breaks.partition_point(|(at, _)| *at <= hit.start);
            if breaks.get(before).is_some_and(|(at, _)| *at < hit.end) {
                let removed = before.checked_sub(1).map_or(0, |last| breaks[last].1);
                found.push((&self.sought[hit.id], hit.start + removed));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::super::window::CHUNK;
    use super::*;
    use crate::redact::Redactor;

    /// A reader that returns one byte at a time, and sometimes an interruption.
    struct Slow<'a>(&'a [u8], bool);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 && self.0.len().is_multiple_of(64) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let n = self.0.len().min(out.len()).min(1);
            out[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, u64)>) {
        let rules = Rules::default().secret("KEY", "S3cr3t/é Key").unwrap();
        let rules = rules.secret("PLAIN", "plainsecret1").unwrap();
        let check = Redactor::new(rules).unwrap().leak_check().unwrap();
        let found = check.scan(Slow(text.as_bytes(), false)).unwrap();
        assert_eq!(found.as_ref().map(|leak| (leak.encoding(), leak.offset)), expected, "{text}");
    }

    #[test]
    fn every_encoding() {
        check("x S3cr3t/é Key", Some(("as it is", 2)));
        check(r"S3cr3t\/\u00E9 Key", Some(("JSON-escaped", 0)));
        check("a=S3cr3t%2f%c3%A9+Key", Some(("percent-encoded", 2)));
        check("S3cr3t%252f%25C3%25a9%2520Key", Some(("percent-encoded", 0)));
        check("-706C61696e73656372657431-", Some(("in hex", 1)));
        check("[\"a plainsec\\n\",\n    \"  ret1\"]", Some(("split over lines", 4)));
        check("dXNlcjpwbGFpbnNlY3JldDE=", Some(("in base64", 7)));
    }

    /// Encodings in which a placeholder would be invalid.
    #[test]
    fn encodings_outside_utf_8() {
        let rules = Rules::default().secret("KEY", "Grünkohl-漢").unwrap();
        let rules = rules.secret("PLAIN", "plainsecret1").unwrap().secret("OLD", "Grünkohl").unwrap();
        let redactor = Redactor::new(rules).unwrap();
        let check = |bytes: Vec<u8>, expected: &str| {
            let text = [b"\0x\0 ", &bytes[..], b"\0"].concat();
            let leak = redactor.leak_check().unwrap().scan(&text[..]).unwrap().expect(expected);
            assert_eq!(format!("{}, {}", leak.name, leak.encoding()), expected);
        };
        for (name, value) in [("KEY", "Grünkohl-漢"), ("PLAIN", "plainsecret1"), ("OLD", "Grünkohl.")] {
            let expected = format!("{name}, in UTF-16");
            check(value.encode_utf16().flat_map(u16::to_le_bytes).collect(), &expected);
            check(value.encode_utf16().flat_map(u16::to_be_bytes).collect(), &expected);
            let expected = format!("{name}, in UTF-32");
            check(value.chars().flat_map(|c| (c as u32).to_le_bytes()).collect(), &expected);
            check(value.chars().flat_map(|c| (c as u32).to_be_bytes()).collect(), &expected);
        }
        check(b"Gr\xfcnkohl".to_vec(), "OLD, in Latin-1");
        let mut body = vec![0xff, 0xfe, 0, 0];
        body.extend("key: plainsecret1".chars().flat_map(|c| (c as u32).to_le_bytes()));
        check(STANDARD.encode(&body).into_bytes(), "PLAIN, in base64");
        let url = redactor.uri("https://h/x?q=Gr%FCnkohl");
        assert_eq!(url, "https://h/x?q={{secret.OLD}}");
    }

    #[test]
    fn by_pattern_and_over_lines() {
        check("a ghp_a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1", Some(("by its pattern", 2)));
        check("https://u:p@h and https://u:[url-password:1]@h", Some(("by its pattern", 10)));
        check("https://u:cassette-prod-9f3k@h", Some(("by its pattern", 10)));
        check("x plainsec\nret1", Some(("split over lines", 2)));
        check("\r\n\"plainsec\\r\\n  ret1", Some(("split over lines", 3)));
        check("[\"a plainsec\\n\",\n    \"  ret1\"]", Some(("split over lines", 4)));
        check("dXNlcjpwbGFpbnNl\r\nY3JldDE=", Some(("split over lines", 7)));
        check("plainsec ret1\nplain\nsecret", None);
    }

    /// A value with several lines, with any line breaks and indentation.
    #[test]
    fn lines_of_a_value() {
        for value in ["first-line\n\tsecond-line", "first-line\r\n  second-line"] {
            let check = Redactor::new(Rules::default().secret("KEY", value).unwrap()).unwrap();
            let check = check.leak_check().unwrap();
            for text in [
                "first-line\r\n    second-line",
                "first-line\nsecond-line",
                "\"first-line\\r\\n  second-line",
                "[\"first-line\\n\",\n    \"second-line\"]",
                "first-linesecond-line",
            ] {
                let text = format!("key: {text}");
                assert!(check.scan(text.as_bytes()).unwrap().is_some(), "{value:?} in {text}");
            }
            assert_eq!(check.scan(&b"first-line\nand a second-line"[..]).unwrap(), None);
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// All leaks in the compressed data of a file, by name and place.
    fn packed(file: &[u8]) -> (Vec<(String, u64, u64)>, Seen) {
        let rules = Rules::default().secret("KEY", "plainsecret1").unwrap();
        let check = Redactor::new(rules).unwrap().leak_check().unwrap();
        let mut all = Vec::new();
        let seen = check.packed(
            |at| Ok(Slow(&file[at as usize..], false)),
            |leak| {
                all.push((format!("{}, {}", leak.name, leak.encoding()), leak.line, leak.column));
                ControlFlow::Continue(())
            },
        );
        (all, seen.unwrap())
    }

    #[test]
    fn compressed_files() {
        let leak = |line, column| ("KEY, as it is".to_owned(), line, column);
        let file = gzip(b"one\ntwo plainsecret1\nplainsecret1");
        assert_eq!(packed(&file), (vec![leak(2, 5), leak(3, 1)], Seen::Whole));
        assert_eq!(packed(&gzip(b"plainsecret")), (vec![], Seen::Whole));
        // The check has read the part that could be decompressed.
        let cut = &file[..file.len() - 3];
        assert_eq!(packed(cut), (vec![leak(2, 5), leak(3, 1)], Seen::Broken));
        #[cfg(feature = "zstd")]
        {
            let level = ruzstd::encoding::CompressionLevel::Fastest;
            let file = ruzstd::encoding::compress_to_vec(&b"plainsecret1"[..], level);
            assert_eq!(packed(&file), (vec![leak(1, 1)], Seen::Whole));
            let text = format!("{{\n  \"base64\": \"{}\"", STANDARD.encode(&file));
            assert_eq!(packed(text.as_bytes()), (vec![leak(2, 14)], Seen::Whole));
        }
    }

    #[test]
    fn compressed_data_in_base64() {
        let leak = |line, column| ("KEY, as it is".to_owned(), line, column);
        let one = STANDARD.encode(gzip(b"a plainsecret1, plainsecret1"));
        let other = STANDARD.encode(gzip(format!("{}plainsecret1", "x7Yk2 ".repeat(30_000)).as_bytes()));
        let clean = STANDARD.encode(gzip(b"clean"));
        let text = format!("[\"H4sI\", \"{clean}\",\n\"{one}\",\n\"{other}\", \"{clean}\"]");
        assert_eq!(packed(text.as_bytes()), (vec![leak(2, 2), leak(3, 2)], Seen::Whole));
        let filler = ".".repeat(CHUNK - 3);
        let text = format!("{filler}\"{}", one.replace('/', "\\/"));
        assert_eq!(packed(text.as_bytes()), (vec![leak(1, CHUNK as u64 - 1)], Seen::Whole));
        let lines: Vec<_> =
            one.as_bytes().chunks(20).map(|line| std::str::from_utf8(line).unwrap()).collect();
        assert_eq!(packed(lines.join("\r\n").as_bytes()), (vec![leak(1, 1)], Seen::Whole));
        assert_eq!(packed(b"plainsecret1"), (vec![], Seen::Whole));
    }

    #[test]
    fn decompression_has_a_limit() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let zeros = vec![0; 1 << 20];
        let mut packed = Vec::new();
        std::io::Write::write_all(&mut encoder, &zeros).unwrap();
        let member = encoder.finish().unwrap();
        (0..3).for_each(|_| packed.extend_from_slice(&member));
        let check = Redactor::new(Rules::default().secret("KEY", "plainsecret1").unwrap()).unwrap();
        let check = check.leak_check().unwrap();
        let seen =
            |most| check.packed_up_to(most, |at| Ok(&packed[at as usize..]), |_| ControlFlow::Break(()));
        assert_eq!(seen(2 << 20).unwrap(), Seen::TooLong);
        assert_eq!(seen(4 << 20).unwrap(), Seen::Whole);
    }

    #[test]
    fn every_place_is_reported() {
        let rules = Rules::default().secret("KEY", "plainsecret1").unwrap();
        let check = Redactor::new(rules).unwrap().leak_check().unwrap();
        let filler = "filler\n".repeat(30_000);
        let text = format!("plainsecret1\n{filler}  plainsecret1 AIza{}\n{filler}", "a1B2c".repeat(7));
        let all = check.scan_all(Slow(text.as_bytes(), false)).unwrap();
        let places: Vec<_> = all.iter().map(|leak| (&*leak.name, leak.line, leak.column)).collect();
        let expected = [("KEY", 1, 1), ("KEY", 30_002, 3), ("CAS0504 pattern google-api-key", 30_002, 16)];
        assert_eq!(places, expected);
    }

    #[test]
    fn nothing_else() {
        check("", None);
        check("s3cr3t/é key", None);
        check("S3cr3t/é Ke", None);
        check("PLAINSECRET1", None);
        check("DXNLCJPWBGFPBNNLY3JLDDE=", None);
        check("a=s3cr3t%2f%c3%A9+Key", None);
    }

    #[test]
    fn a_wrong_hit_hides_no_real_one() {
        check("PLAINSECRET1plainsecret1", Some(("as it is", 12)));
        let rules = Rules::default().secret("A", "abcdefgh").unwrap().secret("B", "EFGHIJKL").unwrap();
        let check = Redactor::new(rules).unwrap().leak_check().unwrap();
        assert_eq!(check.scan(&b"abcdEFGHIJKL"[..]).unwrap().map(|leak| leak.name), Some("B".to_owned()));
    }

    #[test]
    fn across_chunks() {
        let rules = Rules::default().secret("KEY", "s3cr3t-key").unwrap();
        let check = Redactor::new(rules).unwrap().leak_check().unwrap();
        let needles = needles_of_leaks("s3cr3t-key").into_iter().map(|p| p.bytes);
        let longest = needles.max_by_key(Vec::len).expect("there are needles");
        assert_eq!(longest.len(), check.search.longest());
        for start in CHUNK - longest.len() - 1..=CHUNK + 1 {
            let text = [&vec![b' '; start], &longest, &b" and more"[..]].concat();
            let leak = check.scan(&text[..]).unwrap().expect("it is there");
            assert_eq!(leak.offset, start as u64);
        }
    }
}
