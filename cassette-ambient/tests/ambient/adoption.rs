//! Which session adopts a thread without an open one, if a process runs several tests: three tests run at the same time
//! in a new process, and ask their threads at the same moments.

use crate::one_test_a_process::{CHILD, is_child, passes};
use crate::{PAST, frozen, on_a_thread};
use cassette_ambient::CurrentSession::{self, Ended, Open};
use cassette_ambient::{Context, current_session};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Barrier, Mutex};

/// A thread that says which session it has, whenever it is asked.
struct Asked(Sender<()>, Receiver<CurrentSession>);

impl Asked {
    fn start() -> Asked {
        let (ask, asked) = channel();
        let (answer, answers) = channel();
        std::thread::spawn(move || asked.iter().for_each(|()| answer.send(current_session()).unwrap()));
        Asked(ask, answers)
    }

    fn ask(&self) -> CurrentSession {
        self.0.send(()).unwrap();
        self.1.recv().expect("the thread should not panic")
    }
}

/// Opens the session, whose body runs on a thread of its own. Returns a thread that the body has started.
fn open(context: Context) -> Asked {
    on_a_thread(move || {
        let _entered = context.enter_root();
        Asked::start()
    })
}

const TESTS: [&str; 3] = ["child_with_sessions", "child_with_a_session", "child_that_ends"];

#[test]
fn a_thread_without_a_session_gets_the_only_one_that_it_may_belong_to() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture", "--test-threads=3"])
        .args(TESTS.map(|t| format!("adoption::{t}")));
    passes(command.env(CHILD, "adoption").env_remove("NEXTEST_EXECUTION_MODE"), 3);
}

/// The two tests that last do a step each, one after the other.
fn step() {
    static STEP: Barrier = Barrier::new(2);
    STEP.wait();
}

/// A thread of the test that ends, and belongs to no session.
static ORPHAN: Mutex<Option<Asked>> = Mutex::new(None);

#[test]
fn child_that_ends() {
    if is_child("adoption") {
        *ORPHAN.lock().unwrap() = Some(Asked::start());
    }
}

#[test]
fn child_with_sessions() {
    if !is_child("adoption") {
        return;
    }
    let ended = frozen(9, PAST);
    let left_over = open(ended);
    ended.release();
    assert_eq!(left_over.ask(), Ended(9));
    let started_before = Asked::start();
    let first = frozen(1, PAST);
    let of_the_body = open(first);
    assert_eq!([&of_the_body, &left_over, &started_before].map(Asked::ask), [Open(1); 3]);
    assert_eq!(current_session(), CurrentSession::None, "the thread of the test joins no session");
    let orphan = loop {
        // The thread that has started it may still run.
        if let Some(orphan) = ORPHAN.lock().unwrap().take_if(|orphan| orphan.ask() == Open(1)) {
            break orphan;
        }
        std::thread::yield_now();
    };
    step();
    step();
    // The other test has opened a session, too.
    assert_eq!([&of_the_body, &started_before].map(Asked::ask), [Open(1); 2]);
    assert_eq!(left_over.ask(), Ended(9));
    assert_eq!(orphan.ask(), CurrentSession::None);
    first.release();
    assert_eq!([&of_the_body, &left_over, &orphan].map(Asked::ask), [Open(2); 3]);
    assert_eq!(started_before.ask(), CurrentSession::None, "it is a thread of a test without a session");
    step();
    step();
    // No session is open.
    assert_eq!([&of_the_body, &left_over].map(Asked::ask), [Ended(1), Ended(9)]);
    assert_eq!([&orphan, &started_before].map(Asked::ask), [CurrentSession::None; 2]);
}

#[test]
fn child_with_a_session() {
    if !is_child("adoption") {
        return;
    }
    step();
    let started_before = Asked::start();
    assert_eq!(started_before.ask(), CurrentSession::None, "it is a thread of a test without a session");
    let second = frozen(2, PAST);
    let of_the_body = open(second);
    assert_eq!([&of_the_body, &started_before].map(Asked::ask), [Open(2); 2]);
    step();
    step();
    second.release();
    step();
}
