//! Decides whether a new recording keeps the order of the previous cassette. It does so if it has the same
//! interactions, and only interactions with concurrent requests have changed places. A recording of an unchanged API
//! then gives an unchanged file.
//!
//! Must not know: why requests were concurrent.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest, Sha256};

use super::Cassette;
use super::chance::without_chance;
use super::journal::Line;
use crate::error::Result;

/// Whether the old cassette has the same interactions as these lines, and the lines may take the order of the old
/// cassette.
///
/// Two lines may change places if their requests were concurrent, because their order is then a matter of chance. Two
/// requests that were sent one after the other must have the same order in the old cassette. `text` returns the text
/// that a line gets in the document. If `ignore_chance` is true, two interactions count as the same even if the request
/// ids in their response headers and the ends of their chunks differ.
///
/// # Errors
///
/// A text cannot be read.
pub(super) fn is_same_apart_from_chance(
    old: &Cassette,
    lines: &[Line],
    mut text: impl FnMut(&Line) -> Result<Vec<u8>>,
    ignore_chance: bool,
) -> Result<bool> {
    // A recording without concurrent requests, as most are, has no lines that may change places.
    let concurrent = lines.windows(2).any(|pair| pair[0].burst == pair[1].burst);
    if !concurrent || old.len() != lines.len() {
        return Ok(false);
    }
    // Texts are compared by their hashes, because the texts of a long recording do not fit into memory.
    let compared = |text: Vec<u8>| -> [u8; 32] {
        let text = if ignore_chance { without_chance(&text) } else { text };
        Sha256::digest(text).into()
    };
    // The bursts of the lines of the new recording, by the hash of the line's text. Lines with equal texts keep their
    // order.
    let mut by_text: HashMap<[u8; 32], VecDeque<u64>> = HashMap::new();
    for line in lines {
        by_text.entry(compared(text(line)?)).or_default().push_back(line.burst);
    }
    for (i, line) in lines.iter().enumerate() {
        let Some(bursts) = by_text.get_mut(&compared(old.text(i)?)) else { return Ok(false) };
        let Some(at) = bursts.iter().position(|burst| *burst == line.burst) else { return Ok(false) };
        bursts.remove(at);
    }
    Ok(true)
}
