//! The meaning of long bodies: that of a request while it streams, that of a recording from its body file.
//!
//! Must not know: how a meaning is computed or compared.

use std::sync::Arc;

use http::HeaderMap;

use super::Player;
use crate::meaning::{Meaning, Reader};
use crate::placeholder;
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
