//! A test whose runtime starts with a paused clock: time-outs of clients do not end requests, and pauses take no time.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::{Api, Speaks, answer, channel, data};
use crate::fixture::Project;

#[test]
fn time_outs_and_pauses() {
    let attempts = AtomicUsize::new(0);
    let api = Api::start(Speaks::Http1, move |request| match request.uri().path() {
        "/retry" if attempts.fetch_add(1, Ordering::SeqCst) < 2 => answer(503, &[], "later"),
        "/retry" => answer(200, &[], "at last"),
        "/upload" => answer(200, &[], request.body().len().to_string()),
        _ => answer(200, &[], "y".repeat(200_000)),
    });
    let project = Project::new().upstream(api.address());
    // The recording plays itself back once.
    let run = project.run(&["ways::paused"], &[("CASSETTE_MODE", "record")]);
    assert!(run.passed, "{}", run.text);
    drop(api);
    for _ in 0..5 {
        let run = project.run(&["ways::paused"], &[]);
        assert!(run.passed, "{}", run.text);
    }
}

/// A time-out that the client needs still ends a request to which no answer comes.
#[test]
fn silence_on_replay() {
    let api = Api::streaming(Speaks::Http1, |_| async {
        let (sender, answer) = channel(200, &[("content-type", "text/event-stream")]);
        sender.send(data("data: one\n\n")).await.expect("open");
        // The stream goes on until the client leaves.
        tokio::spawn(async move { sender.closed().await });
        answer
    });
    let project = Project::new().upstream(api.address());
    let run = project.run(&["ways::silence"], &[("CASSETTE_MODE", "record")]);
    assert!(run.passed, "{}", run.text);
    drop(api);
    let run = project.run(&["ways::silence"], &[]);
    assert!(run.passed, "{}", run.text);
}
