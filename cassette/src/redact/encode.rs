//! The forms in which a value turns up in traffic, as byte patterns to search for.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::spelling::Spelling;

/// One form of one value.
#[derive(Clone)]
pub(super) struct Pattern {
    pub(super) bytes: Vec<u8>,
    pub(super) encoding: Encoding,
    /// How the value came to be written so, for a replay. None of what lies in base64, which goes with the bits of its
    /// neighbours.
    pub(super) steps: &'static [Spelling],
    pub(super) edges: Edges,
}

/// The characters beside a base64 hit that hold bits of the value and bits of its neighbours.
#[derive(Clone, Copy, Default)]
pub(super) struct Edges {
    pub(super) before: bool,
    pub(super) after: bool,
}

/// How a value is written, for messages; and which digits in it are hexadecimal.
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

impl Pattern {
    /// Whether `found`, equal to the pattern but for case, is it: the case of hexadecimal digits is free.
    pub(super) fn is_form(&self, found: &[u8]) -> bool {
        let free = |i: usize| {
            // What stands `back` bytes before.
            let after = |what: &[u8], back: usize| {
                i.checked_sub(back + what.len()).is_some_and(|at| self.bytes[at..].starts_with(what))
            };
            match self.encoding {
                Encoding::Raw => false,
                Encoding::Json => (0..4).any(|back| after(b"\\u", back)),
                // The second is for what is encoded twice.
                Encoding::Percent => (0..2).any(|back| after(b"%", back) || after(b"%25", back)),
                Encoding::Base64 => (0..2).any(|back| after(b"%", back)),
                Encoding::Html => {
                    let number = self.bytes[..i].rsplit(|b| *b == b'&').next().unwrap_or_default();
                    number.starts_with(b"#") && !number.contains(&b';')
                }
                Encoding::Hex => true,
            }
        };
        let same = |(i, (a, b)): (usize, (&u8, &u8))| a == b || (a.eq_ignore_ascii_case(b) && free(i));
        found.iter().zip(&self.bytes).enumerate().all(same)
    }
}

/// Every form of `value`, each byte string once. Hexadecimal digits are in lower case, which stands for any.
pub(super) fn patterns(value: &str) -> Vec<Pattern> {
    let mut all = Patterns(BTreeMap::new());
    all.add("raw", Encoding::Raw, value.as_bytes().to_vec());
    let plain = json_string(value);
    let ascii = json_escaped(value, false, NonAscii::Escaped, "");
    for (form, text) in json(value) {
        all.add(form, Encoding::Json, text.into_bytes());
    }
    for (form, text) in html(value) {
        all.add(form, Encoding::Html, text.clone().into_bytes());
        // A page inside JSON.
        for (slash, also) in [(false, ""), (true, ""), (false, "<>&"), (false, "<>&\"'+`")] {
            for non_ascii in [NonAscii::Raw, NonAscii::Escaped] {
                let escaped = json_escaped(&text, slash, non_ascii, also);
                all.add("json html", Encoding::Json, escaped.into_bytes());
            }
        }
    }
    for (_, text) in html(&plain) {
        all.add("html json", Encoding::Html, text.into_bytes());
    }
    for (_, text) in json(value) {
        // JSON inside a string of JSON.
        for slash in [false, true] {
            for non_ascii in [NonAscii::Raw, NonAscii::Escaped] {
                all.add("json twice", Encoding::Json, json_escaped(&text, slash, non_ascii, "").into());
            }
        }
        all.add("json twice", Encoding::Json, json_escaped(&text, false, NonAscii::Raw, "<>&").into());
    }
    for (form, inner) in [("", value), ("percent json", &plain), ("percent json", &ascii)] {
        for (own, text) in percent(inner.as_bytes()) {
            // A URL inside the query of a URL.
            let (once, twice) = match form {
                "" => (own, "percent twice"),
                _ => (form, "percent json twice"),
            };
            for keeps in [is_unreserved, is_form, is_component] {
                all.add(twice, Encoding::Percent, percent_encoded(text.as_bytes(), keeps, false).into());
            }
            all.add(once, Encoding::Percent, text.into_bytes());
        }
    }
    base64(value.as_bytes(), &mut all);
    all.add("hex", Encoding::Hex, hex(value).into_bytes());
    all.into_vec()
}

/// What leads from a value to this form of it.
fn steps(form: &str) -> &'static [Spelling] {
    use Spelling::{Form, Hex, Html, Json, Percent};
    match form {
        "json" | "json slash" | "json ascii" | "json html-safe" => &[Json],
        "json twice" => &[Json, Json],
        "json html" => &[Html, Json],
        "percent" | "percent all" => &[Percent],
        "percent plus" => &[Form],
        "percent twice" => &[Percent, Percent],
        "percent json" => &[Json, Percent],
        "percent json twice" => &[Json, Percent, Percent],
        "html" | "html decimal" | "html hex" => &[Html],
        "html json" => &[Json, Html],
        "hex" => &[Hex],
        _ => &[],
    }
}

/// The forms by the names under which a test can switch them off.
#[cfg(test)]
pub(super) const FORMS: &[&str] = &[
    "raw",
    "json",
    "json slash",
    "json ascii",
    "json html-safe",
    "json twice",
    "json html",
    "percent",
    "percent plus",
    "percent all",
    "percent twice",
    "percent json",
    "percent json twice",
    "html",
    "html decimal",
    "html hex",
    "html json",
    "base64 at 0",
    "base64 at 1",
    "base64 at 2",
    "base64url",
    "base64 slash",
    "base64 percent",
    "hex",
];

#[cfg(test)]
thread_local! {
    /// The form that a test has switched off.
    pub(super) static OFF: std::cell::Cell<Option<&'static str>> = const { std::cell::Cell::new(None) };
}

struct Patterns(BTreeMap<Vec<u8>, (&'static str, Pattern)>);

impl Patterns {
    /// The first encoding that gives these bytes has them.
    fn add(&mut self, form: &'static str, encoding: Encoding, bytes: Vec<u8>) {
        self.add_with(form, encoding, bytes, Edges::default());
    }

    fn add_with(&mut self, form: &'static str, encoding: Encoding, bytes: Vec<u8>, edges: Edges) {
        self.0.entry(bytes.clone()).or_insert((form, Pattern { bytes, encoding, steps: steps(form), edges }));
    }

    fn into_vec(self) -> Vec<Pattern> {
        #[cfg(test)]
        let on = |form: &str| OFF.get() != Some(form);
        #[cfg(not(test))]
        let on = |_: &str| true;
        self.0.into_values().filter(|(form, _)| on(form)).map(|(_, pattern)| pattern).collect()
    }
}

/// How characters outside ASCII are written in a JSON string.
#[derive(Clone, Copy, PartialEq)]
enum NonAscii {
    Raw,
    Escaped,
}

/// As serializers escape it: serde_json and most others; ASCII only (Python, PHP); with `\/` (PHP, older Java
/// and .NET); with HTML's characters escaped (Go, PHP; Gson; .NET, Rails).
fn json(value: &str) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    for also in ["", "<>&", "<>&='", "\"<>&'+`", "<>&'\""] {
        for slash in [false, true] {
            for non_ascii in [NonAscii::Raw, NonAscii::Escaped] {
                let form = match (also, slash, non_ascii) {
                    ("", false, NonAscii::Raw) => "json",
                    ("", false, NonAscii::Escaped) => "json ascii",
                    ("", true, _) => "json slash",
                    _ => "json html-safe",
                };
                out.push((form, json_escaped(value, slash, non_ascii, also)));
            }
        }
    }
    out
}

/// `also`: characters that need no escape and get one all the same.
fn json_escaped(value: &str, slash: bool, non_ascii: NonAscii, also: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            c if also.contains(c) => out.push_str(&format!("\\u{:04x}", c as u32)),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' if slash => out.push_str("\\/"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c if c.is_ascii() || non_ascii == NonAscii::Raw => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out
}

/// `value` as it stands between the quotes of a JSON string.
pub(super) fn json_string(value: &str) -> String {
    json_escaped(value, false, NonAscii::Raw, "")
}

/// RFC 3986 §2.3.
fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~".contains(&b)
}

/// WHATWG's `application/x-www-form-urlencoded`.
fn is_form(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"*-._".contains(&b)
}

/// JavaScript's `encodeURIComponent`.
fn is_component(b: u8) -> bool {
    is_unreserved(b) || b"!*'()".contains(&b)
}

/// As the common libraries encode it.
fn percent(value: &[u8]) -> Vec<(&'static str, String)> {
    type Keeps = fn(u8) -> bool;
    const SETS: &[Keeps] = &[
        is_unreserved,
        is_form,
        is_component,
        // JavaScript's encodeURI.
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
    for (i, keeps) in SETS.iter().enumerate() {
        for plus in [false, true] {
            let form = match plus {
                _ if i + 2 >= SETS.len() => "percent all",
                false => "percent",
                true => "percent plus",
            };
            out.push((form, percent_encoded(value, *keeps, plus)));
        }
    }
    out
}

fn percent_encoded(value: &[u8], keeps: impl Fn(u8) -> bool, plus: bool) -> String {
    let mut out = String::with_capacity(value.len());
    for &b in value {
        match b {
            b' ' if plus => out.push('+'),
            b if keeps(b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02x}")),
        }
    }
    out
}

pub(super) fn hex(value: &str) -> String {
    value.bytes().map(|b| format!("{b:02x}")).collect()
}

/// `value` as it stands in a form (WHATWG URL §5.2).
pub(super) fn form_value(value: &str) -> String {
    let keeps = |b: u8| is_form(b) || b == b' ';
    let one = |b: u8| if keeps(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    value.bytes().map(one).collect::<String>().replace(' ', "+")
}

/// As pages and XML escape it: by the five names, with apostrophes as each library likes them; by numbers, where no
/// name is, of characters outside ASCII, or of all.
fn html(value: &str) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    let named = |c: char| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    };
    let escaped = |each: &dyn Fn(char) -> Option<String>| -> String {
        let one = |c: char| each(c).unwrap_or_else(|| c.to_string());
        value.chars().map(one).collect()
    };
    for quote in ["\"", "&quot;", "&#34;", "&#x22;"] {
        for apostrophe in ["'", "&#39;", "&#x27;", "&#039;", "&apos;"] {
            let text = escaped(&|c| match c {
                '"' => Some(quote.to_owned()),
                '\'' => Some(apostrophe.to_owned()),
                c => named(c).map(str::to_owned),
            });
            out.push(("html", text));
        }
    }
    type Numbers = fn(char) -> String;
    let decimal: Numbers = |c| format!("&#{};", c as u32);
    let hex: Numbers = |c| format!("&#x{:x};", c as u32);
    for (form, number) in [("html decimal", decimal), ("html hex", hex)] {
        // Mustache and OWASP; .NET; XML in ASCII; those that escape everything.
        out.push((form, escaped(&|c| "&<>\"'".contains(c).then(|| number(c)))));
        out.push((form, escaped(&|c| "&<>\"'/`=".contains(c).then(|| number(c)))));
        out.push((form, escaped(&|c| (!c.is_ascii_alphanumeric()).then(|| number(c)))));
        out.push((form, escaped(&|c| Some(number(c)))));
        for names in ["&<>", "&<>\""] {
            for also in ["", "'", "'+", "'/`="] {
                let text = escaped(&|c| match c {
                    '"' if names.contains(c) => Some("&quot;".to_owned()),
                    c if names.contains(c) => named(c).map(str::to_owned),
                    c => (also.contains(c) || !c.is_ascii()).then(|| number(c)),
                });
                out.push((form, text));
            }
        }
        // In the element's text quotes stay.
        out.push((
            form,
            escaped(&|c| match named(c) {
                Some(name) => Some(name.to_owned()),
                None => (c < ' ' || c == '/').then(|| number(c)),
            }),
        ));
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
        let at = ["base64 at 0", "base64 at 1", "base64 at 2"][before];
        for (form, text) in [
            (at, standard.to_owned()),
            ("base64url", url_safe.to_owned()),
            ("base64 slash", standard.replace('/', "\\/")),
            ("base64 percent", standard.replace('+', "%2b").replace('/', "%2f")),
        ] {
            all.add_with(form, Encoding::Base64, text.into_bytes(), edges);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, encoding: Encoding, form: &str) {
        let is = |p: &Pattern| p.bytes.eq_ignore_ascii_case(form.as_bytes()) && p.is_form(form.as_bytes());
        let found = patterns(value).into_iter().find(is);
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
