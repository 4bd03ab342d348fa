//! Parses the text of interactions. Every value is checked while serde_json reads it, so that an error has the position
//! of this value and not of the object around it. Errors are [`serde_json::Error`]s. Their positions count from the
//! start of the parsed piece, and `document` maps them to the whole file.

mod body;
mod headers;

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::{Map, Value};

use self::body::body;
pub(super) use self::body::file_name;
use self::headers::{headers, reason};
use super::write::VERSIONS;
use super::{
    Body, Interaction, Outcome, Policy, Request, Response, TransportError, TransportErrorKind, Turn,
};

pub(super) fn request(json: &[u8]) -> serde_json::Result<Request> {
    Ok(serde_json::from_slice::<RequestFields>(json)?.into())
}

pub(super) fn interaction(json: &[u8]) -> serde_json::Result<Interaction> {
    let fields: InteractionFields = serde_json::from_slice(json)?;
    let outcome = match (fields.response, fields.error) {
        (Some(response), None) => Outcome::Response(response.into()),
        (None, Some(error)) => Outcome::Error(error.into()),
        (None, None) => return Err(serde_json::Error::custom("missing field `response` (or `error`)")),
        (Some(_), Some(_)) => return Err(serde_json::Error::custom("both a `response` and an `error`")),
    };
    let InteractionFields { request, turns, policy, extra, .. } = fields;
    let turns = turns.map(|turns| turns.0).unwrap_or_default();
    Ok(Interaction { request: request.into(), outcome, turns, policy, extra })
}

/// The `order` of a line of the journal. Also checks that the whole line is valid JSON.
pub(super) fn order(json: &[u8]) -> serde_json::Result<u64> {
    #[derive(Deserialize)]
    struct Line {
        order: u64,
    }
    Ok(serde_json::from_slice::<Line>(json)?.order)
}

struct InteractionFields {
    request: RequestFields,
    response: Option<ResponseFields>,
    error: Option<ErrorFields>,
    turns: Option<Turns>,
    policy: Policy,
    extra: Map<String, Value>,
}

// Written by hand, because `#[serde(flatten)]` would lose the position of an error.
impl<'de> Deserialize<'de> for InteractionFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = InteractionFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an interaction: an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InteractionFields, A::Error> {
                let (mut request, mut response, mut error) = (None, None, None);
                let mut turns = None;
                let (mut policy, mut extra) = (Policy::default(), Map::new());
                while let Some(key) = map.next_key::<Cow<'_, str>>()? {
                    let twice = match &*key {
                        "request" => request.replace(map.next_value()?).is_some(),
                        "response" => response.replace(map.next_value()?).is_some(),
                        "error" => error.replace(map.next_value()?).is_some(),
                        "turns" => turns.replace(map.next_value()?).is_some(),
                        "optional" => std::mem::replace(&mut policy.optional, map.next_value()?),
                        "repeat" => std::mem::replace(&mut policy.repeat, map.next_value()?),
                        "template" => std::mem::replace(&mut policy.template, map.next_value()?),
                        // Only the journal has this key.
                        "order" => {
                            map.next_value::<IgnoredAny>()?;
                            false
                        }
                        _ => extra.insert(key.into_owned(), map.next_value()?).is_some(),
                    };
                    if twice {
                        return Err(A::Error::custom("a key occurs twice"));
                    }
                }
                let request = request.ok_or_else(|| A::Error::missing_field("request"))?;
                let (response, error) = (response.flatten(), error.flatten());
                Ok(InteractionFields { request, response, error, turns, policy, extra })
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

#[derive(Deserialize)]
#[serde(expecting = "a request: an object")]
struct RequestFields {
    #[serde(deserialize_with = "method")]
    method: http::Method,
    uri: String,
    #[serde(default, deserialize_with = "headers")]
    headers: HeaderMap,
    #[serde(default, deserialize_with = "body")]
    body: Body,
}

#[derive(Deserialize)]
#[serde(expecting = "a response: an object")]
struct ResponseFields {
    #[serde(deserialize_with = "status")]
    status: u16,
    #[serde(default, deserialize_with = "reason")]
    reason: Option<HeaderValue>,
    #[serde(default = "http_1_1", deserialize_with = "version")]
    version: http::Version,
    #[serde(default, deserialize_with = "headers")]
    headers: HeaderMap,
    #[serde(default, deserialize_with = "body")]
    body: Body,
    #[serde(default, deserialize_with = "headers")]
    trailers: HeaderMap,
    cut: Option<ErrorFields>,
}

#[derive(Deserialize)]
#[serde(expecting = "an error: an object")]
struct ErrorFields {
    #[serde(deserialize_with = "kind")]
    kind: TransportErrorKind,
    #[serde(default)]
    message: String,
}

impl From<RequestFields> for Request {
    fn from(r: RequestFields) -> Self {
        Request { method: r.method, uri: r.uri, headers: r.headers, body: r.body }
    }
}

impl From<ResponseFields> for Response {
    fn from(r: ResponseFields) -> Self {
        Response {
            status: r.status,
            reason: r.reason,
            version: r.version,
            headers: r.headers,
            body: r.body,
            trailers: r.trailers,
            cut: r.cut.map(Into::into),
        }
    }
}

impl From<ErrorFields> for TransportError {
    fn from(e: ErrorFields) -> Self {
        TransportError { kind: e.kind, message: e.message }
    }
}

// When a visitor returns an error, serde_json adds the position that it has reached. So all errors are made inside of
// visitors. After the visitor, serde_json may already have read to the end of the surrounding object.

/// Parses a string. `convert` turns it into a value, or returns the message of an error.
fn string<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    convert: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    struct Text<F>(F);

    impl<'de, T, F: FnOnce(&str) -> Result<T, String>> Visitor<'de> for Text<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            (self.0)(text).map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(convert))
}

/// The two numbers of each turn.
struct Turns(Vec<Turn>);

impl<'de> Deserialize<'de> for Turns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Numbers;

        impl<'de> Visitor<'de> for Numbers {
            type Value = Turns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("two numbers for each turn")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Turns, A::Error> {
                let mut turns = Vec::new();
                while let Some(request) = seq.next_element()? {
                    let response = seq.next_element()?;
                    let response =
                        response.ok_or_else(|| A::Error::invalid_length(2 * turns.len() + 1, &self))?;
                    turns.push(Turn::new(request, response));
                }
                Ok(Turns(turns))
            }
        }

        deserializer.deserialize_seq(Numbers)
    }
}

fn is_not(text: &str, expected: &str) -> String {
    format!("`{text}` is not {expected}")
}

fn method<'de, D: Deserializer<'de>>(deserializer: D) -> Result<http::Method, D::Error> {
    string(deserializer, |s| {
        http::Method::from_bytes(s.as_bytes()).map_err(|_| is_not(s, "a method, such as `GET`"))
    })
}

fn http_1_1() -> http::Version {
    http::Version::HTTP_11
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<http::Version, D::Error> {
    string(deserializer, |s| one_of(&VERSIONS, s))
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TransportErrorKind, D::Error> {
    string(deserializer, |s| one_of(&TransportErrorKind::NAMES, s))
}

fn one_of<T: Copy>(choices: &[(T, &str)], text: &str) -> Result<T, String> {
    choices.iter().find(|(_, name)| *name == text).map(|(value, _)| *value).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(_, name)| format!("`{name}`")).collect();
        is_not(text, &format!("one of {}", names.join(", ")))
    })
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    struct Status;

    impl Visitor<'_> for Status {
        type Value = u16;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a status from 100 to 999")
        }

        fn visit_u64<E: serde::de::Error>(self, status: u64) -> Result<u16, E> {
            match u16::try_from(status) {
                Ok(status @ 100..=999) => Ok(status),
                _ => Err(E::invalid_value(Unexpected::Unsigned(status), &self)),
            }
        }
    }

    deserializer.deserialize_u16(Status)
}

struct Base64(Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, |s| BASE64.decode(s).map(Base64).map_err(|e| format!("not base64: {e}")))
    }
}
