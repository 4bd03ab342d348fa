//! Detects requests that reach the session of another test, because two tests share a client or a runtime in a
//! `static`. A request does not say which test sent it. So a session that ends is compared with each parallel session:
//! a request that one of the two could not match may be on the cassette of the other.
//!
//! Must not know: what a session is, how connections are intercepted, or the text of a note.

use std::sync::{Arc, Mutex, MutexGuard, Weak};

use crate::engine::Engine;
use crate::player::Player;
use crate::poison::unpoisoned;
use crate::report::Note;

/// The peers of the sessions that are open.
static OPEN: Mutex<Vec<Weak<Peer>>> = Mutex::new(Vec::new());

/// The part of a session that parallel sessions see.
pub(super) struct Peer {
    /// The name of the session's cassette.
    name: String,
    engine: Engine,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Sessions that were open while this one was, with the names of their cassettes.
    others: Vec<(Weak<Peer>, String)>,
    notes: Vec<Note>,
}

/// The greatest number of notes of one kind in one report. One cause can make more notes than anybody reads.
const MOST: usize = 3;

impl Peer {
    /// The peer of a session that begins. It and the peers of all open sessions remember each other.
    pub(super) fn join(name: &str, engine: &Engine) -> Arc<Peer> {
        let peer = Arc::new(Peer { name: name.to_owned(), engine: engine.clone(), state: Mutex::default() });
        let mut open = open();
        // Remove peers that were dropped without being finished.
        open.retain(|other| other.strong_count() > 0);
        let others: Vec<Arc<Peer>> = open.iter().filter_map(Weak::upgrade).collect();
        open.push(Arc::downgrade(&peer));
        // The lock is released first, because the loop may drop the last handle of a peer, and its engine with it.
        drop(open);
        for other in others {
            peer.state().others.push((Arc::downgrade(&other), other.name.clone()));
            other.state().others.push((Arc::downgrade(&peer), peer.name.clone()));
        }
        peer
    }

    /// Takes an ended session out of the list of open sessions. Sessions that begin from now on do not compare with it.
    pub(super) fn leave(self: &Arc<Peer>) {
        open().retain(|other| !std::ptr::eq(other.as_ptr(), Arc::as_ptr(self)));
    }

    /// The notes for the report of a failed test. Parallel sessions that still run get the notes that concern them. A
    /// session that got no request gets a note, too, unless its body failed: the failure then explains why no request
    /// came.
    pub(super) fn notes(self: &Arc<Peer>, body_failed: bool) -> Vec<Note> {
        let others = std::mem::take(&mut self.state().others);
        if !body_failed
            && let Some((_, other)) = others.first()
            && self.player().is_some_and(Player::is_untouched)
        {
            self.note(Note::NoRequest { other: other.clone() });
        }
        for other in others.into_iter().filter_map(|(other, _)| other.upgrade()) {
            // The session that ends first compares the pair, and the other one does not compare it again.
            other.state().others.retain(|(one, _)| !std::ptr::eq(one.as_ptr(), Arc::as_ptr(self)));
            self.note_misdirected(&other);
            other.note_misdirected(self);
        }
        std::mem::take(&mut self.state().notes)
    }

    /// Adds a note to both sessions if this one got a request that is on the cassette of `home`.
    fn note_misdirected(&self, home: &Peer) {
        let request = self.player().zip(home.player()).and_then(|(to, home)| to.misdirected(home));
        if let Some(request) = request {
            self.note(Note::RequestOfParallelTest { request: request.clone(), other: home.name.clone() });
            home.note(Note::RequestToParallelTest { request, other: self.name.clone() });
        }
    }

    fn player(&self) -> Option<&Player> {
        self.engine.action().replays().map(|replay| &*replay.player)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        unpoisoned(self.state.lock())
    }

    fn note(&self, note: Note) {
        let mut state = self.state();
        let kind = std::mem::discriminant(&note);
        if state.notes.iter().filter(|known| std::mem::discriminant(*known) == kind).count() < MOST {
            state.notes.push(note);
        }
    }
}

/// Notes that cassette refused a connection, because the session of the connection's thread has ended. The request may
/// have been meant for any open session, so every open session gets the note.
pub(super) fn refused(host: &str, port: u16) {
    // This function must not wait for the lock: if the process was forked while another thread held the lock, nobody
    // releases it.
    let Ok(open) = OPEN.try_lock() else { return };
    let peers: Vec<Arc<Peer>> = open.iter().filter_map(Weak::upgrade).collect();
    drop(open);
    for peer in peers {
        peer.note(Note::ConnectionRefused { host: host.to_owned(), port });
    }
}

fn open() -> MutexGuard<'static, Vec<Weak<Peer>>> {
    unpoisoned(OPEN.lock())
}
