//! The beginning of a request, for responses that began before their request had ended.
//!
//! Must not know: when the client sends nothing more, how a response is sent.

use std::io::Write as _;

use super::replay::Replay;
use crate::capture::{self, Capture};
use crate::messages::Messages;
use crate::player::{Chosen, Opening, Player};
use crate::redact::Side;
use crate::tape::{BodySink, Request};

/// A message that is longer, in bytes, does not choose a recording: the whole request does.
const LONGEST: usize = 1 << 20;

/// The beginning of a request that may be answered before its end.
pub(super) struct Start {
    head: Request,
    pub(super) messages: Messages,
    /// The number of messages that have ended.
    pub(super) seen: u64,
    /// The first message, as far as it has come.
    first: Vec<u8>,
    /// Whether a recording has been looked for since the first message ended.
    tried: bool,
}

impl Start {
    /// `None` if no recording with this head has a response that began before the end of the request.
    pub(super) fn of(player: &Player, head: impl FnOnce() -> Request) -> Option<Start> {
        if !player.has_streams() {
            return None;
        }
        let head = head();
        let messages = Messages::of(capture::content_type(&head.headers));
        player.has_stream(&head).then_some(Start { head, messages, seen: 0, first: Vec::new(), tried: false })
    }

    /// Takes the next bytes of the body. `None` if the first message is too long.
    pub(super) fn pushed(mut self, mut chunk: &[u8]) -> Option<Start> {
        while let Some(piece) = self.messages.next(chunk) {
            if self.seen == 0 {
                self.first.extend_from_slice(&chunk[..piece.len]);
            }
            self.seen += u64::from(piece.ends);
            chunk = &chunk[piece.len..];
        }
        (self.first.len() <= LONGEST).then_some(self)
    }

    /// Whether the first message is enough to choose a recording, without a look at what follows. It is not if the
    /// response to a request of the same place came after its end, because this may be such a request.
    pub(super) fn is_enough(&mut self, player: &Player) -> bool {
        let is_first = self.seen > 0 && !std::mem::replace(&mut self.tried, self.seen > 0);
        is_first && self.messages.is_exact() && !player.has_whole(&self.head)
    }

    /// Takes the recording of a request that begins like this one.
    pub(super) fn choose(&self, replay: &Replay, head: &http::request::Parts) -> Option<Chosen> {
        let first = match self.seen {
            0 => None,
            _ => {
                let sink = BodySink::hash_only(2 * LONGEST);
                let redactor = &replay.redactor;
                let mut capture = Capture::new(redactor, Side::Request, &self.head.uri, &head.headers, sink);
                capture.write_all(&self.first).ok()?;
                let mut headers = self.head.headers.clone();
                let body = capture.finish_cut(&mut headers).ok()?;
                Some(Request { body, headers, ..self.head.clone() })
            }
        };
        replay.player.find_stream(&Opening { head: self.head.clone(), first })
    }
}
