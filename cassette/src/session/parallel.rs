//! What other tests of the process have to do with a test that failed: a client, or the runtime it runs on, that is kept
//! in a `static` carries the requests of one test to the session of another.
//!
//! A request doesn't say who sent it, so this is found from both ends: one test has a request without an answer, which
//! the cassette of another that ran at the same time has; or a thread of a test that is over wanted a connection.
//!
//! Must not know: how connections are led, what a note reads like.

use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::{Inner, Session, open};
use crate::engine::Action;
use crate::player::Player;
use crate::poison::unpoisoned;
use crate::report::Note;

/// Of one session.
#[derive(Default)]
pub(super) struct Beside(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// Sessions that were open while this one was, with the names of their cassettes.
    others: Vec<(String, Weak<Inner>)>,
    notes: Vec<Note>,
}

/// Remarks of one kind on one failure: the same cause makes more of them than anybody reads.
const MOST: usize = 3;

impl Beside {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        unpoisoned(self.0.lock())
    }

    fn note(&self, note: Note) {
        let mut seen = self.seen();
        let kind = std::mem::discriminant(&note);
        if seen.notes.iter().filter(|known| std::mem::discriminant(*known) == kind).count() < MOST {
            seen.notes.push(note);
        }
    }
}

/// These two are open at the same time.
pub(super) fn met(one: &Arc<Inner>, other: &Arc<Inner>) {
    for (one, other) in [(one, other), (other, one)] {
        one.beside.seen().others.push((other.name.clone(), Arc::downgrade(other)));
    }
}

/// A connection of a thread whose session has ended was refused: all that are open may be missing it.
pub(super) fn refused(host: &str, port: u16) {
    for session in open::all_unless_busy() {
        session.0.beside.note(Note::RefusedBeside { host: host.to_owned(), port });
    }
}

impl Session {
    /// What is to be told beside a failure. The others are told as well what concerns them, if they still run. That a test
    /// asked for nothing needs no other test as its reason, if it failed by itself.
    pub(super) fn beside(&self, body_failed: bool) -> Vec<Note> {
        let inner = &self.0;
        let others = std::mem::take(&mut inner.beside.seen().others);
        if !body_failed
            && let Some(other) = others.first().map(|(name, _)| name.clone())
            && player(inner).is_some_and(Player::is_untouched)
        {
            inner.beside.note(Note::NoneCame { other });
        }
        for other in others.into_iter().filter_map(|(_, other)| other.upgrade()) {
            // Once for each pair: by the one that ends first.
            other.beside.seen().others.retain(|(_, one)| !std::ptr::eq(one.as_ptr(), Arc::as_ptr(inner)));
            stray(inner, &other);
            stray(&other, inner);
        }
        std::mem::take(&mut inner.beside.seen().notes)
    }
}

/// Tells both, if a request of `home`'s came to `to`.
fn stray(to: &Inner, home: &Inner) {
    let request = player(to).zip(player(home)).and_then(|(to, home)| to.stray(home));
    if let Some(request) = request {
        to.beside.note(Note::OfAnother { request: request.clone(), other: home.name.clone() });
        home.beside.note(Note::ToAnother { request, other: to.name.clone() });
    }
}

fn player(inner: &Inner) -> Option<&Player> {
    match inner.engine.action() {
        Action::Replay(replay) => Some(&replay.player),
        _ => None,
    }
}
