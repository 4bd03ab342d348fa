//! Equal requests at once, whose answers give ids: on a replay each client gets some id of the recording, and from then
//! on the recordings of its own work under this id.

mod jobs;
mod registry;
mod searches;

use crate::size::sized;

/// The number of replays of one recording. Each of them has another order of clients.
fn replays() -> usize {
    sized(10, 100)
}

/// The order in which clients begin, which differs from replay to replay.
fn order(replay: usize, clients: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..clients).map(|i| (i + replay) % clients).collect();
    if replay / clients % 2 == 1 {
        order.reverse();
    }
    order
}
