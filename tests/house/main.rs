//! Tests the structure of the library: which modules may import which others, and which names are public.
//!
//! The tests read the source code of the library, and do not compile it.

mod layers;
mod source;
mod surface;

use std::path::Path;

/// The source code of the library.
fn source() -> source::Source {
    source::Source::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../cassette/src"))
}
