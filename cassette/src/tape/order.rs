//! Keeps the order of the previous cassette if a new recording has the same interactions, and only concurrent ones have
//! changed places. An unchanged API then gives an unchanged file.
//!
//! Must not know: why requests were concurrent.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest, Sha256};

use super::Cassette;
use super::chance::without_chance;
use super::journal::Line;
use crate::error::Result;

/// Whether the old cassette has the same interactions as these lines, and each line may take the place that its
/// interaction has in the old cassette.
///
/// Two lines may change places if their requests were concurrent: then their order is a matter of chance. Requests that
/// were sent one after the other keep the order of the new recording. `text` returns the text that a line gets in the
/// document. If `ignore_chance` is true, ids of requests in headers of responses and ends of chunks may differ.
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
    // Most recordings have no concurrent requests, and need no comparison here.
    let concurrent = lines.windows(2).any(|pair| pair[0].burst == pair[1].burst);
    if !concurrent || old.len() != lines.len() {
        return Ok(false);
    }
    // Hashes, because the texts of a long recording do not fit into memory.
    let compared = |text: Vec<u8>| -> [u8; 32] {
        let text = if ignore_chance { without_chance(&text) } else { text };
        Sha256::digest(text).into()
    };
    // The lines of the new recording by their text. Equal texts keep their order.
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
