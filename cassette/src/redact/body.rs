//! Bodies on their way to the cassette and back, as a chain of writers in one streaming pass.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::form::FormFields;
use super::json::JsonFields;
use super::links::Links;
use super::sink::{Out, Sink as _};
use super::spelling::Spelling;
use super::values::Values;
use super::xml::XmlFields;
use super::{Fired, Rules};

/// A writer that redacts what is written and passes it on: fields by name, links to given domains, then secrets by
/// value and by form. From
/// [`Redactor::body`](super::Redactor::body).
pub struct BodyRedactor<W> {
    fields: Fields,
    rules: Arc<Rules>,
    fired: Arc<Fired>,
    next: Links<Values<W>>,
}

enum Fields {
    /// Its first byte tells, of what has no telling content type.
    Begun,
    Json(JsonFields),
    Form(FormFields),
    Xml(XmlFields),
}

/// The type itself, without its parameters (RFC 9110 §8.3.1).
pub(super) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// RFC 7303 §9.
fn is_xml(content_type: Option<&str>) -> bool {
    let essence = essence(content_type.unwrap_or(""));
    matches!(essence.as_str(), "text/xml" | "application/xml") || essence.ends_with("+xml")
}

impl<W: Write> BodyRedactor<W> {
    pub(super) fn new(
        content_type: Option<&str>,
        rules: Arc<Rules>,
        fired: Arc<Fired>,
        values: Values<W>,
    ) -> Self {
        let fields = match Spelling::of(content_type) {
            Spelling::Form => Fields::Form(FormFields::new()),
            Spelling::Json => Fields::Json(JsonFields::new(&rules)),
            _ if is_xml(content_type) => Fields::Xml(XmlFields::new()),
            // Much JSON and XML travels as text/plain, or as nothing.
            _ => match content_type.map(essence).as_deref() {
                None | Some("" | "text/plain") => Fields::Begun,
                // What isn't JSON fails at its first bytes.
                Some(_) => Fields::Json(JsonFields::new(&rules)),
            },
        };
        let next = Links::new(rules.clone(), fired.clone(), values);
        BodyRedactor { fields, rules, fired, next }
    }

    /// Tells, once the body is finished, whether it is another than it was.
    pub(crate) fn changed(&self) -> Changed {
        Changed(self.fired.clone())
    }

    /// Says that the body is complete, passes on the rest and gives the next writer back.
    ///
    /// # Errors
    ///
    /// The next writer's.
    pub fn finish(mut self) -> io::Result<W> {
        let out = &mut Out(&mut self.next);
        match self.fields {
            Fields::Begun => {}
            Fields::Json(json) => json.finish(&self.rules, &self.fired, out)?,
            Fields::Form(form) => form.finish(&self.rules, &self.fired, out)?,
            Fields::Xml(xml) => xml.finish(&self.rules, &self.fired, out)?,
        }
        self.next.finish()?.finish()
    }
}

impl<W: Write> Write for BodyRedactor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let (Fields::Begun, Some(first)) = (&self.fields, bytes.trim_ascii_start().first()) {
            self.fields = match first {
                b'<' => Fields::Xml(XmlFields::new()),
                _ => Fields::Json(JsonFields::new(&self.rules)),
            };
        }
        let out = &mut Out(&mut self.next);
        match &mut self.fields {
            Fields::Begun => out.keep(bytes)?,
            Fields::Json(json) => json.push(bytes, &self.rules, &self.fired, out)?,
            Fields::Form(form) => form.push(bytes, &self.rules, &self.fired, out)?,
            Fields::Xml(xml) => xml.push(bytes, &self.rules, &self.fired, out)?,
        }
        Ok(bytes.len())
    }

    /// What might be the beginning of a secret is held back until it is known not to be.
    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

/// Whether a body was redacted.
pub(crate) struct Changed(Arc<Fired>);

impl Changed {
    pub(crate) fn get(&self) -> bool {
        self.0.hit.load(Ordering::Relaxed)
    }
}
