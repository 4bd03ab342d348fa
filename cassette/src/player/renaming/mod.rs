//! Matches requests that contain values of earlier answers, such as ids of uploads and jobs, locations and cursors.
//!
//! If clients send equal requests at the same time, they may get the recorded answers in another order than in the
//! recording. If each answer contains an id, a client may get the id of another recorded client, and its next requests
//! do not match. So this module compares requests without such values. `links` finds the values, and the requests that
//! are equal apart from them. `history` decides which recording each request of this run stands for. The player uses
//! this module only after a request had no answer without it.
//!
//! Must not know: policies, the text of a failure.

mod answer;
mod atoms;
mod history;
mod links;
mod origin;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

pub(super) use self::answer::Renames;
use self::history::History;
use self::links::{Links, Place};
use super::keys::Keys;
use crate::error::Result;
use crate::tape::{Cassette, Request};

/// The renaming of one replay.
#[derive(Debug)]
pub(super) struct Renaming {
    links: Links,
    history: History,
    /// The values to replace in answers. `None` after the history has changed.
    renames: Option<Arc<Renames>>,
}

/// What the renaming has found out about a request: its class, and the events whose values it contains.
#[derive(Debug)]
pub(super) struct Recognised {
    /// The class of recordings that equal the request apart from values. `None` if there is no such class.
    class: Option<usize>,
    /// The events whose answers gave the values in the request.
    refs: Vec<usize>,
}

impl Renaming {
    /// Reads the whole cassette. `used` contains, for each recording, the number of the request that it answered.
    /// Returns `None` if there are no values to rename: no answers to equal requests gave different values that later
    /// requests contain.
    ///
    /// # Errors
    ///
    /// A recording cannot be read.
    pub(super) fn new(
        cassette: &Cassette,
        used: &[Option<usize>],
        keys: &dyn Fn(&Request) -> Keys,
    ) -> Result<Option<Renaming>> {
        let Some(links) = Links::new(cassette, keys)? else { return Ok(None) };
        let mut answered: Vec<(usize, usize)> =
            used.iter().enumerate().filter_map(|(i, number)| Some(((*number)?, i))).collect();
        answered.sort_unstable();
        let mut renaming = Renaming { history: History::new(cassette.len()), links, renames: None };
        for (number, i) in answered {
            renaming.answered_plain(i, number);
        }
        Ok(Some(renaming))
    }

    /// Finds the values of earlier answers of this run in a request.
    pub(super) fn recognise(&self, request: &Request, keys: &dyn Fn(&Request) -> Keys) -> Recognised {
        let (marked, refs) = links::marked(request, &mut |atom| {
            let (event, place) = self.giver(atom)?;
            Some((links::marker(self.links.class[self.history.events[event].at], place), event))
        });
        Recognised { class: self.links.class_of(keys(&marked).any), refs }
    }

    /// Returns the recordings of the request's class for which `agrees` returns `true`.
    pub(super) fn agreeing(&self, recognised: &Recognised, agrees: impl Fn(usize) -> bool) -> Vec<usize> {
        let members = recognised.class.map_or(&[][..], |class| &self.links.members[class]);
        members.iter().copied().filter(|i| agrees(*i)).collect()
    }

    /// Returns the recording that answers a request without an exchange. This is the first of `members` that has not
    /// answered yet and whose request contains values of the same recordings.
    pub(super) fn find(&self, recognised: &Recognised, members: &[usize]) -> Option<usize> {
        let wanted = self.history.at(&recognised.refs);
        let is_free = |i: &usize| self.history.holder[*i].is_none() && self.links.refs[*i] == wanted;
        members.iter().copied().find(is_free)
    }

    /// Lets earlier requests exchange their recordings, so that one of `members` can answer a request. Returns this
    /// recording.
    pub(super) fn exchange(&mut self, recognised: &Recognised, members: &[usize]) -> Option<usize> {
        let recording = self.history.exchange(&self.links, members, &recognised.refs)?;
        self.renames = None;
        Some(recording)
    }

    /// Whether the cassette has a request that equals this request apart from values.
    pub(super) fn knows(&self, recognised: &Recognised) -> bool {
        recognised.class.is_some()
    }

    /// Whether the request can stand for this recording without an exchange.
    pub(super) fn stands_for(&self, recognised: &Recognised, recording: usize) -> bool {
        recognised.class == Some(self.links.class[recording])
            && self.links.refs[recording] == self.history.at(&recognised.refs)
    }

    /// Notes that a recording from [`find`](Self::find) or [`exchange`](Self::exchange) answers a request.
    pub(super) fn answered(&mut self, recording: usize, recognised: Recognised, number: usize) {
        if self.history.answered(&self.links, recording, Some(recognised.refs), number) {
            self.renames = None;
        }
    }

    /// Notes that a recording answers a request that matches without renaming.
    pub(super) fn answered_plain(&mut self, recording: usize, number: usize) {
        let refs = self.links.refs[recording].iter().map(|of| self.history.holder[*of]).collect();
        if self.history.answered(&self.links, recording, refs, number) {
            self.renames = None;
        }
    }

    /// Returns, for each recording, the number of the request that stands for it.
    pub(super) fn used(&self) -> impl Iterator<Item = Option<usize>> {
        self.history.holder.iter().map(|holder| holder.map(|event| self.history.events[event].number))
    }

    /// Returns the recorded values that must be replaced in answers, with the values that the clients of this run got
    /// in their place.
    pub(super) fn renames(&mut self) -> Arc<Renames> {
        let (links, history) = (&self.links, &self.history);
        Arc::clone(self.renames.get_or_insert_with(|| {
            let mut renames = Renames::default();
            for event in &history.events {
                for own in &links.given[event.at] {
                    let live = event.given.iter().find(|(place, _)| *place == own.place);
                    if let Some((_, live)) = live.filter(|(_, live)| *live != own.value) {
                        renames.add(own, live);
                    }
                }
            }
            Arc::new(renames)
        }))
    }

    /// Replaces the values of this run in a request by the recorded values. The recorded values are those of the
    /// recordings that the events stand for now. Returns the request, and a pair of the value of this run and the
    /// recorded value for each value that differs.
    pub(super) fn translated(&self, request: &Request) -> (Request, Vec<(String, String)>) {
        self.translated_by(request, &|event| self.history.events[event].at)
    }

    /// Replaces the values of this run in a request by the values that the request of `recording` contains.
    pub(super) fn translated_to(
        &self,
        request: &Request,
        recognised: &Recognised,
        recording: usize,
    ) -> Request {
        let targets = recognised.refs.iter().copied().zip(self.links.refs[recording].iter().copied());
        let targets: HashMap<usize, usize> = targets.collect();
        let at = |event: usize| targets.get(&event).copied().unwrap_or(self.history.events[event].at);
        self.translated_by(request, &at).0
    }

    fn translated_by(
        &self,
        request: &Request,
        at: &dyn Fn(usize) -> usize,
    ) -> (Request, Vec<(String, String)>) {
        let mut renamed = Vec::new();
        let mut visit = |atom: atoms::Atom<'_>| {
            let (event, place) = self.giver(&atom)?;
            let recorded = self.links.given[at(event)].iter().find(|given| given.place == *place)?;
            let pair = (atom.text.to_owned(), recorded.value.clone());
            (pair.0 != pair.1).then(|| {
                if !renamed.contains(&pair) {
                    renamed.push(pair.clone());
                }
                pair.1
            })
        };
        let request = atoms::Walk::new(&mut visit).request(request).into_owned();
        (request, renamed)
    }

    /// Returns the event whose answer gave this value to a client, and the place of the value in the answer.
    fn giver(&self, atom: &atoms::Atom<'_>) -> Option<(usize, &Place)> {
        let fits = |(event, place): &&(usize, Place)| {
            let mut given = self.links.given[self.history.events[*event].at].iter();
            given.any(|given| given.place == *place && given.origin.fits(atom))
        };
        self.history.givers(atom.text).iter().find(fits).map(|(event, place)| (*event, place))
    }
}
