//! Runs a test in a separate process. For tests that would affect the other tests of their process.

use std::process::Command;

/// This variable is set in the separate process. Its value is the name of the test.
const VARIABLE: &str = "E2E_ALONE";

/// Returns true if this process runs only `test`. Otherwise this function runs the test in a new process, and returns
/// false.
///
/// # Panics
///
/// The test failed in the new process.
#[track_caller]
pub(crate) fn has_own_process(test: &str) -> bool {
    // cargo nextest starts a process for each test.
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
