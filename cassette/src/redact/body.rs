//! Bodies on their way to the cassette and back, as a chain of writers in one streaming pass.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::media_type;
use crate::redact::account::Fired;
use crate::redact::formats::events::EventFields;
use crate::redact::formats::form::FormFields;
use crate::redact::formats::html::HtmlFields;
use crate::redact::formats::json::JsonFields;
use crate::redact::formats::loose_form::LooseForm;
use crate::redact::formats::multipart::MultipartFields;
use crate::redact::formats::script::ScriptFields;
use crate::redact::formats::sniff::{Begun, Kind};
use crate::redact::formats::splice::{Out, Sink};
use crate::redact::formats::xml::XmlFields;
use crate::redact::links::Links;
use crate::redact::rules::set::Rules;
use crate::redact::text::Values;

/// A writer that redacts what is written and passes it on: fields by name, links as URLs of their own, then secrets by
/// value and by form. From
/// [`Redactor::body`](crate::redact::Redactor::body).
pub struct BodyRedactor<W> {
    fields: Fields,
    rules: Arc<Rules>,
    fired: Arc<Fired>,
    next: Links<Values<W>>,
}

/// What a body, or a part of one, is read as.
pub(crate) enum Fields {
    Begun(Begun),
    Json(JsonFields),
    /// JSON, and from where it is none what its content type says.
    First(JsonFields, Kind),
    Form(FormFields),
    Loose(Box<LooseForm>),
    Xml(XmlFields),
    Html(Box<HtmlFields>),
    Multipart(Box<MultipartFields>),
    Events(Box<EventFields>),
    Script(ScriptFields),
}

impl Fields {
    /// For a body of this content type that is a part of so many others, one in the other.
    pub(crate) fn of(content_type: Option<&str>, depth: usize) -> Fields {
        if let Some(multipart) = content_type.and_then(|text| MultipartFields::of(text, depth)) {
            return Fields::Multipart(Box::new(multipart));
        }
        let essence = media_type::essence(content_type.unwrap_or(""));
        let is_text = || {
            matches!(essence.as_str(), "" | "text/plain")
                || media_type::is_json(&essence)
                || media_type::is_json_lines(&essence)
        };
        let kind = match essence.as_str() {
            essence if media_type::is_form(essence) => Kind::Form,
            essence if media_type::is_html(essence) => Kind::Html,
            essence if media_type::is_xml(essence) => Kind::Xml,
            // The parts of a form are written as they are.
            _ if depth == 0 && is_text() => Kind::Text,
            "text/event-stream" => Kind::Events,
            essence if media_type::is_script(essence) => Kind::Script,
            _ => Kind::Other,
        };
        Fields::Begun(Begun::new(kind))
    }

    /// For what nothing says anything of.
    pub(crate) fn begun() -> Fields {
        Fields::Begun(Begun::new(Kind::Other))
    }

    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        rules: &Rules,
        fired: &Fired,
        out: &mut dyn Sink,
    ) -> io::Result<()> {
        match self {
            Fields::Begun(begun) => {
                if let Some((fields, held, rest)) = begun.push(bytes, rules, out)? {
                    *self = fields;
                    self.push(&held, rules, fired, out)?;
                    self.push(rest, rules, fired, out)?;
                }
                Ok(())
            }
            Fields::Json(json) => json.push(bytes, rules, fired, out),
            Fields::First(json, kind) => {
                let read = json.read(bytes, rules, fired, out)?;
                if read < bytes.len() {
                    *self = kind.fields(rules);
                    self.push(&bytes[read..], rules, fired, out)?;
                }
                Ok(())
            }
            Fields::Form(form) => form.push(bytes, rules, fired, out),
            Fields::Loose(form) => form.push(bytes, rules, fired, out),
            Fields::Xml(xml) => xml.push(bytes, rules, fired, out),
            Fields::Html(html) => html.push(bytes, rules, fired, out),
            Fields::Multipart(multipart) => multipart.push(bytes, rules, fired, out),
            Fields::Events(events) => events.push(bytes, rules, fired, out),
            Fields::Script(script) => script.push(bytes, rules, fired, out),
        }
    }

    pub(crate) fn finish(self, rules: &Rules, fired: &Fired, out: &mut dyn Sink) -> io::Result<()> {
        match self {
            Fields::Begun(begun) => match begun.finish(rules, out)? {
                Some((mut fields, held)) => {
                    fields.push(&held, rules, fired, out)?;
                    fields.finish(rules, fired, out)
                }
                None => Ok(()),
            },
            Fields::Json(json) | Fields::First(json, _) => json.finish(rules, fired, out),
            Fields::Form(form) => form.finish(rules, fired, out),
            Fields::Loose(form) => form.finish(rules, fired, out),
            Fields::Xml(xml) => xml.finish(rules, fired, out),
            Fields::Html(html) => html.finish(rules, fired, out),
            Fields::Multipart(multipart) => multipart.finish(rules, fired, out),
            Fields::Events(events) => events.finish(rules, fired, out),
            Fields::Script(script) => script.finish(rules, fired, out),
        }
    }
}

impl<W: Write> BodyRedactor<W> {
    pub(crate) fn new(
        content_type: Option<&str>,
        rules: Arc<Rules>,
        fired: Arc<Fired>,
        values: Values<W>,
    ) -> Self {
        let fields = Fields::of(content_type, 0);
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
        self.fields.finish(&self.rules, &self.fired, &mut Out(&mut self.next))?;
        self.next.finish()?.finish()
    }
}

impl<W: Write> Write for BodyRedactor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.fields.push(bytes, &self.rules, &self.fired, &mut Out(&mut self.next))?;
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
