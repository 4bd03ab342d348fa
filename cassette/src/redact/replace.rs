//! Search and replace of many patterns in a stream. Hits that lie across writes are found; memory is a window
//! a little longer than the longest pattern.

use std::io::{self, Write};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, Input, MatchKind};

use super::Fired;
use super::encode::Edges;
use crate::{Error, Result};

/// What to look for, and what to put there.
pub(super) struct Finder {
    /// None if there is nothing to look for.
    search: Option<AhoCorasick>,
    entries: Vec<Entry>,
    /// No hit, edges included, extends further than this from its start.
    reach: usize,
}

pub(super) struct Entry {
    pub(super) pattern: Vec<u8>,
    pub(super) replacement: Arc<[u8]>,
    /// What to count a hit as.
    pub(super) label: Option<Arc<str>>,
    pub(super) edges: Edges,
}

/// The longest spelling of one base64 character: `%2F`.
const EDGE: usize = 3;

impl Finder {
    pub(super) fn new(entries: Vec<Entry>) -> Result<Finder> {
        let search = if entries.is_empty() {
            None
        } else {
            let built = AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(entries.iter().map(|e| &e.pattern));
            Some(built.map_err(|e| Error::with_source("too many secrets to search for", e))?)
        };
        let reach = entries.iter().map(|e| e.pattern.len()).max().unwrap_or(0) + EDGE;
        Ok(Finder { search, entries, reach })
    }

    /// The leftmost-longest hit that starts at `from` or later.
    fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize, &Entry)> {
        let hit = self.search.as_ref()?.find(Input::new(text).span(from..text.len()))?;
        Some((hit.start(), hit.end(), &self.entries[hit.pattern().as_usize()]))
    }
}

/// A writer that replaces what its [`Finder`] finds.
pub(super) struct Replacer<W> {
    finder: Arc<Finder>,
    fired: Option<Arc<Fired>>,
    /// What was written and not passed on yet.
    window: Vec<u8>,
    /// No hit starts before this place in the window.
    searched: usize,
    next: W,
}

/// The window is searched when this much is new in it: many small writes cost no more than a large one.
const BATCH: usize = 16 * 1024;

impl<W: Write> Replacer<W> {
    pub(super) fn new(finder: Arc<Finder>, fired: Option<Arc<Fired>>, next: W) -> Self {
        Replacer { finder, fired, window: Vec::new(), searched: 0, next }
    }

    pub(super) fn next_mut(&mut self) -> &mut W {
        &mut self.next
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.pass(self.window.len())?;
        self.next.write_all(&self.window)?;
        Ok(self.next)
    }

    /// Replaces the hits that start before `limit`, and passes on what is settled by that.
    fn pass(&mut self, limit: usize) -> io::Result<()> {
        let mut done = 0;
        while let Some((start, end, entry)) = self.finder.find(&self.window, self.searched) {
            if start >= limit {
                break;
            }
            let before = if entry.edges.before { unit_before(&self.window[done..start]) } else { 0 };
            let after = if entry.edges.after { unit_after(&self.window[end..]) } else { 0 };
            self.next.write_all(&self.window[done..start - before])?;
            self.next.write_all(&entry.replacement)?;
            if let (Some(fired), Some(label)) = (&self.fired, &entry.label) {
                fired.count(label);
            }
            done = end + after;
            self.searched = done;
        }
        self.searched = self.searched.max(limit);
        // The character before the next hit may have to go with it.
        let settled = limit.saturating_sub(EDGE);
        if settled > done {
            self.next.write_all(&self.window[done..settled])?;
            done = settled;
        }
        self.window.drain(..done);
        self.searched -= done;
        Ok(())
    }
}

impl<W: Write> Write for Replacer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.finder.search.is_none() {
            self.next.write_all(bytes)?;
            return Ok(bytes.len());
        }
        for bytes in bytes.chunks(4 * BATCH) {
            self.window.extend_from_slice(bytes);
            // From here on a longer hit may still come.
            let limit = self.window.len().saturating_sub(self.finder.reach);
            if limit >= self.searched + BATCH {
                self.pass(limit)?;
            }
        }
        Ok(bytes.len())
    }

    /// Does not pass on the window: it may hold the first half of a secret.
    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
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

    fn finder(pairs: &[(&str, &str)], edges: Edges) -> Arc<Finder> {
        let entry = |(pattern, replacement): &(&str, &str)| Entry {
            pattern: pattern.as_bytes().to_vec(),
            replacement: replacement.as_bytes().into(),
            label: None,
            edges,
        };
        Arc::new(Finder::new(pairs.iter().map(entry).collect()).unwrap())
    }

    fn replace(finder: &Arc<Finder>, chunks: &[&[u8]]) -> String {
        let mut replacer = Replacer::new(finder.clone(), None, Vec::new());
        for chunk in chunks {
            replacer.write_all(chunk).unwrap();
            // As if the batch were full, so that every boundary is a hard one.
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

    #[test]
    fn the_window_stays_small() {
        let f = finder(&[("needle", "*")], Edges::default());
        let mut replacer = Replacer::new(f, None, io::sink());
        for _ in 0..100 {
            replacer.write_all(&[b'n'; 100_000]).unwrap();
            assert!(replacer.window.len() < 2 * BATCH, "{}", replacer.window.len());
        }
        assert!(replacer.window.capacity() <= 16 * BATCH, "{}", replacer.window.capacity());
    }
}
