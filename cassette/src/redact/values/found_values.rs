//! Values that were found by their place or form and that look like tokens: they are looked for everywhere from then on,
//! as if somebody had named them.
//!
//! Must not know: where a value was found.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::redact::values::encodings;
use crate::redact::values::encodings::Needle;
use crate::redact::values::finder::{Entry, Finder};

/// The first so many of a session: each one costs a little of every search.
const MOST: usize = 32;

/// A longer value is not looked for.
pub(crate) const LONGEST: usize = 4096;

/// A shorter one may be anything.
const SHORTEST: usize = 16;

/// Nor is a shorter text known again where nothing says that it is secret.
const TELLING: usize = 8;

/// What is looked for, in memory only.
#[derive(Default)]
pub(crate) struct FoundValues {
    /// How many there are.
    count: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    values: Vec<FoundValue>,
    finder: Option<Arc<Finder>>,
}

struct FoundValue {
    placeholder: Arc<str>,
    needles: Vec<Needle>,
}

impl FoundValues {
    /// From now on it is looked for, if it is one that can be.
    pub(crate) fn add(&self, value: &[u8], placeholder: &str) {
        if self.count() >= MOST || !is_token(value) {
            return;
        }
        let Ok(value) = std::str::from_utf8(value) else { return };
        let mut state = self.state();
        if state.values.len() < MOST && state.values.iter().all(|known| *known.placeholder != *placeholder) {
            state.values.push(FoundValue {
                placeholder: placeholder.into(),
                needles: encodings::usual_needles(value),
            });
            state.finder = None;
            self.count.store(state.values.len(), Ordering::Release);
        }
    }

    /// How many are looked for. It only grows.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// What finds them; of each the entry says which of them it is, in the order in which they were found.
    pub(crate) fn finder(&self) -> (Option<Arc<Finder>>, usize) {
        let mut state = self.state();
        let count = state.values.len();
        if state.finder.is_none() && count > 0 {
            let mut entries = Vec::new();
            for (n, value) in state.values.iter().enumerate() {
                entries.extend(value.needles.iter().map(|needle| {
                    let replacement = value.placeholder.clone();
                    (needle.clone(), Entry { replacement, label: None, nth: n })
                }));
            }
            // Too many needles: there are not.
            state.finder = Finder::new(entries).ok().map(Arc::new);
        }
        (state.finder.clone(), count)
    }

    /// All of them, for the last check.
    pub(crate) fn needles(&self) -> Vec<(String, Needle)> {
        let state = self.state();
        let named = |value: &FoundValue| {
            let name = value.placeholder.to_string();
            value.needles.iter().map(move |needle| (name.clone(), needle.clone())).collect::<Vec<_>>()
        };
        state.values.iter().flat_map(named).collect()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In no order that a word, a date, a version or the name of a region has.
pub(crate) fn is_token(value: &[u8]) -> bool {
    (SHORTEST..=LONGEST).contains(&value.len())
        && (is_mixed(value) || is_long_number(value) || is_no_word(value))
}

/// Letters and digits that change often.
fn is_mixed(value: &[u8]) -> bool {
    let plain = value.iter().filter(|b| b.is_ascii_alphanumeric());
    let (mut letters, mut digits, mut changes, mut last) = (0, 0, 0, None);
    for b in plain {
        let digit = b.is_ascii_digit();
        *(if digit { &mut digits } else { &mut letters }) += 1;
        changes += usize::from(last.is_some_and(|last| last != digit));
        last = Some(digit);
    }
    letters >= 4 && digits >= 2 && changes >= 3
}

/// Longer than what counts something, or than the time.
fn is_long_number(value: &[u8]) -> bool {
    let has = |digit: &u8| value.contains(digit);
    value.len() >= 20 && value.iter().all(u8::is_ascii_hexdigit) && (b'0'..=b'f').filter(has).count() >= 4
}

/// Letters, of which many follow one another that hardly ever do in a word.
fn is_no_word(value: &[u8]) -> bool {
    let (mut pairs, mut odd) = (0, 0);
    for pair in value.windows(2).filter(|pair| pair.iter().all(u8::is_ascii_alphabetic)) {
        let letter = |b: u8| usize::from(b.to_ascii_lowercase() - b'a');
        pairs += 1;
        odd += usize::from(HARDLY_EVER[letter(pair[0])].contains(&pair[1].to_ascii_lowercase()));
    }
    // Of letters that are drawn by lot, two of five pairs are such ones; of those in words, one of thirty.
    pairs >= 12 && 5 * odd >= pairs
}

/// What hardly ever follows a letter, from `a` on, in the languages that are written with these letters.
const HARDLY_EVER: [&[u8]; 26] = [
    b"q",
    b"cdfghjkmnpqvwxz",
    b"bdfgjmnpqvwxz",
    b"bcfhjkpqtxz",
    b"q",
    b"bcdghjkmnpqvwxz",
    b"bcdfjkpqtvwxz",
    b"bcdfghjkpqvxz",
    b"hjqwy",
    b"bcdfghjklmnpqrstvwxyz",
    b"bcdfgjmpqtvxz",
    b"hjnqrxz",
    b"cdfghjklqrtvwxz",
    b"jqwxz",
    b"jq",
    b"bcdfgjkmnqvwxz",
    b"abcdefghijklmnopqrstvwxyz",
    b"jqxz",
    b"bdgjrvxz",
    b"bdfgjkpqvxz",
    b"hjkquvwy",
    b"bcdfghjklmnpqrstvwxz",
    b"bcfgjkmpqtuvxyz",
    b"bdfgjklmnqrsvwxz",
    b"fghjkqvxyz",
    b"bcdfghjkmnpqrstvwx",
];

/// Whether a text that is a found value is that one, and no plain word that happens to be the same.
pub(crate) fn is_telling(text: &[u8]) -> bool {
    let is_word = || text.iter().all(u8::is_ascii_alphabetic) && !is_token(text);
    text.len() >= TELLING && !is_word()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        for token in [
            "9f8c2b7d4e1a6053Kq7Z",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "aB3cD4eF5gH6/iJ7+k==",
            "ya29.a0AfH6SMBx1yZ2",
            "egiidkcfdtnstcfizoikvvnpfskushrsujtzaqno",
            "FDfiycdPnmltfdAjwtJZmEYO",
            "KJQZXWVMPTRBHGDFNCLSAKQW",
            "qguqdq.yhqvzv.vyxfqd.dmdwsg",
            "deadbeefdeadbeefdeadbeef",
            "83640918273645091827",
        ] {
            assert!(is_token(token.as_bytes()), "{token}");
        }
        for word in [
            "eu-central-1",
            "2026-03-02T06:30:00.000Z",
            "GA1.2.1234567890.1600000000",
            "user-profile-2024",
            "a-long-passphrase-of-words",
            "123456789012345678",
            "a1b2c3",
            "Europe/Prague-region-01",
            "InternationalizationOfEverything",
            "donaudampfschifffahrtsgesellschaft",
            "anticonstitutionnellement",
            "nejneobhospodarovavatelnejsimi",
            "the quick brown fox jumps over the lazy dog",
            "00000000000000000000000000",
            "application/vnd.openxmlformats-officedocument",
        ] {
            assert!(!is_token(word.as_bytes()), "{word}");
        }
        assert!(!is_token("a1".repeat(LONGEST).as_bytes()));
    }

    #[test]
    fn what_is_known_again() {
        for value in ["a1b2c3d4e5", "page-two", "12345678", "hunter2-x9", "egiidkcfdtnstcfizoikvvnp"] {
            assert!(is_telling(value.as_bytes()), "{value}");
        }
        for word in ["Password", "production", "a1b2c3", "internationalization"] {
            assert!(!is_telling(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn the_first_few() {
        let known = FoundValues::default();
        for n in 0..MOST + 5 {
            known.add(format!("a1b2c3d4e5f6g7h8{n}").as_bytes(), &format!("[token:{n}]"));
            known.add(format!("a1b2c3d4e5f6g7h8{n}").as_bytes(), &format!("[token:{n}]"));
        }
        assert_eq!(known.count(), MOST);
        assert_eq!(known.finder().1, MOST);
    }
}
