//! Bodies on their way to the cassette and back, as a chain of writers in one streaming pass.

use std::io::{self, Write};
use std::sync::Arc;

use super::form::FormFields;
use super::json::JsonFields;
use super::replace::Replacer;
use super::sink::Out;
use super::values::Values;
use super::{Fired, Rules};

/// A writer that redacts what is written and passes it on: fields by name, then secrets by value and by form. From
/// [`Redactor::body`](super::Redactor::body).
pub struct BodyRedactor<W> {
    fields: Fields,
    rules: Arc<Rules>,
    fired: Arc<Fired>,
    values: Values<W>,
}

enum Fields {
    Json(JsonFields),
    Form(FormFields),
}

/// What a content type means for redaction.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Format {
    Json,
    Form,
    Other,
}

impl Format {
    pub(super) fn of(content_type: Option<&str>) -> Format {
        let essence = content_type.unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Format::Form,
            e if e.ends_with("/json") || e.ends_with("+json") => Format::Json,
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-json-stream" => Format::Json,
            _ => Format::Other,
        }
    }
}

impl<W: Write> BodyRedactor<W> {
    pub(super) fn new(
        content_type: Option<&str>,
        rules: Arc<Rules>,
        fired: Arc<Fired>,
        values: Values<W>,
    ) -> Self {
        let fields = match Format::of(content_type) {
            Format::Form => Fields::Form(FormFields::new()),
            // Much JSON travels as text/plain, or as nothing. What isn't JSON fails at its first bytes.
            Format::Json | Format::Other => Fields::Json(JsonFields::new(&rules)),
        };
        BodyRedactor { fields, rules, fired, values }
    }

    /// Says that the body is complete, passes on the rest and gives the next writer back.
    ///
    /// # Errors
    ///
    /// The next writer's.
    pub fn finish(mut self) -> io::Result<W> {
        let out = &mut Out(&mut self.values);
        match self.fields {
            Fields::Json(json) => json.finish(&self.rules, &self.fired, out)?,
            Fields::Form(form) => form.finish(&self.rules, &self.fired, out)?,
        }
        self.values.finish()
    }
}

impl<W: Write> Write for BodyRedactor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let out = &mut Out(&mut self.values);
        match &mut self.fields {
            Fields::Json(json) => json.push(bytes, &self.rules, &self.fired, out)?,
            Fields::Form(form) => form.push(bytes, &self.rules, &self.fired, out)?,
        }
        Ok(bytes.len())
    }

    /// What might be the beginning of a secret is held back until it is known not to be.
    fn flush(&mut self) -> io::Result<()> {
        self.values.flush()
    }
}

/// A writer that puts the session's own secrets where their placeholders stand, and passes the rest on. From
/// [`Redactor::restorer`](super::Redactor::restorer).
pub struct Restorer<W>(pub(super) Replacer<W>);

impl<W: Write> Restorer<W> {
    /// Says that the body is complete, passes on the rest and gives the next writer back.
    ///
    /// # Errors
    ///
    /// The next writer's.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }

    /// The next writer.
    pub(crate) fn next_mut(&mut self) -> &mut W {
        self.0.next_mut()
    }
}

impl<W: Write> Write for Restorer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
