//! Values that redaction found by their place or pattern and that look like tokens. From then on redaction searches for
//! them everywhere, as it searches for named secrets.
//!
//! Must not know: where a value was found.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::placeholder;
use crate::redact::values::encodings;
use crate::redact::values::encodings::Needle;
use crate::redact::values::finder::{Entry, Finder};

/// The greatest number of values to search for: a session takes the first ones that it finds. Each value makes every
/// search a little slower.
const MOST: usize = 32;

/// In addition to [`MOST`], a session searches for this many values of headers that no list knows. They have a number of
/// their own, because a server may send another value in each response.
const MOST_OF_HEADERS: usize = 16;

/// The greatest number of stand-ins to search for. It is greater than [`MOST`], because the order in which the recording
/// found the values is unknown.
const MOST_STAND_INS: usize = 2 * MOST;

/// The length of the longest value to search for.
pub(crate) const LONGEST: usize = 4096;

/// The length of the shortest value to search for. A shorter value may be an ordinary word or number.
const SHORTEST: usize = 16;

/// The length of the shortest text that is recognised as a value, if it equals a value that was found elsewhere.
const LEAST_RECOGNISABLE: usize = 8;

/// The found values that the session searches for. They are in memory only.
#[derive(Default)]
pub(crate) struct FoundValues {
    /// The number of values.
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
    is_stand_in: bool,
    needles: Vec<Needle>,
}

impl FoundValues {
    /// Searches for the value from now on, if it looks like a token.
    pub(crate) fn add(&self, value: &[u8], placeholder: &str) {
        if !is_token(value) {
            return;
        }
        let Ok(value) = std::str::from_utf8(value) else { return };
        let most = if is_of_header(placeholder) { MOST_OF_HEADERS } else { MOST };
        self.add_up_to(most, value, placeholder, false);
    }

    /// Searches for the stand-in of a value from now on, if the recording may have searched for the value.
    pub(crate) fn add_stand_in(&self, text: &str, placeholder: &str) {
        if is_token(text.as_bytes()) {
            self.add_up_to(MOST_STAND_INS, text, placeholder, true);
        }
    }

    fn add_up_to(&self, most: usize, value: &str, placeholder: &str, is_stand_in: bool) {
        let mut state = self.state();
        let same_kind = state.values.iter().filter(|known| {
            known.is_stand_in == is_stand_in
                && (is_stand_in || is_of_header(&known.placeholder) == is_of_header(placeholder))
        });
        if same_kind.count() < most
            && state
                .values
                .iter()
                .all(|known| known.is_stand_in != is_stand_in || *known.placeholder != *placeholder)
        {
            state.values.push(FoundValue {
                placeholder: placeholder.into(),
                is_stand_in,
                needles: encodings::usual_needles(value),
            });
            state.finder = None;
            self.count.store(state.values.len(), Ordering::Release);
        }
    }

    /// The number of values. It only grows.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// The search for all values so far, and their number. Each entry has the index of its value.
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
            // This fails only with more than 2^32 needles.
            state.finder = Finder::new(entries).ok().map(Arc::new);
        }
        (state.finder.clone(), count)
    }

    /// All needles with the placeholders of their values, for the final leak check. A stand-in is no secret. Nor
    /// is a value that the project keeps in some field.
    pub(crate) fn needles(&self, kept: &[Vec<u8>]) -> Vec<(String, Needle)> {
        let state = self.state();
        let named = |value: &FoundValue| {
            let name = value.placeholder.to_string();
            value.needles.iter().map(move |needle| (name.clone(), needle.clone())).collect::<Vec<_>>()
        };
        let is_kept = |value: &FoundValue| value.needles.iter().any(|needle| kept.contains(&needle.bytes));
        let is_secret = |value: &&FoundValue| !value.is_stand_in && !is_kept(value);
        state.values.iter().filter(is_secret).flat_map(named).collect()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a value looks random, unlike a word, a date, a version or the name of a region.
pub(crate) fn is_token(value: &[u8]) -> bool {
    (SHORTEST..=LONGEST).contains(&value.len())
        && (is_mixed(value) || is_long_number(value) || is_no_word(value))
}

/// Whether letters and digits alternate often.
fn is_mixed(value: &[u8]) -> bool {
    let alphanumeric = value.iter().filter(|b| b.is_ascii_alphanumeric());
    let (mut letters, mut digits, mut changes, mut last) = (0, 0, 0, None);
    for b in alphanumeric {
        let digit = b.is_ascii_digit();
        *(if digit { &mut digits } else { &mut letters }) += 1;
        changes += usize::from(last.is_some_and(|last| last != digit));
        last = Some(digit);
    }
    letters >= 4 && digits >= 2 && changes >= 3
}

/// Whether the value is a decimal or hexadecimal number that is longer than a counter or a time stamp.
fn is_long_number(value: &[u8]) -> bool {
    let has = |digit: &u8| value.contains(digit);
    value.len() >= 20 && value.iter().all(u8::is_ascii_hexdigit) && (b'0'..=b'f').filter(has).count() >= 4
}

/// Whether the value has many pairs of letters that are rare in words.
fn is_no_word(value: &[u8]) -> bool {
    let (mut pairs, mut odd) = (0, 0);
    for pair in value.windows(2).filter(|pair| pair.iter().all(u8::is_ascii_alphabetic)) {
        pairs += 1;
        odd += usize::from(is_rare_pair(pair[0], pair[1]));
    }
    // In random letters, two of five pairs are rare. In words, one of thirty pairs is rare.
    pairs >= 12 && 5 * odd >= pairs
}

/// Whether words hardly ever have this pair of letters.
pub(crate) fn is_rare_pair(first: u8, second: u8) -> bool {
    let at = usize::from(first.to_ascii_lowercase().wrapping_sub(b'a'));
    HARDLY_EVER.get(at).is_some_and(|rare| rare.contains(&second.to_ascii_lowercase()))
}

/// For each letter from `a` on: the letters that rarely follow it in languages with the Latin alphabet.
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

/// Whether a text that equals a found value surely is that value, and not a word that happens to be equal.
pub(crate) fn is_recognisable(text: &[u8]) -> bool {
    let is_word = || text.iter().all(u8::is_ascii_alphabetic) && !is_token(text);
    text.len() >= LEAST_RECOGNISABLE && !is_word()
}

/// Whether this is the placeholder of a value in a header that no list knows.
fn is_of_header(placeholder: &str) -> bool {
    placeholder::is_name_of_header(placeholder.trim_start_matches('['))
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
    fn recognised_in_other_places() {
        for value in ["a1b2c3d4e5", "page-two", "12345678", "hunter2-x9", "egiidkcfdtnstcfizoikvvnp"] {
            assert!(is_recognisable(value.as_bytes()), "{value}");
        }
        for word in ["Password", "production", "a1b2c3", "internationalization"] {
            assert!(!is_recognisable(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn only_the_first_values_are_searched_for() {
        let values = FoundValues::default();
        for n in 0..MOST + 5 {
            values.add(format!("a1b2c3d4e5f6g7h8{n}").as_bytes(), &format!("[token:{n}]"));
            values.add(format!("a1b2c3d4e5f6g7h8{n}").as_bytes(), &format!("[token:{n}]"));
        }
        assert_eq!(values.count(), MOST);
        assert_eq!(values.finder().1, MOST);
        for n in 0..MOST {
            values.add(format!("q1b2c3d4e5f6g7h8{n}").as_bytes(), &format!("[header.x-acme:{n}]"));
        }
        assert_eq!(values.count(), MOST + MOST_OF_HEADERS);
    }
}
