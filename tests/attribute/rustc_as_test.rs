//! A wrapper of `rustc` that always compiles test executables.
//!
//! trybuild compiles its cases as programs. In a program, rustc drops every function with `#[test]` before it checks
//! types. If cargo uses this program as its workspace wrapper, rustc keeps these functions and reports their type
//! errors.

use std::env;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let rustc = arguments.next().expect("cargo passes the compiler as the first argument");
    let arguments: Vec<_> = arguments.collect();
    let mut command = Command::new(rustc);
    command.args(&arguments);
    // Cargo also queries the compiler's version and targets. These calls have no `--emit` and allow no `--test`.
    if arguments.iter().any(|a| a.to_string_lossy().starts_with("--emit")) {
        command.arg("--test");
    }
    let status = command.status().expect("the compiler starts");
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
