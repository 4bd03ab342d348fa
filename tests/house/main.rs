//! The structure of the library: which modules may import which, and which names are public.
//!
//! The tests read the source of the library, so they build nothing.

mod layers;
mod source;
mod surface;

use std::path::Path;

/// The library as it stands.
fn source() -> source::Source {
    source::Source::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../cassette/src"))
}
