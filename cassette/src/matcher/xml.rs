//! Compares XML by content: names with their namespaces, attributes in any order, text in any escaping.
//!
//! As in Canonical XML 1.1 without comments (W3C, 2008), the following make no difference: the XML declaration,
//! comments, the order of attributes, spaces and quotes in tags, the notation of empty elements, character references
//! and CDATA sections. The prefixes of namespaces make no difference either. White space between elements makes a
//! difference only if the enclosing element contains other text or has `xml:space="preserve"`.

use std::collections::BTreeSet;

use roxmltree::{Document, Node as Parsed, ParsingOptions};

use super::Pointer;
use crate::syntax::pointer::{Segment, push_segment};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// `{namespace}name`, or only the name if there is no namespace.
    pub(super) name: String,
    /// Sorted.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    Element(Element),
    Text(String),
    Instruction(String),
}

/// The greatest depth of nested elements. It is the same as for JSON.
const MAX_DEPTH: usize = crate::json::MAX_DEPTH;

/// Returns the root element. Returns `None` if the text is not well-formed XML, or is nested too deeply. Also returns
/// `None` if the text has a document type, because a document type may change the meaning of the text.
pub(super) fn parse(text: &str, ignored: &[&Pointer]) -> Option<Element> {
    let options = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).ok()?;
    let root = document.root_element();
    let rests: Vec<_> = ignored.iter().map(|pointer| pointer.segments()).collect();
    match below(&rests, local(&root)) {
        rests if rests.iter().any(|rest| rest.is_empty()) => {
            // The whole document is ignored, so all roots are equal.
            Some(Element { name: String::new(), attributes: Vec::new(), children: Vec::new() })
        }
        rests => Element::new(&root, &rests, false, 0),
    }
}

/// Converts the path of a difference to a path for options, which has no numbers: `/o/i[2]/@id` becomes `/o/i/@id`.
pub(crate) fn without_numbers(path: &str) -> String {
    let names: Vec<_> = path.split('/').map(|step| step.split('[').next().unwrap_or(step)).collect();
    names.join("/")
}

impl Element {
    fn new(node: &Parsed<'_, '_>, rests: &[&[Segment]], kept: bool, depth: usize) -> Option<Element> {
        if depth == MAX_DEPTH {
            return None;
        }
        let space = node.attribute((roxmltree::NS_XML_URI, "space"));
        let kept = space.map_or(kept, |space| space == "preserve");
        let mut attributes: Vec<(String, String)> = node
            .attributes()
            .filter(|a| !ends(&below(rests, &format!("@{}", a.name()))))
            .map(|a| (expanded(a.namespace(), a.name()), a.value().to_owned()))
            .collect();
        attributes.sort();
        let spaces = |text: &str| text.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
        let says = |n: Parsed<'_, '_>| n.is_text() && !n.text().is_none_or(spaces);
        let layout = !kept && node.children().any(|n| n.is_element()) && !node.children().any(says);
        let mut children: Vec<Node> = Vec::new();
        for child in node.children() {
            if child.is_element() {
                let rests = below(rests, local(&child));
                if !ends(&rests) {
                    children.push(Node::Element(Element::new(&child, &rests, kept, depth + 1)?));
                }
            } else if let Some(pi) = child.pi() {
                children.push(Node::Instruction(format!("{} {}", pi.target, pi.value.unwrap_or("").trim())));
            } else if child.is_text() && !layout {
                let text = child.text().unwrap_or("");
                // The texts before and after a comment are joined to one text.
                match children.last_mut() {
                    Some(Node::Text(before)) => before.push_str(text),
                    _ => children.push(Node::Text(text.to_owned())),
                }
            }
        }
        Some(Element { name: expanded(node.tag_name().namespace(), local(node)), attributes, children })
    }

    /// The name without its namespace.
    pub(super) fn label(&self) -> &str {
        short(&self.name)
    }

    /// Reports every place that differs, with its path and with its text in both documents.
    pub(super) fn compare(
        &self,
        recorded: &Element,
        path: &mut String,
        found: &mut dyn FnMut(String, Option<String>, Option<String>),
    ) {
        if self.name != recorded.name {
            return found(path.clone(), Some(self.text()), Some(recorded.text()));
        }
        let names: BTreeSet<&str> =
            self.attributes.iter().chain(&recorded.attributes).map(|(name, _)| name.as_str()).collect();
        for name in names {
            let (actual, recorded) = (self.attribute(name), recorded.attribute(name));
            if actual != recorded {
                let length = path.len();
                push_segment(path, &format!("@{}", short(name)));
                found(path.clone(), actual.map(str::to_owned), recorded.map(str::to_owned));
                path.truncate(length);
            }
        }
        for index in 0..self.children.len().max(recorded.children.len()) {
            let (actual, other) = (self.children.get(index), recorded.children.get(index));
            let length = path.len();
            match (actual, other) {
                (Some(Node::Element(actual)), Some(Node::Element(other))) => {
                    let side = if actual.name == other.name { self } else { recorded };
                    side.push_step(path, index);
                    actual.compare(other, path, found);
                }
                (actual, other) if actual != other => {
                    let side = if actual.is_some() { self } else { recorded };
                    side.push_step(path, index);
                    found(path.clone(), actual.map(Node::text), other.map(Node::text));
                }
                _ => {}
            }
            path.truncate(length);
        }
    }

    /// Appends the step from this element to a child to the path: the name of the child, and its number if several
    /// children have this name. Appends nothing for a text.
    fn push_step(&self, path: &mut String, index: usize) {
        let Some(Node::Element(child)) = self.children.get(index) else { return };
        let alike = |node: &&Node| matches!(node, Node::Element(e) if e.name == child.name);
        let before = self.children[..index].iter().filter(alike).count();
        push_segment(path, short(&child.name));
        if before > 0 || self.children[index + 1..].iter().any(|node| alike(&node)) {
            path.push_str(&format!("[{}]", before + 1));
        }
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// Writes readable XML without prefixes.
    fn write(&self, out: &mut String) {
        let name = short(&self.name);
        out.push('<');
        out.push_str(name);
        for (name, value) in &self.attributes {
            out.push_str(&format!(
                " {}=\"{}\"",
                short(name),
                value.replace('&', "&amp;").replace('"', "&quot;")
            ));
        }
        if self.children.is_empty() {
            return out.push_str("/>");
        }
        out.push('>');
        for child in &self.children {
            match child {
                Node::Element(element) => element.write(out),
                Node::Text(text) => out.push_str(&text.replace('&', "&amp;").replace('<', "&lt;")),
                Node::Instruction(text) => out.push_str(&format!("<?{text}?>")),
            }
        }
        out.push_str(&format!("</{name}>"));
    }
}

impl Node {
    fn text(&self) -> String {
        match self {
            Node::Element(element) => element.text(),
            Node::Text(text) => text.clone(),
            Node::Instruction(text) => format!("<?{text}?>"),
        }
    }
}

fn local<'a>(node: &Parsed<'a, '_>) -> &'a str {
    node.tag_name().name()
}

fn expanded(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{{{namespace}}}{name}"),
        None => name.to_owned(),
    }
}

/// The name without its namespace. Names contain no braces.
fn short(name: &str) -> &str {
    name.rsplit_once('}').map_or(name, |(_, name)| name)
}

fn ends(rests: &[&[Segment]]) -> bool {
    rests.iter().any(|rest| rest.is_empty())
}

fn below<'p>(rests: &[&'p [Segment]], name: &str) -> Vec<&'p [Segment]> {
    let taken = rests.iter().filter_map(|rest| rest.split_first().filter(|(first, _)| first.takes(name)));
    taken.map(|(_, rest)| rest).collect()
}
