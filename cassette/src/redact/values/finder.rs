//! The search for many values at once, in all their encodings, with the replacement for each.
//!
//! Must not know: streams, what becomes of a hit.

use std::sync::Arc;

use crate::error::Result;
use crate::redact::rules::label::Label;
use crate::redact::values::encodings::Needle;
use crate::redact::values::search::{Hit, Search};

/// The length of the longest encoding of one base64 character: `%2F`.
pub(crate) const EDGE: usize = 3;

/// The values to search for, with their replacements.
pub(crate) struct Finder {
    pub(crate) search: Search,
    pub(crate) entries: Vec<(Needle, Entry)>,
    /// The length of the longest hit, with a base64 character next to it.
    pub(crate) reach: usize,
}

pub(crate) struct Entry {
    pub(crate) replacement: Arc<str>,
    /// The label under which a hit is counted. `None` for a found value, because its rule was counted when it found the
    /// value.
    pub(crate) label: Option<Label>,
    /// The index of a found value, in the order in which values were found. 0 for a named secret.
    pub(crate) nth: usize,
}

impl Finder {
    /// Prepares the search for these needles.
    pub(crate) fn new(entries: Vec<(Needle, Entry)>) -> Result<Finder> {
        let search = Search::new(entries.iter().map(|(needle, _)| &needle.bytes[..]))?;
        let reach = search.longest() + EDGE;
        Ok(Finder { search, entries, reach })
    }

    /// The first hit that begins at `from` or later. `counts` decides, by the index of the value and the start of the
    /// hit, whether the hit counts.
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
