//! The encodings of a secret, written by independent definitions instead of the code under test. Each case has the
//! encoded text and the expected result, in which `@` stands for the placeholder.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// A secret in one encoding. In `expected`, `@` stands for the placeholder.
pub(super) struct Case {
    pub(super) encoding: String,
    pub(super) text: String,
    pub(super) expected: String,
}

pub(super) fn all(secret: &str) -> Vec<Case> {
    let mut out = csv(secret);
    let mut add = |encoding: &str, text: String| {
        out.push(Case { encoding: encoding.to_owned(), text, expected: "@".to_owned() });
    };
    add("raw", secret.to_owned());
    add("percent, upper case", percent(secret, "-._~", |b, _| format!("%{b:02X}")));
    add("percent, lower case", percent(secret, "-._~", |b, _| format!("%{b:02x}")));
    let mixed = |b: u8, i: usize| if i.is_multiple_of(2) { format!("%{b:02X}") } else { format!("%{b:02x}") };
    add("percent, mixed case", percent(secret, "-._~", mixed));
    add("form", percent(secret, "*-._ ", |b, _| format!("%{b:02X}")).replace(' ', "+"));
    add("encodeURIComponent", percent(secret, "-._~!*'()", |b, _| format!("%{b:02X}")));
    add("percent, all", secret.bytes().map(|b| format!("%{b:02X}")).collect());
    let once = percent(secret, "-._~", |b, _| format!("%{b:02X}"));
    add("percent, twice", percent(&once, "-._~", |b, _| format!("%{b:02X}")));
    add("percent in a form", percent(&once, "*-._", |b, _| format!("%{b:02X}")));
    if let (false, Some(latin_1)) = (secret.is_ascii(), latin_1(secret)) {
        add("percent of Latin-1", percent_bytes(&latin_1, "-._~", |b, _| format!("%{b:02X}")));
        let form = percent_bytes(&latin_1, "*-._ ", |b, _| format!("%{b:02x}")).replace(' ', "+");
        add("percent of Latin-1 in a form", form);
    }
    let upper = |text: &str| percent(text, "-._~", |b, _| format!("%{b:02X}"));
    let lower = |text: &str| percent(text, "*-._", |b, _| format!("%{b:02x}"));
    for (writer, json) in JSON {
        let once = json(secret);
        add(&format!("JSON{writer}"), once.clone());
        let query = upper(&once);
        add(&format!("JSON{writer} in a query, lower case"), lower(&once));
        add(
            &format!("JSON{writer} in a query in a query"),
            percent(&query, "*-._", |b, _| format!("%{b:02X}")),
        );
        add(&format!("JSON{writer} in a query"), query);
        for (other, json) in JSON {
            let twice = json(&once);
            add(&format!("JSON{writer} in JSON{other}"), twice.clone());
            if writer == other || writer.is_empty() {
                add(&format!("JSON{writer} in JSON{other} in a query"), upper(&twice));
                for (third, json) in JSON.into_iter().filter(|(third, _)| *third == other || writer == other)
                {
                    add(&format!("JSON{writer} in JSON{other} in JSON{third}"), json(&twice));
                }
            }
        }
        for (page, html) in PAGES {
            add(&format!("JSON{writer} in HTML{page}"), html(&once));
            if page.is_empty() {
                add(&format!("JSON{writer} in HTML in JSON{writer}"), json(&html(&once)));
            }
        }
        for (page, html) in PAGES {
            add(&format!("HTML{page} in JSON{writer}"), json(&html(secret)));
        }
    }
    for (page, html) in PAGES {
        add(&format!("HTML{page}"), html(secret));
        if !page.contains(',') {
            add(&format!("HTML{page} in HTML"), entities(&html(secret), "&#39;", false));
            add(&format!("HTML{page} in HTML{page}"), html(&html(secret)));
        }
    }
    for (kind, numbers) in [("", ["&#9;", "&#10;", "&#13;"]), (", hex", ["&#x9;", "&#xA;", "&#xD;"])] {
        let controls = |text: &str| {
            let controls = ['\t', '\n', '\r'].into_iter().zip(numbers);
            controls.fold(text.to_owned(), |text, (control, number)| text.replace(control, number))
        };
        add(&format!("XML attribute{kind}"), controls(&entities(secret, "'", false)));
        let canonical = secret.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        add(&format!("XML attribute, canonical{kind}"), controls(&canonical));
        add(
            &format!("XML attribute of CRLF{kind}"),
            controls(&entities(&secret.replace('\n', "\r\n"), "'", false)),
        );
    }
    for (end, lines) in [("CRLF", "\r\n"), ("one line", " ")] {
        let text = secret.replace('\n', lines);
        add(&format!("JSON of {end}"), json(&text));
        add(&format!("form of {end}"), percent(&text, "*-._ ", |b, _| format!("%{b:02X}")).replace(' ', "+"));
        add(&format!("percent of {end}"), upper(&text));
        add(&format!("HTML of {end}"), entities(&text, "&#39;", false));
        add(end, text);
    }
    add("XML", entities(secret, "&apos;", false));
    add("XML in ASCII", entities(secret, "'", true));
    add("HTML, all decimal", numbered(secret, |_| false, |c| format!("&#{c};")));
    add("HTML, all hex", numbered(secret, |_| false, |c| format!("&#x{c:x};")));
    add(
        "HTML, decimal with zeros",
        numbered(secret, |c| c.is_ascii_alphanumeric(), |c| format!("&#{c:03};")),
    );
    add("HTML, hex with zeros", numbered(secret, |c| c.is_ascii_alphanumeric(), |c| format!("&#x{c:04X};")));
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    add("hex, upper case", hex.to_uppercase());
    let mixed = hex.chars().enumerate();
    add("hex, mixed case", mixed.map(|(i, c)| if i % 3 == 0 { c.to_ascii_uppercase() } else { c }).collect());
    add("hex", hex);
    for (before, encoding) in
        [("", "base64"), ("u", "base64 after 1"), ("u:", "base64 after 2"), ("me:", "Basic")]
    {
        for after in ["", "zz"] {
            out.extend(in_base64(encoding, before, secret, after));
        }
    }
    for (before, after) in [("{\"p\":\"", "\"}"), ("[\"", "\"]")] {
        for (writer, json) in JSON {
            out.extend(in_base64(&format!("base64 of JSON{writer}"), before, &json(secret), after));
        }
        let crlf = secret.replace('\n', "\r\n");
        out.extend(in_base64("base64 of CRLF", before, &crlf, after));
    }
    out
}

/// Redaction cannot distinguish a quote at an end of the value from the quotes around the field. Such a quote is
/// doubled in CSV, so one of the two quotes stays.
fn csv(secret: &str) -> Vec<Case> {
    let text = secret.replace('"', "\"\"");
    let inner = secret.trim_matches('"');
    let at = secret.find(inner).unwrap_or_default();
    let (before, after) = (&secret[..at], &secret[at + inner.len()..]);
    let end = if inner == secret { "" } else { ", a quote at an end" };
    let expected = format!("{before}@{after}");
    let mut out = vec![Case { encoding: format!("CSV{end}"), text: text.clone(), expected }];
    for (writer, json) in JSON {
        let (encoding, text) = (format!("JSON{writer} of CSV{end}"), json(&text));
        out.push(Case { encoding, text, expected: format!("{}@{}", json(before), json(after)) });
    }
    out
}

fn in_base64(encoding: &str, before: &str, secret: &str, after: &str) -> Vec<Case> {
    let mut out = Vec::new();
    let mut add =
        |encoding: &str, text, expected| out.push(Case { encoding: encoding.to_owned(), text, expected });
    let plain = [before, secret, after].concat();
    // The characters that hold bits of the secret.
    let core = 8 * before.len() / 6..(8 * (before.len() + secret.len())).div_ceil(6);
    let expected = |text: &str| format!("{}@{}", &text[..core.start], &text[core.end..]);
    let text = URL_SAFE_NO_PAD.encode(&plain);
    add("base64url", text.clone(), expected(&text));
    let text = STANDARD.encode(&plain);
    add(encoding, text.clone(), expected(&text));
    let escaped = |text: &str| text.replace('/', "\\/");
    add("base64 in JSON of PHP", escaped(&text), escaped(&expected(&text)));
    let escaped = |text: &str| text.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D");
    add("base64 in a query", escaped(&text), escaped(&expected(&text)));
    out
}

type Named = (&'static str, fn(&str) -> String);

/// The JSON strings that libraries in wide use write.
const JSON: [Named; 10] = [
    ("", json),
    (" with \\/", |text| json(text).replace('/', "\\/")),
    (" of Python", |text| ascii(&json(text), false)),
    (" of Ruby's ASCII, upper case", |text| ascii(&json(text), true)),
    (" of PHP", |text| ascii(&json(text).replace('/', "\\/"), false)),
    (" of Go", |text| units(&json(text), "<>&", |c| format!("\\u{c:04x}"))),
    (" of Flask", |text| ascii(&units(&json(text), "<>&'", |c| format!("\\u{c:04x}")), false)),
    (" of a script in a page", |text| json(text).replace('<', "\\u003c")),
    (" of Gson", |text| units(&json(text), "<>&='", |c| format!("\\u{c:04x}"))),
    (" of .NET", |text| {
        let json = json(text).replace("\\\"", "\\u0022");
        ascii(&units(&json, "<>&'+`", |c| format!("\\u{c:04X}")), true)
    }),
];

const PAGES: [Named; 6] = [
    ("", |text| entities(text, "&#39;", false)),
    (" of Python", |text| entities(text, "&#x27;", false)),
    (" of canonical XML", |text| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")),
    (" by hand", |text| text.replace('&', "&amp;").replace('<', "&lt;")),
    (", decimal", |text| numbered(text, |c| c.is_ascii_alphanumeric(), |c| format!("&#{c};"))),
    (", hex", |text| numbered(text, |c| c.is_ascii_alphanumeric(), |c| format!("&#x{c:X};"))),
];

fn json(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap();
    json[1..json.len() - 1].to_owned()
}

fn units(json: &str, escaped: &str, unit: fn(u32) -> String) -> String {
    json.chars().map(|c| if escaped.contains(c) { unit(c as u32) } else { c.to_string() }).collect()
}

fn latin_1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

fn percent(text: &str, keeps: &str, escape: impl Fn(u8, usize) -> String) -> String {
    percent_bytes(text.as_bytes(), keeps, escape)
}

fn percent_bytes(text: &[u8], keeps: &str, escape: impl Fn(u8, usize) -> String) -> String {
    let one = |(i, b): (usize, u8)| {
        let kept = b.is_ascii_alphanumeric() || keeps.as_bytes().contains(&b);
        if kept { char::from(b).to_string() } else { escape(b, i) }
    };
    text.iter().copied().enumerate().map(one).collect()
}

fn ascii(json: &str, upper: bool) -> String {
    let one = |unit: u16| match u8::try_from(unit) {
        Ok(b) if b.is_ascii() => char::from(b).to_string(),
        _ if upper => format!("\\u{unit:04X}"),
        _ => format!("\\u{unit:04x}"),
    };
    json.encode_utf16().map(one).collect()
}

fn entities(text: &str, apostrophe: &str, numbers: bool) -> String {
    let one = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => apostrophe.to_owned(),
        c if numbers && !c.is_ascii() => format!("&#{};", c as u32),
        c => c.to_string(),
    };
    text.chars().map(one).collect()
}

fn numbered(text: &str, keeps: fn(char) -> bool, number: fn(u32) -> String) -> String {
    text.chars().map(|c| if keeps(c) { c.to_string() } else { number(c as u32) }).collect()
}
