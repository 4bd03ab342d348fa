//! The attribute checks at compile time the rules that `#[tokio::test]` has for its options.

use cassette::{Session, cassette_test};

#[cassette_test(flavor = "multi_thread")]
fn not_async(_: Session) {}

#[cassette_test(worker_threads = 2)]
async fn one_thread(_: Session) {}

#[cassette_test(flavor = "multi_thread", start_paused = true)]
async fn paused(_: Session) {}

fn main() {}
