//! Tests clients that send equal requests at the same time, and get different ids in the responses. On replay, a client
//! may get an id that another client got while recording. Under this id, it must get the recorded responses to its own
//! work.

mod jobs;
mod registry;
mod searches;

use crate::size::sized;

/// The number of replays of one recording. Each of them has another order of clients.
fn replays() -> usize {
    sized(10, 100)
}

/// The order in which the clients begin. It depends on the number of the replay.
fn order(replay: usize, clients: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..clients).map(|i| (i + replay) % clients).collect();
    if replay / clients % 2 == 1 {
        order.reverse();
    }
    order
}
