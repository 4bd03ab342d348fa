//! The requests that were answered so far, each with a recording that it stands for.
//!
//! Requests of one class are equal apart from values that answers gave. So each of them may stand for any recording of
//! the class. The first choice may turn out to be wrong: if a later request fits no recording, earlier requests
//! exchange their recordings. An exchange is possible only if all requests that contain values of the earlier answers
//! still fit their recordings. The values that a client got do not change.
//!
//! Must not know: how values are found in a text.

use std::collections::{HashMap, HashSet};

use super::links::{Links, Place};

/// A request that a recording answered.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// The class of the recording. `None` if the event must keep its recording.
    class: Option<usize>,
    /// The events whose values the request contained.
    refs: Vec<usize>,
    /// The recording that the request stands for.
    pub(super) at: usize,
    /// The number of the request within the session.
    pub(super) number: usize,
    /// The values that the client got. They may differ from the values in the recording.
    pub(super) given: Vec<(Place, String)>,
}

#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) events: Vec<Event>,
    /// For each recording, the event that stands for it, if there is one.
    pub(super) holder: Vec<Option<usize>>,
    /// For each value that a client got, the events whose answers gave the value, and its place in the answers.
    live: HashMap<String, Vec<(usize, Place)>>,
}

/// The greatest number of steps of the search for one exchange.
const STEPS: usize = 4_000;
/// The greatest number of recordings that an exchange tries to free for a request.
const TRIED: usize = 256;

impl History {
    pub(super) fn new(recordings: usize) -> History {
        History { holder: vec![None; recordings], ..History::default() }
    }

    /// Returns the events whose answers gave this value to a client.
    pub(super) fn givers(&self, value: &str) -> &[(usize, Place)] {
        self.live.get(value).map_or(&[], Vec::as_slice)
    }

    /// Returns the recordings that these events stand for.
    pub(super) fn at(&self, events: &[usize]) -> Vec<usize> {
        events.iter().map(|e| self.events[*e].at).collect()
    }

    /// Notes that the recording `at` answered a request. The client gets the recorded values, unless another client
    /// already got them. In that case it gets values of other recordings. Returns whether the client gets other values
    /// than the recorded values.
    pub(super) fn answered(
        &mut self,
        links: &Links,
        at: usize,
        refs: Option<Vec<usize>>,
        number: usize,
    ) -> bool {
        let event = self.events.len();
        let class = links.class[at];
        let mut given: Vec<(Place, String)> = Vec::new();
        for own in &links.given[at] {
            let place = &own.place;
            let is_free = |value: &str| {
                let same = |(e, p): &(usize, Place)| self.events[*e].class == Some(class) && p == place;
                !self.givers(value).iter().any(same)
            };
            let others = links.members[class].iter().flat_map(|i| &links.given[*i]);
            let others = others.filter(|other| other.place == *place).map(|other| &other.value);
            let value = std::iter::once(&own.value).chain(others).find(|value| is_free(value));
            given.push((place.clone(), value.unwrap_or(&own.value).clone()));
        }
        for (place, value) in &given {
            self.live.entry(value.clone()).or_default().push((event, place.clone()));
        }
        let is_renamed = links.given[at].iter().zip(&given).any(|(own, (_, value))| own.value != *value);
        let (class, refs) = (refs.is_some().then_some(class), refs.unwrap_or_default());
        self.events.push(Event { class, refs, at, number, given });
        self.holder[at] = Some(event);
        is_renamed
    }

    /// Frees one of the recordings in `members` for a request that contains values of the events in `refs`. Earlier
    /// events exchange their recordings for this. Returns the free recording. Returns `None` and changes nothing if no
    /// exchange is possible.
    pub(super) fn exchange(&mut self, links: &Links, members: &[usize], refs: &[usize]) -> Option<usize> {
        // Nearly always it is enough to move few events. Only if that fails, all events of their classes may move.
        let mut steps = STEPS;
        for all in [false, true] {
            for &recording in members.iter().take(TRIED) {
                if self.exchange_for(links, recording, refs, all, &mut steps).is_some() {
                    return Some(recording);
                }
            }
        }
        None
    }

    fn exchange_for(
        &mut self,
        links: &Links,
        recording: usize,
        refs: &[usize],
        all: bool,
        steps: &mut usize,
    ) -> Option<()> {
        let mut forced = HashMap::new();
        let targets = &links.refs[recording];
        if targets.len() != refs.len() {
            return None;
        }
        for (event, target) in refs.iter().zip(targets) {
            self.force(links, *event, *target, &mut forced)?;
        }
        let mut moving = vec![false; self.events.len()];
        for (&event, &target) in &forced {
            if self.events[event].at != target {
                moving[event] = true;
                if let Some(holder) = self.holder[target] {
                    moving[holder] = true;
                }
            }
        }
        if let Some(holder) = self.holder[recording] {
            moving[holder] = true;
        }
        self.add_dependent(&mut moving, all);
        let moving: Vec<usize> = (0..moving.len()).filter(|e| moving[*e]).collect();
        if moving.iter().any(|e| self.events[*e].class.is_none()) {
            return None;
        }
        let before: Vec<usize> = self.at(&moving);
        before.iter().for_each(|at| self.holder[*at] = None);
        let mut search =
            Search { links, forced: &forced, taken: recording, before: &before, steps, history: self };
        if search.place(&moving) {
            return Some(());
        }
        for event in &moving {
            let at = self.events[*event].at;
            self.holder[at].take_if(|holder| holder == event);
        }
        for (event, at) in moving.iter().zip(before) {
            self.events[*event].at = at;
            self.holder[at] = Some(*event);
        }
        None
    }

    /// Adds the events whose requests contain values of moving events. If `all` is set, also adds the events whose
    /// values are in the requests of moving events, and all events of the classes of moving events.
    fn add_dependent(&self, moving: &mut [bool], all: bool) {
        loop {
            let before = moving.iter().filter(|moves| **moves).count();
            if all {
                let classes: HashSet<_> =
                    (0..moving.len()).filter(|e| moving[*e]).map(|e| self.events[e].class).collect();
                (0..moving.len()).for_each(|e| moving[e] |= classes.contains(&self.events[e].class));
            }
            for e in 0..moving.len() {
                let refs = &self.events[e].refs;
                moving[e] |= refs.iter().any(|of| moving[*of]);
                if all && moving[e] {
                    refs.iter().for_each(|of| moving[*of] = true);
                }
            }
            if !all || before == moving.iter().filter(|moves| **moves).count() {
                return;
            }
        }
    }

    /// Demands that `event` stands for the recording `target`. Then the events whose values are in the request of
    /// `event` must stand for the recordings whose values are in the request of `target`. Returns `None` if this is
    /// impossible.
    fn force(
        &self,
        links: &Links,
        event: usize,
        target: usize,
        forced: &mut HashMap<usize, usize>,
    ) -> Option<()> {
        if let Some(other) = forced.insert(event, target) {
            return (other == target).then_some(());
        }
        let Event { class, refs, at, .. } = &self.events[event];
        let targets = &links.refs[target];
        match class {
            None => return (*at == target).then_some(()),
            Some(class) if *class != links.class[target] || targets.len() != refs.len() => return None,
            Some(_) => {}
        }
        refs.iter().zip(targets).try_for_each(|(event, target)| self.force(links, *event, *target, forced))
    }
}

/// The search for a recording for each moving event, one after the other.
struct Search<'h> {
    history: &'h mut History,
    links: &'h Links,
    forced: &'h HashMap<usize, usize>,
    /// The recording that must become free.
    taken: usize,
    /// The recordings for which the moving events stood before the search.
    before: &'h [usize],
    steps: &'h mut usize,
}

impl Search<'_> {
    fn place(&mut self, events: &[usize]) -> bool {
        let Some(first) = events.first() else { return true };
        // For each event that the search has reached, the recordings that it has not tried yet.
        let mut rest = vec![self.targets(*first).into_iter()];
        while let Some(targets) = rest.last_mut() {
            let target = targets.next();
            let event = events[rest.len() - 1];
            let Some(target) = target else {
                rest.pop();
                if let Some(before) = rest.len().checked_sub(1) {
                    let at = self.history.events[events[before]].at;
                    self.history.holder[at] = None;
                }
                continue;
            };
            let Some(steps) = self.steps.checked_sub(1) else { return false };
            *self.steps = steps;
            self.history.events[event].at = target;
            self.history.holder[target] = Some(event);
            match events.get(rest.len()) {
                Some(next) => rest.push(self.targets(*next).into_iter()),
                None => return true,
            }
        }
        false
    }

    /// Returns the free recordings that an event can stand for: first its present recording, then recordings of other
    /// moving events, and then unused recordings.
    fn targets(&self, event: usize) -> Vec<usize> {
        let Event { class, refs, at, .. } = &self.history.events[event];
        let wanted = self.history.at(refs);
        let fits = |i: &usize| {
            *i != self.taken
                && self.history.holder[*i].is_none()
                && self.links.refs[*i] == wanted
                // The client has got an answer already, and must not learn later that it was another one.
                && self.links.wording[*i] == self.links.wording[*at]
        };
        if let Some(target) = self.forced.get(&event) {
            return std::iter::once(*target).filter(fits).collect();
        }
        let members = class.map_or(&[][..], |class| &self.links.members[class]);
        let is_free = |i: &usize| fits(i) && self.forced.values().all(|target| target != i);
        let mut targets: Vec<usize> = members.iter().copied().filter(is_free).collect();
        targets.sort_by_key(|i| (i != at, !self.before.contains(i)));
        targets
    }
}
