//! Tests that need a process of their own, since other tests of this one would see what they do.

use std::process::Command;

/// Names the test that a process was started for.
const VARIABLE: &str = "E2E_ALONE";

/// Whether this process is `test`'s own. If it isn't, the test has run in such a process, and passed there.
///
/// # Panics
///
/// If it failed there.
#[track_caller]
pub(crate) fn has_own_process(test: &str) -> bool {
    // cargo nextest has started this process for one test.
    let is_only_one = std::env::var_os("NEXTEST_EXECUTION_MODE").is_some();
    if is_only_one || std::env::var(VARIABLE).is_ok_and(|name| name == test) {
        return true;
    }
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.args(["--exact", test, "--nocapture"]).env(VARIABLE, test);
    let output = command.output().expect("it starts");
    let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).join("");
    assert!(output.status.success() && text.contains("test result: ok. 1 passed"), "{text}");
    false
}
