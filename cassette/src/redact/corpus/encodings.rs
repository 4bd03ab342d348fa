//! How a secret may be written, by definition and not by the code under test. Each gives the text, and what is to
//! stand there once `@` is the placeholder.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

pub(super) struct Coded {
    pub(super) how: &'static str,
    pub(super) text: String,
    pub(super) expected: String,
}

pub(super) fn all(secret: &str) -> Vec<Coded> {
    let mut out = Vec::new();
    let mut add = |how, text: String| out.push(Coded { how, text, expected: "@".to_owned() });
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
    let json = serde_json::to_string(secret).unwrap();
    let json = &json[1..json.len() - 1];
    add("JSON", json.to_owned());
    add("JSON with \\/", json.replace('/', "\\/"));
    add("JSON in ASCII", ascii(json, false));
    add("JSON in ASCII, upper case", ascii(json, true));
    add("JSON of PHP", ascii(&json.replace('/', "\\/"), false));
    add("JSON of Go", json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"));
    let twice = serde_json::to_string(json).unwrap();
    add("JSON in JSON", twice[1..twice.len() - 1].to_owned());
    let twice = serde_json::to_string(&ascii(json, false)).unwrap();
    add("JSON in ASCII in JSON", twice[1..twice.len() - 1].to_owned());
    let query = percent(json, "-._~", |b, _| format!("%{b:02X}"));
    add("JSON in a query in a query", percent(&query, "*-._", |b, _| format!("%{b:02X}")));
    add("JSON in a query", query);
    let page = entities(secret, "&#39;", false);
    add("HTML", page.clone());
    add("HTML of Python", entities(secret, "&#x27;", false));
    add("XML", entities(secret, "&apos;", false));
    add("HTML, decimal", numbered(secret, |c| c.is_ascii_alphanumeric(), |c| format!("&#{c};")));
    add("HTML, hex", numbered(secret, |c| c.is_ascii_alphanumeric(), |c| format!("&#x{c:X};")));
    add("HTML, all decimal", numbered(secret, |_| false, |c| format!("&#{c};")));
    add("HTML, all hex", numbered(secret, |_| false, |c| format!("&#x{c:x};")));
    add("XML in ASCII", entities(secret, "'", true));
    add("JSON in HTML", entities(json, "&#39;", false));
    let in_json = serde_json::to_string(&page).unwrap();
    add("HTML in JSON", in_json[1..in_json.len() - 1].to_owned());
    add("HTML in JSON of Go", ascii(&page.replace('\\', "\\\\").replace('&', "\\u0026"), false));
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    add("hex, upper case", hex.to_uppercase());
    let mixed = hex.chars().enumerate();
    add("hex, mixed case", mixed.map(|(i, c)| if i % 3 == 0 { c.to_ascii_uppercase() } else { c }).collect());
    add("hex", hex);
    for (before, how) in [("", "base64"), ("u", "base64 after 1"), ("u:", "base64 after 2"), ("me:", "Basic")]
    {
        for after in ["", "zz"] {
            let plain = [before, secret, after].concat();
            // Of the characters, those that hold bits of the secret.
            let core = 8 * before.len() / 6..(8 * (before.len() + secret.len())).div_ceil(6);
            for (how, text) in [(how, STANDARD.encode(&plain)), ("base64url", URL_SAFE_NO_PAD.encode(&plain))]
            {
                let expected = format!("{}@{}", &text[..core.start], &text[core.end..]);
                out.push(Coded { how, text: text.clone(), expected: expected.clone() });
                if how != "base64url" {
                    let escaped = |text: &str| text.replace('/', "\\/");
                    let (text, expected) = (escaped(&text), escaped(&expected));
                    out.push(Coded { how: "base64 in JSON of PHP", text, expected });
                }
                if how != "base64url" {
                    let escaped =
                        |text: &str| text.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D");
                    let (text, expected) = (escaped(&text), escaped(&expected));
                    out.push(Coded { how: "base64 in a query", text, expected });
                }
            }
        }
    }
    out
}

fn percent(text: &str, keeps: &str, escape: impl Fn(u8, usize) -> String) -> String {
    let one = |(i, b): (usize, u8)| {
        let kept = b.is_ascii_alphanumeric() || keeps.as_bytes().contains(&b);
        if kept { char::from(b).to_string() } else { escape(b, i) }
    };
    text.bytes().enumerate().map(one).collect()
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
