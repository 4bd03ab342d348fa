//! Redaction of pages: fields of forms and `meta` elements by their names, attributes by their own, JSON in scripts, in
//! attributes and in texts, while they stream by.
//!
//! No validator: tags are told apart as browsers do it (WHATWG HTML §13.2.5), and every byte that isn't redacted stays.

use std::io;
use std::sync::Arc;

use super::identity::Value;
use super::json::JsonFields;
use super::plain::{Coding, Plain};
use super::rule::Rule;
use super::script::ScriptFields;
use super::sink::{Pending, Sink};
use super::spelling::Spelling;
use super::{Fired, Rules};

/// Replaces the values of fields, of `meta` elements and of attributes whose name is on the list. JSON is opened where a
/// script, an attribute or a text has it, and where all of it is JSON.
pub(super) struct HtmlFields {
    at: At,
    tag: Tag,
    /// The text or value being read.
    inner: Inner,
    /// What came and waits: for the name of its field, for the end of a value or of an element.
    held: Vec<u8>,
}

enum At {
    /// Before the first byte that tells.
    Begun,
    /// Before the first byte of HTML, if there is any.
    Json(Box<JsonFields>),
    Text,
    /// After `<`, or after `</`, which wait.
    Open(bool),
    /// In the name of an element. That of an end tag begins with a slash.
    Name(Vec<u8>),
    /// In a tag, outside of values.
    Tag,
    /// In a value.
    Value,
    /// In a value whose field has yet to be named: the tag, as far as it is held.
    Ahead(Box<Tag>),
    /// In a value that goes, from an angle bracket on. Its quote may have been forgotten, and the next be another's: that has
    /// been read.
    Doubt(bool),
    /// After `<`, with so much of `!--`.
    Declaration(usize),
    /// With so much of `--!`.
    Comment(usize),
    /// Until `>`.
    Bogus,
    /// In an element with this end tag, in which there are no others.
    Raw(&'static [u8], Option<ScriptFields>),
}

/// A tag as it is read.
#[derive(Clone)]
struct Tag {
    part: Part,
    element: Element,
    /// The name of the attribute.
    name: Vec<u8>,
    /// It ends with a slash so far.
    closed: bool,
    field: Field,
}

#[derive(Clone, Copy)]
enum Part {
    Between,
    Name,
    AfterName,
    BeforeValue,
    /// Until this quote, or unquoted.
    Value(Option<u8>),
    Over,
}

#[derive(Clone, Copy)]
enum Element {
    Script,
    /// With this end tag, and without JSON.
    Raw(&'static [u8]),
    /// The same, with entities.
    Text(&'static [u8]),
    Other,
}

/// What a tag says of a field.
#[derive(Clone, Default)]
struct Field {
    /// The attribute that has its value, if it may be one.
    value: &'static [u8],
    name: Option<Vec<u8>>,
    id: Option<Vec<u8>>,
    /// Which of them is being read.
    reads: Option<Naming>,
    /// The name has been read.
    is_named: bool,
    /// All of the tag has been read, or as much as is held: what becomes of the value.
    decided: Option<Option<Arc<Rule>>>,
}

#[derive(Clone, Copy)]
enum Naming {
    Name,
    Id,
}

/// What becomes of a text or value.
enum Inner {
    /// Nothing but white space came.
    Begun,
    Kept,
    /// May be JSON.
    Document(Box<JsonFields>, Plain, Pending),
    /// Goes, if there is any of it.
    Secret(Value, Plain, Arc<Rule>, bool),
}

/// Where a text goes, and by which rules.
struct To<'a> {
    rules: &'a Rules,
    fired: &'a Fired,
    out: &'a mut dyn Sink,
}

/// So much of a tag waits for a name, or for the end of a value.
const MOST_HELD: usize = 16 * 1024;

/// Longer names are not on any list.
const LONGEST_NAME: usize = 256;

/// What comes before a document may be so long.
pub(super) const LONGEST_PROLOGUE: usize = 1024;

const MARK: &[u8] = b"\xef\xbb\xbf";
const COMMENT: &[u8] = b"!--";
const COMMENT_END: &[u8] = b"--!";
const SCRIPT_END: &[u8] = b"</script";

/// Attributes that are HTML's own: a field of the same name is another thing.
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

/// Whether markup, of which so much has come, is a page, by its type or its first element. `None` if more has to be
/// known; `or` if that is far.
pub(super) fn is_page(markup: &[u8], or: bool) -> Option<bool> {
    let head = &markup[..markup.len().min(LONGEST_PROLOGUE)];
    told(head).or((head.len() == LONGEST_PROLOGUE).then_some(or))
}

fn told(mut text: &[u8]) -> Option<bool> {
    loop {
        text = text.trim_ascii_start();
        let Some(markup) = text.strip_prefix(b"<") else {
            return if text.is_empty() { None } else { Some(false) };
        };
        let end: &[u8] = match markup.first()? {
            b'?' => b"?>",
            b'!' if COMMENT.starts_with(&markup[..markup.len().min(COMMENT.len())]) => b"-->",
            b'!' => {
                let name = markup.iter().position(u8::is_ascii_whitespace)?;
                let is_type = markup[..name].eq_ignore_ascii_case(b"!doctype");
                return if is_type { is_html(markup[name..].trim_ascii_start()) } else { Some(false) };
            }
            _ => return is_html(markup),
        };
        text = &markup[memchr::memmem::find(markup, end)? + end.len()..];
    }
}

fn is_html(name: &[u8]) -> Option<bool> {
    let end = name.iter().position(|b| is_space(*b) || b"/>[".contains(b))?;
    Some(name[..end].eq_ignore_ascii_case(b"html"))
}

impl HtmlFields {
    pub(super) fn new() -> HtmlFields {
        HtmlFields { at: At::Begun, tag: Tag::new(b""), inner: Inner::Begun, held: Vec::new() }
    }

    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        rules: &Rules,
        fired: &Fired,
        out: &mut dyn Sink,
    ) -> io::Result<()> {
        self.read(chunk, &mut To { rules, fired, out })
    }

    /// The page is over.
    pub(super) fn finish(mut self, rules: &Rules, fired: &Fired, out: &mut dyn Sink) -> io::Result<()> {
        let to = &mut To { rules, fired, out };
        // What was held is read again, and less may be held then.
        loop {
            match &self.at {
                At::Ahead(_) => self.decide(true, to)?,
                At::Doubt(false) => self.break_off(to)?,
                _ => break,
            }
        }
        match self.at {
            At::Json(json) => return json.finish(rules, fired, to.out),
            At::Text | At::Value => {}
            At::Open(closing) => self.inner.feed(if closing { b"</" } else { b"<" }, to)?,
            At::Doubt(_) => {
                let quote = self.held.pop();
                self.inner.feed(&self.held, to)?;
                self.inner.end(to)?;
                return to.out.keep(quote.as_slice());
            }
            At::Raw(_, Some(mut script)) => {
                script.push(&self.held, rules, fired, to.out)?;
                return script.finish(rules, fired, to.out);
            }
            At::Raw(_, None) => self.inner.feed(&self.held, to)?,
            _ => return Ok(()),
        }
        self.inner.end(to)
    }

    fn read(&mut self, chunk: &[u8], to: &mut To<'_>) -> io::Result<()> {
        let mut at = 0;
        while at < chunk.len() {
            at += self.step(&chunk[at..], to)?;
        }
        Ok(())
    }

    /// Reads on, and says how many bytes: none, where only the state is another.
    fn step(&mut self, rest: &[u8], to: &mut To<'_>) -> io::Result<usize> {
        let b = rest[0];
        match &mut self.at {
            At::Begun if is_space(b) || MARK.contains(&b) => {
                to.out.keep(&[b])?;
                return Ok(1);
            }
            At::Begun => {
                self.at = match b {
                    b'{' | b'[' => At::Json(Box::new(JsonFields::among_others(to.rules))),
                    _ => At::Text,
                }
            }
            At::Json(json) => {
                let read = json.read(rest, to.rules, to.fired, to.out)?;
                if read < rest.len() {
                    self.inner = Inner::Kept;
                    self.at = At::Text;
                }
                return Ok(read);
            }
            At::Text => {
                let run = memchr::memchr(b'<', rest).unwrap_or(rest.len());
                self.inner.feed(&rest[..run], to)?;
                if run < rest.len() {
                    self.at = At::Open(false);
                }
                return Ok(rest.len().min(run + 1));
            }
            At::Open(closing) => {
                let closing = *closing;
                return self.open(closing, b, to);
            }
            At::Name(name) => {
                if is_space(b) || matches!(b, b'/' | b'>') {
                    self.tag = Tag::new(name);
                    self.at = At::Tag;
                } else {
                    if name.len() <= LONGEST_NAME {
                        name.push(b.to_ascii_lowercase());
                    }
                    to.out.keep(&[b])?;
                    return Ok(1);
                }
            }
            At::Tag => {
                let read = self.tag.read(b);
                if read {
                    to.out.keep(&[b])?;
                }
                match self.tag.part {
                    Part::Over => self.tag_ends(),
                    Part::Value(_) => self.value_begins(to),
                    _ => {}
                }
                return Ok(usize::from(read));
            }
            At::Value => return self.value(rest, to),
            At::Ahead(ahead) => {
                while !ahead.read(b) {}
                self.held.push(b);
                let is_whole = matches!(ahead.part, Part::Over) || ahead.field.is_named;
                if is_whole || self.held.len() == MOST_HELD {
                    self.decide(is_whole, to)?;
                }
                return Ok(1);
            }
            At::Doubt(true) => {
                if is_space(b) || matches!(b, b'/' | b'>') {
                    let mut held = std::mem::take(&mut self.held);
                    let quote = held.pop();
                    self.inner.feed(&held, to)?;
                    self.value_ends(to)?;
                    to.out.keep(quote.as_slice())?;
                } else {
                    self.break_off(to)?;
                }
            }
            At::Doubt(closed) => {
                let room = &rest[..rest.len().min(MOST_HELD - self.held.len())];
                let quote = self.tag.quote().and_then(|quote| memchr::memchr(quote, room));
                let part = &room[..quote.map_or(room.len(), |at| at + 1)];
                *closed = quote.is_some();
                self.held.extend_from_slice(part);
                if self.held.len() == MOST_HELD && quote.is_none() {
                    self.break_off(to)?;
                }
                return Ok(part.len());
            }
            At::Declaration(seen) => {
                if b != COMMENT[*seen] {
                    self.at = At::Bogus;
                } else {
                    to.out.keep(&[b])?;
                    *seen += 1;
                    if *seen == COMMENT.len() {
                        // `<!-->` and `<!--->` are comments.
                        self.at = At::Comment(2);
                    }
                    return Ok(1);
                }
            }
            At::Comment(0) => {
                let run = memchr::memchr(b'-', rest).unwrap_or(rest.len());
                to.out.keep(&rest[..run])?;
                if run < rest.len() {
                    to.out.keep(b"-")?;
                    self.at = At::Comment(1);
                }
                return Ok(rest.len().min(run + 1));
            }
            At::Comment(seen) => {
                to.out.keep(&[b])?;
                match (b, *seen) {
                    (b'>', 2..) => self.text_begins(),
                    // `--->` ends one, too.
                    (b'-', 2) => {}
                    (_, seen) if COMMENT_END.get(seen) == Some(&b) => self.at = At::Comment(seen + 1),
                    _ => self.at = At::Comment(usize::from(b == b'-')),
                }
                return Ok(1);
            }
            At::Bogus => {
                let end = memchr::memchr(b'>', rest).map_or(rest.len(), |at| at + 1);
                to.out.keep(&rest[..end])?;
                if rest[end - 1] == b'>' {
                    self.text_begins();
                }
                return Ok(end);
            }
            At::Raw(end, script) => {
                let end = *end;
                if self.held.is_empty() {
                    let run = memchr::memchr(b'<', rest).unwrap_or(rest.len());
                    match script {
                        Some(script) => script.push(&rest[..run], to.rules, to.fired, to.out)?,
                        None => self.inner.feed(&rest[..run], to)?,
                    }
                    self.held.extend_from_slice(&rest[run..rest.len().min(run + 1)]);
                    return Ok(rest.len().min(run + 1));
                }
                if end.get(self.held.len()) == Some(&b.to_ascii_lowercase()) {
                    self.held.push(b);
                    return Ok(1);
                }
                let held = std::mem::take(&mut self.held);
                if held.len() == end.len() && (is_space(b) || matches!(b, b'/' | b'>')) {
                    match script.take() {
                        Some(script) => script.finish(to.rules, to.fired, to.out)?,
                        None => self.inner.end(to)?,
                    }
                    to.out.keep(&held)?;
                    self.tag = Tag::new(b"/");
                    self.at = At::Tag;
                } else {
                    match script {
                        Some(script) => script.push(&held, to.rules, to.fired, to.out)?,
                        None => self.inner.feed(&held, to)?,
                    }
                }
            }
        }
        Ok(0)
    }

    /// After `<` or `</`: is it a tag?
    fn open(&mut self, closing: bool, b: u8, to: &mut To<'_>) -> io::Result<usize> {
        let (seen, at): (&[u8], _) = match (closing, b) {
            (false, b'/') => {
                self.at = At::Open(true);
                return Ok(1);
            }
            (false, b'!') => (b"<", At::Declaration(0)),
            (false, b'?') => (b"<", At::Bogus),
            (false, b) if b.is_ascii_alphabetic() => (b"<", At::Name(Vec::new())),
            (true, b) if b.is_ascii_alphabetic() => (b"</", At::Name(vec![b'/'])),
            (true, _) => (b"</", At::Bogus),
            (false, _) => {
                self.inner.feed(b"<", to)?;
                self.at = At::Text;
                return Ok(0);
            }
        };
        self.inner.end(to)?;
        to.out.keep(seen)?;
        self.at = at;
        Ok(0)
    }

    fn text_begins(&mut self) {
        self.inner = Inner::Begun;
        self.at = At::Text;
    }

    fn tag_ends(&mut self) {
        self.text_begins();
        self.at = match self.tag.element {
            _ if self.tag.closed => At::Text,
            Element::Script => At::Raw(SCRIPT_END, Some(ScriptFields::new())),
            Element::Raw(end) => {
                self.inner = Inner::Kept;
                At::Raw(end, None)
            }
            Element::Text(end) => At::Raw(end, None),
            Element::Other => At::Text,
        };
    }

    fn value_begins(&mut self, to: &To<'_>) {
        let field = &self.tag.field;
        self.at = At::Value;
        self.inner = if !field.value.is_empty() && field.value == self.tag.name {
            match &field.decided {
                Some(rule) => Inner::of(rule.clone(), to),
                None if field.is_named => Inner::of(field.rule(to.rules), to),
                None => {
                    self.at = At::Ahead(Box::new(self.tag.clone()));
                    Inner::Begun
                }
            }
        } else {
            Inner::of(rule(&self.tag.name, to.rules), to)
        };
    }

    /// In a value that nothing is held of.
    fn value(&mut self, rest: &[u8], to: &mut To<'_>) -> io::Result<usize> {
        let quote = self.tag.quote();
        let end = match quote {
            Some(quote) => memchr::memchr(quote, rest),
            None => rest.iter().position(|b| is_space(*b) || *b == b'>'),
        };
        let mut part = &rest[..end.unwrap_or(rest.len())];
        if let (Some(_), Inner::Secret(..)) = (quote, &self.inner)
            && let Some(bracket) = memchr::memchr2(b'<', b'>', part)
        {
            part = &part[..bracket];
            self.at = At::Doubt(false);
        }
        self.inner.feed(part, to)?;
        self.tag.hear(part);
        if Some(part.len()) != end {
            return Ok(part.len());
        }
        self.value_ends(to)?;
        to.out.keep(quote.as_slice())?;
        Ok(part.len() + quote.as_slice().len())
    }

    fn value_ends(&mut self, to: &mut To<'_>) -> io::Result<()> {
        self.tag.value_ends();
        self.at = At::Tag;
        self.inner.end(to)
    }

    /// The name is known, or isn't going to be: what is held is read.
    fn decide(&mut self, is_whole: bool, to: &mut To<'_>) -> io::Result<()> {
        let At::Ahead(ahead) = std::mem::replace(&mut self.at, At::Value) else { return Ok(()) };
        let rule = if is_whole { ahead.field.rule(to.rules) } else { None };
        self.inner = Inner::of(rule.clone(), to);
        self.tag.field.decided = Some(rule);
        let held = std::mem::take(&mut self.held);
        self.read(&held, to)
    }

    /// A quote has been forgotten: the value ends at the bracket.
    fn break_off(&mut self, to: &mut To<'_>) -> io::Result<()> {
        self.value_ends(to)?;
        let held = std::mem::take(&mut self.held);
        if held.first() == Some(&b'<') {
            self.text_begins();
        }
        self.read(&held, to)
    }
}

impl Tag {
    fn new(element: &[u8]) -> Tag {
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

    fn quote(&self) -> Option<u8> {
        match self.part {
            Part::Value(quote) => quote,
            _ => None,
        }
    }

    /// Reads a byte. Not that with which an unquoted value begins, or with which one ends: it is read again.
    fn read(&mut self, b: u8) -> bool {
        let next = match self.part {
            Part::Value(quote) => {
                match quote {
                    Some(quote) if b == quote => self.value_ends(),
                    None if is_space(b) || b == b'>' => {
                        self.value_ends();
                        return false;
                    }
                    _ => self.hear(&[b]),
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

    fn value_begins(&mut self, quote: Option<u8>) {
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
        // The first of two counts.
        field.reads = naming.filter(|naming| field.slot(*naming).is_none());
        if let Some(naming) = field.reads {
            *field.slot(naming) = Some(Vec::new());
        }
    }

    /// A part of a value.
    fn hear(&mut self, part: &[u8]) {
        if let Some(naming) = self.field.reads
            && let Some(name) = self.field.slot(naming)
        {
            name.extend_from_slice(&part[..part.len().min(LONGEST_NAME + 1 - name.len())]);
        }
    }

    fn value_ends(&mut self) {
        self.part = Part::Between;
        self.field.is_named |= matches!(self.field.reads.take(), Some(Naming::Name));
    }
}

impl Field {
    fn slot(&mut self, naming: Naming) -> &mut Option<Vec<u8>> {
        match naming {
            Naming::Name => &mut self.name,
            Naming::Id => &mut self.id,
        }
    }

    /// By its name, or by its id if it has none.
    fn rule(&self, rules: &Rules) -> Option<Arc<Rule>> {
        let raw = self.name.as_ref().or(self.id.as_ref()).filter(|name| name.len() <= LONGEST_NAME)?;
        let mut name = Vec::new();
        let mut plain = Plain::new(Coding::Xml);
        let mut each = |_: &[u8], plain: &[u8]| {
            name.extend_from_slice(plain);
            Ok(())
        };
        plain.push(raw, &mut each).and_then(|()| plain.finish(&mut each)).ok()?;
        rules.form_rule(std::str::from_utf8(&name).ok()?)
    }
}

impl Inner {
    /// For a value that falls under this rule.
    fn of(rule: Option<Arc<Rule>>, to: &To<'_>) -> Inner {
        rule.map_or(Inner::Begun, |rule| {
            Inner::Secret(to.fired.identity.value(), Plain::new(Coding::Xml), rule, false)
        })
    }

    fn feed(&mut self, part: &[u8], to: &mut To<'_>) -> io::Result<()> {
        let (rules, fired) = (to.rules, to.fired);
        if let (Inner::Begun, Some(first)) = (&*self, part.trim_ascii_start().first()) {
            *self = match first {
                b'{' | b'[' | b'&' => Inner::Document(
                    Box::new(JsonFields::within(rules, &[Spelling::Html])),
                    Plain::new(Coding::Xml),
                    Pending::default(),
                ),
                _ => Inner::Kept,
            };
        }
        match self {
            Inner::Begun | Inner::Kept => to.out.keep(part),
            Inner::Document(inner, plain, pending) => plain.push(part, &mut |raw, plain| {
                inner.push(plain, rules, fired, &mut pending.sink(raw, plain, to.out))
            }),
            Inner::Secret(value, plain, _, any) => {
                *any |= !part.is_empty();
                to.out.skip(part.len())?;
                plain.push(part, &mut |raw, plain| {
                    value.push_as(raw, plain);
                    Ok(())
                })
            }
        }
    }

    /// The text or value is over.
    fn end(&mut self, to: &mut To<'_>) -> io::Result<()> {
        let (rules, fired) = (to.rules, to.fired);
        match std::mem::replace(self, Inner::Begun) {
            Inner::Secret(mut value, plain, rule, true) => {
                plain.finish(&mut |raw, plain| {
                    value.push_as(raw, plain);
                    Ok(())
                })?;
                to.out.insert(&fired.replace(&rule, &value, rules, &[Spelling::Html]))
            }
            Inner::Document(mut inner, plain, mut pending) => {
                plain.finish(&mut |raw, plain| {
                    inner.push(plain, rules, fired, &mut pending.sink(raw, plain, to.out))
                })?;
                inner.end(rules, fired, &mut pending.sink(b"", b"", to.out))
            }
            _ => Ok(()),
        }
    }
}

/// The rule for an attribute by its own name: `data-api-key`, `token`.
fn rule(name: &[u8], rules: &Rules) -> Option<Arc<Rule>> {
    let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= LONGEST_NAME)?;
    match name.strip_prefix("data-") {
        Some(name) => rules.field_rule(name),
        None if OWN.binary_search(&name).is_ok() => None,
        None => rules.field_rule(name),
    }
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b'\x0c')
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::MOST_HELD;
    use crate::redact::{Redactor, Rules};

    fn redactor() -> Redactor {
        let rules = Rules::default().field("pin").field("value").pointer("/places/*/door").unwrap();
        Redactor::new(rules).unwrap()
    }

    fn redact(redactor: &Redactor, content_type: Option<&str>, text: &str, cuts: &[usize]) -> String {
        let mut body = redactor.body(content_type, Vec::new());
        let mut rest = text.as_bytes();
        for cut in cuts {
            let (part, next) = rest.split_at(*cut);
            body.write_all(part).unwrap();
            rest = next;
        }
        body.write_all(rest).unwrap();
        String::from_utf8(body.finish().unwrap()).unwrap()
    }

    #[track_caller]
    fn check(page: &str, expected: &str) {
        for content_type in ["text/html; charset=utf-8", "application/xhtml+xml"] {
            check_as(Some(content_type), page, expected);
        }
    }

    #[track_caller]
    fn check_as(content_type: Option<&str>, page: &str, expected: &str) {
        for cut in 0..=page.len() {
            assert_eq!(redact(&redactor(), content_type, page, &[cut]), expected, "cut at {cut}");
        }
        let bytes = vec![1; page.len()];
        assert_eq!(redact(&redactor(), content_type, page, &bytes), expected, "byte by byte");
        assert_eq!(redact(&redactor(), content_type, expected, &[]), expected, "again");
    }

    #[test]
    fn fields_of_forms() {
        check(
            r#"<!doctype html><input type="hidden" name="csrf_token" value="a&amp;b"> <INPUT NAME=password VALUE='x y'>"#,
            r#"<!doctype html><input type="hidden" name="csrf_token" value="[csrf_token:1]"> <INPUT NAME=password VALUE='[password:1]'>"#,
        );
        check(
            "<input value = x/y name=_token><input value='a>b' title=\"a 'b' >\" name='user[pwd]'\n/><input value=z name=_token >",
            "<input value = [token:1] name=_token><input value='[pwd:1]' title=\"a 'b' >\" name='user[pwd]'\n/><input value=[token:2] name=_token >",
        );
        // The same value is the same field's, escaped or not.
        check(
            "<input name=token value='a&#38;b'><button name=token value='a&b'>a&b</button>",
            "<input name=token value='[token:1]'><button name=token value='[token:1]'>a&b</button>",
        );
        check(
            "<input id=token value=x><input value=x id=token><input id=token value=x name=n><input name=n id=token value=x>",
            "<input id=token value=[token:1]><input value=[token:1] id=token><input id=token value=x name=n>\
             <input name=n id=token value=x>",
        );
        check(
            "<input name=n name=token value=x><input name='a&#91;token&#93;' value=x><input name=token value=[token:7]>",
            "<input name=n name=token value=x><input name='a&#91;token&#93;' value=[token:1]><input name=token value=[token:7]>",
        );
        for page in [
            "<input name=token value=''><input name=token value><input name=token value=><input value name=token>",
            "<input name=q value=x><input value=x name=country_code><option name=token value=x><input value=x>",
            "<a href=/?x=1 name=token>x</a><!-- <input name=token value=x> --><!--><p>--></!-- <input name=token value=x>>",
            "<p>5 < 6 && name=token value=x</p><textarea name=token>x</textarea><? name=token value=x ?>",
        ] {
            check(page, page);
        }
    }

    #[test]
    fn meta() {
        check(
            "<meta name=\"csrf-token\" content=\"x\"><meta content='x' name='csrf-token'/><META Property=token CONTENT=x>",
            "<meta name=\"csrf-token\" content=\"[csrf_token:1]\"><meta content='[csrf_token:1]' name='csrf-token'/>\
             <META Property=token CONTENT=[csrf_token:1]>",
        );
        let page = "<meta charset=utf-8><meta name=csrf-param content=authenticity_token><meta content=x http-equiv=token>";
        check(page, page);
    }

    #[test]
    fn attributes() {
        check(
            "<div data-api-key=\"x\" token=x PIN='1' value=2></div token=x><p class=token pin=\"\" data-pin>",
            "<div data-api-key=\"[api_key:1]\" token=[api_key:1] PIN='[pin:1]' value=2></div token=[api_key:1]>\
             <p class=token pin=\"\" data-pin>",
        );
        check(
            r#"<div data-page="{&quot;props&quot;:{&quot;accessToken&quot;:&quot;a&amp;\&quot;b&quot;,&quot;n&quot;:1.0}}">"#,
            r#"<div data-page="{&quot;props&quot;:{&quot;accessToken&quot;:&quot;[access_token:1]&quot;,&quot;n&quot;:1.0}}">"#,
        );
        check(
            "<div data-page=' {\"props\":{\"accessToken\":\"x>\",\"h\":\"<p>\"}}' data-token=y><b x=&#123;&#34;pwd&#34;:&#34;z&#34;}>",
            "<div data-page=' {\"props\":{\"accessToken\":\"[access_token:1]\",\"h\":\"<p>\"}}' data-token=[token:1]><b x=&#123;&#34;pwd&#34;:&#34;[pwd:1]&#34;}>",
        );
        check(
            "<meta name=x content='{\"token\":\"x\"}'><input value='{\"token\":\"x\"}' name=y>",
            "<meta name=x content='{\"token\":\"[token:1]\"}'><input value='{\"token\":\"[token:1]\"}' name=y>",
        );
    }

    #[test]
    fn scripts() {
        check(
            "<script>window.CONFIG = {\"apiKey\":\"x\",\"a\":1};</script><ScripT type=module>init({\"token\":\"y\"})</scripT\n><b pin=z>",
            "<script>window.CONFIG = {\"apiKey\":\"[api_key:1]\",\"a\":1};</script><ScripT type=module>init({\"token\":\"[token:1]\"})</scripT\n><b pin=[pin:1]>",
        );
        check(
            "<script id=\"__NEXT_DATA__\" type=\"application/json\">{\"props\":{\"accessToken\":\"<\\/script>\"}}</script>\
             <script>f({\"places\":[{\"door\":\"d\"}]})</script>",
            "<script id=\"__NEXT_DATA__\" type=\"application/json\">{\"props\":{\"accessToken\":\"[access_token:1]\"}}</script>\
             <script>f({\"places\":[{\"door\":\"[door:1]\"}]})</script>",
        );
        check(
            "<script>var a = '<input name=token value=x>' </scriptx> <</script ><input name=token value=x><script src=x /><b pin=x>",
            "<script>var a = '<input name=token value=x>' </scriptx> <</script ><input name=token value=[token:1]><script src=x /><b pin=[token:1]>",
        );
        check(
            "<style>a{} <b pin=x></style><title><b pin=x></title><textarea>{\"token\":\"x\"}</textarea><b pin=x>",
            "<style>a{} <b pin=x></style><title><b pin=x></title><textarea>{\"token\":\"[token:1]\"}</textarea><b pin=[token:1]>",
        );
        check("<script>f({\"token\":\"x\"}", "<script>f({\"token\":\"[token:1]\"}");
        check("<script></scr", "<script></scr");
    }

    #[test]
    fn texts() {
        check(
            "<br />\n<b>Warning</b>: x<br />\n{\"token\":\"x\",\"a\":\"1 < 2\"} <pre>[{&quot;pwd&quot;: &quot;&lt;&quot;}]</pre>",
            "<br />\n<b>Warning</b>: x<br />\n{\"token\":\"[token:1]\",\"a\":\"1 < 2\"} <pre>[{&quot;pwd&quot;: &quot;[pwd:1]&quot;}]</pre>",
        );
        let page = "<p>{{ token }} [x] {\"token\" &amp; <b>{token:'x'}</b> [\"token\",\"x\"]</p>";
        check(page, page);
    }

    #[test]
    fn what_is_no_page() {
        check(
            "\u{feff} {\"h\":\"<p>&quot;</p>\",\"token\":\"<b>\"}\n<br><b pin=x>",
            "\u{feff} {\"h\":\"<p>&quot;</p>\",\"token\":\"[token:1]\"}\n<br><b pin=[pin:1]>",
        );
        check_as(
            Some("text/html"),
            "<?xml version=\"1.0\"?><!-- x --><r><token>x</token></r>",
            "<?xml version=\"1.0\"?><!-- x --><r><token>[token:1]</token></r>",
        );
        check(
            "<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"x\"><html><input name='token' value='x'/></html>",
            "<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"x\"><html><input name='token' value='[token:1]'/></html>",
        );
    }

    #[test]
    fn what_has_no_telling_type() {
        for content_type in [None, Some("text/plain; charset=utf-8")] {
            for page in
                ["<!DocType HTML>", "<!doctype html SYSTEM 'x'>", " \n<HTML lang=en>", "\u{feff}<html>"]
            {
                let page = format!("{page}<!-- x --><input value=x name=token>");
                check_as(content_type, &page, &page.replace("=x name", "=[token:1] name"));
            }
            for (xml, expected) in [
                ("<htmlx><token>x</token></htmlx>", "<htmlx><token>[token:1]</token></htmlx>"),
                (
                    "<!-- <html> --><!DOCTYPE a><a token='x'/>",
                    "<!-- <html> --><!DOCTYPE a><a token='[token:1]'/>",
                ),
                ("\n{\"token\":\"x\"}", "\n{\"token\":\"[token:1]\"}"),
                ("<", "<"),
                (" <ht", " <ht"),
                ("\u{feff}", "\u{feff}"),
            ] {
                check_as(content_type, xml, expected);
            }
        }
    }

    /// Quotes that nobody closed take nothing with them.
    #[test]
    fn soup() {
        check(
            "<input name=token value=\"x>\n<p class=\"y\">z</p><b pin=x>",
            "<input name=token value=\"[token:1]>\n<p class=\"y\">z</p><b pin=[token:1]>",
        );
        check("<p token='a<b'>c", "<p token='[token:1]'>c");
        check("<p token='x <b>c</b> it's", "<p token='[token:1]<b>c</b> it's");
        check("<input value='x><p a='b'> <b name=token>", "<input value='x><p a='b'> <b name=token>");
        check("<input value='x><p a='b' name=token>", "<input value='[token:1]><p a='b' name=token>");
        for (cut_off, expected) in [
            ("<input name=token value=\"x", "<input name=token value=\"[token:1]"),
            ("<input name=token value=\"x>y", "<input name=token value=\"[token:1]>y"),
            ("<input name=token value=\"x>y\"", "<input name=token value=\"[token:1]\""),
            ("<input value=\"x\" name=token", "<input value=\"[token:1]\" name=token"),
            ("<input value=\"x\" na", "<input value=\"x\" na"),
            ("<input value=\"x", "<input value=\"x"),
            (
                "<input value='x' id=token a='<input value=\"",
                "<input value='[token:1]' id=token a='<input value=\"",
            ),
            ("<", "<"),
            ("</", "</"),
            ("<!-", "<!-"),
            ("<!-- -", "<!-- -"),
            ("<a b=", "<a b="),
        ] {
            check(cut_off, expected);
        }
    }

    /// Where a name comes late, or no quote ends a value, what is held passes.
    #[test]
    fn what_is_held_is_bounded() {
        let redact = |page: &str| {
            let redact = |cuts: &[usize]| redact(&redactor(), Some("text/html"), page, cuts);
            let expected = redact(&[]);
            for size in [1, 1000, 4096] {
                assert_eq!(redact(&vec![size; page.len() / size]), expected, "{size} bytes at once");
            }
            expected
        };
        let far =
            |length: usize| format!("<input value=x title=\"{}\" name=token><b pin=x>", "y".repeat(length));
        let near = far(MOST_HELD - 100);
        assert_eq!(redact(&near), near.replace("=x", "=[token:1]"));
        let late = far(MOST_HELD);
        assert_eq!(redact(&late), late.replace("pin=x", "pin=[pin:1]"));
        let long = "z".repeat(3 * MOST_HELD);
        assert_eq!(redact(&format!("<p token=\"{long}\">")), "<p token=\"[token:1]\">");
        assert_eq!(
            redact(&format!("<p token=\"x>{long}<b pin=x>")),
            format!("<p token=\"[token:1]>{long}<b pin=[token:1]>")
        );
        let page = format!("<div data-page='{{\"a\":\"{long}\",\"token\":\"x\"}}'>");
        assert_eq!(redact(&page), page.replace(":\"x\"", ":\"[token:1]\""));
    }

    /// A named secret comes back as the page had it.
    #[test]
    fn named_secrets_in_answers() {
        let redactor =
            Redactor::new(Rules::default().secret("KEY", "a\"b&c-12345").unwrap()).unwrap().answers();
        let page = "<input name=token value='a&quot;b&amp;c-12345'><p data-x='{\"token\":\"a\\\"b&amp;c-12345\"}'>\
                    <script>f({\"token\":\"a\\\"b&c-12345\"})</script>";
        let stored = redact(&redactor, Some("text/html"), page, &[]);
        assert_eq!(
            stored,
            "<input name=token value='{{secret.KEY|html}}'><p data-x='{\"token\":\"{{secret.KEY|json|html}}\"}'>\
             <script>f({\"token\":\"{{secret.KEY|json}}\"})</script>"
        );
        let mut restorer = redactor.restorer(Some("text/html"), Vec::new());
        restorer.write_all(stored.as_bytes()).unwrap();
        let played = String::from_utf8(restorer.finish().unwrap()).unwrap();
        assert_eq!(played, page.replace("'{\"token\":\"a\\\"b", "'{\"token\":\"a\\&quot;b"));
    }

    fn plain() -> Redactor {
        Redactor::new(Rules::default()).unwrap()
    }

    const SOUP: &[&str] = &[
        "<",
        ">",
        "\"",
        "'",
        "=",
        "/",
        " ",
        "!",
        "--",
        "?",
        "<input ",
        "<meta ",
        "<p ",
        "<script>",
        "</script>",
        "<!--",
        "-->",
        "name=",
        "value=",
        "content=",
        "id=",
        "token",
        "data-token=",
        "x1",
        "&quot;",
        "&#123;",
        "{",
        "}",
        "{\"token\":\"",
        "\":\"",
        "<textarea>",
        "</textarea>",
        "\n",
        "\"token\"",
        "='",
        "=\"",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Chunks change nothing, nor does redacting again, and what stays is what stood there.
        #[test]
        fn any_soup(
            parts in prop::collection::vec(prop::sample::select(SOUP), 0..40), first in any::<prop::sample::Index>(),
            second in any::<prop::sample::Index>(),
        ) {
            let page = parts.concat();
            let whole = redact(&plain(), Some("text/html"), &page, &[]);
            let (a, b) = (first.index(page.len() + 1), second.index(page.len() + 1));
            let cuts = [a.min(b), a.max(b) - a.min(b)];
            prop_assert_eq!(&redact(&plain(), Some("text/html"), &page, &cuts), &whole);
            prop_assert_eq!(&redact(&plain(), Some("text/html"), &page, &vec![1; page.len()]), &whole);
            prop_assert_eq!(&redact(&plain(), Some("text/html"), &whole, &[]), &whole);
            let mut rest = &page[..];
            for part in whole.split("[token:").enumerate() {
                let kept = match part {
                    (0, kept) => kept,
                    (_, kept) => kept.split_once(']').unwrap().1,
                };
                // JSON that was cut off gets its quote.
                let kept = kept.trim_matches('"');
                let at = rest.find(kept);
                prop_assert!(at.is_some(), "{kept:?} of {whole:?} in {page:?}");
                rest = &rest[at.unwrap() + kept.len()..];
            }
        }
    }
}
