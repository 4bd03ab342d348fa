//! Runs two parallel tests in one process. They use the same host and different cassettes.

use std::sync::Barrier;

use cassette::Session;

use super::{echo, get};
use crate::api::Speaks;
use crate::project::Project;

#[test]
fn each_test_replays_its_own_cassette() {
    const ROUNDS: usize = 20;
    let barrier = Barrier::new(2);
    let run = |word: &str| {
        let api = echo(Speaks::Https2);
        let url = api.url(&format!("/{word}"));
        let config = api.config().record_in_parallel();
        let (project, _) = Project::both_with(config, api, async |_: Session| {
            barrier.wait();
            let mut seen = Vec::new();
            for i in 0..ROUNDS {
                seen.push(get(format!("{url}?{i}")).await);
            }
            assert!(seen.iter().all(|s| s.contains(word)), "{seen:?}");
            barrier.wait();
            seen
        });
        assert_eq!(project.requests().len(), ROUNDS);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| run("one"));
        scope.spawn(|| run("two"));
    });
}
