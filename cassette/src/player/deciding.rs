//! Chooses among recordings with the same key by their [marks](super::marks). The recording answers whose marks agree
//! best with the request.
//!
//! The first few choices build groups of recordings. After that, the time of a choice does not depend on the number of
//! recordings. Must not know: what a mark consists of.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::marks::{Mark, Name};

/// Recordings with the same key that differ in their marks.
#[derive(Debug)]
pub(super) struct Deciding {
    /// The names of the marks in which the recordings differ, the most reliable mark first. There are at most [`MOST`]
    /// names.
    names: Vec<Name>,
    /// The recordings in recorded order. Each has one value for every name in `names`.
    recordings: Vec<(u32, Vec<Option<u64>>)>,
    /// The groups for each set of marks that was needed so far. A set is a bit mask with one bit for each name. In a
    /// set, the key of a group is the hash of its values.
    groups: HashMap<u32, HashMap<u64, Group>>,
}

/// Recordings that have the same values of the marks in a set.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) members: Vec<u32>,
    /// The index in `members` at which a lookup begins. All members before it were taken.
    pub(super) next: usize,
    /// The index in `members` of the recording that answers next, if recordings are repeated in a loop.
    pub(super) turn: usize,
}

/// The greatest number of marks that decide. Code that varies headers on purpose varies fewer headers.
const MOST: usize = 16;

impl Deciding {
    /// Returns `None` if the recordings have the same marks. `marks` returns the marks of a recording.
    pub(super) fn new(recordings: Vec<u32>, marks: impl Fn(usize) -> Vec<Mark>) -> Option<Deciding> {
        let marked: Vec<_> = recordings.into_iter().map(|i| (i, marks(i as usize))).collect();
        let mut values: BTreeMap<Name, HashMap<u64, usize>> = BTreeMap::new();
        for mark in marked.iter().flat_map(|(_, marks)| marks) {
            *values.entry(mark.name).or_default().entry(mark.value).or_default() += 1;
        }
        // A mark with few different values is probably a parameter, and is reliable. A mark with a different value in
        // each recording may be an id or a counter, which agrees with a recording only by chance.
        let distinct = |values: &HashMap<u64, usize>| {
            values.len() + usize::from(values.values().sum::<usize>() < marked.len())
        };
        let mut names: Vec<_> = values.iter().map(|(name, values)| (distinct(values), *name)).collect();
        names.retain(|(distinct, _)| *distinct > 1);
        names.sort_unstable();
        names.truncate(MOST);
        let names: Vec<Name> = names.into_iter().map(|(_, name)| name).collect();
        if names.is_empty() {
            return None;
        }
        let recordings = marked.iter().map(|(i, marks)| (*i, values_of(&names, marks))).collect();
        Some(Deciding { names, recordings, groups: HashMap::new() })
    }

    /// Returns the usable group that agrees best with a request.
    ///
    /// The function collects the marks in which any usable recording agrees with the request, and looks for a usable
    /// group that agrees in all of them. While there is no such group, it drops the least reliable of these marks and
    /// looks again. Returns `None` if no mark is left. Then the recorded order decides.
    pub(super) fn best(
        &mut self,
        asked: &[Mark],
        counts: impl Fn(Name) -> bool,
        usable: impl Fn(&mut Group) -> bool,
    ) -> Option<&mut Group> {
        let asked = values_of(&self.names, asked);
        let mut set = 0u32;
        for n in 0..self.names.len() {
            if counts(self.names[n]) && self.group(1 << n, &asked).is_some_and(&usable) {
                set |= 1 << n;
            }
        }
        while set != 0 {
            if self.group(set, &asked).is_some_and(&usable) {
                return self.group(set, &asked);
            }
            set &= !(1 << set.ilog2());
        }
        None
    }

    /// Returns the recordings that have the same values as a request for all marks in the set.
    fn group(&mut self, set: u32, asked: &[Option<u64>]) -> Option<&mut Group> {
        let recordings = &self.recordings;
        let groups = self.groups.entry(set).or_insert_with(|| {
            let mut groups: HashMap<u64, Group> = HashMap::new();
            for (i, values) in recordings {
                groups.entry(hash(set, values)).or_default().members.push(*i);
            }
            groups
        });
        groups.get_mut(&hash(set, asked))
    }
}

/// Returns the value of the mark for each name, or `None` if the request has no such mark.
fn values_of(names: &[Name], marks: &[Mark]) -> Vec<Option<u64>> {
    let value = |name: &Name| marks.iter().find(|mark| mark.name == *name).map(|mark| mark.value);
    names.iter().map(value).collect()
}

/// Hashes the values whose names are in the set.
fn hash(set: u32, values: &[Option<u64>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    values
        .iter()
        .enumerate()
        .filter(|(n, _)| set & (1 << n) != 0)
        .for_each(|(_, value)| value.hash(&mut hasher));
    hasher.finish()
}
