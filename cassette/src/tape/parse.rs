//! Text to interactions. Every value is checked where it stands, so that an error has the position of the
//! value and not of something around it. Errors are [`serde_json::Error`]s; `document` maps their positions
//! from the piece that was parsed to the whole file.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::value::RawValue;

use super::write::{DEFAULT_STYLE, VERSIONS};
use super::{
    Body, BodyFile, Content, Interaction, Outcome, Request, Response, TransportError, TransportErrorKind,
};
use crate::json::style::{self, Style, UnknownStyle};

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
    Ok(Interaction { request: fields.request.into(), outcome })
}

/// The number of a line of the journal. Checks the grammar of the whole line.
pub(super) fn order(json: &[u8]) -> serde_json::Result<u64> {
    #[derive(Deserialize)]
    struct Line {
        order: u64,
    }
    Ok(serde_json::from_slice::<Line>(json)?.order)
}

#[derive(Deserialize)]
#[serde(expecting = "an interaction: an object")]
struct InteractionFields {
    request: RequestFields,
    response: Option<ResponseFields>,
    error: Option<ErrorFields>,
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

// serde_json gives an error the position that it has reached when the error comes back to it. So errors are made
// inside of visitors: after one, it may already have read on to the end of the object around the value.

/// A string that `convert` makes something of, or says what is wrong with it.
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

fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderMap, D::Error> {
    struct Fields;

    impl<'de> Visitor<'de> for Fields {
        type Value = HeaderMap;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of headers")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderMap, A::Error> {
            let mut headers = HeaderMap::new();
            while let Some(name) = map.next_key_seed(Name)? {
                map.next_value_seed(Values { headers: &mut headers, name: &name })?;
            }
            Ok(headers)
        }
    }

    struct Name;

    impl<'de> DeserializeSeed<'de> for Name {
        type Value = HeaderName;

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<HeaderName, D::Error> {
            string(deserializer, |s| {
                HeaderName::from_bytes(s.as_bytes()).map_err(|_| is_not(s, "the name of a header"))
            })
        }
    }

    deserializer.deserialize_map(Fields)
}

/// The value, or values, of one header, added to `headers`.
struct Values<'a> {
    headers: &'a mut HeaderMap,
    name: &'a HeaderName,
}

impl Values<'_> {
    fn add<E: serde::de::Error>(&mut self, value: &[u8]) -> Result<(), E> {
        let wrong = |_| E::custom(format_args!("the value of `{}` cannot be in a header", self.name));
        let value = HeaderValue::from_bytes(value).map_err(wrong)?;
        let full = |_| E::custom("more headers than there can be");
        self.headers.try_append(self.name, value).map_err(full)?;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, `{\"base64\": …}`, or an array of them")
    }

    fn visit_str<E: serde::de::Error>(mut self, text: &str) -> Result<(), E> {
        self.add(text.as_bytes())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        if map.next_key::<String>()?.as_deref() != Some("base64") {
            return Err(A::Error::custom("expected the key `base64`"));
        }
        self.add(&map.next_value::<Base64>()?.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Values { headers: &mut *self.headers, name: self.name })?.is_some() {}
        Ok(())
    }
}

struct Base64(Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, |s| BASE64.decode(s).map(Base64).map_err(|e| format!("not base64: {e}")))
    }
}

/// The body of a text: one string, or lines that are joined as they are.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lines;

        impl<'de> Visitor<'de> for Lines {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of lines")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text, A::Error> {
                let mut text = String::new();
                while let Some(line) = seq.next_element::<String>()? {
                    text.push_str(&line);
                }
                Ok(Text(text))
            }
        }

        deserializer.deserialize_any(Lines)
    }
}

struct StyleName(Style);

impl<'de> Deserialize<'de> for StyleName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string(deserializer, |s| s.parse().map(StyleName).map_err(|e: UnknownStyle| e.to_string()))
    }
}

struct FileName(String);

impl<'de> Deserialize<'de> for FileName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str =
            "the name of a body file: 64 lower-case hexadecimal digits, a dot, an extension";
        string(deserializer, |s| match file_name(s) {
            true => Ok(FileName(s.to_owned())),
            false => Err(is_not(s, EXPECTED)),
        })
    }
}

/// Is `name` one that a body file can have? Nothing else is ever opened, so no reference leaves the folder.
pub(super) fn file_name(name: &str) -> bool {
    name.split_once('.').is_some_and(|(hash, extension)| {
        is_sha256(hash)
            && (1..=16).contains(&extension.len())
            && extension.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    })
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

#[derive(Deserialize)]
#[serde(expecting = "a body: an object")]
struct BodyFields<'a> {
    // Not `Option<&RawValue>` as such: the body `null` is a value like any other.
    #[serde(borrow, default, deserialize_with = "raw")]
    json: Option<&'a RawValue>,
    style: Option<StyleName>,
    text: Option<Text>,
    base64: Option<Base64>,
    file: Option<FileName>,
    size: Option<u64>,
    sha256: Option<String>,
    encoding: Option<String>,
}

fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn body<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Body, D::Error> {
    struct Fields;

    impl<'de> Visitor<'de> for Fields {
        type Value = Body;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a body: an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Body, A::Error> {
            BodyFields::deserialize(MapAccessDeserializer::new(map)).and_then(body_of)
        }
    }

    deserializer.deserialize_map(Fields)
}

fn body_of<E: serde::de::Error>(fields: BodyFields<'_>) -> Result<Body, E> {
    let content = match fields {
        BodyFields { json: Some(json), text: None, base64: None, file: None, style, .. } => {
            let style = style.map_or(DEFAULT_STYLE, |s| s.0);
            Content::Inline(style::restore(json.get(), style).map_err(E::custom)?.into())
        }
        BodyFields { json: None, text: Some(text), base64: None, file: None, .. } => {
            Content::Inline(text.0.into())
        }
        BodyFields { json: None, text: None, base64: Some(bytes), file: None, .. } => {
            Content::Inline(bytes.0.into())
        }
        BodyFields {
            json: None, text: None, base64: None, file: Some(FileName(name)), size, sha256, ..
        } => {
            let size = size.ok_or_else(|| E::missing_field("size"))?;
            let sha256 = sha256.ok_or_else(|| E::missing_field("sha256"))?;
            if name.split('.').next() != Some(sha256.as_str()) {
                return Err(E::custom("`sha256` is not the one in the name of the file"));
            }
            Content::File(BodyFile { name, size, sha256 })
        }
        BodyFields { json: None, text: None, base64: None, file: None, .. } => Content::Inline(Bytes::new()),
        _ => return Err(E::custom("a body is only one of `json`, `text`, `base64` and `file`")),
    };
    Ok(Body { content, encoding: fields.encoding })
}
