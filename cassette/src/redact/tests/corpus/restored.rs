//! A replay restores a secret in the encoding in which the server wrote it.

use crate::json::unescape;
use crate::redact::Encoding;
use crate::redact::tests::corpus::places::{PLACES, Place, Way};
use crate::redact::tests::corpus::{Redactor, Rules, bare, encodings, secrets, seed, sized};

/// The usual encodings, which a replay restores to the byte. For the others it restores the usual encoding of their
/// kind.
const USUAL: &[&str] = &[
    "raw",
    "percent, upper case",
    "percent, twice",
    "JSON",
    "JSON in JSON",
    "JSON in JSON in JSON",
    "JSON in a query",
    "JSON in JSON in a query",
    "HTML",
    "JSON in HTML",
    "HTML in JSON",
    "hex",
];

/// Whether a replay restores the encoding. A value in base64 shares characters with its neighbours, and cannot be
/// restored. In CSV one quote at an end of the value stays.
fn comes_back(how: &str) -> bool {
    !how.contains("base64") && how != "Basic" && !how.ends_with("a quote at an end")
}

/// The decoded text, for comparison. For HTML and XML it is empty; a second redaction compares them.
fn meaning(how: &str, text: &str) -> Vec<u8> {
    let percent = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let json = |text: &str| unescape(text).into_owned();
    match how {
        how if how.contains("HTML") || how.contains("XML") => Vec::new(),
        how if how.contains("Latin-1") => percent(&text.replace('+', " ")),
        how if how.starts_with("form") => percent(&text.replace('+', " ")),
        how if how.starts_with("JSON") && how.contains("query") => {
            let percent = |text: &str| String::from_utf8_lossy(&percent(text)).into_owned();
            json(&json(&percent(&percent(text)))).into_bytes()
        }
        how if how.starts_with("percent") || how.starts_with("encode") => percent(text),
        how if how.starts_with("JSON") => json(&json(&json(text))).into_bytes(),
        how if how.starts_with("hex") => text.to_ascii_lowercase().into_bytes(),
        _ => text.as_bytes().to_vec(),
    }
}

/// Whether a server would use the encoding at such a place.
fn fits(how: &str, place: &Place, text: &str) -> bool {
    let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    match Encoding::of(content_type(place)) {
        Encoding::Form => how == "form",
        Encoding::Json => text.lines().all(is_json),
        _ => true,
    }
}

fn content_type(place: &Place) -> Option<&'static str> {
    match place.way {
        Way::Body(content_type) => Some(content_type),
        _ => None,
    }
}

fn restore(redactor: &Redactor, place: &Place, stored: &str) -> Option<String> {
    use std::io::Write as _;
    if let Way::Coded(..) = place.way {
        return None;
    }
    let mut restorer = redactor.restorer(content_type(place), Vec::new());
    restorer.write_all(stored.as_bytes()).unwrap();
    Some(String::from_utf8(restorer.finish().unwrap()).unwrap())
}

#[test]
fn as_it_was_written() {
    let mut cases = 0;
    for secret in secrets(sized(1, 24), seed(5)) {
        let rules = Rules::default().allow_header("x-note").secret("K", secret.clone()).unwrap();
        let redactor = Redactor::new(rules).unwrap();
        let answers = redactor.answers();
        for coded in encodings::all(&secret).iter().filter(|coded| comes_back(&coded.how)) {
            for place in PLACES.iter().filter(|p| !coded.text.contains(|c| p.without.contains(c))) {
                let text = place.frame.replace('@', &coded.text);
                let Some(stored) = place.way.store(&answers, &text, &[]) else { continue };
                let Some(restored) = restore(&redactor, place, &stored) else { continue };
                let told = format!("{} in {}: {text}\n stored {stored}", coded.how, place.name);
                if fits(&coded.how, place, &text) {
                    if USUAL.contains(&&*coded.how) || place.name == "form" {
                        assert_eq!(restored, text, "{told}");
                    }
                    assert_eq!(meaning(&coded.how, &restored), meaning(&coded.how, &text), "{told}");
                    let Some(again) = place.way.store(&redactor, &restored, &[]) else {
                        // A header cannot hold a line break.
                        assert!(restored.contains('\n'), "{told}");
                        continue;
                    };
                    assert_eq!(bare(&again), bare(&stored), "{told}");
                    cases += 1;
                }
            }
        }
    }
    assert!(cases > sized(400, 10_000), "{cases}");
}
