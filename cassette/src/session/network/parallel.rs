//! Detects requests that reach the session of another test, because two tests share a client or a runtime in a
//! `static`. A request does not show which test sent it. So a failed session is compared with each parallel session: if
//! one of the two could not match a request, the request may be on the cassette of the other.
//!
//! Must not know: what a session is, how connections are intercepted, or the text of a note.

use std::sync::{Arc, Mutex, MutexGuard, Weak};

use crate::engine::Engine;
use crate::player::Player;
use crate::poison::unpoisoned;
use crate::recorder::Recorder;
use crate::report::{Note, Refusal};

/// The peers of all open sessions.
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
    /// The sessions that were open at the same time as this one, with the names of their cassettes.
    others: Vec<(Weak<Peer>, String)>,
    /// The cassette of a session that recorded something, and ended while this one was open.
    recorded: Option<String>,
    notes: Vec<Note>,
}

/// The largest number of notes of one kind in one report. A single cause can lead to more notes than anybody reads.
const MOST: usize = 3;

impl Peer {
    /// Makes the peer of a session that begins. It remembers the peers of all open sessions, and they remember it.
    pub(super) fn join(name: &str, engine: &Engine) -> Arc<Peer> {
        let peer = Arc::new(Peer { name: name.to_owned(), engine: engine.clone(), state: Mutex::default() });
        let mut open = open();
        // Remove the peers of sessions that were dropped without being finished.
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

    /// Takes an ended session out of the list of open sessions. Sessions that begin later do not count as parallel to
    /// it.
    pub(super) fn leave(self: &Arc<Peer>) {
        open().retain(|other| !std::ptr::eq(other.as_ptr(), Arc::as_ptr(self)));
    }

    /// The names of the cassettes whose sessions were open at the same time as this one.
    pub(super) fn others(&self) -> Vec<String> {
        let mut names: Vec<String> = self.state().others.iter().map(|(_, name)| name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The name of another session that recorded something while this one was open. If this session recorded something,
    /// the sessions that still run remember its name.
    pub(super) fn recorded_meanwhile(&self) -> Option<String> {
        let others: Vec<_> = self.state().others.iter().filter_map(|(other, _)| other.upgrade()).collect();
        if self.records() {
            for other in &others {
                other.state().recorded.get_or_insert_with(|| self.name.clone());
            }
        }
        let ended = self.state().recorded.clone();
        ended.or_else(|| others.iter().find(|other| other.records()).map(|other| other.name.clone()))
    }

    /// Whether the session has recorded something.
    fn records(&self) -> bool {
        self.engine.action().recorder().is_some_and(Recorder::has_begun)
    }

    /// Compares this session with all parallel sessions, and returns the notes for the report of its failed test.
    /// Parallel sessions that still run get the notes that concern them.
    ///
    /// If this session got no request, there is a note if a parallel session answered a request that is on this
    /// cassette. There is no such note if the body failed, because the failure explains why no request came.
    pub(super) fn notes(self: &Arc<Peer>, body_failed: bool) -> Vec<Note> {
        let others = std::mem::take(&mut self.state().others);
        if !body_failed && let Some(player) = self.player().filter(|player| player.is_untouched()) {
            let mut open = others.iter().filter_map(|(other, _)| other.upgrade());
            let answered = |other: &Arc<Peer>| other.player().is_some_and(|other| other.answered_for(player));
            if let Some(other) = open.find(answered) {
                self.note(Note::NoRequest { other: other.name.clone() });
            }
        }
        for other in others.into_iter().filter_map(|(other, _)| other.upgrade()) {
            // The two sessions are compared now, so the other session does not compare them again.
            other.state().others.retain(|(one, _)| !std::ptr::eq(one.as_ptr(), Arc::as_ptr(self)));
            self.note_misdirected(&other);
            other.note_misdirected(self);
        }
        let mut notes = std::mem::take(&mut self.state().notes);
        // A refused connection was meant for this test only if this cassette has a request to its host.
        notes.retain(|note| match (note, self.player()) {
            (Note::ConnectionRefused { host, .. }, Some(player)) => player.knows_host(host),
            _ => true,
        });
        notes
    }

    /// Adds a note to both sessions if this one got a request that it could not match, and that is on the cassette of
    /// `home`.
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

/// Adds a note to every open session that cassette refused a connection. It was refused because it is unknown which
/// session its thread belongs to, so it may have been meant for any of them.
pub(super) fn refused(host: &str, port: u16, refusal: Refusal) {
    // This function must not wait for the lock. If the process was forked while another thread held the lock, nobody
    // releases it in the child.
    let Ok(open) = OPEN.try_lock() else { return };
    let peers: Vec<Arc<Peer>> = open.iter().filter_map(Weak::upgrade).collect();
    drop(open);
    for peer in peers {
        peer.note(Note::ConnectionRefused { host: host.to_owned(), port, refusal });
    }
}

fn open() -> MutexGuard<'static, Vec<Weak<Peer>>> {
    unpoisoned(OPEN.lock())
}
