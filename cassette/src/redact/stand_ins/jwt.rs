//! JSON Web Tokens (RFC 7519): the header and the claims that clients read stay; other claims keep their type. The
//! signature says that it is none.
//!
//! Must not know: keys; nothing is signed or verified here.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::alphabet::Alphabet;
use super::random::Random;
use super::syntax::Syntax;
use crate::redact::values::found_values::is_token;

/// The parts of a JWT that a cassette keeps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Jwt {
    header: Map<String, Value>,
    /// `None` if the token is encrypted (RFC 7516).
    claims: Option<Map<String, Value>>,
    /// The length of each part in bytes, before base64.
    lengths: Vec<usize>,
}

/// The parameters of the header that stay (RFC 7515 §4.1, RFC 7516 §4.1).
pub(crate) const KEPT_IN_HEADER: [&str; 11] =
    ["alg", "b64", "crit", "cty", "enc", "kid", "typ", "ver", "x5t", "x5t#S256", "zip"];

/// The claims that stay, at any depth.
pub(crate) const KEPT_CLAIMS: [&str; 32] = [
    "acr",
    "amr",
    "appid",
    "aud",
    "auth_time",
    "authorities",
    "azp",
    "azpacr",
    "cid",
    "client_id",
    "exp",
    "gty",
    "iat",
    "idtyp",
    "iss",
    "locale",
    "nbf",
    "nonce",
    "permissions",
    "role",
    "roles",
    "scope",
    "scopes",
    "scp",
    "tenant",
    "tid",
    "token_type",
    "token_use",
    "typ",
    "updated_at",
    "ver",
    "zoneinfo",
];

const SIGNATURE: &str = "cassette: not a signature ";
const CIPHERTEXT: &str = "cassette: not a ciphertext ";

/// The longest token that is described. A part of this length is far longer than any header of a request.
const LONGEST: usize = 16 * 1024;

/// The deepest nesting of claims that is read.
const DEEPEST: usize = 8;

/// As lenient as the decoders of tokens: with or without padding, and with trailing bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl Jwt {
    /// Reads a token. `None` if the text is no JWT.
    pub(super) fn of(text: &str, seed: &str) -> Option<Jwt> {
        if text.len() > LONGEST || !text.starts_with("ey") && !text.starts_with("ew") {
            return None;
        }
        let parts = text.split('.').map(|part| LENIENT.decode(part).ok()).collect::<Option<Vec<_>>>()?;
        let object = |bytes: &[u8]| match serde_json::from_slice(bytes) {
            Ok(Value::Object(map)) => Some(map),
            _ => None,
        };
        let header = object(parts.first()?).filter(|header| header.contains_key("alg"))?;
        let claims = match parts.len() {
            3 => Some(object(&parts[1])?),
            5 => None,
            _ => return None,
        };
        let header = members(header, &KEPT_IN_HEADER, seed, 0);
        let claims = claims.map(|claims| members(claims, &KEPT_CLAIMS, seed, 0));
        Some(Jwt { header, claims, lengths: parts.iter().map(Vec::len).collect() })
    }

    pub(super) fn to_value(&self) -> Value {
        let mut described = Map::new();
        described.insert("header".into(), self.header.clone().into());
        if let Some(claims) = &self.claims {
            described.insert("claims".into(), claims.clone().into());
        }
        described.insert("lengths".into(), self.lengths.clone().into());
        Value::Object(Map::from_iter([("jwt".to_owned(), Value::Object(described))]))
    }

    pub(super) fn parse(value: &Value) -> Result<Jwt, String> {
        let described = value.get("jwt").and_then(Value::as_object);
        let described = described.ok_or("expected a text such as `[0-9a-f]{32}`, or an object with `jwt`")?;
        let object = |key: &str| described.get(key).and_then(Value::as_object).cloned();
        let header = object("header").ok_or("`jwt.header` must be an object")?;
        let claims = object("claims");
        let lengths = described.get("lengths").and_then(Value::as_array).and_then(|lengths| {
            lengths.iter().map(|n| n.as_u64().filter(|n| *n <= LONGEST as u64).map(|n| n as usize)).collect()
        });
        let lengths: Vec<usize> = lengths.ok_or("`jwt.lengths` must be an array of lengths in bytes")?;
        let parts = if claims.is_some() { 3 } else { 5 };
        if lengths.len() != parts {
            return Err(format!("`jwt.lengths` must have {parts} lengths"));
        }
        Ok(Jwt { header, claims, lengths })
    }

    /// Applies `f` to all texts in header and claims.
    pub(super) fn map(&mut self, f: &dyn Fn(&str) -> String) {
        let maps = [Some(&mut self.header), self.claims.as_mut()].into_iter().flatten();
        maps.flat_map(Map::values_mut).for_each(|value| map(value, f));
    }

    /// Replaces the claims with these names, also those that stay by default.
    pub(super) fn redact(&mut self, is_redacted: &dyn Fn(&str) -> bool, seed: &str) {
        if let Some(claims) = &mut self.claims {
            replace(claims, is_redacted, seed);
        }
    }

    /// The stand-in.
    pub(super) fn text(&self, seed: &str) -> String {
        let id = format!("{:06x}", Random::new(seed).number() & 0xff_ffff);
        let json = |map: &Map<String, Value>, length: usize| {
            // White space after the JSON keeps the length.
            let text = Value::Object(map.clone()).to_string();
            URL_SAFE_NO_PAD.encode(format!("{text:<length$}"))
        };
        let says = |what: &str, length: usize| {
            let bytes: Vec<u8> = what.bytes().chain(id.bytes()).chain([b' ']).cycle().take(length).collect();
            URL_SAFE_NO_PAD.encode(bytes)
        };
        let mut parts = vec![json(&self.header, self.lengths[0])];
        match &self.claims {
            Some(claims) => {
                parts.push(json(claims, self.lengths[1]));
                parts.push(says(SIGNATURE, self.lengths[2]));
            }
            None => parts.extend(self.lengths[1..].iter().map(|length| says(CIPHERTEXT, *length))),
        }
        parts.join(".")
    }
}

/// Whether the last parts of a JWT say that it is a stand-in.
pub(super) fn is_marked(token: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(token) else { return false };
    // The end of the mark may share a character of base64 with the next byte.
    let begins = |part: &str, what: &str| part.starts_with(&URL_SAFE_NO_PAD.encode(&what[..24]));
    let parts: Vec<&str> = text.split('.').collect();
    match parts.len() {
        3 => begins(parts[2], SIGNATURE),
        5 => begins(parts[3], CIPHERTEXT),
        _ => false,
    }
}

fn map(value: &mut Value, f: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = f(text),
        Value::Array(values) => values.iter_mut().for_each(|value| map(value, f)),
        Value::Object(members) => members.values_mut().for_each(|value| map(value, f)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The members of an object: those with a kept name stay, others keep their type.
fn members(object: Map<String, Value>, kept: &[&str], seed: &str, depth: usize) -> Map<String, Value> {
    let one = |(n, (name, value)): (usize, (String, Value))| {
        let seed = format!("{seed}/{n}");
        // A name may be a value itself, such as the id of a user.
        let is_value = name.contains('@') || is_token(name.as_bytes());
        let shown = if is_value { format!("cassette{n}") } else { name.clone() };
        match kept.contains(&name.as_str()) {
            true => (shown, scalars(value, kept, &seed, depth + 1)),
            false => (shown, of_type(value, kept, &seed, depth + 1)),
        }
    };
    object.into_iter().enumerate().map(one).collect()
}

/// The value of a kept claim: scalars stay, but an object within it has names of its own, which decide.
fn scalars(value: Value, kept: &[&str], seed: &str, depth: usize) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) if depth > DEEPEST => Value::Null,
        Value::Array(values) => {
            let one = |(n, value)| scalars(value, kept, &format!("{seed}/{n}"), depth + 1);
            values.into_iter().enumerate().map(one).collect()
        }
        Value::Object(object) => Value::Object(members(object, kept, seed, depth)),
        value => value,
    }
}

/// Replaces the values of the members with these names, at any depth.
fn replace(object: &mut Map<String, Value>, is_redacted: &dyn Fn(&str) -> bool, seed: &str) {
    for (n, (name, value)) in object.iter_mut().enumerate() {
        let seed = format!("{seed}/{n}");
        if is_redacted(name) {
            *value = of_type(value.take(), &[], &seed, 0);
        } else {
            nested(value, is_redacted, &seed);
        }
    }
}

fn nested(value: &mut Value, is_redacted: &dyn Fn(&str) -> bool, seed: &str) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| nested(value, is_redacted, seed)),
        Value::Object(object) => replace(object, is_redacted, seed),
        _ => {}
    }
}

/// Another value of the same type.
fn of_type(value: Value, kept: &[&str], seed: &str, depth: usize) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value,
        Value::Number(number) => match number.as_u64() {
            Some(number) => {
                let (mut out, length) = (String::new(), number.to_string().len());
                Alphabet::Digits.write(length, &mut Random::new(seed), &mut false, &mut out);
                out.parse::<u64>().map_or(Value::Null, Value::from)
            }
            None if number.is_i64() => Value::from(-1),
            None => Value::from(0.5),
        },
        Value::String(text) => Value::String(of_text(&text, seed)),
        Value::Array(_) | Value::Object(_) if depth > DEEPEST => Value::Null,
        Value::Array(values) => {
            let one = |(n, value)| of_type(value, kept, &format!("{seed}/{n}"), depth + 1);
            values.into_iter().enumerate().map(one).collect()
        }
        Value::Object(object) => Value::Object(members(object, kept, seed, depth)),
    }
}

/// Another text of the same kind and, if possible, of the same length.
fn of_text(text: &str, seed: &str) -> String {
    let filled = |what: &str, length: usize| what.chars().cycle().take(length).collect::<String>();
    let length = text.chars().count();
    if let Some(syntax) = (!text.contains('.')).then(|| Syntax::of(text, seed)).flatten() {
        syntax.text(seed, 0)
    } else if text.contains('@') && !text.contains(' ') {
        // `.invalid` belongs to nobody (RFC 2606 §2).
        const HOST: &str = "@c.invalid";
        filled("cassette", length.saturating_sub(HOST.len()).max(1)) + HOST
    } else if text.starts_with("https://") || text.starts_with("http://") {
        const URL: &str = "https://c.invalid/";
        URL.to_owned() + &filled("cassette", length.saturating_sub(URL.len()))
    } else {
        filled("cassette ", length).trim_end().to_owned()
    }
}
