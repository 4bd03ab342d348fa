//! The corpus: random secrets × encodings × places. No part of a secret survives, and nothing else changes; text
//! without secrets stays as it is. If any one encoding is switched off, the corpus fails.

mod encodings;
mod headers;
mod innocent;
mod judge;
mod laws;
mod leaks;
mod places;
mod restored;

use std::collections::BTreeSet;

use crate::redact::values::encodings as encoder;
use crate::redact::{Redactor, Rules, Side};
use judge::survivor;
use places::PLACES;

use crate::tests::{seed, sized};

/// SplitMix64, which gives the same sequence for the same seed (Steele, Lea, Flood: "Fast splittable pseudorandom
/// number generators", 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % n as u64) as usize
    }
}

const ALPHABETS: [&str; 9] = [
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    "0123456789abcdef-",
    "ABCabcXYZxyz0189+/=",
    "abc012!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "aZ09 +%/\\\"'&<>",
    "ábč€ßñ漢😀aZ09/\"",
    "kK9%25%2f+ ",
    "pass'\"<&>/=+wörd ",
    "line\n\nAB01\"&<'>+=\t",
];

/// Secrets that every run tries. Together they contain the characters that each encoding writes differently, so that
/// every encoding is tried with any seed.
const FIXED: [&str; 4] = [
    "kK9?\"'<>&/+=% -._~*!()`\\:Z?\"b",
    "pa\"ss'wörd ÿÿÿ/&<>+=Z9",
    "漢€aZ09/\"'ñ😀 +<&>",
    "line\n\nAB01\"&<'>+=\tz?/",
];

/// Values that can be secrets, of each alphabet in turn.
fn secrets(count: usize, seed: u64) -> Vec<String> {
    let mut random = Random(seed);
    // A small run begins with another alphabet for each seed.
    let first = sized(seed as usize % ALPHABETS.len(), 0);
    let mut out = Vec::new();
    while out.len() < count {
        let alphabet: Vec<char> = ALPHABETS[(first + out.len()) % ALPHABETS.len()].chars().collect();
        let length = 8 + random.below(33);
        let value: String = (0..length).map(|_| alphabet[random.below(alphabet.len())]).collect();
        let value = value.trim().to_owned();
        if value.len() >= 8 && Rules::default().secret("K", value.clone()).is_ok() {
            out.push(value);
        }
    }
    out
}

fn fixed() -> Vec<String> {
    FIXED.map(str::to_owned).to_vec()
}

/// A small run tries one of the fixed values, another one for each seed.
fn some_fixed(seed: u64) -> Vec<String> {
    fixed().into_iter().skip(sized(seed as usize % FIXED.len(), 0)).take(sized(1, FIXED.len())).collect()
}

/// Checks the cases one after the other: the stored text must be the frame with the placeholder in it. Returns the
/// number of cases, or a description of the first case that fails.
fn corpus(secrets: &[String], seed: u64, every_cut: bool) -> Result<u64, String> {
    let (mut random, mut cases) = (Random(seed), 0);
    for group in secrets.chunks(20) {
        let named = (0..).zip(group);
        let rules = named.fold(Rules::default().allow_header("x-note"), |rules, (n, secret)| {
            rules.secret(format!("K{n}"), secret.clone()).expect("it can be one")
        });
        let redactor = Redactor::new(rules).expect("few enough");
        for (n, secret) in group.iter().enumerate() {
            let placeholder = format!("{{{{secret.K{n}}}}}");
            let (mut stored_all, mut seen) = (BTreeSet::new(), BTreeSet::new());
            // The test tries all encodings, or a sample of them if it checks every cut.
            let some = sized(600, 5);
            let (first, step) = if every_cut { ((n + seed as usize) % some, some) } else { (0, 1) };
            for case in encodings::all(secret).into_iter().skip(first).step_by(step) {
                // A value without special characters is the same in many encodings.
                if !seen.insert((case.text.clone(), case.expected.clone())) {
                    continue;
                }
                for place in PLACES.iter().filter(|p| !case.text.contains(|c| p.without.contains(c))) {
                    let text = place.frame.replace('@', &case.text);
                    let expected = place.frame.replace('@', &case.expected.replace('@', &placeholder));
                    let sent = place.part.sent(&text);
                    let cuts = match every_cut && place.part.is_cut() {
                        true => 0..sent.len() + 1,
                        false => {
                            let cut = random.below(sent.len() + 1);
                            cut..cut + 1
                        }
                    };
                    for cut in cuts {
                        let Some(stored) = place.part.receive(&redactor, &sent, &[cut]) else { continue };
                        cases += 1;
                        if bare(&stored) != expected {
                            let at = format!("{} in {}, cut at {cut}", case.encoding, place.name);
                            return Err(format!("{at}: {secret:?}\n   text {text}\n stored {stored}"));
                        }
                        stored_all.insert(stored);
                    }
                }
            }
            // The judge searches each different stored text once.
            let stored_all: Vec<String> = stored_all.into_iter().collect();
            if let Some(how) = survivor(stored_all.join("\n").as_bytes(), secret.as_bytes()) {
                return Err(format!("{secret:?} is still there, {how}"));
            }
        }
    }
    Ok(cases)
}

/// The stored text without the encodings that placeholders in responses name.
fn bare(stored: &str) -> String {
    let mut parts = stored.split("{{secret.");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        let (inner, rest) = part.split_once("}}").expect("placeholders are closed");
        format!("{out}{{{{secret.{}}}}}{rest}", inner.split('|').next().unwrap_or_default())
    })
}

/// Checks the cases on all cores.
fn corpus_at_once(secrets: &[String], seed: u64, every_cut: bool) -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let parts = secrets.chunks(secrets.len().div_ceil(cores));
    std::thread::scope(|scope| {
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || corpus(part, seed, every_cut))).collect();
        let cases = threads.into_iter().map(|thread| thread.join().expect("no part panics"));
        cases.map(|part| part.unwrap_or_else(|e| panic!("{e}"))).sum()
    })
}

#[test]
fn nothing_survives_and_nothing_else_changes() {
    let seed = seed(5);
    let cases = corpus_at_once(&[some_fixed(seed), secrets(sized(1, 500), seed)].concat(), seed + 2, false);
    assert!(cases > sized(3_000, 900_000), "{cases}");
}

#[test]
fn cut_at_every_byte() {
    let seed = seed(5);
    let cases = corpus_at_once(&secrets(ALPHABETS.len(), seed), seed + 2, true);
    assert!(cases > sized(700, 300_000), "{cases}");
}

/// The values of cookies are redacted as a whole, so only the survival of secrets is checked.
#[test]
fn cookies() {
    for secret in secrets(sized(1, 16), seed(5)) {
        let redactor = Redactor::new(Rules::default().secret("K", secret.clone()).unwrap()).unwrap();
        let mut stored = String::new();
        // A semicolon ends a cookie's value.
        for case in encodings::all(&secret).iter().filter(|case| !case.text.contains(';')) {
            for (name, frame, side) in
                [("cookie", "a=1; b=@", Side::Request), ("set-cookie", "b=@; Path=/", Side::Response)]
            {
                let part = places::Part::Header(name, side);
                stored.push_str(
                    &part.store(&redactor, &frame.replace('@', &case.text), &[]).unwrap_or_default(),
                );
            }
        }
        assert_eq!(survivor(stored.as_bytes(), secret.as_bytes()), None);
    }
}

/// Every encoding of the code under test is needed: without it the corpus fails.
#[test]
fn each_encoding_is_needed() {
    let step = sized(36, 1);
    for encoding in encoder::ENCODINGS.iter().skip(seed(0) as usize % step).step_by(step) {
        encoder::OFF.set(Some(encoding));
        let found = corpus(&fixed(), 7, false);
        encoder::OFF.set(None);
        assert!(found.is_err(), "the corpus passes without {encoding:?}");
    }
}
