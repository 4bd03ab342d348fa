//! Writers: the ways in which libraries encode a text in JSON, in a URL, in HTML. Many writers give the same result for
//! most texts.
//!
//! Must not know: what the text is.

use std::fmt::Write as _;
use std::sync::LazyLock;

/// One way to encode a text.
pub(crate) struct Writer {
    pub(crate) name: &'static str,
    /// How rare this encoding is. 0: most libraries; 1: some known libraries; 2: unusual settings and old versions.
    pub(crate) odd: u8,
    /// The index of the writer's list in [`Writers`].
    pub(crate) kind: usize,
    /// The bit of this writer in a set of writers of its kind.
    pub(crate) bit: u128,
    style: Style,
}

enum Style {
    Json {
        slash: bool,
        ascii: bool,
        /// Characters that this writer escapes although JSON does not require it.
        also: &'static str,
    },
    Percent {
        keeps: fn(u8) -> bool,
        plus: bool,
    },
    Named {
        /// The characters of `&<>` that become named references.
        names: &'static str,
        quote: &'static str,
        apostrophe: &'static str,
        /// The reference for a tab or a line break. `None` if the character stays.
        control: fn(char) -> Option<&'static str>,
    },
    Numbered(Numbered),
}

/// HTML with numeric references.
struct Numbered {
    number: fn(char, &mut String),
    /// The characters of `&<>"` that become named references.
    names: &'static str,
    /// Characters that become numeric references.
    also: &'static str,
    /// Selects the other characters that become numeric references.
    rest: fn(char) -> bool,
}

impl Writer {
    pub(crate) fn write(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        match &self.style {
            Style::Json { slash, ascii, also } => json_escaped(text, *slash, *ascii, also, &mut out),
            Style::Percent { keeps, plus } => percent_encoded(text.as_bytes(), keeps, *plus, &mut out),
            Style::Named { names, quote, apostrophe, control } => {
                for c in text.chars() {
                    match (c, named(c)) {
                        ('"', _) => out.push_str(quote),
                        ('\'', _) => out.push_str(apostrophe),
                        (_, Some(name)) if names.contains(c) => out.push_str(name),
                        (c, _) => match control(c) {
                            Some(number) => out.push_str(number),
                            None => out.push(c),
                        },
                    }
                }
            }
            Style::Numbered(Numbered { number, names, also, rest }) => {
                for c in text.chars() {
                    match named(c) {
                        Some(name) if names.contains(c) => out.push_str(name),
                        _ if also.contains(c) || rest(c) => number(c, &mut out),
                        _ => out.push(c),
                    }
                }
            }
        }
        out
    }
}

/// The writers for JSON, HTML and URLs. In each list the usual writers come first.
pub(crate) struct Writers {
    pub(crate) json: Vec<Writer>,
    pub(crate) html: Vec<Writer>,
    pub(crate) percent: Vec<Writer>,
    /// The writers for a URL that is a parameter of another URL.
    pub(crate) component: Vec<Writer>,
}

pub(crate) static WRITERS: LazyLock<Writers> = LazyLock::new(|| {
    let all = |kind: usize, styles: Vec<(&'static str, u8, Style)>| -> Vec<Writer> {
        let one = |((name, odd, style), bit): (_, u32)| Writer { name, odd, kind, bit: 1 << bit, style };
        let mut all: Vec<Writer> = styles.into_iter().zip(0..).map(one).collect();
        all.sort_by_key(|writer| writer.odd);
        all
    };
    Writers {
        json: all(0, json()),
        html: all(1, html()),
        percent: all(2, percent()),
        component: all(3, component()),
    }
});

/// The number of lists of writers.
pub(crate) const KINDS: usize = 4;

/// The styles of JSON serializers:
///
/// * Only the necessary escapes: serde_json and most others.
/// * All characters outside ASCII escaped: Python, PHP.
/// * `/` written as `\/`: PHP, older Java and .NET.
/// * The special characters of HTML escaped: Go, Rails, Django, Flask, Gson, .NET, PHP, JavaScript in a page.
fn json() -> Vec<(&'static str, u8, Style)> {
    let mut out = Vec::new();
    for also in ["", "<>&", "<>&'", "<", "<>&='", "\"<>&'+`", "<>&'\""] {
        for slash in [false, true] {
            for ascii in [false, true] {
                let name = match (also, slash, ascii) {
                    ("", false, false) => "json",
                    ("", false, true) => "json ascii",
                    ("", true, _) => "json slash",
                    _ => "json html-safe",
                };
                if slash && matches!(also, "<>&'" | "<") {
                    continue;
                }
                let odd = match (also, slash, ascii) {
                    ("", false, _) => 0,
                    ("<>&'", _, true) | ("<", ..) => 1,
                    ("", true, _) | ("<>&", false, _) | ("<>&='", false, false) => 1,
                    ("\"<>&'+`", false, true) | ("<>&'\"", true, true) => 1,
                    _ => 2,
                };
                out.push((name, odd, Style::Json { slash, ascii, also }));
            }
        }
    }
    out
}

/// The styles of the common libraries for URLs.
fn percent() -> Vec<(&'static str, u8, Style)> {
    type Keeps = fn(u8) -> bool;
    const SETS: &[Keeps] = &[
        is_unreserved,
        is_form,
        is_component,
        // JavaScript's encodeURI.
        |b| is_unreserved(b) || b"!*'();/?:@&=+$,#".contains(&b),
        // Python's `quote`, which keeps slashes.
        |b| is_unreserved(b) || b == b'/',
        // WHATWG's URL: the query of an HTTP URL, the query of another URL, the path, the user info.
        |b| b.is_ascii_graphic() && !b"\"#<>'".contains(&b),
        |b| b.is_ascii_graphic() && !b"\"#<>".contains(&b),
        |b| b.is_ascii_graphic() && !b"\"#<>?^`{}".contains(&b),
        |b| b.is_ascii_graphic() && !b"\"#<>?^`{}/:;=@[\\]|".contains(&b),
        // RFC 3986: the characters of a path segment, and of a query.
        |b| is_unreserved(b) || b"!$&'()*+,;=:@".contains(&b),
        |b| is_unreserved(b) || b"!$&'()*+,;=:@/?".contains(&b),
        // Writers that encode everything but letters and digits, or every byte.
        |b| b.is_ascii_alphanumeric(),
        |_| false,
    ];
    let mut out = Vec::new();
    for (i, keeps) in SETS.iter().enumerate() {
        for plus in [false, true] {
            let name = match plus {
                _ if i + 2 >= SETS.len() => "percent all",
                false => "percent",
                true => "percent plus",
            };
            let odd = match i {
                0..3 => 0,
                _ if name == "percent all" => 2,
                _ => 1,
            };
            out.push((name, odd, Style::Percent { keeps: *keeps, plus }));
        }
    }
    out
}

fn component() -> Vec<(&'static str, u8, Style)> {
    let sets: [fn(u8) -> bool; 3] = [is_unreserved, is_form, is_component];
    sets.map(|keeps| ("percent", 0, Style::Percent { keeps, plus: false })).into()
}

/// The styles of HTML and XML:
///
/// * Named references, with several references for the quote and the apostrophe.
/// * References for only some of the special characters.
/// * Also references for tabs and line breaks, as in attributes of XML.
/// * Numeric references, also with leading zeros: for special characters, for characters outside ASCII, or for all
///   characters.
fn html() -> Vec<(&'static str, u8, Style)> {
    let mut out = Vec::new();
    for quote in ["&quot;", "\"", "&#34;", "&#x22;"] {
        for apostrophe in ["'", "&#39;", "&#x27;", "&#039;", "&apos;"] {
            let odd = match (quote, apostrophe) {
                ("&quot;", _) | ("\"", "'") | ("&#34;", "&#39;") => 0,
                ("\"", _) => 1,
                _ => 2,
            };
            out.push(("html", odd, Style::Named { names: "&<>", quote, apostrophe, control: |_| None }));
        }
    }
    for (names, quote, apostrophe, odd) in [
        // Canonical XML, the serialization of a DOM, and templates that escape by hand.
        ("&<", "&quot;", "'", 1),
        ("&", "&quot;", "'", 2),
        ("&<", "\"", "'", 1),
        ("&", "\"", "'", 2),
        ("&<", "&quot;", "&#39;", 2),
        ("&<", "&quot;", "&apos;", 2),
        ("&", "&quot;", "&#39;", 2),
    ] {
        out.push(("html partial", odd, Style::Named { names, quote, apostrophe, control: |_| None }));
    }
    type Control = fn(char) -> Option<&'static str>;
    let decimal: Control = |c| pick(c, ["&#9;", "&#10;", "&#13;"]);
    let padded: Control = |c| pick(c, ["&#09;", "&#10;", "&#13;"]);
    let hex: Control = |c| pick(c, ["&#x9;", "&#xa;", "&#xd;"]);
    for control in [decimal, padded, hex] {
        for names in ["&<>", "&<"] {
            for apostrophe in ["'", "&#39;", "&#x27;", "&apos;"] {
                out.push(("html attribute", 1, Style::Named { names, quote: "&quot;", apostrophe, control }));
            }
        }
    }
    // In the text of an element, only carriage returns become numeric references.
    let returns: [Control; 2] = [|c| (c == '\r').then_some("&#13;"), |c| (c == '\r').then_some("&#xd;")];
    for control in returns {
        let text = Style::Named { names: "&<>", quote: "\"", apostrophe: "'", control };
        out.push(("html attribute", 1, text));
    }
    type Number = fn(char, &mut String);
    let numbers: [(&str, u8, Number); 4] = [
        ("html decimal", 1, |c, out| _ = write!(out, "&#{};", c as u32)),
        ("html hex", 1, |c, out| _ = write!(out, "&#x{:x};", c as u32)),
        ("html zeros", 2, |c, out| _ = write!(out, "&#{:03};", c as u32)),
        ("html zeros", 2, |c, out| _ = write!(out, "&#x{:04x};", c as u32)),
    ];
    for (name, odd, number) in numbers {
        let mut add = |names, also, rest| {
            out.push((name, odd, Style::Numbered(Numbered { number, names, also, rest })));
        };
        // The styles of Mustache, OWASP, .NET, XML in ASCII, and of writers that escape everything.
        add("", "&<>\"'", |_| false);
        add("", "&<>\"'/`=", |_| false);
        add("", "", |c| !c.is_ascii_alphanumeric());
        add("", "", |_| true);
        for names in ["&<>", "&<>\""] {
            for also in ["", "'", "'+", "'/`="] {
                add(names, also, |c| !c.is_ascii());
            }
        }
        // In the text of an element, quotes stay.
        add("&<>", "/", |c| c < ' ');
    }
    out
}

fn named(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        _ => None,
    }
}

/// The reference for a tab, a line feed or a carriage return.
fn pick(c: char, of: [&'static str; 3]) -> Option<&'static str> {
    ['\t', '\n', '\r'].iter().position(|control| *control == c).map(|at| of[at])
}

pub(crate) fn json_escaped(value: &str, slash: bool, ascii: bool, also: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => out.push(c),
            c if also.contains(c) => _ = write!(out, "\\u{:04x}", c as u32),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' if slash => out.push_str("\\/"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => _ = write!(out, "\\u{:04x}", c as u32),
            c if c.is_ascii() || !ascii => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
}

/// Whether a byte is unreserved (RFC 3986 §2.3).
pub(crate) fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~".contains(&b)
}

/// Whether WHATWG's `application/x-www-form-urlencoded` leaves a byte as it is.
pub(crate) fn is_form(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"*-._".contains(&b)
}

/// Whether JavaScript's `encodeURIComponent` leaves a byte as it is.
pub(crate) fn is_component(b: u8) -> bool {
    is_unreserved(b) || b"!*'()".contains(&b)
}

pub(crate) fn percent_encoded(value: &[u8], keeps: impl Fn(u8) -> bool, plus: bool, out: &mut String) {
    for &b in value {
        match b {
            b' ' if plus => out.push('+'),
            b if keeps(b) => out.push(char::from(b)),
            b => _ = write!(out, "%{b:02x}"),
        }
    }
}
