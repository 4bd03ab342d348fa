//! The encodings in which a value occurs in traffic. Each encoding of a value is a needle: the bytes to search for.
//!
//! Must not know: which values are secret, how the search works.

pub(crate) mod writers;

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::redact::rules::unusable;
use crate::redact::values::encoding::{Encoding, csv_value, hex, latin_1, with_line_ends};
use writers::{KINDS, WRITERS, Writer, Writers, is_component, is_form, is_unreserved, percent_encoded};

/// One encoding of one value.
#[derive(Clone)]
pub(crate) struct Needle {
    pub(crate) bytes: Vec<u8>,
    pub(crate) kind: EncodingKind,
    /// The encoding steps that a replay applies to the value again. Empty for base64, because the base64 of a value
    /// cannot be cut out of the base64 of the text around it.
    pub(crate) steps: Vec<Encoding>,
    pub(crate) edges: Edges,
}

/// Whether the base64 character before a hit, or after it, has some bits of the value and some bits of the text around
/// it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Edges {
    pub(crate) before: bool,
    pub(crate) after: bool,
}

/// The kind of an encoding, for messages. It also says which characters of a needle are hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EncodingKind {
    Raw,
    Json,
    Percent,
    Html,
    Csv,
    Base64,
    Hex,
    Utf16,
    Utf32,
    Latin1,
}

impl EncodingKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            EncodingKind::Raw => "as it is",
            EncodingKind::Json => "JSON-escaped",
            EncodingKind::Percent => "percent-encoded",
            EncodingKind::Html => "HTML-escaped",
            EncodingKind::Csv => "with quotes doubled",
            EncodingKind::Base64 => "in base64",
            EncodingKind::Hex => "in hex",
            EncodingKind::Utf16 => "in UTF-16",
            EncodingKind::Utf32 => "in UTF-32",
            EncodingKind::Latin1 => "in Latin-1",
        }
    }
}

/// The beginning of `\u002b` in several encodings of the backslash.
const UNITS: &[&[u8]] = &[b"\\u", b"%5cu", b"%255cu", b"&#92;u", b"&#092;u", b"&#x5c;u", b"&#x005c;u"];

impl Needle {
    /// Whether `found` is an occurrence of the needle. The caller has compared the two without regard to case. This
    /// compares their case, too: only hexadecimal digits may differ in case.
    pub(crate) fn is_match(&self, found: &[u8]) -> bool {
        let free = |i: usize| {
            // Whether `what` ends `back` bytes before byte `i`.
            let after = |what: &[u8], back: usize| {
                i.checked_sub(back + what.len()).is_some_and(|at| self.bytes[at..].starts_with(what))
            };
            // The digits of `\u002b`.
            let unit = || (0..4).any(|back| UNITS.iter().any(|unit| after(unit, back)));
            // The digits of `&#x2b;`.
            let number = || {
                let Some(open) = self.bytes[..i].iter().rposition(|b| *b == b'#') else { return false };
                let (before, digits) = (&self.bytes[..open], &self.bytes[open + 1..i]);
                let digits = digits.strip_prefix(b"x").unwrap_or(digits);
                (before.ends_with(b"&") || before.ends_with(b"\\u0026"))
                    && digits.iter().all(u8::is_ascii_hexdigit)
            };
            match self.kind {
                EncodingKind::Raw | EncodingKind::Utf16 | EncodingKind::Utf32 | EncodingKind::Latin1 => false,
                EncodingKind::Json | EncodingKind::Html | EncodingKind::Csv => unit() || number(),
                // `%25` is for values that are encoded twice.
                EncodingKind::Percent => {
                    (0..2).any(|back| after(b"%", back) || after(b"%25", back)) || unit()
                }
                EncodingKind::Base64 => (0..2).any(|back| after(b"%", back)),
                EncodingKind::Hex => true,
            }
        };
        let same = |(i, (a, b)): (usize, (&u8, &u8))| a == b || (a.eq_ignore_ascii_case(b) && free(i));
        found.iter().zip(&self.bytes).enumerate().all(same)
    }
}

/// Every encoding of `value`, each byte string once. Hexadecimal digits are in lower case, and match in any case.
pub(crate) fn needles(value: &str) -> Vec<Needle> {
    composed(value, (MOST_BYTES / value.len().max(1)).clamp(LEAST, MOST))
}

/// The usual encodings of a found value. Their number is small, because the search for them is prepared while a
/// response streams.
pub(crate) fn usual_needles(value: &str) -> Vec<Needle> {
    composed(value, LEAST)
}

/// The needles of a value. Encodings may be nested, such as JSON in HTML. Each such composition of encodings gives at
/// most `most` needles.
fn composed(value: &str, most: usize) -> Vec<Needle> {
    let mut all = Needles::default();
    for (lines, text) in by_lines(value) {
        all.lines = lines;
        encode_all(&text, if lines.is_some() { (most / 6).max(LEAST) } else { most }, &mut all);
    }
    all.into_vec()
}

/// The value. If it has several lines, also the value with the line breaks of other systems and protocols, and in one
/// line.
fn by_lines(value: &str) -> Vec<(Option<Encoding>, String)> {
    let mut out = vec![(None, value.to_owned())];
    if value.contains(['\n', '\r']) {
        for (lines, end) in [(Encoding::Lf, "\n"), (Encoding::Crlf, "\r\n"), (Encoding::OneLine, " ")] {
            let text = with_line_ends(value, end);
            if out.iter().all(|(_, known)| *known != text) {
                out.push((Some(lines), text));
            }
        }
    }
    out
}

fn encode_all(value: &str, most: usize, all: &mut Needles) {
    let Writers { json, html, percent, component } = &*WRITERS;
    let nest = |inner: &[EncodedText], writers: &[Writer]| nest(inner, writers, most);
    let written = |text: String| [EncodedText { text, name: "raw", odd: 0, by: [0; KINDS] }];
    let plain = written(value.to_owned());
    let in_json = nest(&plain, json);
    let in_html = nest(&plain, html);
    let json_in_html = nest(&in_json, html);
    let in_percent = nest(&plain, percent);
    let json_twice = nest(&in_json, json);
    let json_in_percent = nest(&in_json, percent);
    all.add("raw", EncodingKind::Raw, value.as_bytes().to_vec());
    all.each(None, EncodingKind::Json, &in_json);
    all.each(None, EncodingKind::Html, &in_html);
    all.each(Some("json html"), EncodingKind::Json, &nest(&in_html, json));
    all.each(Some("html json"), EncodingKind::Html, &json_in_html);
    all.each(None, EncodingKind::Percent, &in_percent);
    all.each(Some("percent twice"), EncodingKind::Percent, &nest(&in_percent, component));
    all.each(Some("percent json"), EncodingKind::Percent, &json_in_percent);
    all.each(Some("percent json twice"), EncodingKind::Percent, &nest(&json_in_percent, component));
    all.each(Some("json twice"), EncodingKind::Json, &json_twice);
    all.each(Some("percent twice json"), EncodingKind::Percent, &nest(&json_twice, percent));
    all.each(Some("json thrice"), EncodingKind::Json, &nest(&json_twice, json));
    all.each(Some("json html json"), EncodingKind::Json, &nest(&json_in_html, json));
    all.each(Some("html twice"), EncodingKind::Html, &by_name(nest(&by_name(in_html), html)));
    // Quotes at the ends of the value may be the quotes around the CSV field, which are not doubled.
    let inner = value.trim_matches('"');
    if inner.contains('"') {
        let doubled = written(value.replace(inner, &csv_value(inner)));
        all.each(Some("csv"), EncodingKind::Csv, &doubled);
        all.each(Some("json csv"), EncodingKind::Csv, &nest(&doubled, json));
    }
    for bytes in latin_1_percent(value) {
        all.add("percent latin-1", EncodingKind::Percent, bytes);
    }
    base64(value.as_bytes(), None, all);
    for one in in_json.iter().filter(|one| one.odd <= 1 && one.text != value).take(IN_BASE64) {
        base64(one.text.as_bytes(), Some("base64 json"), all);
        base64(upper_units(&one.text).as_bytes(), Some("base64 json"), all);
    }
    all.add("hex", EncodingKind::Hex, hex(value).into_bytes());
}

/// The needles of the leak check. In addition to [`needles`], it has encodings that redaction cannot replace, because a
/// placeholder would be invalid there: other character encodings than UTF-8, and values whose lines are joined.
pub(crate) fn needles_of_leaks(value: &str) -> Vec<Needle> {
    let mut all = Needles::default();
    for (_, value) in by_lines(value) {
        let units = || value.encode_utf16();
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        // The cassette stores short bodies that are not UTF-8 in base64.
        base64(&little, None, &mut all);
        base64(&big, None, &mut all);
        // If the value is ASCII, both byte orders give the same bytes after the zeros at the ends are removed.
        all.add("utf-16", EncodingKind::Utf16, little.strip_suffix(&[0]).unwrap_or(&little).to_vec());
        all.add("utf-16", EncodingKind::Utf16, big.strip_prefix(&[0]).unwrap_or(&big).to_vec());
        in_document(&little).into_iter().for_each(|text| all.add("utf-16", EncodingKind::Utf16, text));
        let little: Vec<u8> = value.chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
        let big: Vec<u8> = value.chars().flat_map(|c| (c as u32).to_be_bytes()).collect();
        base64(&little, None, &mut all);
        base64(&big, None, &mut all);
        let last = little.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
        all.add("utf-32", EncodingKind::Utf32, little[..last].to_vec());
        all.add("utf-32", EncodingKind::Utf32, big.into_iter().skip_while(|b| *b == 0).collect());
        in_document(&little).into_iter().for_each(|text| all.add("utf-32", EncodingKind::Utf32, text));
        if let Some(bytes) = latin_1(&value) {
            base64(&bytes, None, &mut all);
            all.add("latin-1", EncodingKind::Latin1, bytes);
        }
    }
    let mut out = needles(value);
    out.extend(all.into_vec());
    if value.contains(['\n', '\r']) {
        // The leak check also searches the text without its line breaks and indentation.
        let joined: String =
            value.split(['\n', '\r']).map(|line| line.trim_start_matches([' ', '\t'])).collect();
        if unusable::problem(&joined).is_none() {
            out.extend(needles(&joined));
        }
    }
    out
}

/// ASCII in UTF-16 or UTF-32 is also valid UTF-8, so the cassette has it as a JSON string if there is no byte order
/// mark. Returns this string without the zeros at its ends, because these zeros depend on the byte order.
fn in_document(wide: &[u8]) -> Option<Vec<u8>> {
    const ZERO: &str = "\\u0000";
    let json = serde_json::to_string(std::str::from_utf8(wide).ok()?).ok()?;
    let text = json.strip_prefix('"')?.strip_suffix('"')?;
    Some(text.trim_start_matches(ZERO).trim_end_matches(ZERO).as_bytes().to_vec())
}

/// A value as one or several writers encode it.
struct EncodedText {
    text: String,
    /// The name of the last writer.
    name: &'static str,
    /// The sum of `odd` over all writers of this text.
    odd: u8,
    /// For each kind of writer: the set of the writers that may have been the last of this kind to encode the text.
    /// There may be several, because many writers give the same result.
    by: [u128; KINDS],
}

/// The greatest `odd` of a text. Rarer encodings are left out.
const ODDEST: u8 = 2;

/// The greatest number of needles of one composition. A long value gets fewer needles, but at least `LEAST`, so that
/// the needles of a composition have about `MOST_BYTES` in total. The rarest encodings are left out first.
const MOST: usize = 600;
const LEAST: usize = 12;
const MOST_BYTES: usize = 1 << 19;

/// The number of JSON encodings of a value that are also searched for in base64.
const IN_BASE64: usize = 12;

/// Applies each of the writers to each of the inner texts. Returns every distinct result once, the usual results first.
/// A program usually encodes all levels in the same way, so a writer that repeats the writer of the inner level adds
/// nothing to `odd`.
fn nest(inner: &[EncodedText], writers: &[Writer], most: usize) -> Vec<EncodedText> {
    let mut candidates: Vec<(&EncodedText, &Writer, u8, u128)> = Vec::new();
    for one in inner {
        // Writers that encode the sample in the same way also encode the text in the same way.
        let (sample_text, first) = (distinguishing(&one.text), candidates.len());
        let mut seen: Vec<String> = Vec::new();
        for writer in writers {
            let own = if one.by[writer.kind] & writer.bit != 0 { 0 } else { writer.odd };
            let odd = one.odd + own;
            let sample = writer.write(&sample_text);
            match seen.iter().position(|other| *other == sample) {
                Some(at) => {
                    let (_, _, known, by) = &mut candidates[first + at];
                    *known = odd.min(*known);
                    *by |= writer.bit;
                }
                None => {
                    seen.push(sample);
                    candidates.push((one, writer, odd, writer.bit));
                }
            }
        }
    }
    candidates.retain(|(_, _, odd, _)| *odd <= ODDEST);
    candidates.sort_by_key(|(_, _, odd, _)| *odd);
    let (mut seen, mut out) = (HashSet::new(), Vec::new());
    for (one, writer, odd, bits) in candidates {
        let text = writer.write(&one.text);
        let mut by = one.by;
        by[writer.kind] = bits;
        if seen.insert(text.clone()) {
            out.push(EncodedText { text, name: writer.name, odd, by });
            if out.len() == most {
                break;
            }
        }
    }
    out
}

/// A shorter text on which two writers agree if and only if they agree on `text`. It has each kind of character once.
fn distinguishing(text: &str) -> String {
    let (mut seen, mut out) = ([false; 130], String::new());
    for c in text.chars() {
        let kind = match c {
            c if c.is_ascii_alphanumeric() => 'a' as usize,
            // Writers treat all characters outside ASCII the same, apart from the zeros that some writers put before a
            // number.
            '\u{80}'..'\u{1000}' => 128,
            c => (c as usize).min(129),
        };
        if !std::mem::replace(&mut seen[kind], true) {
            out.push(c);
        }
    }
    out
}

/// Only the HTML texts with named references, because programs do not escape numeric references twice.
fn by_name(written: Vec<EncodedText>) -> Vec<EncodedText> {
    written.into_iter().filter(|one| matches!(one.name, "html" | "html partial")).collect()
}

/// The encoding steps that lead from a value to the encoding with this name.
fn steps(name: &str) -> &'static [Encoding] {
    use Encoding::{Attribute, Csv, Form, Hex, Html, Json, Latin1, Percent};
    match name {
        "json" | "json slash" | "json ascii" | "json html-safe" => &[Json],
        "json twice" => &[Json, Json],
        "json thrice" => &[Json, Json, Json],
        "json html" => &[Html, Json],
        "json html json" => &[Json, Html, Json],
        "percent" | "percent all" => &[Percent],
        "percent plus" => &[Form],
        "percent twice" => &[Percent, Percent],
        "percent json" => &[Json, Percent],
        "percent json twice" => &[Json, Percent, Percent],
        "percent twice json" => &[Json, Json, Percent],
        "percent latin-1" => &[Latin1],
        "html" | "html partial" | "html decimal" | "html hex" | "html zeros" => &[Html],
        "html attribute" => &[Attribute],
        "html twice" => &[Html, Html],
        "csv" => &[Csv],
        "json csv" => &[Csv, Json],
        "html json" => &[Json, Html],
        "hex" => &[Hex],
        _ => &[],
    }
}

/// The names of all encodings. A test can switch each of them off.
#[cfg(test)]
pub(crate) const ENCODINGS: &[&str] = &[
    "raw",
    "json",
    "json slash",
    "json ascii",
    "json html-safe",
    "json twice",
    "json thrice",
    "json html",
    "json html json",
    "percent",
    "percent plus",
    "percent all",
    "percent twice",
    "percent json",
    "percent json twice",
    "percent twice json",
    "percent latin-1",
    "html",
    "html partial",
    "html attribute",
    "html decimal",
    "html hex",
    "html zeros",
    "html twice",
    "html json",
    "csv",
    "json csv",
    "lines",
    "base64 at 0",
    "base64 at 1",
    "base64 at 2",
    "base64url",
    "base64 slash",
    "base64 percent",
    "base64 json",
    "hex",
];

#[cfg(test)]
thread_local! {
    /// The encoding that a test has switched off.
    pub(crate) static OFF: std::cell::Cell<Option<&'static str>> = const { std::cell::Cell::new(None) };
}

/// The needles of one value. If two encodings give the same bytes, the first of them counts.
#[derive(Default)]
struct Needles {
    all: Vec<(&'static str, Needle)>,
    /// The step that replaced the line breaks of the value, if there is one. It comes before all other steps.
    lines: Option<Encoding>,
}

impl Needles {
    fn add(&mut self, name: &'static str, kind: EncodingKind, bytes: Vec<u8>) {
        self.add_with(name, kind, bytes, Edges::default());
    }

    fn add_with(&mut self, name: &'static str, kind: EncodingKind, bytes: Vec<u8>, edges: Edges) {
        let steps = self.lines.into_iter().chain(steps(name).iter().copied()).collect();
        let name = if self.lines.is_some() { "lines" } else { name };
        self.all.push((name, Needle { bytes, kind, steps, edges }));
    }

    /// Adds texts under the given name, or each text under the name of its last writer.
    fn each(&mut self, name: Option<&'static str>, kind: EncodingKind, written: &[EncodedText]) {
        for one in written {
            self.add(name.unwrap_or(one.name), kind, one.text.clone().into_bytes());
        }
    }

    /// All needles, with each byte string once, under the first encoding that gives this byte string.
    fn into_vec(mut self) -> Vec<Needle> {
        self.all.sort_by(|(_, a), (_, b)| a.bytes.cmp(&b.bytes));
        self.all.dedup_by(|(_, later), (_, first)| later.bytes == first.bytes);
        #[cfg(test)]
        self.all.retain(|(name, _)| OFF.get() != Some(name));
        self.all.into_iter().map(|(_, needle)| needle).collect()
    }
}

/// A text in JSON with upper-case digits in escapes such as `\u00E4`.
fn upper_units(json: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(at) = rest.find('\\') {
        let (end, digits) = match rest.as_bytes().get(at + 1) {
            Some(b'u') => (at + 2, 4),
            _ => (at + 2, 0),
        };
        out.push_str(&rest[..end]);
        out.push_str(&rest[end..end + digits].to_ascii_uppercase());
        rest = &rest[end + digits..];
    }
    out + rest
}

/// `value` percent-encoded from Latin-1, as old programs encode it in URLs and forms.
fn latin_1_percent(value: &str) -> impl Iterator<Item = Vec<u8>> {
    let sets: [fn(u8) -> bool; 3] = [is_unreserved, is_form, is_component];
    let styles = sets.into_iter().flat_map(|keeps| [(keeps, false), (keeps, true)]);
    latin_1(value).into_iter().flat_map(move |bytes| {
        styles.clone().map(move |(keeps, plus)| {
            let mut out = String::new();
            percent_encoded(&bytes, keeps, plus, &mut out);
            out.into_bytes()
        })
    })
}

/// Adds the base64 of a value, without the characters at its ends that also depend on the text around the value. Base64
/// encodes groups of three bytes. There are three cases, because the value may begin at each of the three bytes, as the
/// password in `user:password` does. Each case comes in both alphabets, and with `+` and `/` escaped as in URLs and
/// JSON. If `of` is a name, all these needles get this name. Otherwise each needle gets the name of its case or
/// alphabet.
fn base64(value: &[u8], of: Option<&'static str>, all: &mut Needles) {
    for before in 0..3 {
        let shifted = [&[0; 2][..before], value].concat();
        let bits = 8 * shifted.len();
        let core = (8 * before).div_ceil(6)..bits / 6;
        let edges = Edges { before: before > 0, after: !bits.is_multiple_of(6) };
        let standard = &STANDARD_NO_PAD.encode(&shifted)[core.clone()];
        let url_safe = &URL_SAFE_NO_PAD.encode(&shifted)[core];
        let at = ["base64 at 0", "base64 at 1", "base64 at 2"][before];
        for (name, text) in [
            (at, standard.to_owned()),
            ("base64url", url_safe.to_owned()),
            ("base64 slash", standard.replace('/', "\\/")),
            ("base64 percent", standard.replace('+', "%2b").replace('/', "%2f")),
        ] {
            all.add_with(of.unwrap_or(name), EncodingKind::Base64, text.into_bytes(), edges);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, kind: EncodingKind, name: &str) {
        let is = |p: &Needle| p.bytes.eq_ignore_ascii_case(name.as_bytes()) && p.is_match(name.as_bytes());
        let found = needles(value).into_iter().find(is);
        assert_eq!(found.map(|p| p.kind), Some(kind), "{name}");
    }

    #[test]
    fn encodings() {
        check("pass/wörd \"1\"", EncodingKind::Raw, "pass/wörd \"1\"");
        check("pass/wörd \"1\"", EncodingKind::Json, r#"pass/wörd \"1\""#);
        check("pass/wörd \"1\"", EncodingKind::Json, r#"pass\/w\u00f6rd \"1\""#);
        check("pass/wörd \"1\"", EncodingKind::Json, r#"pass\/w\u00F6rd \"1\""#);
        check("pass/wörd \"1\"", EncodingKind::Json, r#"pass/wörd \\\"1\\\""#);
        check("pass/wörd \"1\"", EncodingKind::Percent, "pass%2Fw%C3%B6rd%20%221%22");
        check("pass/wörd \"1\"", EncodingKind::Percent, "pass%2fw%c3%b6rd+%221%22");
        check("pass/wörd \"1\"", EncodingKind::Percent, "pass/w%C3%B6rd%20%221%22");
        check("pass/wörd \"1\"", EncodingKind::Percent, "pass%252Fw%25C3%25B6rd%2520%25221%2522");
        check("pass/wörd \"1\"", EncodingKind::Percent, "pass%2Fw%C3%B6rd+%5C%221%5C%22");
        check("pass/wörd \"1\"", EncodingKind::Html, "pass/wörd &quot;1&quot;");
        check("a<b>&'c'", EncodingKind::Json, r"a\u003cb\u003e\u0026'c'");
        check("a<b>&'c'", EncodingKind::Html, "a&lt;b&gt;&amp;&#x27;c&#x27;");
        check("Pa>ss&w0rd\"x", EncodingKind::Html, "Pa>ss&amp;w0rd&quot;x");
        check("Pa>ss&w0rd\"x", EncodingKind::Html, "Pa>ss&amp;w0rd\"x");
        check("pw&more<x1", EncodingKind::Html, "pw&amp;amp;more&amp;lt;x1");
        check("line-one\n\tx\"", EncodingKind::Html, "line-one&#xA;&#x9;x&quot;");
        check("ab\"cd,ef1", EncodingKind::Csv, "ab\"\"cd,ef1");
        check("ab\"cd,ef1", EncodingKind::Csv, r#"ab\"\"cd,ef1"#);
        check("my'pass=Wörd/1", EncodingKind::Json, r"my\u0027pass=W\u00f6rd/1");
        check("a<b>&'c'", EncodingKind::Json, r"a\u003cb>&'c'");
        for (json, base64) in
            [(r"p\u00e4ss-w0rd", "cFx1MDBlNHNzLXcwcm"), (r"p\u00E4ss-w0rd", "cFx1MDBFNHNzLXcwcm")]
        {
            assert_eq!(STANDARD_NO_PAD.encode(json)[..18], *base64);
            check("päss-w0rd", EncodingKind::Base64, base64);
        }
        check("key\u{1F600}key", EncodingKind::Json, r"key\ud83d\ude00key");
        check("secret", EncodingKind::Percent, "%73%65%63%72%65%74");
        check("secret", EncodingKind::Hex, "736563726574");
        check("k/\u{fe}?\u{3e}kkk", EncodingKind::Hex, "6B2FC3BE3F3E6B6B6B");
        check("secret", EncodingKind::Base64, "c2VjcmV0");
        check("secrets!", EncodingKind::Base64, "c2VjcmV0cy"); // The next character holds the last 2 bits.
        check("??>>??", EncodingKind::Base64, "Pz8-Pj8_");
        check("??>>??", EncodingKind::Base64, "Pz8%2BPj8%2F");
        check("??>>??", EncodingKind::Base64, r"Pz8+Pj8\/");
    }

    /// A value is found with any line breaks.
    #[test]
    fn lines() {
        for value in ["first-line\nsecond", "first-line\r\nsecond", "first-line\rsecond"] {
            for name in ["first-line\nsecond", "first-line\r\nsecond", "first-line second"] {
                check(value, EncodingKind::Raw, name);
            }
            check(value, EncodingKind::Json, r"first-line\nsecond");
            check(value, EncodingKind::Json, r"first-line\r\nsecond");
            check(value, EncodingKind::Percent, "first-line%0Asecond");
            check(value, EncodingKind::Percent, "first-line%0D%0Asecond");
            check(value, EncodingKind::Percent, "first-line+second");
            check(value, EncodingKind::Html, "first-line&#13;&#10;second");
            check(value, EncodingKind::Base64, "Zmlyc3QtbGluZQ0Kc2Vjb25k");
        }
    }

    #[test]
    fn each_encoding_once() {
        let mut bytes: Vec<_> = needles("abcDEF123").into_iter().map(|p| p.bytes).collect();
        bytes.sort();
        let count = bytes.len();
        bytes.dedup();
        assert_eq!(bytes.len(), count);
        assert!(count < 16, "an alphanumeric key has few encodings: {count}");
    }
}
