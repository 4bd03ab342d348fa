//! Finds the recorded requests that contain values of earlier answers, and the requests that are equal apart from such
//! values.
//!
//! Must not know: the requests of this run.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::atoms::{Atom, Walk};
use super::origin::Origin;
use crate::error::Result;
use crate::matcher::Key;
use crate::player::keys::Keys;
use crate::tape::{Cassette, Content, Outcome, Request};

/// The place of a value in an answer. Answers to equal requests usually have values in the same places.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    part: String,
    number: usize,
}

/// A recorded answer that gave a value, and where it gave it.
#[derive(Clone, Debug)]
pub(super) struct Giver {
    pub(super) recording: usize,
    pub(super) place: Place,
    pub(super) origin: Origin,
}

/// A value in an answer that later requests may contain.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) place: Place,
    pub(super) value: String,
    pub(super) origin: Origin,
}

/// The recordings of a cassette, and which requests contain values of which answers.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// For each recording, the number of its class. The requests of a class are equal apart from values that answers
    /// gave.
    pub(super) class: Vec<usize>,
    /// For each recording, the recordings whose answers gave the values in its request, in the order of the values.
    pub(super) refs: Vec<Vec<usize>>,
    /// For each recording, the values that its answer gave.
    pub(super) given: Vec<Vec<Given>>,
    /// For each recording, a hash of its answer without the words that contain a digit: ids, times and numbers. A client
    /// that got one answer can stand for another recording only if both hashes are equal.
    pub(super) wording: Vec<u64>,
    /// The recordings of each class, in recorded order.
    pub(super) members: Vec<Vec<usize>>,
    /// For each value, the answers that gave the value, in recorded order.
    pub(super) values: HashMap<String, Vec<Giver>>,
    classes: HashMap<Key, usize>,
    /// Classes, with the places in their answers whose values are in later requests.
    places: HashSet<(usize, Place)>,
}

/// The greatest number of times that classes are computed. More than two times are necessary only if removing a
/// constant value changes classes that other classes depend on.
const ROUNDS: usize = 4;

impl Links {
    /// Reads the whole cassette. Returns `None` if there are no values to rename: in no class do several answers give
    /// different values that later requests contain.
    ///
    /// # Errors
    ///
    /// A recording cannot be read.
    pub(super) fn new(cassette: &Cassette, keys: &dyn Fn(&Request) -> Keys) -> Result<Option<Links>> {
        let mut links = Links::default();
        let used = last_uses(cassette)?;
        links.collect(cassette, |i, atom| used.get(atom.text).is_some_and(|last| *last > i))?;
        for _ in 0..ROUNDS {
            links.classify(cassette, keys)?;
            if !links.drop_constants() {
                break;
            }
        }
        links.drop_unused();
        if !links.members.iter().any(|members| links.any_given(members)) {
            return Ok(None);
        }
        links.complete(cassette)?;
        links.wording = (0..cassette.len()).map(|i| wording(cassette, i)).collect::<Result<_>>()?;
        Ok(Some(links))
    }

    /// Returns the class of a request. `key` is the key of the request with [`marker`]s in place of values.
    pub(super) fn class_of(&self, key: Key) -> Option<usize> {
        self.classes.get(&key).copied()
    }

    fn any_given(&self, members: &[usize]) -> bool {
        members.len() > 1 && members.iter().any(|i| !self.given[*i].is_empty())
    }

    /// Collects the values in answers that may be ids and for which `accepts` returns `true`. A value that is also in
    /// the request of the same answer is left out, because an earlier answer gave it, or the client chose it.
    fn collect(&mut self, cassette: &Cassette, accepts: impl Fn(usize, &Atom<'_>) -> bool) -> Result<()> {
        self.given.resize_with(cassette.len(), Vec::new);
        for i in 0..cassette.len() {
            let mut found: Vec<Given> = Vec::new();
            let mut uri = None;
            each_answer_atom(cassette, i, &mut |request, atom| {
                if accepts(i, &atom)
                    && found.iter().all(|given| given.value != atom.text)
                    && let Some(origin) = Origin::of(&request.uri, &atom)
                {
                    uri.get_or_insert_with(|| request.clone());
                    found.push(Given { place: Place::of(&atom), value: atom.text.to_owned(), origin });
                }
            })?;
            if let Some(request) = uri {
                each_request_atom(&request, &mut |atom| {
                    found.retain(|given| given.value != atom.text || !given.origin.fits(&atom));
                });
            }
            for given in found {
                self.add(i, given);
            }
        }
        Ok(())
    }

    fn add(&mut self, recording: usize, given: Given) {
        let Given { place, value, origin } = given.clone();
        self.values.entry(value).or_default().push(Giver { recording, place, origin });
        self.given[recording].push(given);
    }

    /// Computes the class of each request, and the recordings whose values the request contains.
    fn classify(&mut self, cassette: &Cassette, keys: &dyn Fn(&Request) -> Keys) -> Result<()> {
        let (mut class, mut refs) = (Vec::new(), Vec::new());
        self.classes.clear();
        self.members.clear();
        self.places.clear();
        for (i, request) in cassette.requests(0..cassette.len()).enumerate() {
            let request = request?;
            let (values, places) = (&self.values, &mut self.places);
            let (marked, of_this) = marked(&request, &mut |atom| {
                let giver = values.get(atom.text)?.iter().find(|g| g.recording < i && g.origin.fits(atom))?;
                let class = class[giver.recording];
                places.insert((class, giver.place.clone()));
                Some((marker(class, &giver.place), giver.recording))
            });
            let key = keys(&marked);
            let next = self.members.len();
            let found = *self.classes.entry(key.any).or_insert(next);
            if found == next {
                self.members.push(Vec::new());
            }
            self.members[found].push(i);
            class.push(found);
            refs.push(of_this);
        }
        (self.class, self.refs) = (class, refs);
        Ok(())
    }

    /// Removes values that several answers of a class gave, because such a value does not tell the answers apart. There
    /// is an exception: an answer may repeat a value of an earlier answer to the same request, such as the state of the
    /// same job. Then the first answer keeps the value. Returns whether a value was removed.
    fn drop_constants(&mut self) -> bool {
        let (class, refs, members) = (&self.class, &self.refs, &self.members);
        let is_varied: Vec<bool> =
            members.iter().map(|members| members.iter().any(|i| refs[*i] != refs[members[0]])).collect();
        let mut dropped = false;
        for givers in self.values.values_mut() {
            // For each class, the first recording that gave the value, and whether this recording keeps the value.
            let mut first: HashMap<usize, (usize, bool)> = HashMap::new();
            for giver in givers.iter() {
                let i = giver.recording;
                let same = |(first, keeps): &mut (usize, bool)| {
                    *keeps &= is_varied[class[i]] && refs[i] == refs[*first];
                };
                first.entry(class[i]).and_modify(same).or_insert((i, true));
            }
            let before = givers.len();
            givers.retain(|giver| first[&class[giver.recording]] == (giver.recording, true));
            dropped |= givers.len() < before;
        }
        if dropped {
            let values = &self.values;
            for (i, given) in self.given.iter_mut().enumerate() {
                given.retain(|given| values[&given.value].iter().any(|giver| giver.recording == i));
            }
        }
        dropped
    }

    /// Removes the values in places whose values are in no later request.
    fn drop_unused(&mut self) {
        let (class, places) = (&self.class, &self.places);
        for (i, given) in self.given.iter_mut().enumerate() {
            given.retain(|given| places.contains(&(class[i], given.place.clone())));
        }
        for givers in self.values.values_mut() {
            givers.retain(|giver| places.contains(&(class[giver.recording], giver.place.clone())));
        }
    }

    /// Adds values that are in no recorded request, if they are in a place whose values in other answers of the class
    /// are in later requests. The recorded client did not use such a value, but a client of this run may use it.
    fn complete(&mut self, cassette: &Cassette) -> Result<()> {
        for members in self.members.clone() {
            if !self.any_given(&members) {
                continue;
            }
            let mut places: Vec<Place> = Vec::new();
            for given in members.iter().flat_map(|i| &self.given[*i]) {
                if !places.contains(&given.place) {
                    places.push(given.place.clone());
                }
            }
            let mut found: Vec<(usize, Given)> = Vec::new();
            for i in members {
                let has = |place: &Place| self.given[i].iter().any(|given| given.place == *place);
                let missing: Vec<_> = places.iter().filter(|place| !has(place)).collect();
                if missing.is_empty() {
                    continue;
                }
                each_answer_atom(cassette, i, &mut |request, atom| {
                    let place = Place::of(&atom);
                    if missing.contains(&&place)
                        && !self.values.contains_key(atom.text)
                        && let Some(origin) = Origin::of(&request.uri, &atom)
                    {
                        found.push((i, Given { place, value: atom.text.to_owned(), origin }));
                    }
                })?;
            }
            let values: Vec<String> = found.iter().map(|(_, given)| given.value.clone()).collect();
            found.retain(|(_, given)| values.iter().filter(|value| **value == given.value).count() == 1);
            found.into_iter().for_each(|(i, given)| self.add(i, given));
        }
        Ok(())
    }
}

impl Place {
    fn of(atom: &Atom<'_>) -> Place {
        Place { part: atom.part.to_owned(), number: atom.number }
    }
}

/// Returns the text that replaces a value from this place in the answers of a class.
pub(super) fn marker(class: usize, place: &Place) -> String {
    format!("<{class}:{}:{}>", place.part, place.number)
}

/// Replaces values in a request by markers. `find` returns the marker for a value, and the number of the recording or
/// event that gave the value. Returns the request and these numbers. The order of the numbers does not depend on the
/// order of query keys and of JSON members.
pub(super) fn marked<'r>(
    request: &'r Request,
    find: &mut dyn FnMut(&Atom<'_>) -> Option<(String, usize)>,
) -> (Cow<'r, Request>, Vec<usize>) {
    let mut found: Vec<(String, String, usize)> = Vec::new();
    let mut visit = |atom: Atom<'_>| {
        let (marker, of) = find(&atom)?;
        found.push((marker.clone(), atom.part.to_owned(), of));
        Some(marker)
    };
    let marked = Walk::new(&mut visit).request(request);
    found.sort_by(|(a, in_a, _), (b, in_b, _)| (a, in_a).cmp(&(b, in_b)));
    (marked, found.into_iter().map(|(.., of)| of).collect())
}

/// Returns, for each value with a digit in any request, the index of the last request that contains the value.
fn last_uses(cassette: &Cassette) -> Result<HashMap<String, usize>> {
    let mut used = HashMap::new();
    for (i, request) in cassette.requests(0..cassette.len()).enumerate() {
        each_request_atom(&request?, &mut |atom| {
            if atom.text.bytes().any(|b| b.is_ascii_digit()) {
                used.insert(atom.text.to_owned(), i);
            }
        });
    }
    Ok(used)
}

/// The hash of an answer without the words that contain a digit. Bodies in files do not count.
fn wording(cassette: &Cassette, i: usize) -> Result<u64> {
    let Outcome::Response(response) = cassette.interaction(i)?.outcome else { return Ok(0) };
    let mut hasher = DefaultHasher::new();
    response.status.hash(&mut hasher);
    if let Content::Inline(body) = &response.body.content {
        let is_of_word = |b: u8| b.is_ascii_alphanumeric() || b"_-+/=.%~".contains(&b);
        for word in body.chunk_by(|a, b| is_of_word(*a) && is_of_word(*b)) {
            if word.iter().any(u8::is_ascii_digit) { b"0" } else { word }.hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

pub(super) fn each_request_atom(request: &Request, see: &mut dyn FnMut(Atom<'_>)) {
    let mut visit = |atom: Atom<'_>| {
        see(atom);
        None
    };
    Walk::new(&mut visit).request(request);
}

fn each_answer_atom(cassette: &Cassette, i: usize, see: &mut dyn FnMut(&Request, Atom<'_>)) -> Result<()> {
    let interaction = cassette.interaction(i)?;
    let Outcome::Response(response) = &interaction.outcome else { return Ok(()) };
    let mut visit = |atom: Atom<'_>| {
        see(&interaction.request, atom);
        None
    };
    let mut walk = Walk::new(&mut visit);
    walk.headers(&response.headers);
    walk.body(&response.headers, &response.body);
    Ok(())
}
