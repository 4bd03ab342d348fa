//! The forms in which a value turns up in traffic, as byte patterns to search for.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// One form of one value.
#[derive(Clone)]
pub(super) struct Pattern {
    pub(super) bytes: Vec<u8>,
    pub(super) encoding: Encoding,
    pub(super) edges: Edges,
}

/// The characters beside a base64 hit that hold bits of the value and bits of its neighbours.
#[derive(Clone, Copy, Default)]
pub(super) struct Edges {
    pub(super) before: bool,
    pub(super) after: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Raw,
    Json,
    Percent,
    Html,
    Base64,
    Hex,
}

impl Encoding {
    pub(super) fn name(self) -> &'static str {
        match self {
            Encoding::Raw => "as it is",
            Encoding::Json => "JSON-escaped",
            Encoding::Percent => "percent-encoded",
            Encoding::Html => "HTML-escaped",
            Encoding::Base64 => "in base64",
            Encoding::Hex => "in hex",
        }
    }
}

/// Every form of `value`, each byte string once.
pub(super) fn patterns(value: &str) -> Vec<Pattern> {
    let mut all = Patterns(BTreeMap::new());
    all.add(Encoding::Raw, value.as_bytes().to_vec());
    for text in json(value) {
        // JSON inside a string of JSON.
        for slash in [false, true] {
            all.add(Encoding::Json, json_escaped(&text, slash, NonAscii::Raw, "", false).into_bytes());
        }
        all.add(Encoding::Json, text.into_bytes());
    }
    let plain = json_escaped(value, false, NonAscii::Raw, "", false);
    for text in percent(value.as_bytes()).into_iter().chain(percent(plain.as_bytes())) {
        // A URL inside the query of a URL.
        for upper in [false, true] {
            all.add(Encoding::Percent, percent_encoded(text.as_bytes(), is_unreserved, false, upper).into());
        }
        all.add(Encoding::Percent, text.into_bytes());
    }
    for text in html(value) {
        all.add(Encoding::Html, text.into_bytes());
    }
    base64(value.as_bytes(), &mut all);
    let hex: String = value.bytes().map(|b| format!("{b:02x}")).collect();
    all.add(Encoding::Hex, hex.to_ascii_uppercase().into_bytes());
    all.add(Encoding::Hex, hex.into_bytes());
    all.0.into_values().collect()
}

struct Patterns(BTreeMap<Vec<u8>, Pattern>);

impl Patterns {
    /// The first encoding that gives these bytes has them.
    fn add(&mut self, encoding: Encoding, bytes: Vec<u8>) {
        self.add_with(encoding, bytes, Edges::default());
    }

    fn add_with(&mut self, encoding: Encoding, bytes: Vec<u8>, edges: Edges) {
        self.0.entry(bytes.clone()).or_insert(Pattern { bytes, encoding, edges });
    }
}

/// How characters outside ASCII are written in a JSON string.
#[derive(Clone, Copy)]
enum NonAscii {
    Raw,
    Escaped { upper: bool },
}

/// As serializers escape it: serde_json and most others; ASCII only (Python, PHP); with `\/` (PHP, older Java
/// and .NET); with HTML's characters escaped (Go, PHP; Gson; .NET, Rails).
fn json(value: &str) -> Vec<String> {
    let mut out = Vec::new();
    for slash in [false, true] {
        for non_ascii in
            [NonAscii::Raw, NonAscii::Escaped { upper: false }, NonAscii::Escaped { upper: true }]
        {
            for (also, upper) in [
                ("", false),
                ("<>&", false),
                ("<>&", true),
                ("<>&='", false),
                ("\"<>&'+`", true),
                ("<>&'\"", true),
            ] {
                out.push(json_escaped(value, slash, non_ascii, also, upper));
            }
        }
    }
    out
}

/// `also`: characters that need no escape and get one all the same, in `upper` case hex or not.
fn json_escaped(value: &str, slash: bool, non_ascii: NonAscii, also: &str, upper: bool) -> String {
    let mut out = String::with_capacity(value.len());
    let unit =
        |unit: u16, upper: bool| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
    for c in value.chars() {
        match c {
            c if also.contains(c) => out.push_str(&unit(c as u16, upper)),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' if slash => out.push_str("\\/"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&unit(c as u16, upper)),
            c if c.is_ascii() => out.push(c),
            c => match non_ascii {
                NonAscii::Raw => out.push(c),
                NonAscii::Escaped { upper } => {
                    for u in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&unit(*u, upper));
                    }
                }
            },
        }
    }
    out
}

/// `value` as it stands between the quotes of a JSON string.
pub(super) fn json_string(value: &str) -> String {
    json_escaped(value, false, NonAscii::Raw, "", false)
}

/// RFC 3986 §2.3.
fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~".contains(&b)
}

/// As the common libraries encode it, each with lower and upper case hex.
fn percent(value: &[u8]) -> Vec<String> {
    type Keeps = fn(u8) -> bool;
    const SETS: &[Keeps] = &[
        is_unreserved,
        // WHATWG's application/x-www-form-urlencoded.
        |b| b.is_ascii_alphanumeric() || b"*-._".contains(&b),
        // JavaScript's encodeURIComponent and encodeURI.
        |b| is_unreserved(b) || b"!*'()".contains(&b),
        |b| is_unreserved(b) || b"!*'();/?:@&=+$,#".contains(&b),
        // Python's quote, which leaves slashes.
        |b| is_unreserved(b) || b == b'/',
        // WHATWG's URL: query, path, user info.
        |b| b.is_ascii_graphic() && !b"\"#<>'".contains(&b),
        |b| b.is_ascii_graphic() && !b"\"#<>".contains(&b),
        |b| b.is_ascii_graphic() && !b"\"#<>?^`{}".contains(&b),
        |b| b.is_ascii_graphic() && !b"\"#<>?^`{}/:;=@[\\]|".contains(&b),
        // RFC 3986: what may stand in a path segment, and in a query.
        |b| is_unreserved(b) || b"!$&'()*+,;=:@".contains(&b),
        |b| is_unreserved(b) || b"!$&'()*+,;=:@/?".contains(&b),
        // Zealous ones.
        |b| b.is_ascii_alphanumeric(),
        |_| false,
    ];
    let mut out = Vec::new();
    for keeps in SETS {
        for plus in [false, true] {
            for upper in [false, true] {
                out.push(percent_encoded(value, *keeps, plus, upper));
            }
        }
    }
    out
}

fn percent_encoded(value: &[u8], keeps: impl Fn(u8) -> bool, plus: bool, upper: bool) -> String {
    let mut out = String::with_capacity(value.len());
    for &b in value {
        match b {
            b' ' if plus => out.push('+'),
            b if keeps(b) => out.push(char::from(b)),
            b if upper => out.push_str(&format!("%{b:02X}")),
            b => out.push_str(&format!("%{b:02x}")),
        }
    }
    out
}

/// `value` as it stands in a form (WHATWG URL §5.2).
pub(super) fn form_value(value: &str) -> String {
    percent_encoded(value.as_bytes(), |b| b.is_ascii_alphanumeric() || b"*-._".contains(&b), true, true)
}

fn html(value: &str) -> Vec<String> {
    let mut out = Vec::new();
    for quote in ["\"", "&quot;", "&#34;", "&#x22;"] {
        for apostrophe in ["'", "&#39;", "&#x27;", "&#039;", "&apos;"] {
            let text = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            out.push(text.replace('"', quote).replace('\'', apostrophe));
        }
    }
    out
}

/// The characters that the value alone determines, for each place that it may have in a group of three bytes
/// (and so also within `user:password`); in both alphabets, and with `+` and `/` escaped as URLs and JSON do.
fn base64(value: &[u8], all: &mut Patterns) {
    for before in 0..3 {
        let shifted = [&[0; 2][..before], value].concat();
        let bits = 8 * shifted.len();
        let core = (8 * before).div_ceil(6)..bits / 6;
        let edges = Edges { before: before > 0, after: !bits.is_multiple_of(6) };
        let standard = &STANDARD_NO_PAD.encode(&shifted)[core.clone()];
        let url_safe = &URL_SAFE_NO_PAD.encode(&shifted)[core];
        for text in [
            standard.to_owned(),
            url_safe.to_owned(),
            standard.replace('/', "\\/"),
            standard.replace('+', "%2B").replace('/', "%2F"),
            standard.replace('+', "%2b").replace('/', "%2f"),
        ] {
            all.add_with(Encoding::Base64, text.into_bytes(), edges);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, encoding: Encoding, form: &str) {
        let found = patterns(value).into_iter().find(|p| p.bytes == form.as_bytes());
        assert_eq!(found.map(|p| p.encoding), Some(encoding), "{form}");
    }

    #[test]
    fn forms() {
        check("pass/wörd \"1\"", Encoding::Raw, "pass/wörd \"1\"");
        check("pass/wörd \"1\"", Encoding::Json, r#"pass/wörd \"1\""#);
        check("pass/wörd \"1\"", Encoding::Json, r#"pass\/w\u00f6rd \"1\""#);
        check("pass/wörd \"1\"", Encoding::Json, r#"pass\/w\u00F6rd \"1\""#);
        check("pass/wörd \"1\"", Encoding::Json, r#"pass/wörd \\\"1\\\""#);
        check("pass/wörd \"1\"", Encoding::Percent, "pass%2Fw%C3%B6rd%20%221%22");
        check("pass/wörd \"1\"", Encoding::Percent, "pass%2fw%c3%b6rd+%221%22");
        check("pass/wörd \"1\"", Encoding::Percent, "pass/w%C3%B6rd%20%221%22");
        check("pass/wörd \"1\"", Encoding::Percent, "pass%252Fw%25C3%25B6rd%2520%25221%2522");
        check("pass/wörd \"1\"", Encoding::Percent, "pass%2Fw%C3%B6rd+%5C%221%5C%22");
        check("pass/wörd \"1\"", Encoding::Html, "pass/wörd &quot;1&quot;");
        check("a<b>&'c'", Encoding::Json, r"a\u003cb\u003e\u0026'c'");
        check("a<b>&'c'", Encoding::Html, "a&lt;b&gt;&amp;&#x27;c&#x27;");
        check("key\u{1F600}key", Encoding::Json, r"key\ud83d\ude00key");
        check("secret", Encoding::Percent, "%73%65%63%72%65%74");
        check("secret", Encoding::Hex, "736563726574");
        check("k/\u{fe}?\u{3e}kkk", Encoding::Hex, "6B2FC3BE3F3E6B6B6B");
        check("secret", Encoding::Base64, "c2VjcmV0");
        check("secrets!", Encoding::Base64, "c2VjcmV0cy"); // The next character holds the last 2 bits.
        check("??>>??", Encoding::Base64, "Pz8-Pj8_");
        check("??>>??", Encoding::Base64, "Pz8%2BPj8%2F");
        check("??>>??", Encoding::Base64, r"Pz8+Pj8\/");
    }

    #[test]
    fn each_form_once() {
        let mut bytes: Vec<_> = patterns("abcDEF123").into_iter().map(|p| p.bytes).collect();
        bytes.sort();
        let count = bytes.len();
        bytes.dedup();
        assert_eq!(bytes.len(), count);
        assert!(count < 12, "a plain key has few forms: {count}");
    }
}
