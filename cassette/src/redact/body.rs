//! Bodies on their way to the cassette and back, as a chain of writers in one streaming pass.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::events::EventFields;
use super::form::FormFields;
use super::html::{self, HtmlFields};
use super::json::JsonFields;
use super::links::Links;
use super::multipart::MultipartFields;
use super::script::ScriptFields;
use super::sink::{Out, Sink};
use super::spelling::Spelling;
use super::values::Values;
use super::xml::XmlFields;
use super::{Fired, Rules};

/// A writer that redacts what is written and passes it on: fields by name, links as URLs of their own, then secrets by
/// value and by form. From
/// [`Redactor::body`](super::Redactor::body).
pub struct BodyRedactor<W> {
    fields: Fields,
    rules: Arc<Rules>,
    fired: Arc<Fired>,
    next: Links<Values<W>>,
}

/// What a body, or a part of one, is read as.
pub(super) enum Fields {
    /// Its first bytes tell, of which these have come.
    Begun(Begun, Vec<u8>),
    Json(JsonFields),
    Form(FormFields),
    Xml(XmlFields),
    Html(Box<HtmlFields>),
    Multipart(Box<MultipartFields>),
    Events(Box<EventFields>),
    Script(ScriptFields),
}

/// What the content type of a body leaves open.
#[derive(Clone, Copy)]
pub(super) enum Begun {
    /// It says nothing.
    Any,
    /// It says HTML, as which XML travels too.
    Html,
}

const MARK: &[u8] = b"\xef\xbb\xbf";
const XML: &[u8] = b"<?xml";

impl Begun {
    /// What a text that begins so is read as. `None` if more of it has to be known.
    fn fields(self, text: &[u8], rules: &Rules) -> Option<Fields> {
        // Whether all of it is there, or so far a part.
        let begins = |with: &[u8], text: &[u8]| {
            let known = with.len().min(text.len());
            (text[..known] == with[..known]).then_some(known == with.len())
        };
        let text = match begins(MARK, text) {
            Some(true) => &text[MARK.len()..],
            Some(false) => return None,
            None => text,
        };
        let is_page = match (self, text.first()?) {
            (Begun::Any, b'<') => html::is_page(text, false)?,
            (Begun::Any, _) => return Some(Fields::Json(JsonFields::new(rules))),
            (Begun::Html, _) => match begins(XML, text) {
                Some(true) => html::is_page(text, true)?,
                Some(false) => return None,
                None => true,
            },
        };
        Some(if is_page { Fields::Html(Box::new(HtmlFields::new())) } else { Fields::Xml(XmlFields::new()) })
    }
}

/// The type itself, without its parameters (RFC 9110 §8.3.1).
pub(super) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

fn is_html(content_type: Option<&str>) -> bool {
    matches!(essence(content_type.unwrap_or("")).as_str(), "text/html" | "application/xhtml+xml")
}

/// RFC 7303 §9.
fn is_xml(content_type: Option<&str>) -> bool {
    let essence = essence(content_type.unwrap_or(""));
    matches!(essence.as_str(), "text/xml" | "application/xml") || essence.ends_with("+xml")
}

/// RFC 9239, and what it has replaced.
fn is_script(essence: &str) -> bool {
    essence
        .strip_prefix("text/")
        .or(essence.strip_prefix("application/"))
        .is_some_and(|name| matches!(name, "javascript" | "ecmascript" | "x-javascript" | "x-ecmascript"))
}

impl Fields {
    /// For what nothing is said of.
    pub(super) fn begun() -> Fields {
        Fields::Begun(Begun::Any, Vec::new())
    }

    /// For a body of this content type that is a part of so many others, one in the other.
    pub(super) fn of(content_type: Option<&str>, depth: usize, rules: &Rules) -> Fields {
        if let Some(multipart) = content_type.and_then(|text| MultipartFields::of(text, depth)) {
            return Fields::Multipart(Box::new(multipart));
        }
        match Spelling::of(content_type) {
            Spelling::Form => return Fields::Form(FormFields::new()),
            Spelling::Json => return Fields::Json(JsonFields::new(rules)),
            _ if is_html(content_type) => return Fields::Begun(Begun::Html, Vec::new()),
            _ if is_xml(content_type) => return Fields::Xml(XmlFields::new()),
            _ => {}
        }
        match essence(content_type.unwrap_or("")).as_str() {
            // Much JSON, XML and HTML travels as text/plain, or as nothing.
            "" | "text/plain" => Fields::begun(),
            "text/event-stream" => Fields::Events(Box::new(EventFields::new(rules))),
            essence if is_script(essence) => Fields::Script(ScriptFields::new()),
            // What isn't JSON fails at its first bytes.
            _ => Fields::Json(JsonFields::new(rules)),
        }
    }

    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        rules: &Rules,
        fired: &Fired,
        out: &mut dyn Sink,
    ) -> io::Result<()> {
        match self {
            Fields::Begun(begun, held) => {
                // White space tells nothing.
                let space = bytes.len() - bytes.trim_ascii_start().len();
                let (space, text) = bytes.split_at(if held.is_empty() { space } else { 0 });
                out.keep(space)?;
                held.extend_from_slice(text);
                let Some(fields) = begun.fields(held, rules) else { return Ok(()) };
                let held = std::mem::take(held);
                *self = fields;
                self.push(&held, rules, fired, out)
            }
            Fields::Json(json) => json.push(bytes, rules, fired, out),
            Fields::Form(form) => form.push(bytes, rules, fired, out),
            Fields::Xml(xml) => xml.push(bytes, rules, fired, out),
            Fields::Html(html) => html.push(bytes, rules, fired, out),
            Fields::Multipart(multipart) => multipart.push(bytes, rules, fired, out),
            Fields::Events(events) => events.push(bytes, rules, fired, out),
            Fields::Script(script) => script.push(bytes, rules, fired, out),
        }
    }

    pub(super) fn finish(self, rules: &Rules, fired: &Fired, out: &mut dyn Sink) -> io::Result<()> {
        match self {
            Fields::Begun(_, held) => out.keep(&held),
            Fields::Json(json) => json.finish(rules, fired, out),
            Fields::Form(form) => form.finish(rules, fired, out),
            Fields::Xml(xml) => xml.finish(rules, fired, out),
            Fields::Html(html) => html.finish(rules, fired, out),
            Fields::Multipart(multipart) => multipart.finish(rules, fired, out),
            Fields::Events(events) => events.finish(rules, fired, out),
            Fields::Script(script) => script.finish(rules, fired, out),
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
        let fields = Fields::of(content_type, 0, &rules);
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
