//! Detects requests that reach the session of another test, because two tests share a client or a runtime in a
//! `static`. A request does not say which test sent it. So a session that ends is compared with each parallel session:
//! a request that one of the two could not match may be on the cassette of the other.
//!
//! Must not know: what a session is, how connections are intercepted, or the text of a note.

use std::sync::{Arc, Mutex, MutexGuard, Weak};

use crate::engine::Engine;
use crate::player::Player;
use crate::poison::unpoisoned;
use crate::recorder::Recorder;
use crate::report::{Note, Refusal};

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
    /// A session that ended, and recorded something while this one was open.
    recorded: Option<String>,
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

    /// The names of the cassettes whose sessions were open while this one was.
    pub(super) fn others(&self) -> Vec<String> {
        let mut names: Vec<String> = self.state().others.iter().map(|(_, name)| name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The name of another session that recorded something while this one was open. Also notes for the sessions that
    /// still run whether this one recorded something.
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

    /// The notes for the report of a failed test. Parallel sessions that still run get the notes that concern them. A
    /// session that got no request gets a note, too, if another session answered such a request; unless its body
    /// failed: the failure then explains why no request came.
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
            // The session that ends first compares the pair, and the other one does not compare it again.
            other.state().others.retain(|(one, _)| !std::ptr::eq(one.as_ptr(), Arc::as_ptr(self)));
            self.note_misdirected(&other);
            other.note_misdirected(self);
        }
        let mut notes = std::mem::take(&mut self.state().notes);
        // A connection to a server that this cassette does not know was not meant for this test.
        notes.retain(|note| match (note, self.player()) {
            (Note::ConnectionRefused { host, .. }, Some(player)) => player.knows_host(host),
            _ => true,
        });
        notes
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

/// Notes that cassette refused a connection, because nothing says to which session its thread belongs. The request may
/// have been meant for any open session, so every open session gets the note.
pub(super) fn refused(host: &str, port: u16, refusal: Refusal) {
    // This function must not wait for the lock: if the process was forked while another thread held the lock, nobody
    // releases it.
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
