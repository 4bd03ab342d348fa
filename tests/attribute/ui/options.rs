//! The attribute reports all mistakes in its arguments at once.

use cassette::{Session, cassette_test};

#[cassette_test(
    "weather/berlin",
    modus = "record",
    mode = "rec",
    freeze = "2024-05-06",
    freeze = "2024-05-06T07:08:09Z",
    config = "config",
    crate,
    flavor = "fast",
    worker_threads = 0,
    start_paused = 1
)]
async fn many(_: Session) {}

#[cassette_test(mode = replay)]
fn mode_without_quotes(_: Session) {}

#[cassette_test("weather" mode = "replay")]
fn comma_missing(_: Session) {}

#[cassette_test(mode = "replay", "weather")]
fn name_last(_: Session) {}

#[cassette_test(weather::berlin)]
fn name_as_a_path(_: Session) {}

#[cassette_test(12)]
fn name_as_a_number(_: Session) {}

fn main() {}
