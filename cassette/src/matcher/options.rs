//! The options of matching as plain data: what is compared and what is ignored. Reports print the options.
//!
//! Must not know: how requests are compared.

use std::fmt;

use super::custom::Custom;
use super::path_pattern::PathPattern;
use crate::selecting_headers::is_selecting;
use crate::syntax::pointer::{Pointer, Segment};
use crate::wild;

/// The options of a whole project or of one scope. If several options concern the same name, the last one applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) query: Vec<(String, Counts)>,
    /// The names are in lower case.
    pub(super) headers: Vec<(String, Counts)>,
    pub(super) form: Vec<(String, Counts)>,
    pub(super) json: Vec<(Pointer, Counts)>,
    pub(super) xml: Vec<Pointer>,
    pub(super) path: Vec<PathPattern>,
    pub(super) body: Option<Counts>,
    pub(super) custom: Vec<Custom>,
}

/// Whether a part of requests is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    Yes,
    No,
}

/// The options in force for one request: the general options, and then the options of each scope that contains the
/// request.
#[derive(Debug)]
pub(super) struct InForce<'m>(pub(super) Vec<&'m Options>);

/// An option for JSON during a walk through a document: the segments of its pointer that the walk has not passed yet,
/// and whether the place is compared.
pub(super) type Rest<'m> = (&'m [Segment], Counts);

impl<'m> InForce<'m> {
    pub(super) fn query(&self, key: &[u8]) -> bool {
        self.last(|o| &o.query, key).unwrap_or(Counts::Yes) == Counts::Yes
    }

    pub(super) fn form(&self, key: &[u8]) -> bool {
        self.last(|o| &o.form, key).unwrap_or(Counts::Yes) == Counts::Yes
    }

    /// Whether the header is compared. If no option mentions the header, it is compared only if it selects what a
    /// request asks for.
    pub(super) fn header(&self, name: &str) -> bool {
        self.header_option(name).map_or_else(|| is_selecting(name), |counts| counts == Counts::Yes)
    }

    /// Whether an option requires or ignores the header. `None` if no option mentions the header.
    pub(super) fn header_option(&self, name: &str) -> Option<Counts> {
        self.last(|o| &o.headers, name.as_bytes())
    }

    pub(super) fn body(&self) -> bool {
        self.0.iter().rev().find_map(|o| o.body) != Some(Counts::No)
    }

    pub(super) fn json(&self) -> Vec<Rest<'m>> {
        let all = self.0.iter().flat_map(|o| &o.json);
        all.map(|(pointer, counts)| (pointer.segments(), *counts)).collect()
    }

    pub(super) fn xml(&self) -> Vec<&'m Pointer> {
        self.0.iter().flat_map(|o| &o.xml).collect()
    }

    pub(super) fn path(&self) -> impl Iterator<Item = &'m PathPattern> {
        self.0.iter().flat_map(|o| &o.path)
    }

    pub(super) fn custom(&self) -> impl Iterator<Item = &'m Custom> {
        self.0.iter().flat_map(|o| &o.custom)
    }

    /// Returns the last option that mentions this name.
    fn last(&self, of: impl Fn(&Options) -> &Vec<(String, Counts)>, name: &[u8]) -> Option<Counts> {
        let options = self.0.iter().rev().flat_map(|o| of(o).iter().rev());
        let mut about = options.filter(|(pattern, _)| wild::name(pattern.as_bytes(), name));
        about.next().map(|(_, counts)| *counts)
    }
}

/// Writes a text such as ``ignores the query key `t` and the JSON at /at; requires the header `accept` ``.
impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut clauses: [Vec<String>; 2] = Default::default();
        let mut add = |counts: Counts, what: String| clauses[usize::from(counts == Counts::Yes)].push(what);
        for (key, counts) in &self.query {
            add(*counts, format!("the query key `{key}`"));
        }
        for (name, counts) in &self.headers {
            add(*counts, format!("the header `{name}`"));
        }
        for pattern in &self.path {
            add(Counts::No, format!("`{pattern}` in paths"));
        }
        if let Some(counts) = self.body {
            add(counts, "the body".to_owned());
        }
        for (pointer, counts) in &self.json {
            add(*counts, format!("the JSON at {}", whole(pointer)));
        }
        for pointer in &self.xml {
            add(Counts::No, format!("the XML at {}", whole(pointer)));
        }
        for (key, counts) in &self.form {
            add(*counts, format!("the form field `{key}`"));
        }
        let [no, mut yes] = clauses;
        yes.extend(self.custom.iter().map(|custom| format!("that `{}` agrees", custom.name)));
        let clauses = [("ignores", no), ("requires", yes)];
        let clauses = clauses.iter().filter(|(_, what)| !what.is_empty());
        let clauses: Vec<_> = clauses.map(|(verb, what)| format!("{verb} {}", what.join(", "))).collect();
        f.write_str(&clauses.join("; "))
    }
}

fn whole(pointer: &Pointer) -> String {
    Some(pointer.to_string()).filter(|text| !text.is_empty()).unwrap_or_else(|| "its root".to_owned())
}
