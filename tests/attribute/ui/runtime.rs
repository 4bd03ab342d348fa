//! The rules of `#[tokio::test]`, checked at compile time.

use cassette::{Session, cassette_test};

#[cassette_test(flavor = "multi_thread")]
fn not_async(_: Session) {}

#[cassette_test(worker_threads = 2)]
async fn one_thread(_: Session) {}

#[cassette_test(flavor = "multi_thread", start_paused = true)]
async fn paused(_: Session) {}

fn main() {}
