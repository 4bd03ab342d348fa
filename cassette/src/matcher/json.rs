//! JSON by value: members sorted by name, places that don't count left out, numbers compared exactly.

use std::borrow::Cow;

use super::mismatch::Difference;
use super::pointer::{Pointer, Segment, push_segment};
use crate::json::{Value, number_eq};

#[derive(Debug)]
pub(super) enum Tree<'a> {
    /// Left out, in an array or as the whole.
    Ignored,
    Null,
    Bool(bool),
    /// The text, compared by value.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Tree<'a>>),
    Object(Members<'a>),
}

/// Sorted by name, those of one name in their order.
type Members<'a> = Vec<(Cow<'a, str>, Tree<'a>)>;

impl<'a> Tree<'a> {
    pub(super) fn new(value: Value<'a>, ignored: &[Pointer]) -> Tree<'a> {
        let rests: Vec<_> = ignored.iter().map(Pointer::segments).collect();
        Tree::without(value, &rests)
    }

    /// `rests`: what remains of the pointers that lead here.
    fn without(value: Value<'a>, rests: &[&[Segment]]) -> Tree<'a> {
        if rests.iter().any(|rest| rest.is_empty()) {
            return Tree::Ignored;
        }
        match value {
            Value::Null => Tree::Null,
            Value::Bool(b) => Tree::Bool(b),
            Value::Number(text) => Tree::Number(text),
            Value::String(text) => Tree::String(text),
            Value::Array(items) => Tree::Array(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| {
                        // The index is spelled out only where a pointer asks for it.
                        let index = if rests.is_empty() { String::new() } else { index.to_string() };
                        Tree::without(item, &below(rests, &index))
                    })
                    .collect(),
            ),
            Value::Object(members) => {
                let mut kept: Members<'a> = members
                    .into_iter()
                    .filter_map(|(name, value)| match Tree::without(value, &below(rests, &name)) {
                        Tree::Ignored => None,
                        tree => Some((name, tree)),
                    })
                    .collect();
                kept.sort_by(|(a, _), (b, _)| a.cmp(b));
                Tree::Object(kept)
            }
        }
    }

    /// Reports every place that differs.
    pub(super) fn compare(
        &self,
        recorded: &Tree<'a>,
        pointer: &mut String,
        found: &mut impl FnMut(Difference),
    ) {
        match (self, recorded) {
            (Tree::Array(actual), Tree::Array(recorded)) => {
                for index in 0..actual.len().max(recorded.len()) {
                    let name = index.to_string();
                    pair(actual.get(index), recorded.get(index), &name, pointer, found);
                }
            }
            (Tree::Object(actual), Tree::Object(recorded)) => {
                let (mut a, mut r) = (actual.iter().peekable(), recorded.iter().peekable());
                loop {
                    let name = match (a.peek(), r.peek()) {
                        (Some((a, _)), Some((r, _))) => a.min(r).as_ref(),
                        (Some((name, _)), None) | (None, Some((name, _))) => name.as_ref(),
                        (None, None) => break,
                    };
                    let of_a = a.next_if(|(n, _)| n == name).map(|(_, tree)| tree);
                    let of_r = r.next_if(|(n, _)| n == name).map(|(_, tree)| tree);
                    pair(of_a, of_r, name, pointer, found);
                }
            }
            (a, r) if a.same_scalar(r) => {}
            (a, r) => found(Difference::Json {
                pointer: pointer.clone(),
                actual: Some(a.text()),
                recorded: Some(r.text()),
            }),
        }
    }

    fn same_scalar(&self, other: &Tree<'_>) -> bool {
        match (self, other) {
            (Tree::Ignored, Tree::Ignored) | (Tree::Null, Tree::Null) => true,
            (Tree::Bool(a), Tree::Bool(b)) => a == b,
            (Tree::Number(a), Tree::Number(b)) => number_eq(a, b),
            (Tree::String(a), Tree::String(b)) => a == b,
            _ => false,
        }
    }

    /// Compact JSON for people.
    fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Tree::Ignored => out.push_str("(ignored)"),
            Tree::Null => out.push_str("null"),
            Tree::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Tree::Number(text) => out.push_str(text),
            Tree::String(text) => out.push_str(&quoted(text)),
            Tree::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    item.write(out);
                }
                out.push(']');
            }
            Tree::Object(members) => {
                out.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    out.push_str(&quoted(name));
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn pair<'a>(
    actual: Option<&Tree<'a>>,
    recorded: Option<&Tree<'a>>,
    name: &str,
    pointer: &mut String,
    found: &mut impl FnMut(Difference),
) {
    let length = pointer.len();
    push_segment(pointer, name);
    match (actual, recorded) {
        (Some(actual), Some(recorded)) => actual.compare(recorded, pointer, found),
        (actual, recorded) => found(Difference::Json {
            pointer: pointer.clone(),
            actual: actual.map(Tree::text),
            recorded: recorded.map(Tree::text),
        }),
    }
    pointer.truncate(length);
}

fn below<'p>(rests: &[&'p [Segment]], name: &str) -> Vec<&'p [Segment]> {
    let taken = rests.iter().filter_map(|rest| rest.split_first().filter(|(first, _)| first.takes(name)));
    taken.map(|(_, rest)| rest).collect()
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| format!("{text:?}"))
}
