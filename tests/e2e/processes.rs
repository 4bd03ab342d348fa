//! Tests two processes that run the same test at the same time. This happens under `cargo nextest`, or if two users
//! work in one folder.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use crate::api::{Api, Speaks, answer};
use crate::fixture::Project;

const CASSETTE: &str = "tests/cassettes/weather/cities.json";

/// An API with two pages of cities. It takes a permit of `gate` before each response.
struct Gated {
    api: Api,
    gate: Arc<Semaphore>,
    asked: Arc<AtomicUsize>,
}

impl Gated {
    fn start(answers: usize) -> Gated {
        let (gate, asked) = (Arc::new(Semaphore::new(answers)), Arc::new(AtomicUsize::new(0)));
        let (opens, counts) = (gate.clone(), asked.clone());
        let api = Api::streaming(Speaks::Http1, move |request| {
            counts.fetch_add(1, Ordering::SeqCst);
            let opens = opens.clone();
            async move {
                opens.acquire().await.expect("it is never closed").forget();
                let second = request.uri().query().is_some_and(|query| query.contains("page=2"));
                answer(
                    200,
                    &[("content-type", "text/csv")],
                    if second { "Vienna,26\n" } else { "Berlin,21\n" },
                )
            }
        });
        Gated { api, gate, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn start(project: &Project, mode: &str) -> Child {
    let variables = [("CASSETTE_MODE", mode), ("NEXTEST_EXECUTION_MODE", "process-per-test")];
    let mut command = project.command(&["cities"], &variables);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the fixture runs")
}

/// Waits for the end of the process. Returns whether it passed, and its output.
fn ended(child: Child) -> (bool, String) {
    let output = child.wait_with_output().expect("it ran");
    let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).join("");
    (output.status.success(), text)
}

/// Checks that the cassette is complete, and that there are no other files next to it.
#[track_caller]
fn check_cassette(project: &Project) {
    let mut files = project.files();
    files.retain(|file| !file.starts_with("target/"));
    assert_eq!(files, [CASSETTE, "tests/cassettes/weather/cities.output.snap"]);
    let replay = project.run(&["cities"], &[]);
    assert!(replay.passed, "{}", replay.text);
}

/// The second process waits until the first process has recorded. In mode `record` it then fails, and says that another
/// process has recorded the cassette. In the other modes it passes, and sends no request to the server.
#[cfg(target_os = "linux")]
#[test]
fn the_second_process_waits() {
    let check = |mode: &str| {
        let served = Gated::start(0);
        let project = Project::new().upstream(served.api.address());
        let first = start(&project, mode);
        while served.asked() == 0 {
            std::thread::yield_now();
        }
        let second = start(&project, mode);
        let lock = std::fs::File::open(project.path("tests/cassettes/weather/cities.lock.recording"));
        crate::recording::await_waiter(&lock.expect("the first one has it"));
        served.gate.add_permits(4);
        let (passed, text) = ended(first);
        assert!(passed, "{mode}: {text}");
        let second = ended(second);
        check_cassette(&project);
        assert_eq!(served.asked(), 2, "{mode}: the second one asked as well: {}", second.1);
        second
    };
    let (passed, text) = check("record");
    assert!(!passed && text.contains("another process recorded cassette `weather/cities`"), "{text}");
    for mode in ["auto", "append"] {
        let (passed, text) = check(mode);
        assert!(passed, "{mode}: {text}");
    }
}

/// Two processes start at the same time, and either of them may record first. In the end there is one complete
/// cassette. If a process fails, its output says that another process has recorded.
#[test]
fn two_processes_at_once() {
    for round in 0..5 {
        let served = Gated::start(Semaphore::MAX_PERMITS);
        let project = Project::new().upstream(served.api.address());
        let both = [start(&project, "record"), start(&project, "record")].map(ended);
        assert!(both.iter().any(|(passed, _)| *passed), "round {round}: {both:?}");
        for (passed, text) in &both {
            assert!(*passed || text.contains("another process recorded cassette"), "round {round}: {text}");
        }
        check_cassette(&project);
    }
}
