//! The meaning of long bodies: that of a request while it streams, that of a recording from its body file.
//!
//! Must not know: how a meaning is computed or compared.

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderMap;

use super::Player;
use super::keys::Keys;
use crate::matcher::Key;
use crate::meaning::{Meaning, Reader};
use crate::placeholder;
use crate::poison::unpoisoned;
use crate::redact::Redactor;
use crate::tape::{Content, Request};

impl Player {
    /// A reader for the body of a request with this redacted URI and these headers.
    pub(crate) fn reader(&self, uri: &str, headers: &HeaderMap) -> Option<Box<dyn Reader>> {
        let next = self.matching.reader(uri, headers)?;
        Some(Box::new(Unnumbered { redactor: self.redactor.clone(), held: Vec::new(), next }))
    }

    /// A recorded request with the meaning of its long body. `None` if the body cannot be read.
    pub(super) fn with_meaning(&self, mut request: Request) -> Option<Request> {
        let mut bytes = self.cassette.body_reader(&request.body).ok()?;
        if let Content::File(file) = &mut request.body.content
            && let Some(mut reader) = self.reader(&request.uri, &request.headers)
        {
            while let Some(chunk) = bytes.next_chunk().ok()? {
                reader.write(&chunk);
            }
            file.meaning = reader.finish().map(Arc::new);
        }
        Some(request)
    }
}

impl Player {
    /// Prepares the index for a request: computes the meaning of recorded long bodies that the request may equal.
    pub(super) fn settle(&self, keys: Keys) {
        if keys.long.is_none() {
            return self.state().index.settle(keys, false, |_| None);
        }
        let _reading = unpoisoned(self.reading.lock());
        // If the order decides, an earlier recording may be equal by meaning to one that is equal by bytes.
        let needed = self.state().index.needed(keys, self.ordered);
        let known: HashMap<usize, Option<Key>> =
            needed.into_iter().map(|i| (i, self.key_by_meaning(i))).collect();
        let meaning = |i| known.get(&i).copied().unwrap_or_else(|| self.key_by_meaning(i));
        self.state().index.settle(keys, self.ordered, meaning);
    }

    /// The key of a recorded request with a long body. `None` if the body cannot be read.
    pub(super) fn key_by_meaning(&self, i: usize) -> Option<Key> {
        Some(self.keys(&self.with_meaning(self.cassette.request(i).ok()?)?).any)
    }
}

/// Takes the numbers of placeholders out of a body before its meaning is computed, as they are taken out of a short
/// body.
struct Unnumbered {
    redactor: Redactor,
    /// Bytes that may be the beginning of a placeholder.
    held: Vec<u8>,
    next: Box<dyn Reader>,
}

impl std::fmt::Debug for Unnumbered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unnumbered").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Reader for Unnumbered {
    fn write(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        let whole = placeholder::whole_placeholders(&self.held);
        self.next.write(&self.redactor.anonymous(&self.held[..whole]));
        self.held.drain(..whole);
    }

    fn finish(mut self: Box<Self>) -> Option<Meaning> {
        self.next.write(&self.redactor.anonymous(&self.held));
        self.next.finish()
    }
}
