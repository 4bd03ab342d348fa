//! Recognises the parts of a short text that look like credentials, although nothing else says that they are: long runs
//! of characters that look random. Ids, hashes, dates, numbers, paths and words do not count.
//!
//! Must not know: where the text stands.

use std::ops::Range;

use crate::redact::values::found_values::is_rare_pair;

/// A shorter run is no credential.
const SHORTEST: usize = 20;

/// A credential has at least this many characters that look random.
const LEAST_RANDOM: usize = 14;

/// A credential has at least this many different characters that look random.
const LEAST_DIFFERENT: usize = 8;

/// A shorter word is not judged: too few characters look random by chance.
const SHORTEST_WORD: usize = 5;

/// The lengths of hashes in hexadecimal digits (CRC-64, MD5, SHA-1, SHA-2), of ids of spans in traces, and of object ids
/// in MongoDB.
const HEX_LENGTHS: [usize; 8] = [16, 24, 32, 40, 56, 64, 96, 128];

/// The names before a hash: `sha256:…`, `md5=…`. Compared without `-` and in lower case.
const ALGORITHMS: [&str; 12] = [
    "blake2b",
    "blake3",
    "crc32",
    "crc32c",
    "crc64",
    "crc64nvme",
    "md5",
    "sha",
    "sha1",
    "sha256",
    "sha384",
    "sha512",
];

/// The ranges that look like credentials, in order.
pub(crate) fn credentials_in(text: &[u8]) -> Vec<Range<usize>> {
    // In a URL or a path, a slash separates segments. Elsewhere it may be a character of base64.
    let is_path = text.starts_with(b"/") || memchr::memmem::find(text, b"://").is_some();
    let is_run = |b: u8| b.is_ascii_alphanumeric() || b"-_.~+%".contains(&b) || (b == b'/' && !is_path);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let length = text[at..].iter().take_while(|b| is_run(**b)).count();
        if length == 0 {
            at += 1;
            continue;
        }
        let run = at..at + length;
        if is_credential(&text[run.clone()]) && !follows_algorithm(&text[..at]) {
            // The padding of base64 is a part of the value.
            let padding = text[run.end..].iter().take(2).take_while(|b| **b == b'=').count();
            found.push(run.start..run.end + padding);
        }
        at = run.end;
    }
    found
}

/// Whether a run of characters looks like a credential.
fn is_credential(run: &[u8]) -> bool {
    if run.len() < SHORTEST {
        return false;
    }
    let run = without_uuids(run);
    let words = run.split(|b| !b.is_ascii_alphanumeric());
    let random: Vec<&[u8]> = words.filter(|word| !is_known_form(word) && is_random(word)).collect();
    let different = (0..=u8::MAX).filter(|b| random.iter().any(|word| word.contains(b))).count();
    let length = random.iter().map(|word| word.len()).sum::<usize>();
    // An id may be a path with words, of which little looks random.
    length >= LEAST_RANDOM && 2 * length >= run.len() && different >= LEAST_DIFFERENT
}

/// The run with dots in place of its UUIDs.
fn without_uuids(run: &[u8]) -> Vec<u8> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    const LENGTH: usize = 36;
    let is_uuid = |text: &[u8]| {
        let mut groups = text.split(|b| *b == b'-');
        GROUPS.iter().all(|length| groups.next().is_some_and(|group| group.len() == *length && is_hex(group)))
    };
    let (mut out, mut at) = (run.to_vec(), 0);
    while at + LENGTH <= out.len() {
        if is_uuid(&out[at..at + LENGTH]) {
            out[at..at + LENGTH].fill(b'.');
            at += LENGTH;
        } else {
            at += 1;
        }
    }
    out
}

/// Whether the word is a number, a hash, a time, or an id of a documented form.
fn is_known_form(word: &[u8]) -> bool {
    let is_number = word.iter().all(u8::is_ascii_digit);
    let is_one_case =
        |text: &[u8]| !(text.iter().any(u8::is_ascii_uppercase) && text.iter().any(u8::is_ascii_lowercase));
    let is_hash = HEX_LENGTHS.contains(&word.len()) && is_hex(word) && is_one_case(word);
    // A time of ISO 8601 in its basic format: 20260302T063000Z.
    let is_time = word.get(8) == Some(&b'T') && word[..8].iter().all(u8::is_ascii_digit) && word.len() <= 20;
    // A ULID: 26 characters of Crockford's base32 that begin with a time before the year 2085.
    let is_ulid = word.len() == 26
        && word.starts_with(b"01")
        && is_one_case(word)
        && !word.iter().any(|b| b"ilou".contains(&b.to_ascii_lowercase()));
    is_number || is_hash || is_time || is_ulid
}

fn is_hex(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_hexdigit)
}

/// Whether the characters follow each other as they do at random: letters and digits alternate, and pairs of letters
/// are rare in words.
fn is_random(word: &[u8]) -> bool {
    if word.len() < SHORTEST_WORD {
        return false;
    }
    let is_odd = |pair: &&[u8]| match (pair[0].is_ascii_digit(), pair[1].is_ascii_digit()) {
        (false, false) => is_rare_pair(pair[0], pair[1]),
        (before, after) => before != after,
    };
    // In random letters two of five pairs are odd, in letters and digits half of them; in words one of thirty. A short
    // word needs more of them, because it has few pairs, and so do letters alone, which may be abbreviations.
    let is_letters = word.iter().all(u8::is_ascii_alphabetic);
    let tenths = if word.len() < 8 {
        4
    } else if is_letters {
        3
    } else {
        2
    };
    10 * word.windows(2).filter(is_odd).count() > tenths * (word.len() - 1)
}

/// Whether the text ends with the name of an algorithm for hashes, and `:` or `=`.
fn follows_algorithm(before: &[u8]) -> bool {
    let Some((b':' | b'=', before)) = before.split_last() else { return false };
    // The value of a digest in a structured field has colons around it: `sha-256=:…:`.
    let before = before.strip_suffix(b"=").unwrap_or(before);
    let is_name = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'-';
    let length = before.iter().rev().take_while(is_name).count();
    let name = before[before.len() - length..].iter().filter(|b| **b != b'-');
    let name: Vec<u8> = name.map(u8::to_ascii_lowercase).collect();
    ALGORITHMS.iter().any(|algorithm| algorithm.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> =
            credentials_in(text.as_bytes()).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn credentials() {
        for whole in [
            "9f8c2b7d4e1a6053Kq7Z",
            "aB3cD4eF5gH6iJ7kL8mN9oP0",
            "q8Jx_Zt0-Wm3RbV6yNcKp2LhTd",
            "kJ8s/9dK+2mZxQ7vB4nT1wYr==",
            "egiidkcfdtnstcfizoikvvnpfskushrsujtzaqno",
            "3f9a1c7e5b2d8f4a6c0e9b7d",
            "acme_live_9f8c2b7d4e1a6053kq7z",
        ] {
            let expected: &[&str] =
                if whole.len() == 24 && is_hex(whole.as_bytes()) { &[] } else { &[whole] };
            check(whole, expected);
        }
        check("v1,t=1700000000,s=kJ8sX9dKq2mZxQ7vB4nT1wYr", &["kJ8sX9dKq2mZxQ7vB4nT1wYr"]);
        check("user:q8JxZt0Wm3RbV6yNcKp2", &["q8JxZt0Wm3RbV6yNcKp2"]);
        check("https://h/hooks/q8JxZt0Wm3RbV6yNcKp2?a=1", &["q8JxZt0Wm3RbV6yNcKp2"]);
        check(
            "a8Kd72kX03mZq91LwPs4, b8Kd72kX03mZq91LwPs4",
            &["a8Kd72kX03mZq91LwPs4", "b8Kd72kX03mZq91LwPs4"],
        );
    }

    #[test]
    fn no_credentials() {
        for text in [
            "",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "req-3f2504e0-4f89-11d3-9a0c-0305e82c3301-eu",
            "d41d8cd98f00b204e9800998ecf8427e",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:",
            "md5=Q2hlY2sgSW50ZWdyaXR5IQ==",
            "crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ==",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "2026-03-02T06:30:00.000Z",
            "20260302T063000Z",
            "Mon, 02 Mar 2026 06:30:00 GMT",
            "1234567890123456789012345678901234567890",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "projects/p/locations/us-central1/operations/operation-1700000000000-5f1b2c3d4e5f6-abcdef12-12345678",
            "arn:aws:lambda:eu-central-1:123456789012:function:prices-extractor-nightly:42",
            "GetUserByIdAndNameWithOptions",
            "getUsersByTenant2Async_v3_internal",
            "max-age=31536000; includeSubDomains; preload",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
            "eu-west-1a-node-017-rack-b2-prod-cluster",
            "/v1/customers/1234567890/invoices/2026-03?page=2",
            "https://api.example.com/v1/markets/de/quotes?from=2026-03-02&page=2",
            "donaudampfschifffahrtsgesellschaft",
            "1.24.3-rc.1+build.5.sha.9b2c1f0a",
            "a1a1a1a1a1a1a1a1a1a1a1a1",
        ] {
            check(text, &[]);
        }
    }

    /// Of random values of twenty characters and more, hardly any is missed.
    #[test]
    fn random_values() {
        let alphabets = [
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
            "abcdefghijklmnopqrstuvwxyz0123456789",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
            "0123456789abcdef",
        ];
        for alphabet in alphabets {
            let (mut state, mut missed) = (7_u64, 0);
            for n in 0..1000 {
                let value: String = (0..25 + n % 6)
                    .map(|_| {
                        state = state
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        char::from(alphabet.as_bytes()[(state >> 33) as usize % alphabet.len()])
                    })
                    .collect();
                missed += usize::from(credentials_in(value.as_bytes()).is_empty());
            }
            assert!(missed <= 30, "{alphabet}: {missed} of 1000");
        }
    }
}
