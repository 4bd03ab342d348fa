//! Finds the recording of a request that has not ended: a response that began before its request had ended is chosen by
//! the head and the first message of the request.
//!
//! Must not know: how a request is read.

use std::borrow::Cow;
use std::collections::HashMap;

use super::keys::{Keys, unnumbered};
use super::{Chosen, Player};
use crate::error::Result;
use crate::matcher::Key;
use crate::tape::{self, Cassette, Content, Request, Turn};

/// The recordings whose response began before the request had ended, in recorded order, by the key of their head.
pub(super) type Streams = HashMap<Key, Vec<usize>>;

/// The part of a request that has come.
pub(crate) struct Opening {
    /// The request without its body.
    pub(crate) head: Request,
    /// The request with its first message, if that has come, and otherwise without a body.
    pub(crate) first: Option<Request>,
}

impl Player {
    pub(super) fn streams(cassette: &Cassette, key: impl Fn(&Request) -> Keys) -> Result<Streams> {
        let mut streams = Streams::new();
        for i in (0..cassette.len()).filter(|i| cassette.is_flagged(*i)) {
            let interaction = cassette.interaction(i)?;
            if !interaction.turns.is_empty() {
                streams.entry(key(&without_body(interaction.request)).any).or_default().push(i);
            }
        }
        Ok(streams)
    }

    /// Whether any response began before its request had ended.
    pub(crate) fn has_streams(&self) -> bool {
        !self.streams.is_empty()
    }

    /// Whether a recording has a response that began before its request had ended, and the same head as this request
    /// without its body.
    pub(crate) fn has_stream(&self, head: &Request) -> bool {
        self.streams.contains_key(&self.keys(head).any)
    }

    /// Whether any recording has the method, the host and the path of this request.
    pub(crate) fn has_same_place(&self, head: &Request) -> bool {
        let sketch = self.keys(head).sketch;
        self.state().index.sketches().iter().any(|other| other.is_same_place(&sketch))
    }

    /// Whether an unused recording with the same method, host and path has a response that waited for the whole request.
    pub(crate) fn has_whole(&self, head: &Request) -> bool {
        let keys = self.keys(head);
        let streams = self.streams.get(&keys.any).map_or(&[][..], Vec::as_slice);
        let state = self.state();
        let sketches = state.index.sketches().iter().enumerate();
        sketches
            .filter(|(i, other)| other.is_same_place(&keys.sketch) && state.used[*i].is_none())
            .any(|(i, _)| streams.binary_search(&i).is_err())
    }

    /// Takes the first unused recording whose request begins like this one.
    pub(crate) fn find_stream(&self, opening: &Opening) -> Option<Chosen> {
        let of_head = self.streams.get(&self.keys(&opening.head).any)?;
        let mut state = self.state();
        let fits = |i: &usize| state.used[*i].is_none() && self.begins_like(*i, opening);
        let index = of_head.iter().copied().find(fits)?;
        let number = state.requests;
        self.note_fresh(&mut state, index, number, None).ok()?;
        state.requests += 1;
        Some(Player::chosen(&mut state, index))
    }

    /// The order of the messages of a recording.
    pub(crate) fn turns(&self, chosen: &Chosen) -> Vec<Turn> {
        self.cassette.interaction(chosen.index()).map(|interaction| interaction.turns).unwrap_or_default()
    }

    /// Compares a request that has ended with its recording, which was chosen by the request's beginning. A difference
    /// fails the test.
    pub(crate) fn check_rest(&self, chosen: &Chosen, request: Request) {
        let Ok(recorded) = self.cassette.request(chosen.index()) else { return };
        let keys = self.keys(&request);
        if chosen.renames.is_none() && keys.any != self.keys(&recorded).any {
            self.unmatched_request(request, keys, false);
        }
    }

    fn begins_like(&self, i: usize, opening: &Opening) -> bool {
        let Ok(interaction) = self.cassette.interaction(i) else { return false };
        let recorded = interaction.request;
        let Some(first) = &opening.first else {
            return interaction.turns.first().is_some_and(|turn| turn.request == 0);
        };
        let first = unnumbered(first, &self.redactor);
        let Content::Inline(first) = &first.body.content else { return false };
        match &unnumbered(&recorded, &self.redactor).body.content {
            Content::Inline(all) => all.starts_with(first),
            Content::File(_) => self.file_begins_with(&recorded.body, first).unwrap_or(false),
        }
    }

    fn file_begins_with(&self, body: &tape::Body, first: &[u8]) -> Result<bool> {
        let mut reader = self.cassette.body_reader(body)?.unchecked();
        let mut bytes = Vec::new();
        // Without the numbers of placeholders, the text may be shorter.
        while bytes.len() < 2 * first.len()
            && let Some(chunk) = reader.next_chunk()?
        {
            bytes.extend_from_slice(&chunk);
        }
        Ok(match self.redactor.anonymous(&bytes) {
            Cow::Borrowed(bytes) => bytes.starts_with(first),
            Cow::Owned(bytes) => bytes.starts_with(first),
        })
    }
}

fn without_body(request: Request) -> Request {
    Request { body: tape::Body::default(), ..request }
}
