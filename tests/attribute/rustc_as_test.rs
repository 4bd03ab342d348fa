//! Runs `rustc`, and makes it compile a test executable instead of a program.
//!
//! trybuild compiles its cases as programs. In a program, rustc removes every function with `#[test]` before it checks
//! types. If cargo starts this wrapper instead of `rustc` (`RUSTC_WORKSPACE_WRAPPER`), rustc keeps these functions and
//! reports their type errors.

use std::env;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let rustc = arguments.next().expect("cargo passes the compiler as the first argument");
    let arguments: Vec<_> = arguments.collect();
    let mut command = Command::new(rustc);
    command.args(&arguments);
    // Cargo also runs the compiler to get its version and targets. These calls have no `--emit`, and fail with
    // `--test`.
    if arguments.iter().any(|a| a.to_string_lossy().starts_with("--emit")) {
        command.arg("--test");
    }
    let status = command.status().expect("the compiler starts");
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
