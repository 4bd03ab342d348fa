//! Reads a tag of a page byte by byte (WHATWG HTML §13.2.5), and collects the attributes that name the field of the tag
//! or hold its value.
//!
//! Must not know: what is redacted, texts between tags.

use crate::redact::formats::unescape::{Coding, Unescaper};
use crate::redact::rules::set::{Named, Rules};

/// A tag being read.
#[derive(Clone)]
pub(super) struct Tag {
    pub(super) part: Part,
    pub(super) element: Element,
    /// The name of the current attribute.
    pub(super) name: Vec<u8>,
    /// Whether the part of the tag that has been read ends with a slash.
    pub(super) closed: bool,
    pub(super) field: Field,
}

#[derive(Clone, Copy)]
pub(super) enum Part {
    Between,
    Name,
    AfterName,
    BeforeValue,
    /// In a value that ends with this quote; `None` for a value without quotes.
    Value(Option<u8>),
    Over,
}

#[derive(Clone, Copy)]
pub(super) enum Element {
    Script,
    /// An element with raw text and this end tag. JSON in it is not redacted by name.
    Raw(&'static [u8]),
    /// An element whose text has entities but no tags, with this end tag.
    Text(&'static [u8]),
    Other,
}

/// The field of a form, or the `meta` entry, that a tag describes.
#[derive(Clone, Default)]
pub(super) struct Field {
    /// The name of the attribute that holds the field's value: `value`, or `content` of a `meta` element. Empty if the tag
    /// describes no field.
    pub(super) value: &'static [u8],
    pub(super) name: Option<Vec<u8>>,
    pub(super) id: Option<Vec<u8>>,
    /// Whether the value being read is the name or the id of the field. `None` for any other value.
    pub(super) reads: Option<Naming>,
    /// Whether the name has been read.
    pub(super) is_named: bool,
    /// The rule for the value. `None` until the parser decides. It decides when it has read the field's name or the
    /// whole tag, or when it can hold no more bytes.
    pub(super) decided: Option<Option<Named>>,
}

#[derive(Clone, Copy)]
pub(super) enum Naming {
    Name,
    Id,
}

/// The length of the longest name that is compared with rules. Longer names are cut, because no rule has a longer name.
pub(super) const LONGEST_NAME: usize = 256;

/// The beginning of a comment, after `<`.
pub(super) const COMMENT: &[u8] = b"!--";

pub(super) const SCRIPT_END: &[u8] = b"</script";

/// Attributes of HTML itself: a rule for a field of the same name does not apply to them.
const OWN: [&str; 44] = [
    "accept",
    "action",
    "alt",
    "class",
    "color",
    "cols",
    "content",
    "data",
    "dir",
    "for",
    "form",
    "headers",
    "height",
    "hidden",
    "href",
    "id",
    "itemprop",
    "kind",
    "label",
    "lang",
    "list",
    "max",
    "media",
    "method",
    "min",
    "name",
    "pattern",
    "placeholder",
    "property",
    "rel",
    "role",
    "rows",
    "scope",
    "size",
    "span",
    "src",
    "start",
    "step",
    "style",
    "target",
    "title",
    "type",
    "value",
    "width",
];

impl Tag {
    pub(super) fn new(element: &[u8]) -> Tag {
        let value: &[u8] = match element {
            b"input" | b"button" | b"param" => b"value",
            b"meta" => b"content",
            _ => b"",
        };
        let element = match element {
            b"script" => Element::Script,
            b"style" => Element::Raw(b"</style"),
            b"xmp" => Element::Raw(b"</xmp"),
            b"iframe" => Element::Raw(b"</iframe"),
            b"noembed" => Element::Raw(b"</noembed"),
            b"noframes" => Element::Raw(b"</noframes"),
            b"title" => Element::Text(b"</title"),
            b"textarea" => Element::Text(b"</textarea"),
            _ => Element::Other,
        };
        let field = Field { value, ..Field::default() };
        Tag { part: Part::Between, element, name: Vec::new(), closed: false, field }
    }

    pub(super) fn quote(&self) -> Option<u8> {
        match self.part {
            Part::Value(quote) => quote,
            _ => None,
        }
    }

    /// Reads a byte, and returns whether it consumed the byte. It consumes neither the first byte of an unquoted value
    /// nor the byte after such a value.
    pub(super) fn read(&mut self, b: u8) -> bool {
        let next = match self.part {
            Part::Value(quote) => {
                match quote {
                    Some(quote) if b == quote => self.value_ends(),
                    None if is_space(b) || b == b'>' => {
                        self.value_ends();
                        return false;
                    }
                    _ => self.collect(&[b]),
                }
                return true;
            }
            Part::Name | Part::AfterName if b == b'=' => Part::BeforeValue,
            Part::BeforeValue if matches!(b, b'"' | b'\'') => Part::Value(Some(b)),
            _ if b == b'>' => Part::Over,
            Part::BeforeValue if !is_space(b) => {
                self.value_begins(None);
                return false;
            }
            Part::Name if is_space(b) => Part::AfterName,
            part if is_space(b) => part,
            _ if b == b'/' => {
                self.closed = true;
                self.part = Part::Between;
                return true;
            }
            part => {
                if !matches!(part, Part::Name) {
                    self.name.clear();
                    self.closed = false;
                }
                if self.name.len() <= LONGEST_NAME {
                    self.name.push(b.to_ascii_lowercase());
                }
                Part::Name
            }
        };
        match next {
            Part::Value(quote) => self.value_begins(quote),
            next => self.part = next,
        }
        true
    }

    pub(super) fn value_begins(&mut self, quote: Option<u8>) {
        self.part = Part::Value(quote);
        self.closed = false;
        let field = &mut self.field;
        let naming = match &self.name[..] {
            _ if field.value.is_empty() => None,
            b"name" => Some(Naming::Name),
            b"property" | b"itemprop" if field.value == b"content" => Some(Naming::Name),
            b"id" if field.value == b"value" => Some(Naming::Id),
            _ => None,
        };
        // The first of two attributes with the same name counts.
        field.reads = naming.filter(|naming| field.slot(*naming).is_none());
        if let Some(naming) = field.reads {
            *field.slot(naming) = Some(Vec::new());
        }
    }

    /// Collects a part of a value that names the field.
    pub(super) fn collect(&mut self, part: &[u8]) {
        if let Some(naming) = self.field.reads
            && let Some(name) = self.field.slot(naming)
        {
            name.extend_from_slice(&part[..part.len().min(LONGEST_NAME + 1 - name.len())]);
        }
    }

    pub(super) fn value_ends(&mut self) {
        self.part = Part::Between;
        self.field.is_named |= matches!(self.field.reads.take(), Some(Naming::Name));
    }
}

impl Field {
    pub(super) fn slot(&mut self, naming: Naming) -> &mut Option<Vec<u8>> {
        match naming {
            Naming::Name => &mut self.name,
            Naming::Id => &mut self.id,
        }
    }

    /// What happens to the field, by its name, or by its id if it has no name.
    pub(super) fn named(&self, rules: &Rules) -> Option<Named> {
        let raw = self.name.as_ref().or(self.id.as_ref()).filter(|name| name.len() <= LONGEST_NAME)?;
        let mut name = Vec::new();
        let mut unescaper = Unescaper::new(Coding::Xml);
        let mut each = |_: &[u8], decoded: &[u8]| {
            name.extend_from_slice(decoded);
            Ok(())
        };
        unescaper.push(raw, &mut each).and_then(|()| unescaper.finish(&mut each)).ok()?;
        rules.named_in_form(std::str::from_utf8(&name).ok()?)
    }
}

/// What happens to an attribute, by its own name: `data-api-key`, `token`.
pub(super) fn named(name: &[u8], rules: &Rules) -> Option<Named> {
    let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= LONGEST_NAME)?;
    match name.strip_prefix("data-") {
        Some(name) => rules.named_field(name),
        None if OWN.binary_search(&name).is_ok() => None,
        None => rules.named_field(name),
    }
}

pub(super) fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b'\x0c')
}
