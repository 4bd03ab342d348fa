//! The response headers that a recording left out. A client that reads such a header behaves differently on replay.
//!
//! Must not know: why a header was left out.

use super::page::Page;
use super::text::{clean, more};

/// How many names a report shows.
const SHOWN: usize = 8;

/// Writes the names as a fact, if there are any.
pub(super) fn write(page: &mut Page<'_>, names: &[String]) {
    if !names.is_empty() {
        page.fact("left out while recording", listed(names));
    }
}

/// The first names, such as `cf-ray, x-trace`, and the number of names that are not shown.
pub(super) fn listed(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN).map(|name| clean(name)).collect::<Vec<_>>().join(", ");
    match more(names.len(), SHOWN, "") {
        Some(more) => format!("{shown} {more}"),
        None => shown,
    }
}
