//! Finds the places in which two long bodies differ, from the samples of both.
//!
//! Must not know: how a sample is taken.

use std::cmp::Ordering;

use super::mismatch::{BodyKind, Difference};
use crate::meaning::{Place, Summary};

/// The greatest number of differences that are reported.
const MOST: usize = 50;

/// Reports the differing places. Of a container and its contents, only the contents are reported, unless the container
/// is missing on one side.
pub(super) fn compare(
    kind: BodyKind,
    actual: &Summary,
    recorded: &Summary,
    found: &mut dyn FnMut(Difference),
) {
    if actual.hash == recorded.hash {
        return;
    }
    let mut differing = differing(actual, recorded);
    let covers = |outer: &Place, inner: &Place| {
        inner.name.strip_prefix(&outer.name).is_some_and(|rest| rest.starts_with('/'))
    };
    if kind == BodyKind::Json {
        let is_missing = |(a, r): &(Option<&Place>, Option<&Place>)| a.is_none() || r.is_none();
        let missing: Vec<&Place> =
            differing.iter().filter(|pair| is_missing(pair)).filter_map(|(a, r)| a.or(*r)).collect();
        fn place<'s>((a, r): &(Option<&'s Place>, Option<&'s Place>)) -> Option<&'s Place> {
            a.or(*r)
        }
        let all = differing.clone();
        differing.retain(|pair| {
            let Some(own) = place(pair) else { return false };
            if missing.iter().take(MOST).any(|outer| covers(outer, own)) {
                return false;
            }
            let contents = || all.iter().filter_map(place).any(|inner| covers(own, inner));
            is_missing(pair) || own.level + 1 == crate::meaning::LEVELS || !contents()
        });
    }
    if differing.is_empty() {
        let texts = |summary: &Summary| format!("(another value; hash {:08x})", summary.hash >> 96);
        let (actual, recorded) = (texts(actual), texts(recorded));
        found(match kind {
            BodyKind::Form => whole_form(actual, recorded),
            _ => whole_json(actual, recorded),
        });
    }
    for (actual, recorded) in differing.into_iter().take(MOST) {
        let name = actual.or(recorded).map(|place| place.name.clone()).unwrap_or_default();
        let same_texts = actual.zip(recorded).is_some_and(|(a, r)| a.texts == r.texts);
        let texts = |place: Option<&Place>| {
            let mut texts = place.map(|place| place.texts.clone());
            if let (Some(texts), Some(place), true) = (&mut texts, place, same_texts) {
                texts.push(format!("(hash {:08x})", place.hash >> 96));
            }
            texts
        };
        let (actual, recorded) = (texts(actual), texts(recorded));
        found(match kind {
            BodyKind::Form => Difference::Form {
                key: name,
                actual: actual.unwrap_or_default(),
                recorded: recorded.unwrap_or_default(),
            },
            _ => Difference::Json {
                pointer: name,
                actual: actual.map(|texts| texts.join(" ")),
                recorded: recorded.map(|texts| texts.join(" ")),
            },
        });
    }
}

/// The difference of two forms whose differing fields are not known.
pub(super) fn whole_form(actual: String, recorded: String) -> Difference {
    let key = "(one of the fields)".to_owned();
    Difference::Form { key, actual: vec![actual], recorded: vec![recorded] }
}

/// The difference of two JSON documents whose differing places are not known.
pub(super) fn whole_json(actual: String, recorded: String) -> Difference {
    Difference::Json { pointer: String::new(), actual: Some(actual), recorded: Some(recorded) }
}

/// The places whose values differ, sorted by name. A place that one sample lacks counts only if that sample would have
/// it.
fn differing<'s>(actual: &'s Summary, recorded: &'s Summary) -> Vec<(Option<&'s Place>, Option<&'s Place>)> {
    let (mut a, mut r) = (actual.places.iter().peekable(), recorded.places.iter().peekable());
    let mut all = Vec::new();
    loop {
        let order = match (a.peek(), r.peek()) {
            (Some(a), Some(r)) => a.name.cmp(&r.name),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return all,
        };
        let pair = match order {
            Ordering::Less => (a.next(), None),
            Ordering::Equal => (a.next(), r.next()),
            Ordering::Greater => (None, r.next()),
        };
        let differs = match pair {
            (Some(a), Some(r)) => a.hash != r.hash,
            (Some(a), None) => a.rank <= recorded.bounds[a.level],
            (None, Some(r)) => r.rank <= actual.bounds[r.level],
            (None, None) => false,
        };
        if differs {
            all.push(pair);
        }
    }
}
