//! Searches a stream for many needles and replaces them, also where a hit spans several writes. Large writes are
//! searched in place. Small writes, and the possible beginning of a hit, wait in a window.
//!
//! Must not know: where the needles come from, formats.

use std::io::{self, Write};
use std::sync::Arc;

use crate::redact::account::Account;
use crate::redact::values::encoding::with_encodings;
use crate::redact::values::finder::{EDGE, Finder};
use crate::redact::values::search::Hit;

/// A writer that replaces named secrets, and values that rules have found.
pub(crate) struct ValueReplacer<W> {
    /// Bytes that were written and not passed on yet.
    window: Vec<u8>,
    /// Offset in the window before which no hit starts.
    searched: usize,
    out: Output<W>,
}

struct Output<W> {
    /// Named secrets.
    named: Arc<Finder>,
    /// Values that rules have found so far in this session; `None` if there are none.
    found: Option<Arc<Finder>>,
    /// Stream offset from which each found value is replaced. Earlier occurrences are left alone, so the result does
    /// not depend on chunking.
    valid_from: Vec<u64>,
    /// Stream offset of the window's first byte.
    at: u64,
    account: Arc<Account>,
    next: W,
}

/// How far a text has been processed.
#[derive(Clone, Copy)]
struct Progress {
    /// Offset up to which the text was passed on or replaced.
    passed: usize,
    /// Offset before which no further hit starts.
    searched: usize,
}

/// The window is searched once it has this many new bytes, so that many small writes cost no more than one large write.
const BATCH: usize = 16 * 1024;

/// A large write has at least this length. Shorter writes go through the window.
const LARGE: usize = 4 * 1024;

impl<W: Write> ValueReplacer<W> {
    pub(crate) fn new(finder: Arc<Finder>, account: Arc<Account>, next: W) -> Self {
        let (found, valid_from) = (None, Vec::new());
        let mut out = Output { named: finder, found, valid_from, at: 0, account, next };
        out.add_found(0);
        ValueReplacer { window: Vec::new(), searched: 0, out }
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.pass(self.window.len())?;
        self.out.next.write_all(&self.window)?;
        Ok(self.out.next)
    }

    /// Replaces the hits that start before `limit` in the window, and passes on the bytes that no further hit can hold.
    fn pass(&mut self, limit: usize) -> io::Result<()> {
        let done = self.out.pass(&self.window, Progress { passed: 0, searched: self.searched }, limit)?;
        self.window.drain(..done.passed);
        self.out.at += done.passed as u64;
        self.searched = done.searched - done.passed;
        Ok(())
    }

    /// Searches a large write in place.
    fn large(&mut self, bytes: &[u8]) -> io::Result<()> {
        let reach = self.out.reach();
        // A hit that starts in the waiting bytes reaches at most this far into the write.
        let waiting = self.window.len();
        self.window.extend_from_slice(&bytes[..reach + EDGE]);
        let from = Progress { passed: 0, searched: self.searched };
        let done = self.out.pass(&self.window, from, waiting + EDGE)?;
        let from = Progress { passed: done.passed - waiting, searched: done.searched - waiting };
        self.out.at += waiting as u64;
        let done = self.out.pass(bytes, from, bytes.len() - reach)?;
        self.window.clear();
        self.window.extend_from_slice(&bytes[done.passed..]);
        self.out.at += done.passed as u64;
        self.searched = done.searched - done.passed;
        Ok(())
    }
}

impl<W> Output<W> {
    fn reach(&self) -> usize {
        self.found.as_ref().map_or(0, |found| found.reach).max(self.named.reach)
    }

    fn is_empty(&self) -> bool {
        self.named.search.is_empty() && self.found.is_none()
    }

    /// Adds the values that rules have found since the last call. These values are replaced from this stream offset on.
    fn add_found(&mut self, from: u64) {
        // The redaction that runs before the code under test reads a response does not replace found values: the code
        // would read a placeholder where its project asked for none.
        if !self.account.gives && self.account.identity.found_values.count() > self.valid_from.len() {
            let (found, count) = self.account.identity.found_values.finder();
            self.found = found;
            self.valid_from.resize(count, from);
        }
    }
}

impl<W: Write> Output<W> {
    /// Replaces the hits that start before `limit` in `text`. Passes on the text before `limit`, except at most the
    /// last [`EDGE`] bytes of it. `text` is the window, or a write that follows the window.
    fn pass(&mut self, text: &[u8], from: Progress, limit: usize) -> io::Result<Progress> {
        let Progress { mut passed, mut searched } = from;
        let (named, found) = (self.named.clone(), self.found.clone());
        let (named, found) = (&*named, found.as_deref());
        // A hit that starts before the limit may end after it, but not after this slice.
        let seen = &text[..text.len().min(limit + self.reach())];
        let next_named = |from| named.find(seen, from, |_, _| true).filter(|hit| hit.start < limit);
        let next_found = |valid_from: &[u64], at: u64, from| {
            let counts =
                |nth: usize, start: usize| valid_from.get(nth).is_some_and(|from| at + start as u64 >= *from);
            found?.find(seen, from, counts).filter(|hit| hit.start < limit)
        };
        let (mut a, mut b) = (next_named(searched), next_found(&self.valid_from, self.at, searched));
        loop {
            // The leftmost hit comes first; among hits with the same start, the longer one.
            let sooner = |b: &Hit, a: &Hit| (b.start, a.end) < (a.start, b.end);
            let is_found = b.as_ref().is_some_and(|b| a.as_ref().is_none_or(|a| sooner(b, a)));
            let next = if is_found { found.zip(b.as_ref()) } else { a.as_ref().map(|hit| (named, hit)) };
            let Some((finder, hit)) = next else { break };
            if is_found && self.account.is_excused(&text[hit.start..hit.end]) {
                // The project keeps this value, which was found in another place.
                b = next_found(&self.valid_from, self.at, hit.end);
                continue;
            }
            let (needle, entry) = &finder.entries[hit.id];
            let before = if needle.edges.before { unit_before(&text[passed..hit.start]) } else { 0 };
            let after = if needle.edges.after { unit_after(&text[hit.end..]) } else { 0 };
            self.next.write_all(&text[passed..hit.start - before])?;
            match self.account.encodings_to_name(&needle.steps) {
                [] => self.next.write_all(entry.replacement.as_bytes())?,
                steps => self.next.write_all(with_encodings(&entry.replacement, steps).as_bytes())?,
            }
            match &entry.label {
                Some(label) => self.account.count(label),
                None => {
                    self.account.hit();
                    self.account.in_response(&entry.replacement);
                }
            }
            passed = hit.end + after;
            searched = passed;
            if a.as_ref().is_some_and(|hit| hit.start < searched) {
                a = next_named(searched);
            }
            if b.as_ref().is_some_and(|hit| hit.start < searched) {
                b = next_found(&self.valid_from, self.at, searched);
            }
        }
        searched = searched.max(limit);
        // The next hit may have to replace the base64 character before it, too.
        let settled = limit.saturating_sub(EDGE);
        if settled > passed {
            self.next.write_all(&text[passed..settled])?;
            passed = settled;
        }
        Ok(Progress { passed, searched })
    }
}

impl<W: Write> Write for ValueReplacer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.add_found(self.out.at + self.window.len() as u64);
        if self.out.is_empty() {
            self.out.next.write_all(bytes)?;
            self.out.at += bytes.len() as u64;
            return Ok(bytes.len());
        }
        let reach = self.out.reach();
        if bytes.len() >= LARGE.max(4 * reach) {
            self.large(bytes)?;
            return Ok(bytes.len());
        }
        for bytes in bytes.chunks(4 * BATCH) {
            self.window.extend_from_slice(bytes);
            // A hit that starts after the limit may need bytes that have not come yet.
            let limit = self.window.len().saturating_sub(reach);
            if limit >= self.searched + BATCH {
                self.pass(limit)?;
            }
        }
        Ok(bytes.len())
    }

    /// Flushes the next writer. The window stays, because it may hold the beginning of a secret.
    fn flush(&mut self) -> io::Result<()> {
        self.out.next.flush()
    }
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"+/-_".contains(&b)
}

fn is_escaped(unit: &[u8]) -> bool {
    unit.eq_ignore_ascii_case(b"%2b") || unit.eq_ignore_ascii_case(b"%2f")
}

/// The length of the base64 character that `text` ends with.
fn unit_before(text: &[u8]) -> usize {
    match text {
        [.., a, b, c] if is_escaped(&[*a, *b, *c]) => 3,
        [.., b'\\', b'/'] => 2,
        [.., b] if is_base64(*b) => 1,
        _ => 0,
    }
}

/// The length of the base64 character that `text` begins with.
fn unit_after(text: &[u8]) -> usize {
    match text {
        [a, b, c, ..] if is_escaped(&[*a, *b, *c]) => 3,
        [b'\\', b'/', ..] => 2,
        [b, ..] if is_base64(*b) => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::account::identity::Identity;
    use crate::redact::rules::label::Label;
    use crate::redact::values::encodings::{Edges, EncodingKind, Needle};
    use crate::redact::values::finder::Entry;

    fn fired() -> Arc<Account> {
        Arc::new(Account::new(Identity::new(&[])))
    }

    fn finder(pairs: &[(&str, &str)], edges: Edges) -> Arc<Finder> {
        let entry = |(needle, replacement): &(&str, &str)| {
            let replacement = (*replacement).into();
            (
                Needle {
                    bytes: needle.as_bytes().to_vec(),
                    kind: EncodingKind::Raw,
                    steps: Vec::new(),
                    edges,
                },
                Entry { replacement, label: Some(Label::own("field", "a")), nth: 0 },
            )
        };
        Arc::new(Finder::new(pairs.iter().map(entry).collect()).unwrap())
    }

    fn replace(finder: &Arc<Finder>, chunks: &[&[u8]]) -> String {
        let mut replacer = ValueReplacer::new(finder.clone(), fired(), Vec::new());
        for chunk in chunks {
            replacer.write_all(chunk).unwrap();
            // Searches at once, as if the batch were full, so that every chunk boundary is also the boundary of a
            // search.
            let limit = replacer.window.len().saturating_sub(finder.reach);
            if limit > replacer.searched {
                replacer.pass(limit).unwrap();
            }
        }
        String::from_utf8(replacer.finish().unwrap()).unwrap()
    }

    #[track_caller]
    fn check(finder: &Arc<Finder>, text: &str, expected: &str) {
        for cut in 0..=text.len() {
            let (a, b) = text.as_bytes().split_at(cut);
            assert_eq!(replace(finder, &[a, b]), expected, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(replace(finder, &bytes), expected, "byte by byte");
    }

    #[test]
    fn leftmost_longest() {
        let f = finder(&[("abc", "1"), ("abcdef", "2"), ("cde", "3"), ("xyz", "4")], Edges::default());
        check(&f, "abcdef abcde cdef xyabc", "2 1de 3f xy1");
        check(&f, "ababcabc", "ab11");
        check(&f, "", "");
        check(&f, "xyz", "4");
        check(&f, "nothing here", "nothing here");
        check(&finder(&[], Edges::default()), "abc", "abc");
    }

    #[test]
    fn edges_go_with_the_hit() {
        let f = finder(&[("CORE", "*")], Edges { before: true, after: true });
        check(&f, "xxaCOREbyy", "xx*yy");
        check(&f, "\"CORE\"", "\"*\"");
        check(&f, "x%2fCORE%2Bx", "x*x");
        check(&f, "x\\/CORE\\/x", "x*x");
        check(&f, "aCOREbCOREc", "**");
        check(&f, "aCORE==", "*==");
        check(&f, "CORE", "*");
    }

    /// A write that is searched in place gives the same result as a write that passes through the window.
    #[test]
    fn large_writes() {
        let pairs = [("needle", "*"), ("needles in hay", "!"), ("CORE", "#")];
        for edges in [Edges::default(), Edges { before: true, after: true }] {
            let f = finder(&pairs, edges);
            let mut text = vec![b'.'; 3 * LARGE];
            for (at, what) in
                [(0, "needle"), (40, "xCOREy"), (LARGE - 3, "needles in hay"), (9000, "%2fCOREa")]
            {
                text[at..at + what.len()].copy_from_slice(what.as_bytes());
            }
            let end = text.len() - 6;
            text[end..].copy_from_slice(b"needle");
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            let expected = replace(&f, &bytes);
            for cut in (0..120).chain(LARGE - 40..LARGE + 40).chain(8980..9030) {
                let (a, b) = text.split_at(cut);
                assert_eq!(replace(&f, &[a, b]), expected, "cut at {cut}");
                let mut whole = ValueReplacer::new(f.clone(), fired(), Vec::new());
                whole.write_all(a).unwrap();
                whole.write_all(b).unwrap();
                assert_eq!(String::from_utf8(whole.finish().unwrap()).unwrap(), expected, "cut at {cut}");
            }
        }
    }

    #[test]
    fn the_window_stays_small() {
        let f = finder(&[("needle", "*")], Edges::default());
        let mut replacer = ValueReplacer::new(f, fired(), io::sink());
        for _ in 0..100 {
            replacer.write_all(&[b'n'; 100_000]).unwrap();
            assert!(replacer.window.len() < 2 * BATCH, "{}", replacer.window.len());
        }
        assert!(replacer.window.capacity() <= 16 * BATCH, "{}", replacer.window.capacity());
    }
}
