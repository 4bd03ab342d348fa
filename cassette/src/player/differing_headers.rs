//! Finds recordings with the same key whose headers differ. After a recording, cassette notes that these headers will
//! decide which recording answers.
//!
//! Must not know: the text of the note.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::keys::Keys;
use super::marks;
use crate::error::Result;
use crate::matcher::Matching;
use crate::redact::Redactor;
use crate::report::DifferingHeaders;
use crate::tape::Cassette;

/// Returns the headers in which recordings with the same key differ. Returns `None` if there are no such recordings.
pub(crate) fn differing_headers(
    cassette: &Cassette,
    matching: &Matching,
    redactor: &Redactor,
) -> Result<Option<DifferingHeaders>> {
    let keys = Keys::of_all(cassette, matching, redactor)?;
    let mut keys: Vec<_> =
        keys.iter().flatten().enumerate().map(|(i, (keys, marks))| (keys.any, i, *marks)).collect();
    keys.sort_unstable();
    let mut names = BTreeSet::new();
    let mut example = None;
    let differs = |equal: &&[(_, usize, u64)]| equal.iter().any(|(.., marks)| *marks != equal[0].2);
    for equal in keys.chunk_by(|one, other| one.0 == other.0).filter(differs) {
        let headers = |i: usize| -> Result<BTreeMap<String, Vec<u8>>> {
            let request = cassette.request(i)?;
            // The comparison ignores the numbers of placeholders, because they depend on the order of the requests, and
            // no option compares them.
            let value = |value: Cow<'_, [u8]>| redactor.anonymous(&value).into_owned();
            Ok(marks::headers(&request, matching).map(|(n, v)| (n.to_owned(), value(v))).collect())
        };
        let first = headers(equal[0].1)?;
        for (_, i, _) in &equal[1..] {
            let other = headers(*i)?;
            let differs = |name: &&String| first.get(*name) != other.get(*name);
            let differing: Vec<_> = first.keys().chain(other.keys()).filter(differs).cloned().collect();
            if !differing.is_empty() {
                example = example.or(Some([equal[0].1, *i]));
                names.extend(differing);
            }
        }
    }
    Ok(example.map(|example| DifferingHeaders { names: names.into_iter().collect(), example }))
}
