//! What other tests of the process have to do with a test that failed: a client, or the runtime it runs on, that is kept
//! in a `static` carries the requests of one test to the session of another.
//!
//! A request doesn't say who sent it, so this is found from both ends: one test has a request without an answer, which
//! the cassette of another that ran at the same time has; or a thread of a test that is over wanted a connection.
//!
//! Must not know: what a session is, how connections are intercepted, what a note reads like.

use std::sync::{Arc, Mutex, MutexGuard, Weak};

use crate::engine::Engine;
use crate::player::Player;
use crate::poison::unpoisoned;
use crate::report::Note;

/// The peers of the sessions that are open.
static OPEN: Mutex<Vec<Weak<Peer>>> = Mutex::new(Vec::new());

/// What a session shows to those that are open at the same time.
pub(super) struct Peer {
    /// The name of its cassette.
    name: String,
    engine: Engine,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Sessions that were open while this one was, with the names of their cassettes.
    others: Vec<(Weak<Peer>, String)>,
    notes: Vec<Note>,
}

/// Remarks of one kind on one failure: the same cause makes more of them than anybody reads.
const MOST: usize = 3;

impl Peer {
    /// The peer of a session that begins. It meets all that are open.
    pub(super) fn join(name: &str, engine: &Engine) -> Arc<Peer> {
        let peer = Arc::new(Peer { name: name.to_owned(), engine: engine.clone(), seen: Mutex::default() });
        let mut open = open();
        // Those that were dropped without an end.
        open.retain(|other| other.strong_count() > 0);
        let others: Vec<Arc<Peer>> = open.iter().filter_map(Weak::upgrade).collect();
        open.push(Arc::downgrade(&peer));
        // What follows may drop the last handle of a peer, and its engine with it.
        drop(open);
        for other in others {
            peer.seen().others.push((Arc::downgrade(&other), other.name.clone()));
            other.seen().others.push((Arc::downgrade(&peer), peer.name.clone()));
        }
        peer
    }

    /// The session ends: those that begin from here on do not meet it.
    pub(super) fn leave(self: &Arc<Peer>) {
        open().retain(|other| !std::ptr::eq(other.as_ptr(), Arc::as_ptr(self)));
    }

    /// What there is to say besides a failure. The others are told as well what concerns them, if they still run. That a
    /// test asked for nothing needs no other test as its reason, if it failed by itself.
    pub(super) fn notes(self: &Arc<Peer>, body_failed: bool) -> Vec<Note> {
        let others = std::mem::take(&mut self.seen().others);
        if !body_failed
            && let Some((_, other)) = others.first()
            && self.player().is_some_and(Player::is_untouched)
        {
            self.note(Note::NoneCame { other: other.clone() });
        }
        for other in others.into_iter().filter_map(|(other, _)| other.upgrade()) {
            // Once for each pair: by the one that ends first.
            other.seen().others.retain(|(one, _)| !std::ptr::eq(one.as_ptr(), Arc::as_ptr(self)));
            self.stray_from(&other);
            other.stray_from(self);
        }
        std::mem::take(&mut self.seen().notes)
    }

    /// Tells both, if a request of `home`'s came here.
    fn stray_from(&self, home: &Peer) {
        let request = self.player().zip(home.player()).and_then(|(to, home)| to.misdirected(home));
        if let Some(request) = request {
            self.note(Note::OfAnother { request: request.clone(), other: home.name.clone() });
            home.note(Note::ToAnother { request, other: self.name.clone() });
        }
    }

    fn player(&self) -> Option<&Player> {
        self.engine.action().replays().map(|replay| &*replay.player)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        unpoisoned(self.seen.lock())
    }

    fn note(&self, note: Note) {
        let mut seen = self.seen();
        let kind = std::mem::discriminant(&note);
        if seen.notes.iter().filter(|known| std::mem::discriminant(*known) == kind).count() < MOST {
            seen.notes.push(note);
        }
    }
}

/// A connection of a thread whose session has ended was refused: all that are open may be missing it.
pub(super) fn refused(host: &str, port: u16) {
    // Somebody else may look at them just now; in a forked process, for ever.
    let Ok(open) = OPEN.try_lock() else { return };
    let peers: Vec<Arc<Peer>> = open.iter().filter_map(Weak::upgrade).collect();
    drop(open);
    for peer in peers {
        peer.note(Note::RefusedMeanwhile { host: host.to_owned(), port });
    }
}

fn open() -> MutexGuard<'static, Vec<Weak<Peer>>> {
    unpoisoned(OPEN.lock())
}
