//! Decides without the code under test whether a secret survived: removes up to three layers of encoding from the
//! stored text, and searches each result.

/// Removes one layer of an encoding, anywhere in a text.
type Reader = fn(&str) -> String;

const READERS: [(Reader, &str); 4] = [
    (percent, "percent-encoded"),
    (form, "form-encoded"),
    (|text| crate::json::unescape(text).into_owned(), "JSON-escaped"),
    (entities, "in HTML entities"),
];

/// The encoding in which a secret survived, or `None` if it did not.
pub(super) fn survivor(stored: &[u8], secret: &[u8]) -> Option<&'static str> {
    let stored = String::from_utf8_lossy(stored);
    // A secret of several lines survives with any line ends.
    let has_lines = secret.contains(&b'\n');
    let in_a_line = |text: &str| text.replace("\r\n", " ").replace(['\n', '\r'], " ");
    let flat = in_a_line(&String::from_utf8_lossy(secret));
    let is_in = |text: &[u8]| {
        memchr::memmem::find(text, secret).is_some()
            || has_lines && in_a_line(&String::from_utf8_lossy(text)).contains(&flat)
    };
    let in_csv = |text: &str| secret.contains(&b'"') && is_in(text.replace("\"\"", "\"").as_bytes());
    let in_base64 = |text: &[u8]| {
        is_in(text)
            || text.contains(&b'\\')
                && is_in(crate::json::unescape(&String::from_utf8_lossy(text)).as_bytes())
    };
    let hex: String = secret.iter().map(|b| format!("{b:02x}")).collect();
    let look = |text: &str, how| {
        let lower = text.to_ascii_lowercase();
        match () {
            () if is_in(text.as_bytes()) => Some(how),
            () if in_csv(text) => Some("in CSV"),
            () if memchr::memmem::find(lower.as_bytes(), hex.as_bytes()).is_some() => Some("in hex"),
            () if (0..4).any(|from| in_base64(&base64(text, from))) => Some("in base64"),
            () => None,
        }
    };
    let from_latin_1 = || look(&latin_1(&stored), "percent-encoded from Latin-1");
    look(&stored, "as it is").or_else(from_latin_1).or_else(|| {
        READERS.iter().find_map(|(read, how)| {
            let once = read(&stored);
            look(&once, how).or_else(|| {
                READERS.iter().find_map(|(read, _)| {
                    let twice = read(&once);
                    let thrice = || READERS.iter().find_map(|(read, _)| look(&read(&twice), how));
                    look(&twice, how).or_else(thrice)
                })
            })
        })
    })
}

fn percent(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The text percent-decoded as Latin-1, and the same with `+` for a space.
fn latin_1(text: &str) -> String {
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).map(char::from).collect::<String>();
    decoded(text) + "\n" + &decoded(&text.replace('+', " "))
}

fn form(text: &str) -> String {
    percent(&text.replace('+', " "))
}

/// Decodes XML's five named entities, and character references.
fn entities(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').unwrap_or((part, ""));
        let number = match name.strip_prefix('#') {
            Some(digits) => match digits.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => digits.parse().ok(),
            },
            None => None,
        };
        let named = ["amp", "lt", "gt", "quot", "apos"].iter().zip("&<>\"'".chars());
        let named = named.filter(|(entity, _)| **entity == name).map(|(_, c)| c).next();
        match number.and_then(char::from_u32).or(named) {
            Some(c) => {
                out.push(c);
                out.push_str(rest);
            }
            None => {
                out.push('&');
                out.push_str(part);
            }
        }
    }
    out
}

/// Decodes every run of base64 characters of either alphabet, from the character `from` of the run on. Adds a line
/// break after each decoded run.
fn base64(text: &str, from: usize) -> Vec<u8> {
    let (mut out, mut at, mut bits, mut held) = (Vec::with_capacity(text.len()), 0, 0u32, 0);
    for b in text.bytes() {
        let six = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => {
                out.push(b'\n');
                (at, held) = (0, 0);
                continue;
            }
        };
        at += 1;
        if at > from {
            bits = bits << 6 | u32::from(six);
            held += 6;
        }
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}

/// The judge finds every encoding of the corpus, alone and with other text around it.
#[test]
fn the_judge_finds_every_encoding() {
    for secret in super::secrets(super::sized(1, 16), super::seed(5)) {
        for case in super::encodings::all(&secret) {
            for frame in ["@", "{\"a\":\"@\"}", "x@", "abc/@=", "&amp;@&x"] {
                let text = frame.replace('@', &case.text);
                let found = survivor(text.as_bytes(), secret.as_bytes());
                assert!(found.is_some(), "{}: {secret:?} in {text}", case.encoding);
            }
        }
        let innocent = "{\"a\":\"{{secret.K}}\",\"b\":\"aGVsbG8gd29ybGQ=\",\"c\":\"&amp;&#38;%25\"}";
        assert_eq!(survivor(innocent.as_bytes(), secret.as_bytes()), None);
    }
}
