//! Computes the meaning of a body that is too long to keep, while its bytes stream by and in bounded memory.
//!
//! The rules are those of short bodies: what the content type or the first characters show, which members and fields
//! are ignored. Must not know: where the bytes come from, how meanings are compared.

mod form;
mod hash;
mod json;
mod multipart;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::form::FormReader;
use self::json::JsonReader;
use self::multipart::MultipartReader;
use super::body::MAX_NESTING;
use super::options::{InForce, Options};
use crate::meaning::{Meaning, Reader};
use crate::media_type;
use crate::syntax::parameters::Value;

/// The longest name, number or head of a part, in bytes. A body with a longer one is compared by its bytes.
const TOKEN: usize = 64 * 1024;
/// The bytes of a value that a report shows.
const PREVIEW: usize = 60;

/// The options in force for one request, for a reader that outlives the settings' borrow.
#[derive(Clone, Debug)]
pub(super) struct OwnOptions(Arc<Vec<Options>>);

impl OwnOptions {
    pub(super) fn new(options: &InForce<'_>) -> OwnOptions {
        OwnOptions(Arc::new(options.0.iter().map(|o| (*o).clone()).collect()))
    }

    fn in_force(&self) -> InForce<'_> {
        InForce(self.0.iter().collect())
    }
}

/// Reads one body.
#[derive(Debug)]
pub(super) enum LongReader {
    /// The first character that is no whitespace decides whether the body is JSON.
    Unknown(OwnOptions),
    Json(Box<JsonReader>),
    Form(Box<FormReader>),
    Multipart(Box<MultipartReader>),
    /// Only the bytes count.
    Bytes,
}

impl LongReader {
    /// `depth` is the number of multiparts around the body.
    pub(super) fn new(options: OwnOptions, content_type: &str, depth: usize) -> LongReader {
        let kind = Value::parse(content_type);
        if media_type::is_form(&kind.main) {
            LongReader::Form(Box::new(FormReader::new(options)))
        } else if kind.main.starts_with("multipart/") && depth < MAX_NESTING {
            MultipartReader::new(kind, options, depth)
                .map_or(LongReader::Bytes, |reader| LongReader::Multipart(Box::new(reader)))
        } else if kind.main == "application/graphql" {
            LongReader::Bytes
        } else if media_type::is_json(&kind.main) {
            LongReader::Json(Box::new(JsonReader::new(&options)))
        } else {
            LongReader::Unknown(options)
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        if let LongReader::Unknown(options) = self {
            match bytes.trim_ascii_start().first() {
                None => return,
                Some(b'{' | b'[') => *self = LongReader::Json(Box::new(JsonReader::new(options))),
                Some(_) => *self = LongReader::Bytes,
            }
        }
        match self {
            LongReader::Json(reader) => reader.write(bytes),
            LongReader::Form(reader) => reader.write(bytes),
            LongReader::Multipart(reader) => reader.write(bytes),
            LongReader::Unknown(_) | LongReader::Bytes => {}
        }
    }

    fn meaning(self) -> Option<Meaning> {
        match self {
            LongReader::Json(reader) => reader.finish(),
            LongReader::Form(reader) => reader.finish(),
            LongReader::Multipart(reader) => reader.finish(),
            LongReader::Unknown(_) | LongReader::Bytes => None,
        }
    }
}

impl Reader for LongReader {
    fn write(&mut self, bytes: &[u8]) {
        self.push(bytes);
    }

    fn finish(self: Box<Self>) -> Option<Meaning> {
        self.meaning()
    }
}

/// The beginning of a value, for a report.
fn shortened(mut text: String) -> String {
    if text.len() >= PREVIEW {
        let mut end = PREVIEW - 10;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}
