//! Turns the JSON, text or base64 of a body back into bytes. Only this module checks the names of body files.

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Base64, is_not, string};
use crate::json::style::{self, Style, UnknownStyle};
use crate::tape::write::DEFAULT_STYLE;
use crate::tape::{Body, BodyFile, Chunks, Content};

pub(super) fn body<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Body, D::Error> {
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
            Content::File(BodyFile { name, size, sha256, meaning: None })
        }
        BodyFields { json: None, text: None, base64: None, file: None, .. } => Content::Inline(Bytes::new()),
        _ => return Err(E::custom("a body is only one of `json`, `text`, `base64` and `file`")),
    };
    Ok(Body { content, encoding: fields.encoding, chunks: fields.chunks.map_or(Chunks::One, |c| c.0) })
}

/// The text of a body. The cassette has it as one string, or as an array of lines, which are joined without a
/// separator.
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

struct ChunkEnds(Chunks);

impl<'de> Deserialize<'de> for ChunkEnds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ends;

        impl<'de> Visitor<'de> for Ends {
            type Value = ChunkEnds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`events`, `lines`, or an array of rising offsets")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ChunkEnds, E> {
                let found = Chunks::NAMES.into_iter().find(|(name, _)| *name == text);
                let wrong = || E::custom(is_not(text, "`events`, `lines`, or an array of rising offsets"));
                found.map(|(_, chunks)| ChunkEnds(chunks)).ok_or_else(wrong)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ChunkEnds, A::Error> {
                let mut ends: Vec<u64> = Vec::new();
                while let Some(end) = seq.next_element()? {
                    if end <= ends.last().copied().unwrap_or(0) {
                        return Err(serde::de::Error::custom("the offsets of `chunks` do not rise"));
                    }
                    ends.push(end);
                }
                Ok(ChunkEnds(Chunks::At(ends)))
            }
        }

        deserializer.deserialize_any(Ends)
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

/// Whether a body file may have this name. A file with any other name is never opened, so no name can lead out of the
/// folder.
pub(in crate::tape) fn file_name(name: &str) -> bool {
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
    // The field needs `deserialize_with`. Otherwise serde's code for `Option` would treat the JSON body `null` as a
    // missing body.
    #[serde(borrow, default, deserialize_with = "raw")]
    json: Option<&'a RawValue>,
    style: Option<StyleName>,
    text: Option<Text>,
    base64: Option<Base64>,
    file: Option<FileName>,
    size: Option<u64>,
    sha256: Option<String>,
    encoding: Option<String>,
    chunks: Option<ChunkEnds>,
}

fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}
