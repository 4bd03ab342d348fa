//! Tests behaviour that depends on the environment variables of the process. Each test starts this executable again,
//! with other variables, and lets it run only one of the tests whose names begin with `child`. nextest starts tests in
//! the same way.

use crate::{FUTURE, PAST, frozen, on_a_thread, sees, sees_real_time};
use cassette_ambient::{CurrentSession, current_session, outside, time_zone};
use std::process::Command;
use std::sync::mpsc::channel;

const NEXTEST: (&str, &str) = ("NEXTEST_EXECUTION_MODE", "process-per-test");

/// Runs the test of this file that `child` names, in a process of its own. This function sets a variable for the
/// process. Without this variable, a test whose name begins with `child` does nothing.
#[track_caller]
fn in_a_process_with(child: &str, variables: &[(&str, &str)]) {
    let name = format!("one_test_a_process::{child}");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &name, "--nocapture"]).env_remove(NEXTEST.0).env_remove("CASSETTE_TZ");
    passes(command.env(CHILD, child).envs(variables.iter().copied()), 1);
}

/// Runs the command, in whose process so many tests pass.
#[track_caller]
pub(crate) fn passes(command: &mut Command, tests: usize) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains(&format!("{tests} passed")), "{text}");
}

/// The variable that names the test for which a process was started.
pub(crate) const CHILD: &str = "AMBIENT_TEST_CHILD";

pub(crate) fn is_child(name: &str) -> bool {
    std::env::var(CHILD).is_ok_and(|child| child == name)
}

#[test]
fn threads_of_no_test_see_the_one_there_is() {
    in_a_process_with("child_with_global_pool", &[NEXTEST]);
}

#[test]
fn child_with_global_pool() {
    if !is_child("child_with_global_pool") {
        return;
    }
    // The pool exists before the test begins.
    rayon::broadcast(|_| sees_real_time());
    let (first, second) = (frozen(1, PAST), frozen(2, FUTURE));
    let entered = first.enter_root();
    rayon::broadcast(|_| sees(PAST));
    drop(entered);
    rayon::broadcast(|_| sees(PAST));

    // While a second session is open, its context applies to the pool. After the second session has ended, the context
    // of the first session applies again.
    let entered = second.enter_root();
    rayon::broadcast(|_| sees(FUTURE));
    second.release();
    drop(entered);
    rayon::broadcast(|_| sees(PAST));
    first.release();
    rayon::broadcast(|_| {
        sees_real_time();
        assert!(matches!(current_session(), CurrentSession::Ended(_)));
    });
}

#[test]
fn a_thread_never_inherits_what_is_the_processs() {
    in_a_process_with("child_with_a_thread_of_no_test", &[NEXTEST]);
}

#[test]
fn child_with_a_thread_of_no_test() {
    if !is_child("child_with_a_thread_of_no_test") {
        return;
    }
    // This thread is like libtest's main thread: it belongs to no test, and starts a thread while a test runs.
    let (go, starts) = channel::<()>();
    let (ask, asked) = channel::<()>();
    let (answer, answers) = channel();
    let main = std::thread::spawn(move || {
        starts.recv().unwrap();
        on_a_thread(move || {
            sees(PAST);
            answer.send(()).unwrap();
            asked.recv().unwrap();
            sees(FUTURE);
        });
    });
    let _first = frozen(1, PAST).enter_root();
    go.send(()).unwrap();
    answers.recv().unwrap();
    // If the new thread had inherited the first context, it would not see the time of the second context.
    let _second = frozen(2, FUTURE).enter_root();
    ask.send(()).unwrap();
    main.join().unwrap();
}

#[test]
fn outside_is_outside_of_the_processs_too() {
    in_a_process_with("child_with_a_thread_outside", &[NEXTEST]);
}

#[test]
fn child_with_a_thread_outside() {
    if !is_child("child_with_a_thread_outside") {
        return;
    }
    let _root = frozen(1, PAST).enter_root();
    let runtime = outside(|| {
        sees_real_time();
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
    });
    runtime.block_on(async {
        tokio::spawn(async { sees_real_time() }).await.unwrap();
        tokio::spawn(async { tokio::task::spawn_blocking(sees_real_time).await.unwrap() }).await.unwrap();
    });
}

#[test]
fn the_zone_is_utc_unless_named() {
    let machine = ("TZ", "America/New_York");
    in_a_process_with("child_in_utc", &[machine]);
    in_a_process_with("child_in_utc", &[machine, ("CASSETTE_TZ", "")]);
    in_a_process_with("child_in_a_zone", &[machine, ("CASSETTE_TZ", "<+0530>-5:30")]);
}

#[test]
fn child_in_utc() {
    if is_child("child_in_utc") {
        local_time_is("UTC", "2001-01-01T00:00:00+00:00");
    }
}

#[test]
fn child_in_a_zone() {
    if is_child("child_in_a_zone") {
        local_time_is("<+0530>-5:30", "2001-01-01T05:30:00+05:30");
    }
}

#[track_caller]
fn local_time_is(zone: &str, shown: &str) {
    let _entered = frozen(1, PAST).enter();
    assert_eq!(time_zone(), Some(zone));
    assert_eq!(std::env::var("TZ").unwrap(), zone);
    assert_eq!(chrono::Local::now().to_rfc3339(), shown);
    assert_eq!(jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(), shown);
}
