//! Chooses among recordings with the same key by their marks: the recording that agrees best with the request answers.
//!
//! The time of a choice does not depend on the number of recordings, apart from the first few choices, which build the
//! groups. Must not know: what a mark consists of.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::marks::{Mark, Name};

/// Recordings with the same key that differ in their marks.
#[derive(Debug)]
pub(super) struct Deciding {
    /// The marks in which the recordings differ, the most reliable first; at most [`MOST`].
    names: Vec<Name>,
    /// The recordings in recorded order, each with a value for every name.
    recordings: Vec<(u32, Vec<Option<u64>>)>,
    /// The recordings by their values of a set of marks. One bit of the set stands for each name.
    groups: HashMap<u32, HashMap<u64, Group>>,
}

/// Recordings with the same values of a set of marks, in recorded order.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) members: Vec<u32>,
    /// The place among the members at which a lookup begins. All members before it were taken.
    pub(super) next: usize,
    /// The place among the members of the next one that answers again, if recordings are repeated in a loop.
    pub(super) turn: usize,
}

/// The greatest number of marks that decide. Code does not vary more headers on purpose.
const MOST: usize = 16;

impl Deciding {
    /// `None` if the recordings do not differ. `marks` returns the marks of a recording.
    pub(super) fn new(recordings: Vec<u32>, marks: impl Fn(usize) -> Vec<Mark>) -> Option<Deciding> {
        let marked: Vec<_> = recordings.into_iter().map(|i| (i, marks(i as usize))).collect();
        let mut values: BTreeMap<Name, HashMap<u64, usize>> = BTreeMap::new();
        for mark in marked.iter().flat_map(|(_, marks)| marks) {
            *values.entry(mark.name).or_default().entry(mark.value).or_default() += 1;
        }
        // A mark with few values is a parameter. If it has another value in each recording, it may be an id or a
        // counter that agrees with a recording by chance.
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

    /// The group that agrees best with a request, among those that are usable.
    ///
    /// First come the groups that agree in every mark with which a usable recording agrees. If there is none, the least
    /// reliable mark is left out, and so on. `None` if no mark decides; then the recorded order does.
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

    /// The recordings that have the same values as a request in a set of marks.
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

/// The value of each name; `None` where the request has no such mark.
fn values_of(names: &[Name], marks: &[Mark]) -> Vec<Option<u64>> {
    let value = |name: &Name| marks.iter().find(|mark| mark.name == *name).map(|mark| mark.value);
    names.iter().map(value).collect()
}

/// A hash of the values in a set.
fn hash(set: u32, values: &[Option<u64>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    values
        .iter()
        .enumerate()
        .filter(|(n, _)| set & (1 << n) != 0)
        .for_each(|(_, value)| value.hash(&mut hasher));
    hasher.finish()
}
