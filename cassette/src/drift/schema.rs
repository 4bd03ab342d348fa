//! The schema of a JSON document: its places, and the types of the values at each place. All items of an array share
//! one place, so that a longer array is no change.
//!
//! Must not know: where a document comes from.

use std::collections::{BTreeMap, BTreeSet};

use super::{AnswerChange, AnswerPlace};
use crate::json::{Value, canonical_number};

/// The greatest number of places that are compared in one document. A document with more places is probably a map whose
/// names are data.
const MOST_PLACES: usize = 4096;
/// The greatest number of changes that are kept for one answer.
pub(crate) const MOST_CHANGES: usize = 50;

/// The places of a document by their pointers.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    places: BTreeMap<String, Place>,
}

#[derive(Debug, Default)]
struct Place {
    /// The types at this place, or the values if values are compared.
    kinds: BTreeSet<String>,
    /// Whether all arrays at this place are empty, so that the schema of their items is unknown.
    always_empty: bool,
    /// Whether some of the objects that can have this member do not have it.
    optional: bool,
}

impl Schema {
    /// The schema of a document. If `values` is true, each item of an array has a separate place, and values are
    /// compared instead of types.
    pub(crate) fn of(document: &Value<'_>, values: bool) -> Schema {
        let mut schema = Schema::default();
        schema.add(String::new(), document, values);
        schema
    }

    fn add(&mut self, pointer: String, value: &Value<'_>, values: bool) {
        if self.places.len() >= MOST_PLACES {
            return;
        }
        let kind = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(b) if values => b.to_string(),
            Value::Bool(_) => "boolean".to_owned(),
            Value::Number(text) if values => canonical_number(text),
            Value::Number(_) => "number".to_owned(),
            Value::String(text) if values => format!("{text:?}"),
            Value::String(_) => "string".to_owned(),
            Value::Array(items) if values && items.len() == 1 => "1 item".to_owned(),
            Value::Array(items) if values => format!("{} items", items.len()),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) => "object".to_owned(),
        };
        let fresh = !self.places.contains_key(&pointer);
        let place = self.places.entry(pointer.clone()).or_default();
        place.kinds.insert(kind);
        match value {
            Value::Array(items) => {
                place.always_empty = items.is_empty() && (fresh || place.always_empty);
                for (i, item) in items.iter().enumerate() {
                    let step = if values { i.to_string() } else { "*".to_owned() };
                    self.add(format!("{pointer}/{step}"), item, values);
                }
            }
            Value::Object(members) => self.members(&pointer, members, fresh, values),
            _ => {}
        }
    }

    fn members(
        &mut self,
        pointer: &str,
        members: &[(std::borrow::Cow<'_, str>, Value<'_>)],
        first: bool,
        values: bool,
    ) {
        let below = format!("{pointer}/");
        let mut missing: BTreeSet<String> = BTreeSet::new();
        if !first {
            let known = self.places.range(below.clone()..).take_while(|(at, _)| at.starts_with(&below));
            missing = known.map(|(at, _)| at.clone()).filter(|at| !at[below.len()..].contains('/')).collect();
        }
        for (name, value) in members {
            let at = format!("{below}{}", name.replace('~', "~0").replace('/', "~1"));
            missing.remove(&at);
            let fresh = !self.places.contains_key(&at);
            self.add(at.clone(), value, values);
            if let Some(place) = self.places.get_mut(&at).filter(|_| fresh && !first) {
                place.optional = true;
            }
        }
        for at in missing {
            if let Some(place) = self.places.get_mut(&at) {
                place.optional = true;
            }
        }
    }

    /// Adds the differences to `changes`, in the order of their pointers. If an array is always empty in one of the two
    /// documents, the schema of its items is unknown there, so its items count as equal.
    pub(crate) fn compare(&self, live: &Schema, changes: &mut Vec<AnswerChange>) {
        let pointers: BTreeSet<&String> = self.places.keys().chain(live.places.keys()).collect();
        // Places that differ. Places below them differ for the same reason and are not reported.
        let mut differing: BTreeSet<&str> = BTreeSet::new();
        for pointer in pointers {
            let above = |at: &str| at.rsplit_once('/').map(|(above, _)| above.len());
            let mut ancestors = std::iter::successors(above(pointer), |end| above(&pointer[..*end]));
            if ancestors.any(|end| differing.contains(&pointer[..end])) || changes.len() >= MOST_CHANGES {
                continue;
            }
            let (before, now) = (self.places.get(pointer), live.places.get(pointer));
            let found = match (before, now) {
                (Some(before), Some(now)) if before.agrees(now) => continue,
                (Some(_), Some(_)) => true,
                (Some(before), None) => !before.optional && !live.is_item_of_empty_array(pointer),
                _ => !self.is_item_of_empty_array(pointer),
            };
            differing.insert(pointer);
            if found {
                let place = AnswerPlace::Json(pointer.clone());
                changes.push(AnswerChange {
                    place,
                    recorded: before.map(Place::text),
                    live: now.map(Place::text),
                });
            }
        }
    }

    /// Whether this is the place of the items of an array that is always empty in this document.
    fn is_item_of_empty_array(&self, pointer: &str) -> bool {
        let above = pointer.rsplit_once('/').map(|(above, _)| above);
        above.and_then(|above| self.places.get(above)).is_some_and(|place| place.always_empty)
    }
}

impl Place {
    /// Whether the types agree. If a place can have several types, some of them may be missing in one of the answers.
    fn agrees(&self, other: &Place) -> bool {
        self.kinds.is_subset(&other.kinds) || other.kinds.is_subset(&self.kinds)
    }

    fn text(&self) -> String {
        self.kinds.iter().map(String::as_str).collect::<Vec<_>>().join(" or ")
    }
}
