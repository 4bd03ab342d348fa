//! Compares JSON by value: members are sorted by name, ignored places are left out, and numbers are compared exactly.

use std::borrow::Cow;

use super::mismatch::Difference;
use super::options::{Counts, Rest};
use crate::json::{Value, canonical_number, number_eq};
use crate::syntax::pointer::push_segment;

#[derive(Debug)]
pub(super) enum Tree<'a> {
    /// An ignored element of an array, or the ignored whole document.
    Ignored,
    Null,
    Bool(bool),
    /// The number as text. Numbers are compared by value.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Tree<'a>>),
    Object(Members<'a>),
}

/// The members of an object, sorted by name. Members with the same name keep their order.
type Members<'a> = Vec<(Cow<'a, str>, Tree<'a>)>;

impl<'a> Tree<'a> {
    pub(super) fn new(value: Value<'a>, options: &[Rest<'_>]) -> Tree<'a> {
        Tree::without(value, options, Counts::Yes)
    }

    /// Builds the tree of a value without its ignored places. `rests` holds the options whose pointers lead to this
    /// value or into it, each with the rest of its pointer. `counts` says whether the container of this value is
    /// compared.
    fn without(value: Value<'a>, rests: &[Rest<'_>], counts: Counts) -> Tree<'a> {
        let here = rests.iter().rev().find(|(rest, _)| rest.is_empty());
        let counts = here.map_or(counts, |(_, counts)| *counts);
        let ignored = counts == Counts::No;
        if ignored && !rests.iter().any(|(rest, counts)| !rest.is_empty() && *counts == Counts::Yes) {
            return Tree::Ignored;
        }
        match value {
            Value::Array(items) => {
                let item = |(index, item): (usize, _)| {
                    // The index is formatted only if an option may need it.
                    let index = if rests.is_empty() { String::new() } else { index.to_string() };
                    Tree::without(item, &below(rests, &index), counts)
                };
                let mut items: Vec<_> = items.into_iter().enumerate().map(item).collect();
                // In an ignored array, the ignored elements at the end are dropped.
                while ignored && items.pop_if(|item| matches!(item, Tree::Ignored)).is_some() {}
                if ignored && items.is_empty() { Tree::Ignored } else { Tree::Array(items) }
            }
            Value::Object(members) => {
                let member = |(name, value): (Cow<'a, str>, _)| {
                    let tree = Tree::without(value, &below(rests, &name), counts);
                    (!matches!(tree, Tree::Ignored)).then_some((name, tree))
                };
                let mut kept: Members<'a> = members.into_iter().filter_map(member).collect();
                kept.sort_by(|(a, _), (b, _)| a.cmp(b));
                if ignored && kept.is_empty() { Tree::Ignored } else { Tree::Object(kept) }
            }
            _ if ignored => Tree::Ignored,
            Value::Null => Tree::Null,
            Value::Bool(b) => Tree::Bool(b),
            Value::Number(text) => Tree::Number(text),
            Value::String(text) => Tree::String(text),
        }
    }

    /// Returns a text that is the same for all JSON texts with this value.
    pub(super) fn canonical_text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, canonical_number);
        out
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

    /// Returns the tree as readable JSON on one line.
    fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, str::to_owned);
        out
    }

    fn write(&self, out: &mut String, number: fn(&str) -> String) {
        match self {
            Tree::Ignored => out.push_str("(ignored)"),
            Tree::Null => out.push_str("null"),
            Tree::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Tree::Number(text) => out.push_str(&number(text)),
            Tree::String(text) => out.push_str(&quoted(text)),
            Tree::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    item.write(out, number);
                }
                out.push(']');
            }
            Tree::Object(members) => {
                out.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    out.push_str(&quoted(name));
                    out.push_str(": ");
                    value.write(out, number);
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

fn below<'p>(rests: &[Rest<'p>], name: &str) -> Vec<Rest<'p>> {
    let step = |(rest, counts): &Rest<'p>| {
        let (first, rest) = rest.split_first()?;
        first.takes(name).then_some((rest, *counts))
    };
    rests.iter().filter_map(step).collect()
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| format!("{text:?}"))
}
