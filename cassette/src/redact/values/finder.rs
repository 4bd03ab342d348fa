//! The search for many values at once, in all their encodings, and what to put in their place.
//!
//! Must not know: streams, what becomes of a hit.

use std::sync::Arc;

use crate::error::Result;
use crate::redact::rules::label::Label;
use crate::redact::values::encodings::Needle;
use crate::redact::values::search::{Hit, Search};

/// The longest spelling of one base64 character: `%2F`.
pub(crate) const EDGE: usize = 3;

/// What to look for, and what to put there.
pub(crate) struct Finder {
    pub(crate) search: Search,
    pub(crate) entries: Vec<(Needle, Entry)>,
    /// No hit, edges included, extends further than this from its start.
    pub(crate) reach: usize,
}

pub(crate) struct Entry {
    pub(crate) replacement: Arc<str>,
    /// What to count a hit as, if that hasn't been counted elsewhere.
    pub(crate) label: Option<Label>,
    /// Which value it is, of those that were found one after the other.
    pub(crate) nth: usize,
}

impl Finder {
    /// From needles and what is to become of them.
    pub(crate) fn new(entries: Vec<(Needle, Entry)>) -> Result<Finder> {
        let search = Search::new(entries.iter().map(|(needle, _)| &needle.bytes[..]))?;
        let reach = search.longest() + EDGE;
        Ok(Finder { search, entries, reach })
    }

    /// The first hit that begins at `from` or later; of one of several values, only if that `counts` there.
    pub(crate) fn find(
        &self,
        text: &[u8],
        from: usize,
        counts: impl Fn(usize, usize) -> bool,
    ) -> Option<Hit> {
        let accept = |hit: &Hit| {
            let (needle, entry) = &self.entries[hit.id];
            needle.is_match(&text[hit.start..hit.end]) && counts(entry.nth, hit.start)
        };
        self.search.find_where(text, from, accept)
    }
}
