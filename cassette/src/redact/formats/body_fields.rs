//! Chooses the parser for a body, or for a part of a multipart body, and passes the bytes to the parser. Only this file
//! knows all formats. A part of a multipart body is a body again, so this file and `multipart` import each other. No
//! other two files here import each other.
//!
//! Must not know: writers, links, secrets by value.

use std::io;

use crate::media_type;
use crate::redact::formats::events::EventFields;
use crate::redact::formats::form::FormFields;
use crate::redact::formats::html::HtmlFields;
use crate::redact::formats::json::JsonFields;
use crate::redact::formats::loose_form::LooseForm;
use crate::redact::formats::multipart::MultipartFields;
use crate::redact::formats::pass::Pass;
use crate::redact::formats::script::ScriptFields;
use crate::redact::formats::sniff::{Declared, Format, Sniffer};
use crate::redact::formats::xml::XmlFields;
use crate::redact::rules::set::Rules;

/// The parser of a body, or of a part of a multipart body.
pub(crate) enum BodyFields {
    Sniffer(Sniffer),
    Json(JsonFields),
    /// JSON up to its end, and the declared format after that.
    JsonThen(JsonFields, Declared),
    Form(FormFields),
    LooseForm(Box<LooseForm>),
    Xml(XmlFields),
    Html(Box<HtmlFields>),
    Multipart(Box<MultipartFields>),
    Events(Box<EventFields>),
    Script(ScriptFields),
}

impl BodyFields {
    /// The parser for a body of this content type. `depth` is the number of multipart bodies around it.
    pub(crate) fn of(content_type: Option<&str>, depth: usize) -> BodyFields {
        if let Some(multipart) = content_type.and_then(|text| MultipartFields::of(text, depth)) {
            return BodyFields::Multipart(Box::new(multipart));
        }
        let essence = media_type::essence(content_type.unwrap_or(""));
        let is_text = || {
            matches!(essence.as_str(), "" | "text/plain")
                || media_type::is_json(&essence)
                || media_type::is_json_lines(&essence)
        };
        let kind = match essence.as_str() {
            essence if media_type::is_form(essence) => Declared::Form,
            essence if media_type::is_html(essence) => Declared::Html,
            essence if media_type::is_xml(essence) => Declared::Xml,
            // A part of a multipart form holds its value unencoded, so its text is not read as a URL-encoded form.
            _ if depth == 0 && is_text() => Declared::Text,
            "text/event-stream" => Declared::Events,
            essence if media_type::is_script(essence) => Declared::Script,
            _ => Declared::Other,
        };
        BodyFields::Sniffer(Sniffer::new(kind))
    }

    fn of_format(format: Format, rules: &Rules) -> BodyFields {
        match format {
            Format::Json => BodyFields::Json(JsonFields::new(rules)),
            Format::JsonThen(kind) => BodyFields::JsonThen(JsonFields::new(rules), kind),
            Format::Form => BodyFields::Form(FormFields::new()),
            Format::LooseForm => BodyFields::LooseForm(Box::new(LooseForm::new())),
            Format::Xml => BodyFields::Xml(XmlFields::new()),
            Format::Html => BodyFields::Html(Box::new(HtmlFields::new())),
            Format::Events => BodyFields::Events(Box::new(EventFields::new(rules))),
            Format::Script => BodyFields::Script(ScriptFields::new()),
        }
    }

    /// The parser for a body without a content type.
    pub(crate) fn undeclared() -> BodyFields {
        BodyFields::Sniffer(Sniffer::new(Declared::Other))
    }

    pub(crate) fn push(&mut self, bytes: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        match self {
            BodyFields::Sniffer(sniffer) => {
                if let Some((format, held, rest)) = sniffer.push(bytes, to.out)? {
                    *self = BodyFields::of_format(format, to.rules);
                    self.push(&held, to)?;
                    self.push(rest, to)?;
                }
                Ok(())
            }
            BodyFields::Json(json) => json.push(bytes, to),
            BodyFields::JsonThen(json, kind) => {
                let read = json.read(bytes, to)?;
                if read < bytes.len() {
                    *self = BodyFields::of_format(kind.format(), to.rules);
                    self.push(&bytes[read..], to)?;
                }
                Ok(())
            }
            BodyFields::Form(form) => form.push(bytes, to),
            BodyFields::LooseForm(form) => form.push(bytes, to),
            BodyFields::Xml(xml) => xml.push(bytes, to),
            BodyFields::Html(html) => html.push(bytes, to),
            BodyFields::Multipart(multipart) => multipart.push(bytes, to),
            BodyFields::Events(events) => events.push(bytes, to),
            BodyFields::Script(script) => script.push(bytes, to),
        }
    }

    pub(crate) fn finish(self, to: &mut Pass<'_>) -> io::Result<()> {
        match self {
            BodyFields::Sniffer(sniffer) => match sniffer.finish(to.out)? {
                Some((format, held)) => {
                    let mut fields = BodyFields::of_format(format, to.rules);
                    fields.push(&held, to)?;
                    fields.finish(to)
                }
                None => Ok(()),
            },
            BodyFields::Json(json) | BodyFields::JsonThen(json, _) => json.finish(to),
            BodyFields::Form(form) => form.finish(to),
            BodyFields::LooseForm(form) => form.finish(to),
            BodyFields::Xml(xml) => xml.finish(to),
            BodyFields::Html(html) => html.finish(to),
            BodyFields::Multipart(multipart) => multipart.finish(to),
            BodyFields::Events(events) => events.finish(to),
            BodyFields::Script(script) => script.finish(to),
        }
    }
}
