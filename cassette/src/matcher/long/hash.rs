//! Hashes of 128 bits, as strong as a [`Key`](super::super::Key), and the sample of places that explains a difference.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

use crate::meaning::{LEVELS, Place, Summary};

/// A hash of bytes that come in pieces. The result does not depend on the pieces.
#[derive(Debug)]
pub(super) struct Stream {
    a: DefaultHasher,
    b: DefaultHasher,
    block: Vec<u8>,
}

/// The bytes that are hashed at once.
const BLOCK: usize = 1024;

impl Stream {
    pub(super) fn new(tag: u8) -> Stream {
        let (a, b) = pair(tag);
        Stream { a, b, block: Vec::new() }
    }

    pub(super) fn restart(&mut self, tag: u8) {
        (self.a, self.b) = pair(tag);
        self.block.clear();
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) {
        while self.block.len() + bytes.len() >= BLOCK {
            let (now, later) = bytes.split_at(BLOCK - self.block.len());
            if self.block.is_empty() {
                self.a.write(now);
                self.b.write(now);
            } else {
                self.block.extend_from_slice(now);
                self.a.write(&self.block);
                self.b.write(&self.block);
                self.block.clear();
            }
            bytes = later;
        }
        self.block.extend_from_slice(bytes);
    }

    pub(super) fn end(&mut self) -> u128 {
        self.a.write(&self.block);
        self.b.write(&self.block);
        self.block.clear();
        joined(&self.a, &self.b)
    }
}

/// The hash of a short text.
pub(super) fn of(tag: u8, bytes: &[u8]) -> u128 {
    let mut stream = Stream::new(tag);
    stream.write(bytes);
    stream.end()
}

/// The hash of several numbers in their order.
pub(super) fn mixed(tag: u8, numbers: [u128; 2]) -> u128 {
    let (mut a, mut b) = pair(tag);
    for number in numbers {
        a.write(&number.to_le_bytes());
        b.write(&number.to_le_bytes());
    }
    joined(&a, &b)
}

fn pair(tag: u8) -> (DefaultHasher, DefaultHasher) {
    let (mut a, mut b) = (DefaultHasher::new(), DefaultHasher::new());
    a.write(&[tag]);
    b.write(&[tag, 0x9e]);
    (a, b)
}

fn joined(a: &DefaultHasher, b: &DefaultHasher) -> u128 {
    u128::from(a.finish()) << 64 | u128::from(b.finish())
}

/// Collects the places with the smallest ranks, in bounded memory.
#[derive(Debug)]
pub(super) struct Sample {
    levels: [BTreeMap<u64, Place>; LEVELS],
    bounds: [u64; LEVELS],
}

/// The greatest number of places of each level.
const MOST: [usize; LEVELS] = [8192, 4096, 2048];
/// The longest name of a place in a sample, in bytes. Places with longer names only count in the hash.
pub(super) const LONGEST_NAME: usize = 300;
/// The greatest number of values of a field that a sample has.
const TEXTS: usize = 8;

impl Sample {
    pub(super) fn new() -> Sample {
        Sample { levels: Default::default(), bounds: [u64::MAX; LEVELS] }
    }

    /// Adds the value of a place. A place with several values has the sum of their hashes.
    pub(super) fn add(&mut self, level: usize, name: &str, hash: u128, text: impl FnOnce() -> String) {
        if name.len() > LONGEST_NAME {
            return;
        }
        let rank = of(b'n', name.as_bytes()) as u64;
        if rank > self.bounds[level] {
            return;
        }
        let places = &mut self.levels[level];
        let place = places.entry(rank).or_insert_with(|| Place {
            name: name.to_owned(),
            level,
            rank,
            hash: 0,
            texts: Vec::new(),
        });
        place.hash = place.hash.wrapping_add(hash);
        if place.texts.len() < TEXTS {
            place.texts.push(text());
        }
        if places.len() > MOST[level] {
            places.pop_last();
            self.bounds[level] = places.last_key_value().map_or(0, |(rank, _)| *rank);
        }
    }

    pub(super) fn finish(self, hash: u128, is_empty: bool) -> Summary {
        let mut places: Vec<Place> = self.levels.into_iter().flat_map(BTreeMap::into_values).collect();
        places.iter_mut().for_each(|place| place.texts.sort());
        places.sort_by(|a, b| a.name.cmp(&b.name));
        Summary { hash, is_empty, places, bounds: self.bounds }
    }
}
