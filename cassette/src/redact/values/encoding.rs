//! The encoding of a value in a text. A placeholder in a response names the encoding, as in `{{secret.KEY|percent}}`,
//! unless the format of the body implies the encoding. So a replay writes the value in the same encoding as the server
//! did.
//!
//! Must not know: what is secret.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::media_type;
use crate::placeholder;
use crate::redact::values::encodings::writers::{is_form, is_unreserved, json_escaped};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    /// Escaped as between the quotes of a JSON string (RFC 8259 §7).
    Json,
    /// A value of a form: percent-encoded, with `+` for a space (WHATWG URL §5.2).
    Form,
    /// Percent-encoded (RFC 3986 §2.1).
    Percent,
    /// Percent-encoded bytes of Latin-1.
    Latin1,
    /// Escaped for HTML and XML.
    Html,
    /// Like `Html`, with numeric references for tabs and line breaks, which attributes in XML need.
    Attribute,
    /// Escaped as between the quotes of a CSV field.
    Csv,
    Hex,
    /// Line breaks as LF.
    Lf,
    /// Line breaks as CRLF.
    Crlf,
    /// Line breaks as spaces.
    OneLine,
}

/// All bytes except the unreserved characters (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The names of encodings in placeholders.
const NAMED: [(Encoding, &str); 11] = [
    (Encoding::Json, "json"),
    (Encoding::Form, "form"),
    (Encoding::Percent, "percent"),
    (Encoding::Latin1, "latin1"),
    (Encoding::Html, "html"),
    (Encoding::Attribute, "attribute"),
    (Encoding::Csv, "csv"),
    (Encoding::Hex, "hex"),
    (Encoding::Lf, "lf"),
    (Encoding::Crlf, "crlf"),
    (Encoding::OneLine, "line"),
];

impl Encoding {
    /// The encoding of all texts in a body of this content type. It is `Plain` for XML, because placeholders contain no
    /// character that XML escapes.
    pub(crate) fn of(content_type: Option<&str>) -> Encoding {
        let essence = media_type::essence(content_type.unwrap_or(""));
        if media_type::is_form(&essence) {
            Encoding::Form
        } else if media_type::is_json(&essence) || media_type::is_json_lines(&essence) {
            Encoding::Json
        } else {
            Encoding::Plain
        }
    }

    pub(crate) fn encode(self, value: &str) -> String {
        match self {
            Encoding::Plain => value.to_owned(),
            Encoding::Json => json_string(value),
            Encoding::Form => form_value(value),
            Encoding::Percent => utf8_percent_encode(value, RESERVED).to_string(),
            Encoding::Latin1 => latin_1_value(value),
            Encoding::Html => value
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#39;"),
            Encoding::Attribute => Encoding::Html
                .encode(value)
                .replace('\t', "&#9;")
                .replace('\n', "&#10;")
                .replace('\r', "&#13;"),
            Encoding::Csv => csv_value(value),
            Encoding::Hex => hex(value),
            Encoding::Lf => with_line_ends(value, "\n"),
            Encoding::Crlf => with_line_ends(value, "\r\n"),
            Encoding::OneLine => with_line_ends(value, " "),
        }
    }

    /// The steps that a placeholder must name in a text of this encoding. The last step is left out if it is this
    /// encoding, because the format of the text implies it. A form also implies percent-encoding.
    pub(crate) fn within(self, steps: &[Encoding]) -> &[Encoding] {
        match (self, steps) {
            (Encoding::Json, [inner @ .., Encoding::Json]) => inner,
            (Encoding::Form, [inner @ .., Encoding::Form | Encoding::Percent | Encoding::Latin1]) => inner,
            _ => steps,
        }
    }

    /// The encoding with this name in a placeholder.
    pub(crate) fn named(name: &str) -> Option<Encoding> {
        NAMED.iter().find(|(_, known)| *known == name).map(|(encoding, _)| *encoding)
    }

    fn name(self) -> &'static str {
        NAMED.iter().find(|(encoding, _)| *encoding == self).map_or("plain", |(_, name)| name)
    }
}

/// The placeholder with the encodings of its value, in the order in which they were applied.
pub(crate) fn with_encodings(placeholder: &str, steps: &[Encoding]) -> String {
    placeholder::with_encodings(placeholder, steps.iter().map(|step| step.name()))
}

/// `value`, escaped as between the quotes of a JSON string.
pub(crate) fn json_string(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    json_escaped(value, false, false, "", &mut out);
    out
}

/// `value`, escaped as between the quotes of a CSV field (RFC 4180 §2).
pub(crate) fn csv_value(value: &str) -> String {
    value.replace('"', "\"\"")
}

pub(crate) fn hex(value: &str) -> String {
    value.bytes().map(|b| format!("{b:02x}")).collect()
}

/// `value` in a URL-encoded form (WHATWG URL §5.2).
pub(crate) fn form_value(value: &str) -> String {
    let keeps = |b: u8| is_form(b) || b == b' ';
    let one = |b: u8| if keeps(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    value.bytes().map(one).collect::<String>().replace(' ', "+")
}

/// `value` percent-encoded from its bytes in Latin-1, or in UTF-8 if Latin-1 lacks some of its characters.
pub(crate) fn latin_1_value(value: &str) -> String {
    let bytes = latin_1(value).unwrap_or_else(|| value.as_bytes().to_vec());
    let one = |b: u8| if is_unreserved(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    bytes.into_iter().map(one).collect()
}

/// The bytes of `value` in Latin-1. `None` if they are the same in UTF-8, or if Latin-1 lacks some of its characters.
pub(crate) fn latin_1(value: &str) -> Option<Vec<u8>> {
    let bytes = || value.chars().map(|c| u8::try_from(c).ok()).collect();
    if value.is_ascii() { None } else { bytes() }
}

pub(crate) fn with_line_ends(value: &str, end: &str) -> String {
    value.replace("\r\n", "\n").replace('\r', "\n").replace('\n', end)
}
