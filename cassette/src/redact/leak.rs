//! The last check: reads what was written and looks for every secret in every encoding. It is stricter than
//! the redaction, so that what that can't replace (hex in mixed case) is still not installed.

use std::fmt;
use std::io::{self, Read};

use super::Rules;
use super::encode::{Pattern, patterns};
use super::search::{Case, Search};
use crate::Result;

/// Looks for the secrets of a [`Redactor`](super::Redactor) in what is about to be installed.
///
/// ```
/// use cassette::redact::{Redactor, Rules};
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
    patterns: Vec<(String, Pattern)>,
}

/// Where a secret was found. Never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// The secret's name.
    pub name: String,
    /// In words: `as it is`, `in base64`.
    pub encoding: &'static str,
    /// In bytes from the start of what was read.
    pub offset: u64,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret {}, {}, at byte {}", self.name, self.encoding, self.offset)
    }
}

impl fmt::Debug for LeakCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeakCheck({} patterns)", self.patterns.len())
    }
}

/// Read at once.
const CHUNK: usize = 64 * 1024;

impl LeakCheck {
    pub(super) fn new(rules: &Rules) -> Result<LeakCheck> {
        let mut all = Vec::new();
        for secret in &rules.secrets {
            all.extend(patterns(&secret.value).into_iter().map(|p| (secret.name.clone(), p)));
        }
        let search = Search::new(all.iter().map(|(_, p)| &p.bytes[..]), Case::Folded)?;
        Ok(LeakCheck { search, patterns: all })
    }

    /// Reads to the end, or to the first secret, in a window of memory.
    ///
    /// # Errors
    ///
    /// The reader's.
    pub fn scan(&self, mut reader: impl Read) -> io::Result<Option<Leak>> {
        if self.search.is_empty() {
            return Ok(None);
        }
        let overlap = self.search.longest() - 1;
        let mut window = Vec::with_capacity(CHUNK + overlap);
        let mut base = 0u64;
        loop {
            let read = reader.by_ref().take(CHUNK as u64).read_to_end(&mut window)?;
            // A hit in the wrong case must not hide one that is real.
            let hit = self
                .search
                .find_where(&window, 0, |hit| self.patterns[hit.id].1.is_form(&window[hit.start..hit.end]));
            if let Some(hit) = hit {
                let (name, pattern) = &self.patterns[hit.id];
                let offset = base + hit.start as u64;
                return Ok(Some(Leak { name: name.clone(), encoding: pattern.encoding.name(), offset }));
            }
            if read == 0 {
                return Ok(None);
            }
            let done = window.len().saturating_sub(overlap);
            window.drain(..done);
            base += done as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Redactor;

    /// One byte at a time, and now and then none (an interruption).
    struct Slow<'a>(&'a [u8], bool);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
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
        assert_eq!(found.as_ref().map(|leak| (leak.encoding, leak.offset)), expected, "{text}");
    }

    #[test]
    fn every_encoding() {
        check("x S3cr3t/é Key", Some(("as it is", 2)));
        check(r"S3cr3t\/\u00E9 Key", Some(("JSON-escaped", 0)));
        check("a=S3cr3t%2f%c3%A9+Key", Some(("percent-encoded", 2)));
        check("S3cr3t%252f%25C3%25a9%2520Key", Some(("percent-encoded", 0)));
        check("-706C61696e73656372657431-", Some(("in hex", 1)));
        check("dXNlcjpwbGFpbnNlY3JldDE=", Some(("in base64", 7)));
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
        let forms = patterns("s3cr3t-key").into_iter().map(|p| p.bytes);
        let longest = forms.max_by_key(Vec::len).expect("there are forms");
        assert_eq!(longest.len(), check.search.longest());
        for start in CHUNK - longest.len() - 1..=CHUNK + 1 {
            let text = [&vec![b' '; start], &longest, &b" and more"[..]].concat();
            let leak = check.scan(&text[..]).unwrap().expect("it is there");
            assert_eq!(leak.offset, start as u64);
        }
    }
}
