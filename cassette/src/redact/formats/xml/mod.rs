//! Redaction of XML (SOAP, too) in a stream, by the local names of elements and attributes.
//!
//! The parser does not validate: it reads malformed XML as far as it makes sense, and every byte that isn't redacted
//! stays.
//!
//! Must not know: the text around a document, links, secrets by value.

use std::io;
use std::sync::Arc;

use crate::redact::account::Account;
use crate::redact::account::identity::ValueDigest;
use crate::redact::formats::json::{JsonFields, MAX_NESTING};
use crate::redact::formats::pass::Pass;
use crate::redact::formats::splice::{Pending, Sink};
use crate::redact::formats::unescape::{Coding, Unescaper};
use crate::redact::rules::label::Left;
use crate::redact::rules::rule::Rule;
use crate::redact::rules::set::Rules;
use crate::redact::values::encoding::Encoding;

/// Replaces the text directly in elements, and the values of attributes, whose local name has a rule. White space
/// around a text stays. For child elements their own names decide, and the account counts them. In a text or value that
/// is JSON or XML itself, the same rules apply.
pub(crate) struct XmlFields {
    at: At,
    /// The number of open elements.
    depth: usize,
    /// The open elements whose text is redacted, by their depth.
    listed: Vec<(usize, Arc<Rule>)>,
    /// The rule for the tag being read.
    rule: Option<Arc<Rule>>,
    /// The tag being read ends with a slash so far.
    closed: bool,
    /// The text or value being read, if any of it has come.
    inner: Option<Inner>,
    /// The encodings of a value: that of this document, and those of the documents around it.
    encodings: Vec<Encoding>,
}

enum At {
    Text,
    /// After `<`, with the bytes since.
    Open(Vec<u8>),
    /// In the name of an element.
    Name(Vec<u8>),
    /// In a tag, between attributes.
    Tag,
    /// In the name of an attribute.
    Attribute(Vec<u8>),
    /// Between the name of an attribute and its value; whether the equals sign has come.
    Equals(Vec<u8>, bool),
    /// In a value, until this quote.
    Quoted(u8),
    /// In an end tag.
    End,
    /// In `<!-- -->`, `<? ?>`, `<![CDATA[ ]]>`: the end, and how many bytes of it have come.
    Until(&'static [u8], usize),
    /// In a declaration, with this number of open brackets.
    Declaration(usize),
}

/// A text or value being read.
enum Inner {
    /// Only white space has come.
    Blank,
    Kept,
    /// It may be a document. The decoder is `None` in CDATA, which has no escapes.
    Document(Option<Document>, Option<Unescaper>, Pending),
    Secret(SecretText),
}

/// A document in a text.
enum Document {
    Json(Box<JsonFields>),
    Xml(Box<XmlFields>),
}

/// A redacted text.
struct SecretText {
    value: ValueDigest,
    /// `None` in CDATA, which has no escapes.
    unescaper: Option<Unescaper>,
    rule: Arc<Rule>,
    /// It has content other than white space.
    any: bool,
    /// White space after the content so far. It stays if the text ends here.
    tail: Vec<u8>,
}

const COMMENT: &[u8] = b"!--";
const CDATA: &[u8] = b"![CDATA[";
const CDATA_END: &[u8] = b"]]>";

/// No rule has a longer name.
const LONGEST_NAME: usize = 256;

/// The deepest nesting of elements with a rule.
const MAX_LISTED: usize = 64;

impl XmlFields {
    pub(crate) fn new() -> XmlFields {
        let encodings = vec![Encoding::Html];
        XmlFields {
            at: At::Text,
            depth: 0,
            listed: Vec::new(),
            rule: None,
            closed: false,
            inner: None,
            encodings,
        }
    }

    /// For a document in a text with these encodings.
    fn within(around: &[Encoding]) -> XmlFields {
        XmlFields { encodings: [&[Encoding::Html], around].concat(), ..XmlFields::new() }
    }

    pub(crate) fn push(&mut self, chunk: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        let mut i = 0;
        while i < chunk.len() {
            let rest = &chunk[i..];
            let b = rest[0];
            i += match &mut self.at {
                At::Text => {
                    let run = memchr::memchr(b'<', rest).unwrap_or(rest.len());
                    self.text(&rest[..run], true, to)?;
                    if run < rest.len() {
                        self.end(to)?;
                        to.out.keep(b"<")?;
                        self.at = At::Open(Vec::new());
                    }
                    rest.len().min(run + 1)
                }
                At::Quoted(quote) => {
                    let quote = *quote;
                    let run = memchr::memchr(quote, rest).unwrap_or(rest.len());
                    self.feed(&rest[..run], true, to)?;
                    if run < rest.len() {
                        self.end(to)?;
                        to.out.keep(&[quote])?;
                        self.at = At::Tag;
                    }
                    rest.len().min(run + 1)
                }
                At::Until(end, seen) if *end == CDATA_END => {
                    let seen = *seen;
                    self.cdata(b, seen, to)?;
                    1
                }
                _ => {
                    self.markup(b, to);
                    to.out.keep(&rest[..1])?;
                    1
                }
            };
        }
        Ok(())
    }

    /// Ends the document.
    pub(crate) fn finish(mut self, to: &mut Pass<'_>) -> io::Result<()> {
        if let At::Until(end, seen) = self.at
            && end == CDATA_END
        {
            self.text(&CDATA_END[..seen], false, to)?;
        }
        self.end(to)
    }

    /// Reads text of an element. It is redacted if the element has a rule.
    fn text(&mut self, text: &[u8], escaped: bool, to: &mut Pass<'_>) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        if self.inner.is_none() {
            let listed = self.listed.last().filter(|(depth, _)| *depth == self.depth);
            let unescaper = escaped.then(|| Unescaper::new(Coding::Xml));
            self.inner =
                listed.map(|(_, rule)| Inner::Secret(SecretText::new(rule.clone(), unescaper, to.account)));
        }
        self.feed(text, escaped, to)
    }

    /// Reads the next part of a text or value.
    fn feed(&mut self, text: &[u8], escaped: bool, to: &mut Pass<'_>) -> io::Result<()> {
        let inner = self.inner.get_or_insert(Inner::Blank);
        if let (Inner::Blank, Some(first)) = (&*inner, text.trim_ascii_start().first()) {
            let opens = match first {
                b'{' | b'[' => true,
                b'&' => escaped,
                b'<' => !escaped,
                _ => false,
            };
            *inner = match opens && self.encodings.len() <= MAX_NESTING {
                true => {
                    Inner::Document(None, escaped.then(|| Unescaper::new(Coding::Xml)), Pending::default())
                }
                false => Inner::Kept,
            };
        }
        match inner {
            Inner::Blank | Inner::Kept => to.out.keep(text),
            Inner::Document(document, Some(unescaper), pending) => {
                unescaper.push(text, &mut |raw, decoded| {
                    let document =
                        document.get_or_insert_with(|| Document::of(decoded, to.rules, &self.encodings));
                    to.within(pending, raw, decoded, |to| document.push(decoded, to))
                })
            }
            Inner::Document(document, None, _) => {
                // CDATA adds no encoding to the document.
                let around = self.encodings.get(1..).unwrap_or_default();
                let document = document.get_or_insert_with(|| Document::of(text, to.rules, around));
                document.push(text, to)
            }
            Inner::Secret(secret) => secret.feed(text, to.out),
        }
    }

    /// Reads one byte of a CDATA section. `seen` bytes of its end have come.
    fn cdata(&mut self, b: u8, seen: usize, to: &mut Pass<'_>) -> io::Result<()> {
        if b == CDATA_END[seen] {
            if seen + 1 == CDATA_END.len() {
                self.end(to)?;
                to.out.keep(CDATA_END)?;
                self.at = At::Text;
            } else {
                self.at = At::Until(CDATA_END, seen + 1);
            }
            return Ok(());
        }
        // `]]]>` ends with its last three bytes.
        let again = usize::from(b == b']') * seen;
        let text =
            [&CDATA_END[..seen - again], &[b][..usize::from(again == 0)], &b"]"[..usize::from(again > 0)]];
        self.text(&text.concat(), false, to)?;
        self.at = At::Until(CDATA_END, again);
        Ok(())
    }

    /// Ends the text or value.
    fn end(&mut self, to: &mut Pass<'_>) -> io::Result<()> {
        match self.inner.take() {
            Some(Inner::Secret(secret)) => secret.end(&self.encodings, to),
            Some(Inner::Document(Some(document), None, _)) => document.end(to),
            Some(Inner::Document(document, Some(unescaper), mut pending)) => {
                let mut document = document;
                unescaper.finish(&mut |raw, decoded| {
                    let document =
                        document.get_or_insert_with(|| Document::of(decoded, to.rules, &self.encodings));
                    to.within(&mut pending, raw, decoded, |to| document.push(decoded, to))
                })?;
                to.within(&mut pending, b"", b"", |to| document.map_or(Ok(()), |document| document.end(to)))
            }
            _ => Ok(()),
        }
    }

    /// Reads one byte of a tag, a comment or a declaration. The caller keeps all these bytes.
    fn markup(&mut self, b: u8, to: &Pass<'_>) {
        match &mut self.at {
            At::Open(seen) => {
                seen.push(b);
                self.at = match &seen[..] {
                    [b'/'] => At::End,
                    [b'?'] => At::Until(b"?>", 0),
                    COMMENT => At::Until(b"-->", 0),
                    CDATA => At::Until(CDATA_END, 0),
                    seen if COMMENT.starts_with(seen) || CDATA.starts_with(seen) => return,
                    [b'!', ..] => At::Declaration(usize::from(b == b'[')),
                    _ => {
                        self.closed = false;
                        At::Name(vec![b])
                    }
                };
            }
            At::Name(name) => {
                if is_space(b) || matches!(b, b'/' | b'>') {
                    self.rule = rule(name, to.rules);
                    if let Some((_, rule)) = self.listed.last().filter(|(depth, _)| *depth == self.depth) {
                        to.account.note(&rule.label.left(Left::Element));
                    }
                    self.at = At::Tag;
                    self.markup(b, to);
                } else if name.len() <= LONGEST_NAME {
                    name.push(b);
                }
            }
            At::Tag => match b {
                b'/' => self.closed = true,
                b'>' => self.tag_ends(),
                _ if is_space(b) => {}
                _ => {
                    self.closed = false;
                    self.at = At::Attribute(vec![b]);
                }
            },
            At::Attribute(name) => {
                if b == b'=' || is_space(b) || b == b'>' {
                    self.at = At::Equals(std::mem::take(name), false);
                    self.markup(b, to);
                } else if name.len() <= LONGEST_NAME {
                    name.push(b);
                }
            }
            At::Equals(name, equals) => match b {
                b'=' => *equals = true,
                b'"' | b'\'' if *equals => {
                    let unescaper = || Some(Unescaper::new(Coding::Xml));
                    let rule = rule(name, to.rules).filter(|_| !name.starts_with(b"xmlns"));
                    self.inner =
                        rule.map(|rule| Inner::Secret(SecretText::new(rule, unescaper(), to.account)));
                    self.at = At::Quoted(b);
                }
                _ if is_space(b) => {}
                _ => {
                    self.at = At::Tag;
                    self.markup(b, to);
                }
            },
            At::End if b == b'>' => {
                self.listed.pop_if(|(depth, _)| *depth == self.depth);
                self.depth = self.depth.saturating_sub(1);
                self.at = At::Text;
            }
            At::Until(end, seen) => {
                *seen = match b {
                    _ if b == end[*seen] => *seen + 1,
                    // `--->` ends with its last three bytes.
                    b'-' if *seen == 2 => 2,
                    b'?' if end[0] == b'?' => 1,
                    _ => 0,
                };
                if *seen == end.len() {
                    self.at = At::Text;
                }
            }
            At::Declaration(open) => match b {
                b'[' => *open += 1,
                b']' => *open = open.saturating_sub(1),
                b'>' if *open == 0 => self.at = At::Text,
                _ => {}
            },
            At::End | At::Text | At::Quoted(_) => {}
        }
    }

    fn tag_ends(&mut self) {
        let rule = self.rule.take();
        if !self.closed {
            self.depth += 1;
            if let Some(rule) = rule
                && self.listed.len() < MAX_LISTED
            {
                self.listed.push((self.depth, rule));
            }
        }
        self.at = At::Text;
    }
}

impl Document {
    /// The document that begins with this text. `around` are the encodings of the text around it.
    fn of(text: &[u8], rules: &Rules, around: &[Encoding]) -> Document {
        match text.trim_ascii_start().first() {
            Some(b'<') => Document::Xml(Box::new(XmlFields::within(around))),
            _ => Document::Json(Box::new(JsonFields::within(rules, around))),
        }
    }

    fn push(&mut self, text: &[u8], to: &mut Pass<'_>) -> io::Result<()> {
        match self {
            Document::Json(json) => json.push(text, to),
            Document::Xml(xml) => xml.push(text, to),
        }
    }

    fn end(self, to: &mut Pass<'_>) -> io::Result<()> {
        match self {
            Document::Json(mut json) => json.end(to),
            Document::Xml(xml) => xml.finish(to),
        }
    }
}

impl SecretText {
    fn new(rule: Arc<Rule>, unescaper: Option<Unescaper>, account: &Account) -> SecretText {
        SecretText { value: account.identity.value(), unescaper, rule, any: false, tail: Vec::new() }
    }

    fn feed(&mut self, text: &[u8], out: &mut dyn Sink) -> io::Result<()> {
        let end = text.trim_ascii_end().len();
        let start = if self.any { 0 } else { end - text[..end].trim_ascii_start().len() };
        if end == 0 {
            // The part is only white space.
            return if self.any {
                self.tail.extend_from_slice(text);
                Ok(())
            } else {
                out.keep(text)
            };
        }
        out.keep(&text[..start])?;
        self.any = true;
        let tail = std::mem::take(&mut self.tail);
        self.value.push(&tail);
        let (value, content) = (&mut self.value, &text[start..end]);
        match &mut self.unescaper {
            None => value.push(content),
            Some(unescaper) => unescaper.push(content, &mut |raw, decoded| {
                value.push_as(raw, decoded);
                Ok(())
            })?,
        }
        out.skip(tail.len() + content.len())?;
        self.tail.extend_from_slice(&text[end..]);
        Ok(())
    }

    /// Ends the text, which has these encodings.
    fn end(self, encodings: &[Encoding], to: &mut Pass<'_>) -> io::Result<()> {
        let SecretText { mut value, unescaper, rule, any, tail } = self;
        let encodings = if unescaper.is_some() { encodings } else { encodings.get(1..).unwrap_or_default() };
        if let Some(unescaper) = unescaper {
            unescaper.finish(&mut |raw, decoded| {
                value.push_as(raw, decoded);
                Ok(())
            })?;
        }
        if any {
            to.out.insert(&to.account.replace(&rule, &value, to.rules, encodings))?;
        }
        to.out.keep(&tail)
    }
}

/// The rule for the local part of a name (Namespaces in XML 1.0 §4).
fn rule(name: &[u8], rules: &Rules) -> Option<Arc<Rule>> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let local = name.rsplit(|b| *b == b':').next()?;
    rules.field_rule(std::str::from_utf8(local).ok()?)
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use crate::redact::{Redactor, Rules};

    #[track_caller]
    fn check(xml: &str, expected: &str) {
        let redactor = Redactor::new(Rules::default().field("pin").keep_field("sig")).unwrap();
        let redact = |text: &str, size: usize| {
            let mut body = redactor.body(Some("application/soap+xml; charset=utf-8"), Vec::new());
            text.as_bytes().chunks(size).for_each(|chunk| body.write_all(chunk).unwrap());
            String::from_utf8(body.finish().unwrap()).unwrap()
        };
        for size in [usize::MAX, 1, 2, 3, 5, 7] {
            assert_eq!(redact(xml, size), expected, "{size} bytes at once");
        }
        assert_eq!(redact(expected, 1), expected, "redacting again changes nothing");
    }

    #[test]
    fn elements() {
        check("<a><token>x</token></a>", "<a><token>[token:1]</token></a>");
        check(
            "<?xml version='1.0'?><s:Body><w:Password Type=\"t\">p&amp;w</w:Password><pwd>p&#38;w</pwd></s:Body>",
            "<?xml version='1.0'?><s:Body><w:Password Type=\"t\">[password:1]</w:Password><pwd>[password:1]</pwd></s:Body>",
        );
        check("<AccessToken>\n  x y\n</AccessToken>", "<AccessToken>\n  [access_token:1]\n</AccessToken>");
        check(
            "<token/><b>x</b><token></token> y <token> </token>",
            "<token/><b>x</b><token></token> y <token> </token>",
        );
        check("<token a='>'>x</token >y", "<token a='>'>[token:1]</token >y");
        check("<token><v>x</v>y<v/>z</token>y", "<token><v>x</v>[token:1]<v/>[token:2]</token>y");
        check(
            "<country_code>DE</country_code><tokens>2</tokens><sig>s</sig>",
            "<country_code>DE</country_code><tokens>2</tokens><sig>s</sig>",
        );
        check("<token>[token:3]</token>", "<token>[token:3]</token>");
    }

    #[test]
    fn attributes() {
        check(
            "<a token='x' b=\"y\" x:pin = \"1&quot;2\"/>",
            "<a token='[token:1]' b=\"y\" x:pin = \"[pin:1]\"/>",
        );
        check("<a xmlns:token='urn:x' token=''/>", "<a xmlns:token='urn:x' token=''/>");
    }

    #[test]
    fn documents_in_texts() {
        check(
            "<string xmlns='u'> {\"token\":\"x\",\"n\":1.0}</string><a>{&quot;token&quot;:&quot;a&amp;b&quot;}</a>",
            "<string xmlns='u'> {\"token\":\"[token:1]\",\"n\":1.0}</string><a>{&quot;token&quot;:&quot;[token:2]&quot;}</a>",
        );
        check(
            "<a b='{&#34;token&#34;:&#34;x&#34;}' c=' [{\"pwd\":\"x\"}]'/><a><![CDATA[{\"token\":\"<&amp;\"}]]></a>",
            "<a b='{&#34;token&#34;:&#34;[token:1]&#34;}' c=' [{\"pwd\":\"[token:1]\"}]'/><a><![CDATA[{\"token\":\"[token:2]\"}]]></a>",
        );
        check(
            "<r>&lt;a&gt;&lt;token b=&quot;&gt;&quot;&gt;x &amp;amp; y&lt;/token&gt;&#60;b pin='z'/></r><![CDATA[<?xml?><a><token>x &amp; y</token>]]>",
            "<r>&lt;a&gt;&lt;token b=&quot;&gt;&quot;&gt;[token:1]&lt;/token&gt;&#60;b pin='[pin:1]'/></r><![CDATA[<?xml?><a><token>[token:1]</token>]]>",
        );
        check(
            "<a>&lt;a b=&quot;{&amp;quot;token&amp;quot;:&amp;quot;x&amp;quot;}&quot;/&gt;</a>",
            "<a>&lt;a b=&quot;{&amp;quot;token&amp;quot;:&amp;quot;[token:1]&amp;quot;}&quot;/&gt;</a>",
        );
        for xml in [
            "<a>{token: x} &amp; {\"token\":\"x\"}</a><b>x &lt;token&gt;x</b><c>&amp;lt;token&amp;gt;x</c>",
            "<description>&lt;p class=&quot;token&quot;&gt;it's &amp;nbsp; 5 &lt; 6&lt;/p&gt;</description>",
        ] {
            check(xml, xml);
        }
        check("<a>{\"token\":\"x</a><b/>", "<a>{\"token\":\"[token:1]</a><b/>");
        check("<a>&lt;token&gt;x", "<a>&lt;token&gt;[token:1]");
        // A document nested deeper than the parser reads stays.
        let deep = |value: &str| {
            (0..20).fold(format!("<token>{value}</token>"), |xml, _| {
                format!("<a>{}</a>", xml.replace('&', "&amp;").replace('<', "&lt;"))
            })
        };
        check(&deep("x"), &deep("x"));
    }

    /// A placeholder in a response names the encodings of its secret.
    #[test]
    fn named_secrets_in_answers() {
        let rules = Rules::default().secret("KEY", "a\"b&c-12345").unwrap();
        let redactor = Redactor::new(rules).unwrap().answers();
        let mut body = redactor.body(Some("text/xml"), Vec::new());
        body.write_all(
            b"<a><token>a\"b&amp;c-12345</token><b>{&quot;token&quot;:&quot;a\\&quot;b&amp;c-12345&quot;}</b>\
              <b><![CDATA[{\"token\":\"a\\\"b&c-12345\"}]]></b><b>&lt;token&gt;a\"b&amp;amp;c-12345&lt;/token&gt;</b></a>",
        )
        .unwrap();
        assert_eq!(
            String::from_utf8(body.finish().unwrap()).unwrap(),
            "<a><token>{{secret.KEY|html}}</token><b>{&quot;token&quot;:&quot;{{secret.KEY|json|html}}&quot;}</b>\
             <b><![CDATA[{\"token\":\"{{secret.KEY|json}}\"}]]></b><b>&lt;token&gt;{{secret.KEY|html|html}}&lt;/token&gt;</b></a>",
        );
    }

    #[test]
    fn sections() {
        check("<token><![CDATA[a]]b>]]></token>", "<token><![CDATA[[token:1]]]></token>");
        check("<token><![CDATA[a]]]></token>", "<token><![CDATA[[token:1]]]></token>");
        check(
            "<b><![CDATA[x<token>x</token>]]]]></b><token>y</token>",
            "<b><![CDATA[x<token>x</token>]]]]></b><token>[token:1]</token>",
        );
        check(
            "<!-- <token>x</token> ---><token>y</token>",
            "<!-- <token>x</token> ---><token>[token:1]</token>",
        );
        check(
            "<!DOCTYPE a [<!ENTITY b '<token>'>]><token>y</token>",
            "<!DOCTYPE a [<!ENTITY b '<token>'>]><token>[token:1]</token>",
        );
    }

    #[test]
    fn broken() {
        check("<token>x", "<token>[token:1]");
        check("<a token='x", "<a token='[token:1]");
        check("a < b </x></x><token>y</token>", "a < b </x></x><token>[token:1]</token>");
        check("<", "<");
        check("<token><![CDATA[a]]", "<token><![CDATA[[token:1]");
    }
}
