//! The syntax of a value: its length, its alphabets, its separators and the documented prefix of its issuer. The
//! notation is a regular expression, such as `ghp_[A-Za-z0-9]{36}`, or an object for a JWT.
//!
//! Must not know: placeholders, where the value was found.

use serde_json::Value;

use super::alphabet::Alphabet;
use super::jwt::Jwt;
use super::random::Random;
use crate::redact::patterns;
use crate::redact::values::found_values::is_token;

/// The syntax of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Syntax {
    Runs(Vec<Item>),
    Jwt(Box<Jwt>),
}

/// A part of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// A prefix, a separator or padding, which is the same in the stand-in.
    Literal(String),
    /// Characters of an alphabet, and how many.
    Run(Alphabet, usize),
}

/// The length of the longest value that is described as runs.
const LONGEST: usize = 4096;

/// The most parts of a value.
const MOST_ITEMS: usize = 64;

/// Prefixes of tokens in addition to those of the patterns.
const PREFIXES: [&str; 7] =
    ["pk_live_", "pk_test_", "secret_", "tok_", "v2.local.", "v4.local.", "v4.public."];

/// Characters that separate the parts of a value, also percent-encoded as in cookies.
const SEPARATORS: [&str; 9] = [".", ":", "/", "|", "~", "%3A", "%2F", "%7C", "%3D"];

impl Syntax {
    /// The syntax of a value. `None` if it is no token of a known kind, such as a word or a sentence. `seed` decides
    /// about the values that replace claims of a JWT.
    pub(crate) fn of(value: &str, seed: &str) -> Option<Syntax> {
        if let Some(jwt) = Jwt::of(value, seed) {
            return Some(Syntax::Jwt(Box::new(jwt)));
        }
        if value.len() > LONGEST || !value.is_ascii() || value.parse::<std::net::IpAddr>().is_ok() {
            return None;
        }
        let prefix = prefix(value);
        let rest = &value[prefix.len()..];
        let mut items = Vec::new();
        literal(prefix, &mut items);
        let uuid = uuid(rest);
        let is_uuid = uuid.is_some();
        match uuid {
            Some(uuid) => items.extend(uuid),
            None => runs(rest, &mut items)?,
        }
        let is_run = rest.bytes().all(|b| b.is_ascii_alphanumeric());
        let has = |is: fn(&u8) -> bool| rest.bytes().any(|b| is(&b));
        let is_number = rest.len() >= 3 && !has(u8::is_ascii_alphabetic);
        let is_mixed = rest.len() >= 8 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
        let says_something = is_uuid
            || is_token(value.as_bytes())
            || (!prefix.is_empty() && is_token(rest.as_bytes()))
            || is_run && (is_number || is_mixed);
        (says_something && items.len() <= MOST_ITEMS).then_some(Syntax::Runs(items))
    }

    /// The notation on the cassette.
    pub(crate) fn to_value(&self) -> Value {
        let items = match self {
            Syntax::Jwt(jwt) => return jwt.to_value(),
            Syntax::Runs(items) => items,
        };
        let mut out = String::new();
        for item in items {
            match item {
                Item::Run(alphabet, count) => {
                    out.push_str(&format!("[{}]{{{count}}}", alphabet.notation()));
                }
                Item::Literal(text) => {
                    for c in text.chars() {
                        if matches!(c, '.' | '|') {
                            out.push('\\');
                        }
                        out.push(c);
                    }
                }
            }
        }
        Value::String(out)
    }

    /// Reads the notation.
    pub(crate) fn parse(value: &Value) -> Result<Syntax, String> {
        match value {
            Value::String(text) => Ok(Syntax::Runs(items(text)?)),
            value => Ok(Syntax::Jwt(Box::new(Jwt::parse(value)?))),
        }
    }

    /// The syntax without the values of these claims of a JWT.
    pub(crate) fn redact(mut self, is_redacted: &dyn Fn(&str) -> bool, seed: &str) -> Syntax {
        if let Syntax::Jwt(jwt) = &mut self {
            jwt.redact(is_redacted, seed);
        }
        self
    }

    /// The syntax with other texts in the claims of a JWT.
    pub(crate) fn map(mut self, f: &dyn Fn(&str) -> String) -> Syntax {
        if let Syntax::Jwt(jwt) = &mut self {
            jwt.map(f);
        }
        self
    }

    /// A stand-in with this syntax. The same name and attempt give the same stand-in.
    pub(crate) fn text(&self, name: &str, attempt: usize) -> String {
        let seed = format!("{name} {attempt}");
        let items = match self {
            Syntax::Jwt(jwt) => return jwt.text(&seed),
            Syntax::Runs(items) => items,
        };
        let (mut random, mut marked, mut out) = (Random::new(&seed), false, String::new());
        for item in items {
            match item {
                Item::Literal(text) => out.push_str(text),
                Item::Run(alphabet, count) => alphabet.write(*count, &mut random, &mut marked, &mut out),
            }
        }
        out
    }
}

/// The documented prefix of a value, which may be empty.
fn prefix(value: &str) -> &str {
    let known = patterns::prefixes().chain(PREFIXES).filter(|prefix| value.starts_with(prefix));
    let length = known.map(str::len).max().unwrap_or(0);
    &value[..length]
}

fn literal(text: &str, items: &mut Vec<Item>) {
    match items.last_mut() {
        _ if text.is_empty() => {}
        Some(Item::Literal(last)) => last.push_str(text),
        _ => items.push(Item::Literal(text.to_owned())),
    }
}

/// A UUID keeps its version (RFC 9562 §4.2).
fn uuid(text: &str) -> Option<Vec<Item>> {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths = groups.iter().map(|group| group.len());
    if !lengths.eq([8, 4, 4, 4, 12]) || !groups.iter().all(|g| g.bytes().all(|b| b.is_ascii_hexdigit())) {
        return None;
    }
    let upper = text.bytes().any(|b| b.is_ascii_uppercase());
    let (hex, variant) = match upper {
        true => (Alphabet::UpperHex, Alphabet::UpperVariant),
        false => (Alphabet::LowerHex, Alphabet::Variant),
    };
    let (dash, version) = (Item::Literal("-".into()), format!("-{}", &groups[2][..1]));
    Some(vec![
        Item::Run(hex, 8),
        dash.clone(),
        Item::Run(hex, 4),
        Item::Literal(version),
        Item::Run(hex, 3),
        dash.clone(),
        Item::Run(variant, 1),
        Item::Run(hex, 3),
        dash,
        Item::Run(hex, 12),
    ])
}

/// Divides a value into runs. `None` if it has other characters than tokens have.
fn runs(text: &str, items: &mut Vec<Item>) -> Option<()> {
    let body = text.trim_end_matches('=');
    let padding = &text[body.len()..];
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let parts = body.split('/').count();
    // A path has a few long parts. Base64 has a slash in every 64 characters.
    let is_path = (2..=4).contains(&parts) && body.split('/').all(|part| part.len() >= 8);
    let distinctive = body.contains('+') || !padding.is_empty() || (body.contains('/') && !is_path);
    if body.len() >= 8 && distinctive && padding.len() <= 2 && body.bytes().all(is_base64) {
        items.push(Item::Run(Alphabet::Base64, body.len()));
        literal(padding, items);
        return Some(());
    }
    let mut rest = body;
    loop {
        let next = SEPARATORS.iter().filter_map(|separator| Some((rest.find(separator)?, *separator))).min();
        let Some((at, separator)) = next else { break };
        segment(&rest[..at], items)?;
        literal(separator, items);
        rest = &rest[at + separator.len()..];
    }
    segment(rest, items)?;
    literal(padding, items);
    Some(())
}

/// A part of a value between separators.
fn segment(text: &str, items: &mut Vec<Item>) -> Option<()> {
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
        return None;
    }
    let is_number = |run: &str| run.len() >= 6 && run.bytes().all(|b| b.is_ascii_digit());
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(['-', '_']) {
        parts.push((&rest[..at], &rest[at..=at]));
        rest = &rest[at + 1..];
    }
    parts.push((rest, ""));
    // In base64 for URLs the parts have any length. A number shows that the parts mean something.
    let means_something =
        parts.iter().any(|(run, _)| is_number(run)) && parts.iter().all(|(run, _)| run.len() >= 3);
    if parts.len() > 1 && !means_something {
        items.push(Item::Run(Alphabet::Base64Url, text.len()));
        return Some(());
    }
    for (run, separator) in parts {
        if !run.is_empty() {
            items.push(Item::Run(Alphabet::of(run), run.len()));
        }
        literal(separator, items);
    }
    Some(())
}

/// Reads the notation of [`Syntax::Runs`].
fn items(text: &str) -> Result<Vec<Item>, String> {
    let (mut items, mut rest) = (Vec::new(), text);
    let wrong = |what: &str| format!("`{text}` is not the syntax of a token: {what}");
    while let Some(c) = rest.chars().next() {
        if c == '[' {
            let (run, after) = rest[1..].split_once('}').ok_or_else(|| wrong("`}` is missing"))?;
            let (alphabet, count) = run.split_once("]{").ok_or_else(|| wrong("`]{` is missing"))?;
            let known =
                Alphabet::named(alphabet).ok_or_else(|| wrong(&format!("there is no `[{alphabet}]`")))?;
            let count: usize = count.parse().map_err(|_| wrong(&format!("`{count}` is not a length")))?;
            if count > LONGEST {
                return Err(wrong(&format!("the longest token has {LONGEST} characters")));
            }
            items.push(Item::Run(known, count));
            rest = after;
        } else {
            let escaped = rest.strip_prefix('\\').unwrap_or(rest);
            let Some(c) = escaped.chars().next() else { return Err(wrong("it ends in a backslash")) };
            literal(&escaped[..c.len_utf8()], &mut items);
            rest = &escaped[c.len_utf8()..];
        }
    }
    if items.is_empty() { Err(wrong("it is empty")) } else { Ok(items) }
}
