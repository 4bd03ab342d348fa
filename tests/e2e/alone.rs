//! Runs a test in a separate process, if it would affect the other tests of its process.

use std::process::Command;

/// The variable that names the test for which a process was started.
const VARIABLE: &str = "E2E_ALONE";

/// Whether this process runs only `test`. If not, this function runs the test in a new process.
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
