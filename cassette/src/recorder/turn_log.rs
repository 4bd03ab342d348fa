//! Notes in which order the messages of a request and of its response come, while the request goes on.
//!
//! Must not know: how a replay uses the order.

use http::{HeaderMap, header};

use crate::capture::content_type;
use crate::messages::Messages;
use crate::tape::Turn;

pub(super) struct TurnLog {
    /// `None` if the client announced the length of its request: such a client sends the request whatever the response
    /// is.
    request: Option<Messages>,
    response: Messages,
    turns: Vec<Turn>,
}

impl TurnLog {
    /// The log of a request with these headers.
    pub(super) fn new(headers: &HeaderMap) -> TurnLog {
        let is_open = !headers.contains_key(header::CONTENT_LENGTH);
        let request = is_open.then(|| Messages::of(content_type(headers)));
        TurnLog { request, response: Messages::of(None), turns: Vec::new() }
    }

    /// Notes a chunk of the request.
    pub(super) fn request(&mut self, chunk: &[u8]) {
        let Some(messages) = &mut self.request else { return };
        let (_, ended) = messages.count(chunk);
        if ended == 0 || self.turns.len() == Turn::MOST {
            return;
        }
        match self.turns.last_mut() {
            Some(turn) if turn.response == 0 => turn.request += ended,
            _ => self.turns.push(Turn::new(ended, 0)),
        }
    }

    /// Notes the head of the response.
    pub(super) fn head(&mut self, headers: &HeaderMap) {
        self.response = Messages::of(content_type(headers));
        self.parts(1);
    }

    /// Notes a chunk of the response.
    pub(super) fn response(&mut self, chunk: &[u8]) {
        let (begun, _) = self.response.count(chunk);
        self.parts(begun);
    }

    /// Notes the end of the response.
    pub(super) fn end(&mut self) {
        self.parts(1);
    }

    fn parts(&mut self, parts: u64) {
        if self.request.is_none() || parts == 0 {
            return;
        }
        match self.turns.last_mut() {
            Some(turn) => turn.response += parts,
            None => self.turns.push(Turn::new(0, parts)),
        }
    }

    /// The turns; empty if the response did not begin before the end of the request.
    pub(super) fn finish(mut self) -> Vec<Turn> {
        self.turns.pop_if(|turn| turn.response == 0);
        self.turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns() {
        let mut log = TurnLog::new(&HeaderMap::new());
        log.request(b"a\nb");
        log.head(&HeaderMap::new());
        log.response(b"x");
        log.response(b"y\nz\n");
        log.request(b"\nc\n");
        log.request(b"d\n");
        log.response(b"1\n");
        log.request(b"e\n");
        assert_eq!(log.finish(), [Turn::new(1, 3), Turn::new(3, 1)]);
    }

    #[test]
    fn a_request_that_ends_first() {
        let mut log = TurnLog::new(&HeaderMap::new());
        log.request(b"a\n");
        assert_eq!(log.finish(), []);
        let mut log = TurnLog::new(&[(header::CONTENT_LENGTH, "9".parse().unwrap())].into_iter().collect());
        log.request(b"a\n");
        log.head(&HeaderMap::new());
        assert_eq!(log.finish(), []);
    }
}
